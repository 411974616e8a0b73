import { RootkeepError } from "../kernel/errors.js";

/** Why there is no evidence. `aws_denied` is an answer (a permission is missing), all others may be another answer in a minute. */
export const NO_EVIDENCE_REASONS = [
  "aws_denied",
  "aws_role_denied",
  "aws_credentials",
  "aws_throttled",
  "aws_unavailable",
  "aws_unreachable",
  "aws_wrong_account",
  "aws_report_pending",
  "aws_answer_is_malformed",
] as const;
export type NoEvidenceReason = (typeof NO_EVIDENCE_REASONS)[number];

/** Reactions to AWS by `err.name`, never by message or HTTP status: those differ between services and emulators. */
const REACTIONS: Readonly<Record<string, NoEvidenceReason>> = {
  AccessDenied: "aws_denied",
  AccessDeniedException: "aws_denied",
  AuthorizationError: "aws_denied",
  UnauthorizedOperation: "aws_denied",
  OptInRequired: "aws_denied",
  CredentialsProviderError: "aws_credentials",
  ExpiredToken: "aws_credentials",
  ExpiredTokenException: "aws_credentials",
  InvalidClientTokenId: "aws_credentials",
  InvalidSignatureException: "aws_credentials",
  SignatureDoesNotMatch: "aws_credentials",
  UnrecognizedClientException: "aws_credentials",
  MissingAuthenticationToken: "aws_credentials",
  Throttling: "aws_throttled",
  ThrottlingException: "aws_throttled",
  TooManyRequestsException: "aws_throttled",
  RequestLimitExceeded: "aws_throttled",
  LimitExceeded: "aws_throttled",
  LimitExceededException: "aws_throttled",
  InternalFailure: "aws_unavailable",
  InternalServerException: "aws_unavailable",
  InternalServerError: "aws_unavailable",
  ServiceException: "aws_unavailable",
  ServiceFailure: "aws_unavailable",
  ServiceFailureException: "aws_unavailable",
  ServiceUnavailable: "aws_unavailable",
  CredentialReportNotPresentException: "aws_report_pending",
  CredentialReportNotPresent: "aws_report_pending",
  CredentialReportNotReadyException: "aws_report_pending",
  CredentialReportNotReady: "aws_report_pending",
  CredentialReportExpiredException: "aws_report_pending",
  ReportNotPresent: "aws_report_pending",
  ReportInProgress: "aws_report_pending",
  ReportExpired: "aws_report_pending",
};

/** Nothing that counts as evidence came back. */
export function noEvidence(reason: NoEvidenceReason): RootkeepError {
  return new RootkeepError("EVIDENCE_UNAVAILABLE", { reason, facts: { reason } });
}

/**
 * Our error for one of the AWS SDK's, of which nothing is passed on but its name, through the table: its message, its `$response` and what
 * it carries besides can hold a session token. A name that the table does not know is a network failure or a deadline: there is no answer.
 */
export function awsError(error: unknown): RootkeepError {
  if (error instanceof RootkeepError) return error;
  const name = nameOf(error);
  return noEvidence((Object.hasOwn(REACTIONS, name) ? REACTIONS[name] : undefined) ?? "aws_unreachable");
}

/** True if AWS named this error. */
export function isNamed(error: unknown, name: string): boolean {
  return nameOf(error) === name;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
