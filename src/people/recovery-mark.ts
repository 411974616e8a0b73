import type { JsonObject } from "../audit/canonical-json.js";
import { canonicalJson } from "../audit/canonical-json.js";
import type { RememberedEntry } from "../audit/log-index.js";
import { encodeFields } from "../kernel/encoding.js";
import type { RecordsKey } from "../keys/records.js";

/** Member of an entry's details that holds the HMAC over the others. */
const MAC = "recoveryMac";

/**
 * What the entry `eventId` says of a recovery of the custodians, with an HMAC by the `records` key: whoever owns the database can append a
 * well-formed entry of their own, but not this; and bound to the event id it cannot be used a second time.
 */
export function recoveryDetails(records: RecordsKey, eventId: string, details: JsonObject): JsonObject {
  return { ...details, [MAC]: records.mac(markBytes(eventId, details)).toString("hex") };
}

/** The log, as far as it tells of recoveries. */
export interface RecoveriesOfLog {
  keptOf(action: string): readonly RememberedEntry[];
}

/** Place of the newest recovery that this deployment has made; one that somebody else appended is none, and hides none. */
export function newestRecovery(log: RecoveriesOfLog, records: RecordsKey): number | undefined {
  return log.keptOf("people.recovered").findLast((entry) => isOurs(records, entry))?.seq;
}

function isOurs(records: RecordsKey, { eventId, details }: RememberedEntry): boolean {
  const { [MAC]: mac, commitments: _commitments, ...said } = details;
  // What the entry came from the log with is JSON.
  return typeof mac === "string" && records.verify(markBytes(eventId, said as JsonObject), Buffer.from(mac, "hex"));
}

function markBytes(eventId: string, details: JsonObject): Buffer {
  return encodeFields(["rk-custodians-recovery-1", eventId, canonicalJson(details)]);
}
