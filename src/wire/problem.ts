import type { ErrorCode, FieldError } from "../kernel/errors.js";
import { ERRORS, RootkeepError } from "../kernel/errors.js";

/** Media type of a problem document (RFC 9457 §3). */
export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** A problem document; facts of the error stand beside the members that RFC 9457 names. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  readonly errors: readonly FieldError[];
  readonly [fact: string]: unknown;
}

/** An error as it goes over HTTP. */
export interface ProblemReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Problem;
}

/**
 * The reply that renders `error`. Anything that is not a `RootkeepError` is a bug of ours and becomes `INTERNAL`, of which nothing but the
 * request id is shown (law L8). `instance` names the occurrence by request id: the path is not repeated, since a caller may have put a
 * secret into it.
 */
export function problemOf(error: unknown, requestId: string): ProblemReply {
  const known = error instanceof RootkeepError ? error : new RootkeepError("INTERNAL");
  const { http: status, message: title } = ERRORS[known.code];
  const body: Problem = {
    // Facts come first: none of them may pass for a member of ours.
    ...known.facts,
    ...(known.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: known.retryAfterSeconds }),
    type: problemType(known.code),
    title,
    status,
    detail: detailOf(known),
    instance: `urn:uuid:${requestId}`,
    code: known.code,
    requestId,
    errors: known.fields,
  };
  return { status, headers: headersOf(known), body };
}

/** The type URI of `code`: a tag URI (RFC 4151), since a self-hosted service has no public page to point at. */
export function problemType(code: ErrorCode): string {
  return `tag:rootkeep.local,2026:error:${code}`;
}

function detailOf(error: RootkeepError): string {
  if (error.fields.length === 1) return "One field breaks a rule; see errors.";
  if (error.fields.length > 1) return `${String(error.fields.length)} fields break a rule; see errors.`;
  return `Retry: ${ERRORS[error.code].retry}.`;
}

function headersOf(error: RootkeepError): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { "content-type": PROBLEM_MEDIA_TYPE, "cache-control": "no-store" };
  // RFC 9110 §11.6.1: a 401 names the scheme that would help.
  if (ERRORS[error.code].http === 401) headers["www-authenticate"] = 'Bearer realm="rootkeep"';
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfterSeconds)));
  return headers;
}
