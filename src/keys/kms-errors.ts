import { RootkeepError } from "../kernel/errors.js";
import { ROOT_KEY_GONE } from "./root-key.port.js";

type Reaction = readonly [code: "KEY_UNAVAILABLE" | "KEY_DISABLED" | "SEAL_BROKEN" | "INTERNAL", reason: string];

/** Reactions to AWS KMS by `err.name`, never by message or HTTP status: those differ between AWS and emulators. */
const REACTIONS: Readonly<Record<string, Reaction>> = {
  ThrottlingException: ["KEY_UNAVAILABLE", "kms_throttled"],
  LimitExceededException: ["KEY_UNAVAILABLE", "kms_throttled"],
  KMSInternalException: ["KEY_UNAVAILABLE", "kms_unavailable"],
  DependencyTimeoutException: ["KEY_UNAVAILABLE", "kms_unavailable"],
  KeyUnavailableException: ["KEY_UNAVAILABLE", "kms_unavailable"],
  DisabledException: ["KEY_DISABLED", "kms_key_state"],
  KMSInvalidStateException: ["KEY_DISABLED", "kms_key_state"],
  AccessDeniedException: ["KEY_UNAVAILABLE", "kms_denied"],
  InvalidCiphertextException: ["SEAL_BROKEN", "kms_refused_ciphertext"],
  IncorrectKeyException: ["SEAL_BROKEN", "kms_incorrect_key"],
  NotFoundException: ["KEY_UNAVAILABLE", ROOT_KEY_GONE],
  UnsupportedOperationException: ["KEY_UNAVAILABLE", "kms_key_of_another_kind"],
  InvalidKeyUsageException: ["INTERNAL", "kms_misused"],
  InvalidGrantTokenException: ["INTERNAL", "kms_misused"],
  ExpiredTokenException: ["KEY_UNAVAILABLE", "kms_credentials"],
  UnrecognizedClientException: ["KEY_UNAVAILABLE", "kms_credentials"],
  InvalidSignatureException: ["KEY_UNAVAILABLE", "kms_credentials"],
  CredentialsProviderError: ["KEY_UNAVAILABLE", "kms_credentials"],
};

const REQUEST_ID = /^[0-9A-Za-z-]{8,64}$/;

/**
 * Our error for one of the AWS SDK's. Nothing of it is passed on but its name (through the table) and its request id, by which AWS's own
 * log finds the failed call: its message and its `$response` can hold ciphertext, contexts and credentials, so it is not the `cause`.
 * A name that the table does not know is a network failure or a deadline: AWS may have executed the call, we have no answer.
 */
export function kmsError(error: unknown): RootkeepError {
  const name = error instanceof Error ? error.name : "";
  const [code, reason] = Object.hasOwn(REACTIONS, name) ? (REACTIONS[name] ?? UNREACHED) : UNREACHED;
  const requestId = requestIdOf(error);
  return new RootkeepError(code, { reason, ...(requestId === null ? {} : { facts: { rootKeyRequestId: requestId } }) });
}

const UNREACHED: Reaction = ["KEY_UNAVAILABLE", "kms_unreachable"];

/** The request id in the SDK's metadata of a reply or an error, or null when it is absent or has an unexpected form. */
export function requestIdOf(reply: unknown): string | null {
  if (typeof reply !== "object" || reply === null || !("$metadata" in reply)) return null;
  const metadata: unknown = reply.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("requestId" in metadata)) return null;
  return typeof metadata.requestId === "string" && REQUEST_ID.test(metadata.requestId) ? metadata.requestId : null;
}
