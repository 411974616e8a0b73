import { RootkeepError } from "../kernel/errors.js";
import { Secret } from "../kernel/secret.js";
import { AwsKmsClient, type AwsKmsOptions } from "./aws-kms-client.adapter.js";
import { KEY_BYTES } from "./domain.js";
import { requestIdOf } from "./kms-errors.js";
import type { GeneratedDataKey, RootKey, RootKeyHealth, UnwrappedDataKey, WrappedDataKey } from "./root-key.port.js";
import type { RootKeyUri } from "./root-key-uri.js";
import type { WrapContext } from "./wrap-context.js";

/** A root key in AWS KMS. The key's bytes never leave AWS; CloudTrail counts every call without us. */
export class AwsKmsRootKey implements RootKey {
  readonly uri: string;
  readonly #keyArn: string;
  readonly #accountId: string;
  readonly #kms: AwsKmsClient;

  /** @throws RootkeepError `MALFORMED` for an endpoint that would carry data keys over the network in the clear. */
  constructor(location: Extract<RootKeyUri, { scheme: "aws-kms" }>, options: AwsKmsOptions = {}) {
    this.uri = location.uri;
    this.#keyArn = location.keyArn;
    this.#accountId = location.accountId;
    this.#kms = new AwsKmsClient(location.region, options);
  }

  async generateDataKey(context: WrapContext): Promise<GeneratedDataKey> {
    const reply = await this.#kms.send(({ sdk, client, abortSignal }) =>
      client.send(new sdk.GenerateDataKeyCommand({ KeyId: this.#keyArn, KeySpec: "AES_256", EncryptionContext: { ...context } }), {
        abortSignal,
      }),
    );
    const plaintext = takeKey(reply.Plaintext);
    this.#requireOurKey(reply.KeyId, plaintext);
    return { plaintext, wrapped: takeWrapped(reply.CiphertextBlob, plaintext), requestId: requestIdOf(reply) };
  }

  async wrap(plaintext: Secret<Buffer>, context: WrapContext): Promise<WrappedDataKey> {
    const reply = await this.#kms.send(({ sdk, client, abortSignal }) =>
      plaintext.expose((key) =>
        client.send(new sdk.EncryptCommand({ KeyId: this.#keyArn, Plaintext: key, EncryptionContext: { ...context } }), { abortSignal }),
      ),
    );
    return { wrapped: takeWrapped(reply.CiphertextBlob), requestId: requestIdOf(reply) };
  }

  async unwrap(wrapped: Buffer, context: WrapContext): Promise<UnwrappedDataKey> {
    let replyTime: Date | null = null;
    const reply = await this.#kms.send(({ sdk, client, abortSignal }) => {
      // Without KeyId AWS picks the key that the blob names, so a row could bring a key of an attacker's own account.
      const command = new sdk.DecryptCommand({ KeyId: this.#keyArn, CiphertextBlob: wrapped, EncryptionContext: { ...context } });
      command.middlewareStack.add(
        (next) => async (request) => {
          const result = await next(request);
          replyTime = dateOf(result.response);
          return result;
        },
        { step: "deserialize", name: "rootkeepReplyDate" },
      );
      return client.send(command, { abortSignal });
    });
    const plaintext = takeKey(reply.Plaintext);
    this.#requireOurKey(reply.KeyId, plaintext);
    return { plaintext, requestId: requestIdOf(reply), replyTime };
  }

  async rewrap(wrapped: Buffer, fromContext: WrapContext, to: RootKey, toContext: WrapContext): Promise<WrappedDataKey> {
    // ReEncrypt works inside one Region of one service; there the plaintext never reaches us.
    if (to instanceof AwsKmsRootKey && to.#kms.isSameService(this.#kms)) {
      const reply = await this.#kms.send(({ sdk, client, abortSignal }) =>
        client.send(
          new sdk.ReEncryptCommand({
            SourceKeyId: this.#keyArn,
            SourceEncryptionContext: { ...fromContext },
            DestinationKeyId: to.#keyArn,
            DestinationEncryptionContext: { ...toContext },
            CiphertextBlob: wrapped,
          }),
          { abortSignal },
        ),
      );
      return { wrapped: takeWrapped(reply.CiphertextBlob), requestId: requestIdOf(reply) };
    }
    const { plaintext } = await this.unwrap(wrapped, fromContext);
    try {
      return await to.wrap(plaintext, toContext);
    } finally {
      plaintext.wipe();
    }
  }

  async check(): Promise<RootKeyHealth> {
    const health = (reason: string | null): RootKeyHealth => ({ isUsable: reason === null, reason, hostAccountId: this.#accountId });
    try {
      const { KeyMetadata: key } = await this.#kms.send(({ sdk, client, abortSignal }) =>
        client.send(new sdk.DescribeKeyCommand({ KeyId: this.#keyArn }), { abortSignal }),
      );
      if (key?.Arn !== this.#keyArn) return health("kms_incorrect_key");
      if (key.KeyState !== "Enabled") return health("kms_key_state");
      // A key of this spec can do nothing but encrypt and decrypt; HMAC and signing keys have specs of their own.
      return health(key.KeySpec === "SYMMETRIC_DEFAULT" ? null : "kms_key_of_another_kind");
    } catch (error) {
      return health(error instanceof RootkeepError ? (error.reason ?? "kms_unreachable") : "kms_unreachable");
    }
  }

  #requireOurKey(keyId: string | undefined, plaintext: Secret<Buffer>): void {
    if (keyId === this.#keyArn) return;
    plaintext.wipe();
    throw new RootkeepError("SEAL_BROKEN", { reason: "kms_incorrect_key" });
  }
}

/** The reply's key, in the SDK's own memory: no copy is made that nobody would wipe. */
function takeKey(bytes: Uint8Array | undefined): Secret<Buffer> {
  const key = Secret.of(bytes === undefined ? Buffer.alloc(0) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (key.expose((value) => value.length) !== KEY_BYTES) {
    key.wipe();
    throw new RootkeepError("SEAL_BROKEN", { reason: "kms_key_has_another_length" });
  }
  return key;
}

function takeWrapped(bytes: Uint8Array | undefined, plaintext?: Secret<Buffer>): Buffer {
  if (bytes !== undefined && bytes.length > 0) return Buffer.from(bytes);
  plaintext?.wipe();
  throw new RootkeepError("KEY_UNAVAILABLE", { reason: "kms_reply_is_empty" });
}

/** The `Date` header of the HTTP reply, or null. The SDK does not expose it in its output. */
function dateOf(response: unknown): Date | null {
  if (typeof response !== "object" || response === null || !("headers" in response)) return null;
  const headers: unknown = response.headers;
  if (typeof headers !== "object" || headers === null || !("date" in headers) || typeof headers.date !== "string") return null;
  const time = new Date(headers.date);
  return Number.isNaN(time.getTime()) ? null : time;
}
