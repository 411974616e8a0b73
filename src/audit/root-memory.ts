import { leafHash } from "./chain.js";
import { CompactRange } from "./tlog/tree.js";

/** Leaves between two remembered places. */
const STRIDE = 256;

/**
 * What a process needs to tell the root of the log at any size that it has read past: the compact range at every 256th leaf. From the
 * nearest of them the caller reads a few entries again; bytes that have been exchanged meanwhile lead to another root.
 */
export class RootMemory {
  #range = new CompactRange();
  readonly #frontiers: Buffer[] = [];

  /** Takes the next leaf. */
  append(leaf: Uint8Array): void {
    this.#range.append(leaf);
    if (this.#range.size % STRIDE === 0) this.#frontiers.push(this.#range.frontier());
  }

  /**
   * Root of the first `size` entries.
   * @param read the bytes of entries `[from, to)`, at most 255.
   * @throws RangeError when this process has not read so far; Error when `read` gives fewer entries than were asked for.
   */
  async rootAt(size: number, read: (from: number, to: number) => Promise<readonly Buffer[]>): Promise<Buffer> {
    if (size > this.#range.size) throw new RangeError("the log was not read so far");
    if (size === this.#range.size) return this.#range.root();
    const places = Math.floor(size / STRIDE);
    const frontier = this.#frontiers[places - 1];
    const range = frontier === undefined ? new CompactRange() : CompactRange.fromFrontier(places * STRIDE, frontier);
    if (range.size < size) for (const bytes of await read(range.size, size)) range.append(leafHash(bytes));
    if (range.size !== size) throw new Error("entries are missing");
    return range.root();
  }

  /**
   * Entry `seq`, read again. Its whole block of 256 is read, and must lead to what this process remembers of it: bytes that have been exchanged
   * meanwhile do not.
   * @param read the bytes of entries `[from, to)`, at most 256.
   * @throws RangeError when this process has not read so far. @returns null when what was read is not what was logged.
   */
  async entryAt(seq: number, read: (from: number, to: number) => Promise<readonly Buffer[]>): Promise<Buffer | null> {
    const { size } = this.#range;
    if (seq < 0 || seq >= size) throw new RangeError("the log was not read so far");
    const block = Math.floor(seq / STRIDE);
    const [from, to] = [block * STRIDE, Math.min((block + 1) * STRIDE, size)];
    // Taken before the reading: the log may grow meanwhile.
    const known = this.#frontiers[block] ?? this.#range.frontier();
    const before = this.#frontiers[block - 1];
    const range = before === undefined ? new CompactRange() : CompactRange.fromFrontier(from, before);
    const entries = await read(from, to);
    for (const bytes of entries) range.append(leafHash(bytes));
    return range.size === to && range.frontier().equals(known) ? (entries[seq - from] ?? null) : null;
  }
}
