import { RootkeepError } from "../kernel/errors.js";
import { ZERO_HASH_HEX } from "./entry-form.js";
import { GLOBAL_STREAM, isGlobalAct } from "./global-acts.js";
import { readHeartbeat } from "./heartbeat.js";
import { SeqList } from "./seq-list.js";
import type { StreamTip } from "./stream-heads.js";
import { CompactRange } from "./tlog/tree.js";

/** What the index reads of an entry that was parsed from its bytes, and checked for its place in the log. */
export interface StreamedEntry {
  readonly seq: number;
  readonly id: string;
  readonly time: string;
  readonly action: string;
  readonly outcome: string;
  readonly stream?: string;
  readonly sseq?: number;
  readonly sprev?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A tip whose leaf hash is perhaps still to be read: `leaf` is null where the stream has grown since. */
export interface DatedTip {
  readonly stream: string;
  readonly size: number;
  readonly leaf: Buffer | null;
  /** Place of the last entry. */
  readonly seq: number;
}

/** The newest heartbeat, as far as whoever writes the next one needs it. */
export interface KnownHeartbeat {
  readonly id: string;
  /** In the form of an entry's time. */
  readonly time: string;
}

interface Stream {
  readonly seqs: SeqList;
  lastLeaf: Buffer;
}

/**
 * Where every account's own chain stands, and the chain of global acts, known from entry bytes like everything in the log index: the heads
 * that the database keeps for appending are never asked. As it changes only by whole entries in the order of the log, what it says at one
 * moment is exact for the number of entries that it has then.
 *
 * Memory: about 400 bytes for each account, and two for each of their entries.
 */
export class StreamIndex {
  #size = 0;
  readonly #streams = new Map<string, Stream>();
  /** Streams in order, but for new ones, which stand at the end until somebody asks. */
  readonly #order: string[] = [GLOBAL_STREAM];
  #isOrdered = true;
  readonly #acts = new SeqList();
  readonly #actLeaves: Buffer[] = [];
  readonly #heartbeats = new SeqList();
  #newestHeartbeat: KnownHeartbeat | undefined;

  /** Entries taken. */
  get size(): number {
    return this.#size;
  }

  get newestHeartbeat(): KnownHeartbeat | undefined {
    return this.#newestHeartbeat;
  }

  /**
   * Takes the next entry.
   * @throws RootkeepError `CHAIN_BROKEN` when it does not continue its stream; nothing is taken then.
   */
  take(entry: StreamedEntry, leaf: Buffer): void {
    const { seq, id, time, stream } = entry;
    if (stream !== undefined) this.#extend(stream, entry, leaf);
    else if (isGlobalAct(entry)) {
      this.#acts.push(seq);
      this.#actLeaves.push(leaf);
    } else if (readHeartbeat(entry) !== null) {
      this.#heartbeats.push(seq);
      this.#newestHeartbeat = { id, time };
    }
    this.#size = seq + 1;
  }

  /** Place of the newest heartbeat among the first `size` entries, or undefined. */
  heartbeatBelow(size: number): number | undefined {
    const { count, last } = this.#heartbeats.below(size);
    return count === 0 ? undefined : last;
  }

  /** Places of the entries of `stream` number `from` to `from + limit − 1`, as far as they are there. */
  placesOf(stream: string, from: number, limit: number): readonly number[] {
    return (stream === GLOBAL_STREAM ? this.#acts : this.#streams.get(stream)?.seqs)?.slice(from, limit) ?? [];
  }

  /** Where `stream` stands now; undefined while it has no entry. */
  headOf(stream: string): { readonly size: number; readonly lastLeaf: Buffer } | undefined {
    const known = this.#streams.get(stream);
    return known === undefined ? undefined : { size: known.seqs.length, lastLeaf: known.lastLeaf };
  }

  /** The heads now, in the order of their streams, and the number of entries that they are exact for. */
  tips(): { readonly asOf: number; readonly tips: readonly StreamTip[] } {
    // Nothing has grown since now: every leaf hash is known.
    const tips = this.tipsAt(this.#size).flatMap(({ stream, size, leaf }) => (leaf === null ? [] : { stream, size, leaf }));
    return { asOf: this.#size, tips };
  }

  /** The heads of the first `asOf` entries, in the order of their streams; an account that had no entry then has none. */
  tipsAt(asOf: number): readonly DatedTip[] {
    if (!this.#isOrdered) this.#order.sort();
    this.#isOrdered = true;
    const tips: DatedTip[] = [];
    for (const stream of this.#order) {
      const tip = stream === GLOBAL_STREAM ? this.#globalTip(asOf) : this.#tipOf(stream, asOf);
      if (tip.size > 0 || stream === GLOBAL_STREAM) tips.push(tip);
    }
    return tips;
  }

  #tipOf(stream: string, asOf: number): DatedTip {
    const known = this.#streams.get(stream);
    if (known === undefined) throw new Error("a stream without entries");
    const { count, last } = known.seqs.below(asOf);
    return { stream, size: count, seq: last, leaf: count === known.seqs.length ? known.lastLeaf : null };
  }

  #globalTip(asOf: number): DatedTip {
    const { count, last } = this.#acts.below(asOf);
    const range = new CompactRange();
    for (const leaf of this.#actLeaves.slice(0, count)) range.append(leaf);
    return { stream: GLOBAL_STREAM, size: count, seq: last, leaf: range.root() };
  }

  #extend(id: string, { seq, sseq, sprev }: StreamedEntry, leaf: Buffer): void {
    const known = this.#streams.get(id);
    const isNext = sseq === (known?.seqs.length ?? 0) && sprev === (known?.lastLeaf.toString("hex") ?? ZERO_HASH_HEX);
    if (typeof id !== "string" || id === GLOBAL_STREAM || !isNext) throw new RootkeepError("CHAIN_BROKEN", { facts: { seq } });
    const stream = known ?? { seqs: new SeqList(), lastLeaf: leaf };
    stream.seqs.push(seq);
    stream.lastLeaf = leaf;
    if (known === undefined) {
      this.#streams.set(id, stream);
      this.#order.push(id);
      this.#isOrdered = false;
    }
  }
}
