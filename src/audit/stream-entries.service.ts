import type { EntityManager } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { leafHash, ZERO_HASH } from "./chain.js";
import { type Entry, entryExtras, parseEntry } from "./entry.js";
import type { StreamIndex } from "./stream-index.js";

/** Entries read at once. */
const PAGE = 500;

/** A stream as this process knew it at one moment. */
export interface WalkedStream {
  readonly size: number;
  /** Each with its bytes, in the order of the log. */
  readonly entries: readonly { readonly entry: Entry; readonly bytes: Buffer }[];
}

/**
 * Every entry of an account, as far as this process has read the log. The bytes come from the table, but they count: each carries the hash of
 * the one before it, and the last has the hash that the chain-verified index knows, so none is missing, moved or edited.
 * @throws RootkeepError `CHAIN_BROKEN` when the table has changed one; an error to be tried again when it lacks one.
 */
export async function walkStream(
  manager: Pick<EntityManager, "query">,
  streams: Pick<StreamIndex, "placesOf" | "headOf">,
  account: string,
): Promise<WalkedStream> {
  const head = streams.headOf(account) ?? { size: 0, lastLeaf: ZERO_HASH };
  const entries: WalkedStream["entries"][number][] = [];
  let last: Buffer = ZERO_HASH;
  for (let from = 0; from < head.size; from += PAGE) {
    const seqs = streams.placesOf(account, from, Math.min(PAGE, head.size - from));
    const rows: { seq: string; entry: Buffer }[] = await manager.query("SELECT seq, entry FROM audit.entry WHERE seq = ANY($1::bigint[])", [
      seqs,
    ]);
    const found = new Map(rows.map(({ seq, entry }) => [Number(seq), entry]));
    for (const seq of seqs) {
      const bytes = found.get(seq);
      if (bytes === undefined) throw behind();
      const entry = parsed(bytes, seq);
      if (entryExtras(entry).stream?.sprev !== last.toString("hex")) throw broken(seq);
      last = leafHash(bytes);
      entries.push({ entry, bytes });
    }
  }
  if (!last.equals(head.lastLeaf)) throw broken(streams.placesOf(account, head.size - 1, 1)[0] ?? 0);
  return { size: head.size, entries };
}

/** Keys of the deciding rows of `table` that the entries list. */
export function rowsIn(walked: WalkedStream, table: string): ReadonlySet<string> {
  const prefix = `${table}/`;
  const rows = walked.entries.flatMap(({ entry }) => entryExtras(entry).rows);
  return new Set(rows.flatMap((row) => (row.startsWith(prefix) ? row.slice(prefix.length) : [])));
}

function parsed(bytes: Buffer, seq: number): Entry {
  try {
    return parseEntry(bytes);
  } catch {
    throw broken(seq);
  }
}

/** A snapshot may be older than what this process has read since; handled as a serialisation failure, the same look on a newer one may pass. */
function behind(): Error {
  return Object.assign(new Error("the table lacks an entry that this process knows"), { code: "40001" });
}

function broken(seq: number): RootkeepError {
  return new RootkeepError("CHAIN_BROKEN", { facts: { seq } });
}
