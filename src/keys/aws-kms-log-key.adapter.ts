import type { KeyObject } from "node:crypto";
import type { LogSigner } from "../audit/log-signer.port.js";
import { RootkeepError } from "../kernel/errors.js";
import { AwsKmsClient, type AwsKmsOptions } from "./aws-kms-client.adapter.js";
import { isSignature, rawPublicKey, readPublicKey, requireSignable } from "./ed25519.js";
import type { RootKeyUri } from "./root-key-uri.js";

const KEY_SPEC = "ECC_NIST_EDWARDS25519";
const KEY_USAGE = "SIGN_VERIFY";

/**
 * The log's key in AWS KMS: an asymmetric key of the kind `ECC_NIST_EDWARDS25519`, which can do nothing but sign, so it cannot be the one
 * that wraps secrets. KMS is asked for the public key once; everything that it signs afterwards is checked with that one.
 */
export class AwsKmsLogKey implements LogSigner {
  readonly uri: string;
  readonly #keyArn: string;
  readonly #kms: AwsKmsClient;
  #publicKey: Promise<KeyObject> | undefined;

  /** @throws RootkeepError `MALFORMED` for an endpoint that is plain HTTP and not on loopback. */
  constructor(location: Extract<RootKeyUri, { scheme: "aws-kms" }>, options: AwsKmsOptions = {}) {
    this.uri = location.uri;
    this.#keyArn = location.keyArn;
    this.#kms = new AwsKmsClient(location.region, options);
  }

  async publicKey(): Promise<Buffer> {
    return rawPublicKey(await this.#pinnedKey());
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    requireSignable(message);
    const publicKey = await this.#pinnedKey();
    const reply = await this.#kms
      .send(({ sdk, client, abortSignal }) =>
        client.send(
          // RAW and the algorithm without PH: KMS signs the message itself. Of the prehashed one no reader of signed notes knows.
          new sdk.SignCommand({ KeyId: this.#keyArn, Message: message, MessageType: "RAW", SigningAlgorithm: "ED25519_SHA_512" }),
          { abortSignal },
        ),
      )
      .catch(refused);
    this.#requireOurKey(reply.KeyId);
    const signature = Buffer.from(reply.Signature ?? []);
    // A signature that does not verify must not get out, whatever made it: a flipped bit, a proxy, another key under this name.
    if (!isSignature(publicKey, message, signature)) throw unavailable("kms_wrong_signature");
    return signature;
  }

  /** A failure is not kept, so a key that is switched on again is noticed. */
  async #pinnedKey(): Promise<KeyObject> {
    if (this.#publicKey === undefined) {
      const asking = this.#askPublicKey();
      this.#publicKey = asking;
      asking.catch(() => {
        if (this.#publicKey === asking) this.#publicKey = undefined;
      });
    }
    return this.#publicKey;
  }

  async #askPublicKey(): Promise<KeyObject> {
    const reply = await this.#kms
      .send(({ sdk, client, abortSignal }) => client.send(new sdk.GetPublicKeyCommand({ KeyId: this.#keyArn }), { abortSignal }))
      .catch(refused);
    this.#requireOurKey(reply.KeyId);
    if (reply.KeySpec !== KEY_SPEC || reply.KeyUsage !== KEY_USAGE) throw unavailable("kms_key_of_another_kind");
    const publicKey = readPublicKey(Buffer.from(reply.PublicKey ?? []));
    if (publicKey === null) throw unavailable("kms_public_key_is_malformed");
    return publicKey;
  }

  #requireOurKey(keyId: string | undefined): void {
    if (keyId !== this.#keyArn) throw unavailable("kms_incorrect_key");
  }
}

/** Codes of a root key, such as `KEY_DISABLED`, speak of data keys; to the log there is one: its key cannot be used now. */
function refused(error: unknown): never {
  if (!(error instanceof RootkeepError)) throw error;
  throw unavailable(error.reason ?? "kms_unreachable", error.facts);
}

function unavailable(reason: string, facts: RootkeepError["facts"] = {}): RootkeepError {
  return new RootkeepError("KEY_UNAVAILABLE", { reason, facts });
}
