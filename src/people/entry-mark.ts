import { canonicalJson, type JsonObject } from "../audit/canonical-json.js";
import { encodeFields } from "../kernel/encoding.js";
import type { RecordsKey } from "../keys/records.js";

/** An HMAC that entries of one action carry among their details, over the event id and all that they say. */
export interface EntryMark {
  /** Says what the HMAC is of: that of one action is never that of another. */
  readonly label: string;
  /** Member of the details that holds it, in lower-case hex. */
  readonly member: string;
}

/** What is judged of an entry. */
export interface MarkedEntry {
  readonly eventId: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * `details` of the entry `eventId` with their mark by the `records` key: whoever owns the database can append a well-formed entry of their
 * own, but not this; and bound to the event id it cannot be used a second time.
 */
export function markedDetails(records: RecordsKey, mark: EntryMark, eventId: string, details: JsonObject): JsonObject {
  return { ...details, [mark.member]: records.mac(markBytes(mark, eventId, details)).toString("hex") };
}

/** True if the entry carries the mark, and says what was marked. */
export function isMarked(records: RecordsKey, mark: EntryMark, { eventId, details }: MarkedEntry): boolean {
  // The log itself adds the commitments, which the mark therefore does not cover.
  const { [mark.member]: mac, commitments: _commitments, ...said } = details;
  // What the entry came from the log with is JSON.
  return typeof mac === "string" && records.verify(markBytes(mark, eventId, said as JsonObject), Buffer.from(mac, "hex"));
}

function markBytes({ label }: EntryMark, eventId: string, details: JsonObject): Buffer {
  return encodeFields([label, eventId, canonicalJson(details)]);
}
