import { GLOBAL_STREAM } from "../audit/global-acts.js";
import { tipHash } from "../audit/stream-heads.js";
import { CompactRange, emptyRoot, foldSubtrees, HASH_BYTES, nodeHash } from "../audit/tlog/tree.js";

/** Hashes that are computed at most: some hours. Whoever made a log that asks for more wants to keep its reader busy. */
const HASHES_MAX = 1e10;

interface Head {
  size: number;
  /** 32 bytes of its own. */
  readonly leaf: Buffer;
  isDirty: boolean;
}

/**
 * The tree over the heads of all streams (docs/spec/account-export.md, "Heads") while a log is read from its beginning. Its root is asked for
 * at every heartbeat, and between two of them few streams grow: so nodes are kept, and only what changed is hashed again.
 */
export class HeadsReplay {
  readonly #heads = new Map<string, Head>([[GLOBAL_STREAM, { size: 0, leaf: Buffer.from(emptyRoot()), isDirty: false }]]);
  /** Streams that have leaves, in order, and those that are to get one. */
  #order: string[] = [];
  #added: string[] = [GLOBAL_STREAM];
  #dirty: string[] = [];
  /** Hashes of the complete subtrees, level by level. */
  #levels: Buffer[] = [Buffer.alloc(0)];
  #acts = new CompactRange();
  #hashes = 0;

  /** Leaves of the tree: accounts with an entry, and the global acts. */
  get size(): number {
    return this.#heads.size;
  }

  /** Takes the next entry of an account. @param leaf hash of the entry; copied. */
  extend(stream: string, leaf: Uint8Array): void {
    const head = this.#heads.get(stream);
    if (head === undefined) {
      this.#heads.set(stream, { size: 1, leaf: Buffer.from(leaf), isDirty: false });
      this.#added.push(stream);
      return;
    }
    head.leaf.set(leaf);
    this.#grew(stream, head);
  }

  /** Takes the next global act. @param leaf hash of the entry. */
  act(leaf: Uint8Array): void {
    this.#acts.append(leaf);
    const head = this.#heads.get(GLOBAL_STREAM);
    if (head !== undefined) this.#grew(GLOBAL_STREAM, head);
  }

  #grew(stream: string, head: Head): void {
    head.size += 1;
    if (head.isDirty) return;
    head.isDirty = true;
    this.#dirty.push(stream);
  }

  /** Root of the tree, 32 bytes. @throws Error when it would take too long. */
  root(): Buffer {
    const global = this.#heads.get(GLOBAL_STREAM);
    if (global?.isDirty === true) global.leaf.set(this.#acts.root());
    const from = this.#insert();
    const changed = new Set<number>();
    for (const stream of this.#dirty.splice(0)) {
      const index = this.#indexOf(stream);
      if (index < from) changed.add(index);
      this.#writeLeaf(stream, index);
    }
    this.#rehash(from, changed);
    return this.#fold();
  }

  /** Gives new streams their places. @returns the first place whose leaf is another than before. */
  #insert(): number {
    if (this.#added.length === 0) return this.#order.length;
    const [old, added] = [this.#order, this.#added.splice(0).sort()];
    const leaves = Buffer.alloc((old.length + added.length) * HASH_BYTES);
    const order: string[] = [];
    let [at, from] = [0, Number.POSITIVE_INFINITY];
    const copyUpTo = (end: number): void => {
      this.#levels[0]?.copy(leaves, order.length * HASH_BYTES, at * HASH_BYTES, end * HASH_BYTES);
      for (; at < end; at++) order.push(old[at] ?? "");
    };
    for (const stream of added) {
      copyUpTo(placeOf(old, stream));
      from = Math.min(from, order.length);
      order.push(stream);
    }
    copyUpTo(old.length);
    [this.#order, this.#levels[0]] = [order, leaves];
    for (const stream of added) this.#writeLeaf(stream, this.#indexOf(stream));
    return from;
  }

  #writeLeaf(stream: string, index: number): void {
    const head = this.#heads.get(stream);
    if (head === undefined) throw new Error("a stream without a head");
    head.isDirty = false;
    this.#hashes += 1;
    tipHash({ stream, size: head.size, leaf: head.leaf }).copy(this.#levels[0] ?? Buffer.alloc(0), index * HASH_BYTES);
  }

  /** Computes the nodes above the leaves from `from` on, and above the `changed` ones before. */
  #rehash(from: number, changed: Set<number>): void {
    let [start, before] = [from, changed];
    for (let level = 0; ; level++) {
      const below = this.#levels[level] ?? Buffer.alloc(0);
      const count = Math.floor(below.length / HASH_BYTES / 2);
      if (count === 0) {
        this.#levels.length = level + 1;
        return;
      }
      const above = Buffer.alloc(count * HASH_BYTES);
      this.#levels[level + 1]?.copy(above);
      const at = (index: number): Buffer => below.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
      start = Math.floor(start / 2);
      const parents = new Set([...before].map((index) => Math.floor(index / 2)).filter((index) => index < Math.min(start, count)));
      for (const index of parents) nodeHash(at(2 * index), at(2 * index + 1)).copy(above, index * HASH_BYTES);
      for (let index = start; index < count; index++) nodeHash(at(2 * index), at(2 * index + 1)).copy(above, index * HASH_BYTES);
      this.#hashes += parents.size + Math.max(0, count - start);
      if (this.#hashes > HASHES_MAX) throw new Error("its heartbeats would take days to compute again");
      this.#levels[level + 1] = above;
      before = parents;
    }
  }

  #fold(): Buffer {
    const hashes: Buffer[] = [];
    let first = 0;
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const leaves = 2 ** level;
      if (first + leaves > this.#order.length) continue;
      hashes.push(this.#levels[level]?.subarray((first / leaves) * HASH_BYTES, (first / leaves + 1) * HASH_BYTES) ?? Buffer.alloc(0));
      first += leaves;
    }
    return foldSubtrees(hashes);
  }

  #indexOf(stream: string): number {
    return placeOf(this.#order, stream);
  }
}

/** Place of the first stream that is not before `stream`. Ids are ASCII, where the order of code units is that of bytes. */
function placeOf(order: readonly string[], stream: string): number {
  let [from, to] = [0, order.length];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if ((order[middle] ?? "") < stream) from = middle + 1;
    else to = middle;
  }
  return from;
}
