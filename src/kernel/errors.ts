/**
 * The closed table of everything that can go wrong for a caller (docs/spec/errors.md is generated from it). `message` is constant and
 * holds no value of the request; `http` and `grpc` are the renderings of the one error over both wires.
 */
export const ERRORS = {
  MALFORMED: { http: 400, grpc: "INVALID_ARGUMENT", retry: "no", message: "The request does not parse or breaks a limit." },
  UNAUTHENTICATED: { http: 401, grpc: "UNAUTHENTICATED", retry: "no", message: "Sign in first." },
  STEP_UP_REQUIRED: {
    http: 401,
    grpc: "UNAUTHENTICATED",
    retry: "with a factor",
    message: "This call needs a fresh, unused second factor of yours.",
  },
  NOT_ALLOWLISTED: {
    http: 403,
    grpc: "PERMISSION_DENIED",
    retry: "no",
    message: "You are known, but not on the allowlist for this.",
  },
  FORBIDDEN: { http: 403, grpc: "PERMISSION_DENIED", retry: "no", message: "Your role does not allow this operation." },
  SELF_APPROVAL: {
    http: 403,
    grpc: "PERMISSION_DENIED",
    retry: "no",
    message: "Nobody decides on a request that they made or that is about themselves.",
  },
  NOT_FOUND: { http: 404, grpc: "NOT_FOUND", retry: "no", message: "There is no such thing here, or none that you may know of." },
  APPROVAL_REQUIRED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "after approval",
    message: "Not enough other people have approved this.",
  },
  APPROVAL_EXPIRED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "no",
    message: "The request or its approval has run out; ask again.",
  },
  STATE_CONFLICT: {
    http: 409,
    grpc: "ABORTED",
    retry: "yes",
    message: "Something changed in between, or its state forbids this; read it again.",
  },
  ALREADY_EXISTS: {
    http: 409,
    grpc: "ALREADY_EXISTS",
    retry: "no",
    message: "It exists already, or this idempotency key was used with another body.",
  },
  ALREADY_RELEASED: {
    http: 409,
    grpc: "ALREADY_EXISTS",
    retry: "no",
    message: "The value was given out once and is not given again; the entry's seq says when.",
  },
  BETTER_WAY: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "no",
    message: "This task does not need the root user; the problem names the better way.",
  },
  NOT_IN_CUSTODY: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "no",
    message: "This root credential is not kept here; the problem names who keeps it.",
  },
  POLICY_REFUSED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "no",
    message: "The policy in force does not allow this as it stands; the problem names the rule.",
  },
  TICKET_INVALID: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "no",
    message: "The ticket is missing or malformed.",
  },
  TICKET_UNKNOWN: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "no",
    message: "The connected ticket system knows no such ticket.",
  },
  TICKET_CLOSED: { http: 409, grpc: "FAILED_PRECONDITION", retry: "no", message: "The ticket is closed." },
  TICKET_OTHER_ACCOUNT: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "no",
    message: "The ticket does not name this account by its AWS account id.",
  },
  GRANT_SPENT: { http: 409, grpc: "FAILED_PRECONDITION", retry: "no", message: "This grant has opened this version already." },
  CHECKED_OUT: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "after check-in",
    message: "Another grant holds this account; one check-out at a time.",
  },
  BURNT: { http: 409, grpc: "FAILED_PRECONDITION", retry: "no", message: "A person may have seen this value before; rotate it first." },
  CANDIDATE_REQUIRED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "yes",
    message: "This purpose sets a new value, and none is staged: stage a candidate first.",
  },
  CODE_WAIT: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "next time step",
    message: "The code of this time step was given out already; wait for the next one.",
  },
  PAGE_UNACCEPTED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "yes",
    message: "No channel has accepted the page that a break-glass needs; nothing was opened.",
  },
  REVIEW_DUE: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "after approval",
    message: "A break-glass has not been reviewed yet.",
  },
  BRAKE_ENGAGED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "after approval",
    message: "Too many openings in a short time; wait, or have custodians raise the limit for a while.",
  },
  DESTROYED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "no",
    message: "What was kept for this account has been destroyed; the entry's seq says when.",
  },
  KEY_DISABLED: { http: 409, grpc: "FAILED_PRECONDITION", retry: "no", message: "The data key is disabled or destroyed." },
  ALLOWLIST_UNCERTIFIED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "after approval",
    message: "After a reopening or a recovery nothing is opened until two custodians have certified allowlist, teams and policies.",
  },
  CONFIG_UNAPPROVED: {
    http: 409,
    grpc: "FAILED_PRECONDITION",
    retry: "after approval",
    message: "The trusted configuration in force is not the one that two custodians approved.",
  },
  NOT_FOUNDED: { http: 409, grpc: "FAILED_PRECONDITION", retry: "after founding", message: "This deployment has not been founded yet." },
  LOCKED_OUT: { http: 429, grpc: "RESOURCE_EXHAUSTED", retry: "after n s", message: "Too many failures; wait." },
  RATE_LIMITED: { http: 429, grpc: "RESOURCE_EXHAUSTED", retry: "after n s", message: "Too many requests; wait." },
  SEALED: { http: 503, grpc: "UNAVAILABLE", retry: "after unseal", message: "The service is sealed." },
  KEY_UNAVAILABLE: { http: 503, grpc: "UNAVAILABLE", retry: "yes", message: "The root key cannot be reached; nothing was opened." },
  COPY_UNAVAILABLE: {
    http: 503,
    grpc: "UNAVAILABLE",
    retry: "yes",
    message: "The second store does not hold a copy yet; without one no candidate is shown.",
  },
  TICKETS_UNAVAILABLE: {
    http: 503,
    grpc: "UNAVAILABLE",
    retry: "yes",
    message: "The ticket system does not answer; without its word nothing is asked for or opened.",
  },
  EVIDENCE_UNAVAILABLE: {
    http: 503,
    grpc: "UNAVAILABLE",
    retry: "yes",
    message: "AWS gave no evidence that counts; what is known of the account stays as it was, and ages.",
  },
  AUDIT_UNAVAILABLE: { http: 503, grpc: "UNAVAILABLE", retry: "yes", message: "The log cannot be written; nothing was opened." },
  ROLLBACK_DETECTED: {
    http: 503,
    grpc: "UNAVAILABLE",
    retry: "no",
    message: "The database is older than what was logged; operators must decide.",
  },
  CLOCK_SKEW: {
    http: 503,
    grpc: "UNAVAILABLE",
    retry: "yes",
    message: "The clocks of service, database and root key disagree; nothing was opened.",
  },
  UNAVAILABLE: { http: 503, grpc: "UNAVAILABLE", retry: "yes", message: "The database or a dependency is down; nothing was done." },
  DEADLINE: { http: 504, grpc: "DEADLINE_EXCEEDED", retry: "maybe", message: "The outcome is unknown; look in the audit log." },
  SEAL_BROKEN: { http: 500, grpc: "DATA_LOSS", retry: "no", message: "A sealed value does not authenticate; it was not opened." },
  ROW_REFUSED: {
    http: 500,
    grpc: "DATA_LOSS",
    retry: "no",
    message: "A deciding row is not the one that the log knows; it was refused.",
  },
  CHAIN_BROKEN: { http: 500, grpc: "DATA_LOSS", retry: "no", message: "The audit log does not verify; nothing is written or opened." },
  INTERNAL: { http: 500, grpc: "INTERNAL", retry: "no", message: "This is a bug of ours; the request id finds it in the log." },
} as const satisfies Record<string, ErrorRow>;

