import { plusSeconds } from "../kernel/clock.js";
import type { Exposure } from "./secret-version.entity.js";

/**
 * Why a value is to be rotated. `imported`: it came from outside. `seen`: a person saw it after it had become the working one. `leaver`: somebody
 * who saw it may open the account no more. `suspected`: somebody said that it may be known. `yearly`: it is a year old. `unsettled`: its candidate
 * was shown, and nobody has settled yet whether it works.
 */
export const DUE_REASONS = ["suspected", "leaver", "unsettled", "seen", "imported", "yearly"] as const;
export type DueReason = (typeof DUE_REASONS)[number];

/** Within this time a value is rotated after a person saw it. */
const AFTER_SEEN_SECONDS = 24 * 3600;
const YEAR_SECONDS = 365 * 24 * 3600;
/** So long before its day a rotation of the calendar is in the queue. */
const YEARLY_NOTICE_SECONDS = 14 * 24 * 3600;

/** What is known of an account's working value. */
export interface RotationFacts {
  readonly createdAt: Date;
  /** When evidence made it the working one; null for what an import brought. */
  readonly settledAt: Date | null;
  readonly exposure: Exposure;
  readonly suspectedAt: Date | null;
  /** When a person opened it last, by the log. */
  readonly openedAt: Date | null;
  readonly hasLeaver: boolean;
  /** Of a candidate that is in doubt, until when it was to be set. */
  readonly unsettledSince: Date | null;
}

/** One reason, and when the rotation is due for it. */
export interface Due {
  readonly reason: DueReason;
  readonly dueAt: Date;
}

/** Every reason for which the value is to be rotated at `now`, the earliest first; none for one that may stay. */
export function dueOf(facts: RotationFacts, now: Date): readonly Due[] {
  const { createdAt, settledAt, exposure, suspectedAt, openedAt, hasLeaver, unsettledSince } = facts;
  const since = settledAt ?? createdAt;
  const yearly = plusSeconds(since, YEAR_SECONDS);
  // What its setter and its verifier saw before it became the working one is what a rotation is (decision 0032).
  const isSeen = openedAt !== null && openedAt > since;
  const due: (Due | null)[] = [
    suspectedAt === null ? null : { reason: "suspected", dueAt: suspectedAt },
    hasLeaver ? { reason: "leaver", dueAt: openedAt ?? since } : null,
    unsettledSince === null ? null : { reason: "unsettled", dueAt: unsettledSince },
    isSeen ? { reason: "seen", dueAt: plusSeconds(openedAt, AFTER_SEEN_SECONDS) } : null,
    settledAt === null && exposure !== "CLEAN" ? { reason: "imported", dueAt: createdAt } : null,
    yearly <= plusSeconds(now, YEARLY_NOTICE_SECONDS) ? { reason: "yearly", dueAt: yearly } : null,
  ];
  return due.filter((one) => one !== null).sort((one, other) => one.dueAt.getTime() - other.dueAt.getTime());
}
