import { plusSeconds } from "../kernel/clock.js";
import type { AllowlistEntry } from "./allowlist-entry.entity.js";

/** Lapse never leaves fewer active custodians than this: nobody could approve the next one, and the vault would be a brick (design §2). */
export const CUSTODIANS_MIN = 2;

/** What vouches for entries of the allowlist, and for how long. Lent to every transaction, so that no reader of an entry can forget it. */
export abstract class LapseRule {
  abstract readonly periodSeconds: number;
  /** The newest certificate of the whole allowlist, or null. */
  abstract readonly newest: { readonly seq: number; readonly at: Date } | null;
}

/** Of a row of the allowlist, what decides whether it counts. */
export type DatedEntry = Pick<AllowlistEntry, "seq" | "personId" | "role" | "validFrom" | "validTo" | "endedAt">;

/**
 * What an entry is worth now. `kept`: it would have lapsed or run out, and counts because fewer than two custodians would be left.
 * `lapsed`: nobody has vouched for it in time; a certificate brings it back. `ran-out`: past its last day; only a new grant helps.
 */
export const ENTRY_STANDINGS = ["counts", "kept", "lapsed", "ran-out", "not-yet", "ended"] as const;
export type EntryStanding = (typeof ENTRY_STANDINGS)[number];

/** True if the rule's certificate covers `entry`: it was given after the row's newest change, and not in what the clock calls the future. */
export function isCertified(entry: DatedEntry, { newest }: LapseRule, now: Date): boolean {
  return newest !== null && Number(entry.seq) < newest.seq && newest.at <= now;
}

/** When somebody last vouched for `entry`: granted it, or certified it as it stands. */
export function vouchedAt(entry: DatedEntry, rule: LapseRule, now: Date): Date {
  const { newest } = rule;
  return newest !== null && isCertified(entry, rule, now) && newest.at > entry.validFrom ? newest.at : entry.validFrom;
}

/** Until when `entry` counts unless it is certified anew; never past its last day. */
export function dueAt(entry: DatedEntry, rule: LapseRule, now: Date): Date {
  const due = plusSeconds(vouchedAt(entry, rule, now), rule.periodSeconds);
  return due < entry.validTo ? due : entry.validTo;
}

/** True for an entry that has begun and was not taken off. */
export function isOpen(entry: DatedEntry, now: Date): boolean {
  return entry.endedAt === null && entry.validFrom <= now;
}

/**
 * The due date from which on a custodian's entry counts even when it is over: the second latest of all active custodians. Where two are
 * left by the clock it lies in the future and keeps nobody; where not, the two stay whom somebody has vouched for last, and whoever is even
 * with them.
 * @param entries open entries of custodians who are active, and of nobody else.
 */
export function custodianFloor(entries: readonly DatedEntry[], rule: LapseRule, now: Date): number {
  const latest = new Map<string, number>();
  for (const entry of entries) {
    const due = dueAt(entry, rule, now).getTime();
    latest.set(entry.personId, Math.max(due, latest.get(entry.personId) ?? due));
  }
  return [...latest.values()].sort((one, other) => other - one)[CUSTODIANS_MIN - 1] ?? Number.NEGATIVE_INFINITY;
}

/**
 * What `entry` is worth at `now`, computed at use: nobody has to sweep for a lapse to hold.
 * @param floor as {@link custodianFloor} gives it; `Infinity` where the person is not active, who is kept by nothing.
 */
export function standingAt(entry: DatedEntry, rule: LapseRule, now: Date, floor: number): EntryStanding {
  if (entry.endedAt !== null) return "ended";
  if (!isOpen(entry, now)) return "not-yet";
  const due = dueAt(entry, rule, now);
  if (now < due) return "counts";
  if (entry.role === "custodian" && due.getTime() >= floor) return "kept";
  return now < entry.validTo ? "lapsed" : "ran-out";
}

/** True if an entry of this standing gives its rights. */
export function givesRights(standing: EntryStanding): boolean {
  return standing === "counts" || standing === "kept";
}
