import type { StreamFormat } from "../../config/reference.js";
import { leafHashHex } from "../chain.js";
import { type Entry, parseEntry } from "../entry.js";
import { ocsfEvent, ocsfMarker, severityOf } from "./ocsf.js";
import type { Severity } from "./ocsf-actions.js";
import { plainLine } from "./plain-line.js";
import { plainMarker, type RollbackMarker } from "./rollback-marker.js";

/** What a sink sends: one line, and what its envelope says of it. */
export interface StreamRecord {
  /** Place of the entry in the log; null for a marker. */
  readonly seq: number | null;
  /** Hash of the entry, 64 hex digits; null for a marker. */
  readonly leaf: string | null;
  /** RFC 3339 with six digits of a second, `Z`. */
  readonly time: string;
  readonly action: string;
  readonly severity: Severity;
  /** JSON without a line break. */
  readonly line: string;
}

/** A record beside the entry that it was made of. */
export interface EntryRecord extends StreamRecord {
  readonly seq: number;
  readonly leaf: string;
  readonly entry: Entry;
}

/**
 * The entry that `bytes` are, ready to be sent. The bytes are all that goes in: openings of commitments lie in another table, which no
 * stream reads [LS-7].
 * @throws Error naming the broken rule when the bytes are no entry.
 */
export function entryRecord(bytes: Buffer, format: StreamFormat): EntryRecord {
  const entry = parseEntry(bytes);
  const leaf = leafHashHex(bytes);
  const line = format === "plain" ? plainLine(entry.seq, leaf, bytes) : JSON.stringify(ocsfEvent(entry, leaf));
  return { seq: entry.seq, leaf, time: entry.time, action: entry.action, severity: severityOf(entry), line, entry };
}

/** `marker`, ready to be sent. */
export function markerRecord(marker: RollbackMarker, format: StreamFormat): StreamRecord {
  const line = format === "plain" ? plainMarker(marker) : JSON.stringify(ocsfMarker(marker));
  return { seq: null, leaf: null, time: marker.time, action: "stream.rolled_back", severity: 5, line };
}

/** `records` in batches of at most `bytesMax` bytes of lines each; a record that is larger by itself is a batch by itself. */
export function batchesOf<Record extends StreamRecord>(records: readonly Record[], bytesMax: number): readonly (readonly Record[])[] {
  const batches: Record[][] = [];
  let size = Infinity;
  for (const record of records) {
    const bytes = Buffer.byteLength(record.line, "utf8") + 1;
    if (size + bytes > bytesMax) {
      batches.push([]);
      size = 0;
    }
    batches.at(-1)?.push(record);
    size += bytes;
  }
  return batches;
}
