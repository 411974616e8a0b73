import type { StreamFormat } from "../../config/reference.js";
import { RootkeepError } from "../../kernel/errors.js";
import { leafHashHex } from "../chain.js";
import { nextOf, type StreamCursor } from "./stream-cursor.js";
import { type EntryRecord, entryRecord } from "./stream-record.js";

/** Seq from which a page is read that goes on behind `cursor`: one entry earlier, to see that it is still the one that was sent. */
export function pageStart(cursor: StreamCursor): number {
  return Math.max(0, nextOf(cursor) - 1);
}

/**
 * The records of `page`, which begins at {@link pageStart}, behind `cursor`; null when the entry in front of them is not the one that was
 * sent: the log was put back, replaced or rewritten.
 * @throws RootkeepError `CHAIN_BROKEN` with `seq` when they do not follow one another, or the first one does not follow what was sent; a
 * gap is never skipped [LS-4].
 */
export function recordsBehind(cursor: StreamCursor, page: readonly Buffer[], format: StreamFormat): readonly EntryRecord[] | null {
  const [sent] = cursor.marks;
  const [first] = page;
  if (sent !== undefined && (first === undefined || leafHashHex(first) !== sent.leaf)) return null;
  let prev = sent?.leaf;
  let seq = nextOf(cursor);
  return page.slice(sent === undefined ? 0 : 1).map((bytes) => {
    const record = read(bytes, seq, format);
    if (record.seq !== seq || (prev !== undefined && record.entry.prev !== prev)) throw broken(seq, "stream_has_a_gap");
    prev = record.leaf;
    seq += 1;
    return record;
  });
}

function read(bytes: Buffer, seq: number, format: StreamFormat): EntryRecord {
  try {
    return entryRecord(bytes, format);
  } catch {
    // What the parser says names a rule of the entry's form; the verifier is where it is read.
    throw broken(seq, "entry_is_malformed");
  }
}

function broken(seq: number, reason: string): RootkeepError {
  return new RootkeepError("CHAIN_BROKEN", { reason, facts: { seq } });
}
