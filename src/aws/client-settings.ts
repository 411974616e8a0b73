import type { Partition } from "../accounts/account.js";
import { type AskedService, endpointOf } from "./partition-endpoints.js";

/** Keys of an identity of AWS; `sessionToken` for those that end by themselves. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const CONNECTION_TIMEOUT_MS = 2_000;
const REQUEST_TIMEOUT_MS = 5_000;
const ATTEMPTS_MAX = 3;

/** What every client of the SDK is made with: bounded times and attempts, and an endpoint that no environment variable moves. */
export function clientSettings(partition: Partition, service: AskedService, endpoint: string | undefined) {
  const own = endpointOf(partition, service);
  return {
    region: own.region,
    endpoint: endpoint ?? own.endpoint,
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    maxAttempts: ATTEMPTS_MAX,
    retryMode: "standard",
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Else the SDK warns, and waits on.
      throwOnRequestTimeout: true,
    },
  } as const;
}
