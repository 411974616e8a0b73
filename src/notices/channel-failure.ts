import { RootkeepError } from "../kernel/errors.js";

/** A channel that did not take a message. @param reason constant text, at most with a status or an error code; never an answer's words. */
export function notTaken(reason: string): RootkeepError {
  return new RootkeepError("UNAVAILABLE", { reason });
}

const REASON = /^[A-Za-z0-9_]{1,64}$/;

/** What is written down about a failure: the reason of one of ours, and of no other. */
export function failureReason(error: unknown): string {
  const reason = error instanceof RootkeepError ? (error.reason ?? error.code) : "unknown";
  return REASON.test(reason) ? reason : "malformed";
}
