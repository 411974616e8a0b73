import type { KMSClient } from "@aws-sdk/client-kms";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { Secret } from "../kernel/secret.js";
import { KEY_BYTES } from "./domain.js";
import { kmsError, requestIdOf } from "./kms-errors.js";
import type { GeneratedDataKey, RootKey, RootKeyHealth, UnwrappedDataKey, WrappedDataKey } from "./root-key.port.js";
import type { RootKeyUri } from "./root-key-uri.js";
import type { WrapContext } from "./wrap-context.js";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface AwsKmsOptions {
  readonly endpoint?: string;
  readonly credentials?: AwsCredentials;
}

const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 3_000;
const ATTEMPTS_MAX = 4;
const LOOPBACK_HOSTS = ["127.0.0.1", "[::1]", "localhost"];

type Sdk = typeof import("@aws-sdk/client-kms");
type Sending = { readonly sdk: Sdk; readonly client: KMSClient; readonly abortSignal: AbortSignal };

/** A root key in AWS KMS. The key's bytes never leave AWS; CloudTrail counts every call without us. */
export class AwsKmsRootKey implements RootKey {
  readonly uri: string;
  readonly #keyArn: string;
  readonly #region: string;
  readonly #accountId: string;
  readonly #options: AwsKmsOptions;
  #client: Promise<{ sdk: Sdk; client: KMSClient }> | undefined;

  /** @throws RootkeepError `MALFORMED` for an endpoint that would carry data keys over the network in the clear. */
  constructor(location: Extract<RootKeyUri, { scheme: "aws-kms" }>, options: AwsKmsOptions = {}) {
    if (options.endpoint !== undefined) requirePrivateEndpoint(options.endpoint);
    this.uri = location.uri;
    this.#keyArn = location.keyArn;
    this.#region = location.region;
    this.#accountId = location.accountId;
    this.#options = options;
  }

  async generateDataKey(context: WrapContext): Promise<GeneratedDataKey> {
    const reply = await this.#send(({ sdk, client, abortSignal }) =>
      client.send(new sdk.GenerateDataKeyCommand({ KeyId: this.#keyArn, KeySpec: "AES_256", EncryptionContext: { ...context } }), {
        abortSignal,
      }),
    );
    const plaintext = takeKey(reply.Plaintext);
    this.#requireOurKey(reply.KeyId, plaintext);
    return { plaintext, wrapped: takeWrapped(reply.CiphertextBlob, plaintext), requestId: requestIdOf(reply) };
  }

  async wrap(plaintext: Secret<Buffer>, context: WrapContext): Promise<WrappedDataKey> {
    const reply = await this.#send(({ sdk, client, abortSignal }) =>
      plaintext.expose((key) =>
        client.send(new sdk.EncryptCommand({ KeyId: this.#keyArn, Plaintext: key, EncryptionContext: { ...context } }), { abortSignal }),
      ),
    );
    return { wrapped: takeWrapped(reply.CiphertextBlob), requestId: requestIdOf(reply) };
  }

  async unwrap(wrapped: Buffer, context: WrapContext): Promise<UnwrappedDataKey> {
    let replyTime: Date | null = null;
    const reply = await this.#send(({ sdk, client, abortSignal }) => {
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
    if (to instanceof AwsKmsRootKey && to.#region === this.#region && to.#options.endpoint === this.#options.endpoint) {
      const reply = await this.#send(({ sdk, client, abortSignal }) =>
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
      const { KeyMetadata: key } = await this.#send(({ sdk, client, abortSignal }) =>
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

  /** Every call goes through here, so that every failure is ours and none carries the SDK's error. */
  async #send<Reply>(call: (sending: Sending) => Promise<Reply>): Promise<Reply> {
    try {
      const { sdk, client } = await this.#connect();
      return await call({ sdk, client, abortSignal: AbortSignal.timeout(LIMITS.rootKeyDeadlineMs) });
    } catch (error) {
      throw kmsError(error);
    }
  }

  /** The SDK is large and a deployment with a local keystore never needs it: it is loaded at the first call. */
  async #connect(): Promise<{ sdk: Sdk; client: KMSClient }> {
    this.#client ??= import("@aws-sdk/client-kms").then((sdk) => ({
      sdk,
      client: new sdk.KMSClient({
        region: this.#region,
        maxAttempts: ATTEMPTS_MAX,
        retryMode: "standard",
        requestHandler: {
          connectionTimeout: CONNECTION_TIMEOUT_MS,
          requestTimeout: REQUEST_TIMEOUT_MS,
          // Without this the SDK only prints a warning when the time is over, and goes on waiting.
          throwOnRequestTimeout: true,
        },
        // Always named: left out, AWS_ENDPOINT_URL_KMS or a profile could move the root key to a server of somebody else's, past the
        // trusted configuration that two custodians approved.
        endpoint: this.#options.endpoint ?? regionalEndpoint(this.#region),
        ...(this.#options.credentials === undefined ? {} : { credentials: this.#options.credentials }),
      }),
    }));
    return this.#client;
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

function requirePrivateEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK_HOSTS.includes(url.hostname))) return;
  throw new RootkeepError("MALFORMED", { fields: [{ field: "awsEndpoint", rule: "is https, or http on loopback" }] });
}

/** AWS's own endpoint of KMS in `region` (AWS General Reference, "AWS KMS endpoints"). */
export function regionalEndpoint(region: string): string {
  return `https://kms.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
