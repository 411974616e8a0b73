import type { Exposure } from "./secret-version.entity.js";

/** The part of the log that says where it was reopened. */
export interface ReopeningsOfLog {
  readonly epochStarts: readonly { readonly seq: number }[];
}

/**
 * Who may have seen a version's value. The lost part of a log that was reopened may have told that it was seen, or changed: a version whose
 * newest entry is older than the epoch counts as BURNT, until it is rotated or two custodians waive it (design §7). Of an MFA seed only codes
 * come out; it is never seen.
 */
export function exposureOf(kind: string, version: { readonly exposure: Exposure; readonly seq: string }, log: ReopeningsOfLog): Exposure {
  const reopened = log.epochStarts.at(-1)?.seq ?? 0;
  return kind !== "mfa-seed" && Number(version.seq) < reopened ? "BURNT" : version.exposure;
}
