import type { JsonObject } from "../audit/canonical-json.js";
import type { RememberedEntry } from "../audit/log-index.js";
import type { RecordsKey } from "../keys/records.js";
import { type EntryMark, isMarked, type MarkedEntry, markedDetails } from "./entry-mark.js";

const MARK: EntryMark = { label: "rk-custodians-recovery-1", member: "recoveryMac" };

/** What the entry `eventId` says of a recovery of the custodians, with its mark. */
export function recoveryDetails(records: RecordsKey, eventId: string, details: JsonObject): JsonObject {
  return markedDetails(records, MARK, eventId, details);
}

/** The log, as far as it tells of recoveries. */
export interface RecoveriesOfLog {
  keptOf(action: string): readonly RememberedEntry[];
}

/** Place of the newest recovery that this deployment has made; one that somebody else appended is none, and hides none. */
export function newestRecovery(log: RecoveriesOfLog, records: RecordsKey): number | undefined {
  return log.keptOf("people.recovered").findLast((entry) => isRecovery(records, entry))?.seq;
}

/** True if this deployment has made the recovery. */
export function isRecovery(records: RecordsKey, entry: MarkedEntry): boolean {
  return isMarked(records, MARK, entry);
}
