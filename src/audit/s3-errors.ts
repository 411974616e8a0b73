import { RootkeepError } from "../kernel/errors.js";

interface Reaction {
  readonly reason: string;
  /** Whether S3 has answered that it did not do what was asked. */
  readonly isRefusal: boolean;
  /** Whether asking again may help. */
  readonly isTransient: boolean;
}

const refusal = (reason: string): Reaction => ({ reason, isRefusal: true, isTransient: false });
const busy = (reason: string): Reaction => ({ reason, isRefusal: true, isTransient: true });

/** Reactions to S3 by `err.name`, never by message: what a message says differs between AWS and others. */
const REACTIONS: Readonly<Record<string, Reaction>> = {
  NoSuchKey: refusal("s3_object_not_found"),
  PreconditionFailed: refusal("s3_object_has_changed"),
  ConditionalRequestConflict: refusal("s3_object_has_changed"),
  NoSuchBucket: refusal("s3_bucket_not_found"),
  AccessDenied: refusal("s3_denied"),
  ObjectLockConfigurationNotFoundError: refusal("s3_bucket_has_no_object_lock"),
  InvalidRequest: refusal("s3_request_refused"),
  InvalidRetentionPeriod: refusal("s3_retention_refused"),
  PermanentRedirect: refusal("s3_bucket_in_another_region"),
  AuthorizationHeaderMalformed: refusal("s3_bucket_in_another_region"),
  IllegalLocationConstraintException: refusal("s3_bucket_in_another_region"),
  CredentialsProviderError: refusal("s3_credentials"),
  ExpiredToken: refusal("s3_credentials"),
  InvalidToken: refusal("s3_credentials"),
  InvalidAccessKeyId: refusal("s3_credentials"),
  SignatureDoesNotMatch: refusal("s3_credentials"),
  RequestTimeTooSkewed: busy("s3_clock"),
  OperationAborted: busy("s3_busy"),
  RequestTimeout: busy("s3_busy"),
  SlowDown: busy("s3_throttled"),
  ThrottlingException: busy("s3_throttled"),
  TooManyRequestsException: busy("s3_throttled"),
};

// A name that stands nowhere above: a network failure, a deadline, an InternalError. S3 may have done what was asked.
const UNKNOWN: Reaction = { reason: "s3_unreachable", isRefusal: false, isTransient: true };

/** Names of the answers that say: the object is not what the condition of the write asks for, and nothing was written. */
const CONDITION_NAMES = ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"];

/** A failed call. Nothing of the SDK's error is kept but its name: its message and `$response` can hold credentials. */
export class S3Failure extends Error {
  readonly reason: string;
  readonly isRefusal: boolean;
  readonly isTransient: boolean;
  /** True when the object is not there. */
  readonly isMissing: boolean;
  /** True when a condition of the write did not hold. */
  readonly isCondition: boolean;

  constructor(error: unknown) {
    super("S3 has not done it");
    const name = error instanceof Error ? error.name : "";
    const { reason, isRefusal, isTransient } = (Object.hasOwn(REACTIONS, name) ? REACTIONS[name] : undefined) ?? UNKNOWN;
    this.reason = reason;
    this.isRefusal = isRefusal;
    this.isTransient = isTransient;
    this.isMissing = name === "NoSuchKey";
    this.isCondition = CONDITION_NAMES.includes(name);
  }
}

/** The error for callers: `UNAVAILABLE`, with a constant of ours as its reason. */
export function s3Unavailable(reason: string): RootkeepError {
  return new RootkeepError("UNAVAILABLE", { reason });
}
