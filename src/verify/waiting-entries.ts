import { HASH_BYTES } from "../audit/tlog/tree.js";

/** What moves a head: an account's id, null for a global act, or {@link NO_STREAM}. */
export type MovedStream = string | null;
/** Entries that move no head: they are kept for their leaf hash alone. */
export const NO_STREAM = "";

/** An entry that waits. `leaf` is a view that holds until the next entry is added. */
export interface WaitingEntry {
  readonly seq: number;
  readonly stream: MovedStream;
  readonly leaf: Buffer;
}

const ROOM_AT_FIRST = 1_024;

/**
 * A queue of entries in the order of their places. A verifier sends every entry of a log through it, and each stays for a hundred thousand
 * others: an object or a string for each would outlive the young generation and then be rubbish, hundreds of megabytes of it before somebody
 * sweeps. So they stand side by side in memory that is taken once, and used again.
 */
export class WaitingEntries {
  #seqs = new Float64Array(ROOM_AT_FIRST);
  #streams: MovedStream[] = new Array<MovedStream>(ROOM_AT_FIRST).fill(NO_STREAM);
  #leaves = Buffer.alloc(ROOM_AT_FIRST * HASH_BYTES);
  #first = 0;
  #length = 0;
  /** Each account's id once: every entry comes with a string of its own. */
  readonly #names = new Map<string, string>();

  /** @param leaf hash of the entry, hex. */
  add(seq: number, stream: MovedStream, leaf: string): void {
    if (this.#length === this.#seqs.length) this.#grow();
    const at = this.#slot(this.#length);
    this.#seqs[at] = seq;
    this.#streams[at] = stream === null || stream === NO_STREAM ? stream : this.#nameOf(stream);
    this.#leaves.write(leaf, at * HASH_BYTES, HASH_BYTES, "hex");
    this.#length += 1;
  }

  /** Takes the first entry away, if its place is before `end`. */
  takeBefore(end: number): WaitingEntry | undefined {
    const entry = this.#at(0);
    if (entry === undefined || entry.seq >= end) return undefined;
    this.#first = this.#slot(1);
    this.#length -= 1;
    return entry;
  }

  /** Leaf hash, hex, of an entry that waits: the place of one tells those of all others, where none is missing. */
  leafAt(seq: number): string | undefined {
    const entry = this.#at(seq - (this.#at(0)?.seq ?? 0));
    return entry?.seq === seq ? entry.leaf.toString("hex") : undefined;
  }

  #at(index: number): WaitingEntry | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    const at = this.#slot(index);
    const leaf = this.#leaves.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
    return { seq: this.#seqs[at] ?? 0, stream: this.#streams[at] ?? null, leaf };
  }

  #slot(index: number): number {
    return (this.#first + index) % this.#seqs.length;
  }

  #nameOf(stream: string): string {
    const known = this.#names.get(stream);
    if (known === undefined) this.#names.set(stream, stream);
    return known ?? stream;
  }

  /** Twice the room, the first entry in front. */
  #grow(): void {
    const [room, first] = [this.#seqs.length, this.#first];
    const seqs = new Float64Array(2 * room);
    seqs.set(this.#seqs.subarray(first));
    seqs.set(this.#seqs.subarray(0, first), room - first);
    const leaves = Buffer.alloc(2 * room * HASH_BYTES);
    this.#leaves.copy(leaves, 0, first * HASH_BYTES);
    this.#leaves.copy(leaves, (room - first) * HASH_BYTES, 0, first * HASH_BYTES);
    const rest = new Array<MovedStream>(room).fill(NO_STREAM);
    const streams = [...this.#streams.slice(first), ...this.#streams.slice(0, first), ...rest];
    [this.#seqs, this.#leaves, this.#streams, this.#first] = [seqs, leaves, streams, 0];
  }
}