interface ErrorRow {
  readonly http: number;
  readonly grpc: string;
  readonly retry: string;
  readonly message: string;
}

export type ErrorCode = keyof typeof ERRORS;

/** One broken rule of one field; `rule` is a constant of ours, never a value of the caller's. `line` counts from 1, where there is one. */
export interface FieldError {
  readonly field: string;
  readonly rule: string;
  readonly line?: number;
}

/** What an error may carry besides its code. Everything in `facts` is shown to the caller, so it takes ids, numbers and constants only. */
export interface ErrorDetail {
  readonly fields?: readonly FieldError[];
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  readonly retryAfterSeconds?: number;
  /** For the service's own log only. Ids and constants, never a value. */
  readonly reason?: string;
  readonly cause?: unknown;
}

/** The one error type below the edge. Anything else that is thrown becomes `INTERNAL` there. */
export class RootkeepError extends Error {
  readonly code: ErrorCode;
  readonly fields: readonly FieldError[];
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly retryAfterSeconds: number | undefined;
  readonly reason: string | undefined;

  constructor(code: ErrorCode, detail: ErrorDetail = {}) {
    super(ERRORS[code].message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "RootkeepError";
    this.code = code;
    this.fields = detail.fields ?? [];
    this.facts = detail.facts ?? {};
    this.retryAfterSeconds = detail.retryAfterSeconds;
    this.reason = detail.reason;
  }
}

/** True for a {@link RootkeepError}, and of `code` where one is named. */
export function isRootkeepError(error: unknown, code?: ErrorCode): error is RootkeepError {
  return error instanceof RootkeepError && (code === undefined || error.code === code);
}
