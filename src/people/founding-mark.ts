import type { JsonObject } from "../audit/canonical-json.js";
import type { JudgedEntry } from "../audit/entry-claims.js";
import { encodeFields } from "../kernel/encoding.js";
import { deriveEventId } from "../kernel/ids.js";
import type { RecordsKey } from "../keys/records.js";
import { approvedDigest } from "./config-approval.js";
import { type EntryMark, isMarked, markedDetails } from "./entry-mark.js";

const MARK: EntryMark = { label: "rk-founding-1", member: "foundingMac" };

/** Directly behind the genesis. */
const FOUNDING_SEQ = 1;
/** A founding seats people: rows of each of these tables. */
const SEATS = ["person/", "authenticator/", "allowlist_entry/"];

/** Event id of the founding of `deployment`: derived, so that the log itself takes only one, whoever else is at it. */
export function foundingId(deployment: string): string {
  return deriveEventId(encodeFields(["people.founded", deployment]));
}

/** What the founding's entry says, with its mark; also where it approves no configuration, as in production. */
export function foundingDetails(records: RecordsKey, deployment: string, details: JsonObject): JsonObject {
  return markedDetails(records, MARK, foundingId(deployment), details);
}

/**
 * True if this deployment was founded by the entry. One without the mark is of the time before there was one, or somebody left it out: it is
 * taken at the one place where a founding can be, under the one id that it can have, and only if it lists the founders' rows. Whoever gets
 * there first without having founded anything lists rows that are not there, and the watch over all rows misses them.
 */
export function isFounding(records: RecordsKey, deployment: string, entry: JudgedEntry): boolean {
  const { seq, eventId, details, rows } = entry;
  if (details[MARK.member] !== undefined) return isMarked(records, MARK, entry);
  if (seq !== FOUNDING_SEQ || eventId !== foundingId(deployment)) return false;
  if (!SEATS.every((table) => rows.some((row) => row.startsWith(table)))) return false;
  return details["configMac"] === undefined || approvedDigest(records, eventId, details) !== null;
}
