import type { KMSClient } from "@aws-sdk/client-kms";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { kmsError } from "./kms-errors.js";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface AwsKmsOptions {
  /** Other than the Region's own. Plain HTTP is taken on loopback only. */
  readonly endpoint?: string;
  /** For emulators. Left out, the SDK's default chain is used (role, environment, shared files). */
  readonly credentials?: AwsCredentials;
}

const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 3_000;
const ATTEMPTS_MAX = 4;
const LOOPBACK_HOSTS = ["127.0.0.1", "[::1]", "localhost"];

type Sdk = typeof import("@aws-sdk/client-kms");
type Sending = { readonly sdk: Sdk; readonly client: KMSClient; readonly abortSignal: AbortSignal };

/** AWS KMS in one Region, with deadlines on every call. Who asks it for what stands in the adapters of the keys. */
export class AwsKmsClient {
  readonly #region: string;
  readonly #options: AwsKmsOptions;
  #client: Promise<{ sdk: Sdk; client: KMSClient }> | undefined;

  /** @throws RootkeepError `MALFORMED` for an endpoint that would carry data keys over the network in the clear. */
  constructor(region: string, options: AwsKmsOptions) {
    if (options.endpoint !== undefined) requirePrivateEndpoint(options.endpoint);
    this.#region = region;
    this.#options = options;
  }

  /** Whether both speak to the same service: the keys of one can be used beside those of the other. */
  isSameService(other: AwsKmsClient): boolean {
    return other.#region === this.#region && other.#options.endpoint === this.#options.endpoint;
  }

  /**
   * Every call goes through here, so that every failure is ours and none carries the SDK's error.
   * @throws RootkeepError as {@link kmsError}
   */
  async send<Reply>(call: (sending: Sending) => Promise<Reply>): Promise<Reply> {
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
        // Always named: left out, AWS_ENDPOINT_URL_KMS or a profile could move the key to a server of somebody else's, past the trusted
        // configuration that two custodians approved.
        endpoint: this.#options.endpoint ?? regionalEndpoint(this.#region),
        ...(this.#options.credentials === undefined ? {} : { credentials: this.#options.credentials }),
      }),
    }));
    return this.#client;
  }
}

function requirePrivateEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK_HOSTS.includes(url.hostname))) return;
  throw new RootkeepError("MALFORMED", { fields: [{ field: "awsEndpoint", rule: "is https, or http on loopback" }] });
}

/** AWS's own endpoint of KMS in `region` (AWS General Reference, "AWS KMS endpoints"). */
function regionalEndpoint(region: string): string {
  return `https://kms.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
