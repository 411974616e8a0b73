import { hash } from "node:crypto";
import { TlogError } from "./tlog-error.js";

/** Bytes of a SHA-256. */
export const HASH_BYTES = 32;

/**
 * A complete subtree: the `2^level` leaves from `index · 2^level` on. Level 0 is a leaf hash. Its hash never changes once its last leaf is
 * there, so it is what tiles hold and what every other hash of the tree is made of.
 */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

// 0x01 before a node, as 0x00 stands before a leaf (chain.ts), so that neither passes for the other: RFC 6962 §2.1. The buffer is only used
// within one synchronous call; its first byte stays.
const scratch = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/**
 * SHA-256(0x01 ‖ left ‖ right), 32 bytes (RFC 6962 §2.1).
 * @throws Error when one of them is not 32 bytes.
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new Error("a node is made of two hashes of 32 bytes");
  scratch.set(left, 1);
  scratch.set(right, 1 + HASH_BYTES);
  return hash("sha256", scratch, "buffer");
}

/** Root of the tree without leaves: SHA-256 of nothing (RFC 6962 §2.1). */
export function emptyRoot(): Buffer {
  return hash("sha256", Buffer.alloc(0), "buffer");
}

/**
 * Passes on a size or an index: an integer from 0 to 2^53 − 1.
 * @throws RangeError when it is none.
 */
export function checkedCount(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError("a size or index is an integer from 0 to 2^53 - 1");
  return value;
}

/** The largest power of two below `size`, where RFC 6962 §2.1 splits a tree; `size` is at least 2. */
export function splitPoint(size: number): number {
  let power = 1;
  // Doubling, not shifting: the shifts of JavaScript know 32 bits only.
  while (power * 2 < size) power *= 2;
  return power;
}

/**
 * The complete subtrees that leaves `start` to `end − 1` fall into, from the largest to the smallest.
 * @param start 0, or a multiple of a power of two that is no smaller than `end − start`, as it is for every subtree of RFC 6962.
 * @throws RangeError when they are no such range.
 */
export function completeSubtrees(start: number, end: number): readonly Subtree[] {
  if (checkedCount(end) < checkedCount(start)) throw new RangeError("a range of leaves ends before it begins");
  const subtrees: Subtree[] = [];
  for (let from = start; from < end; ) {
    let level = 0;
    let leaves = 1;
    for (; leaves * 2 <= end - from; leaves *= 2) level += 1;
    if (from % leaves !== 0) throw new RangeError("a range of leaves is no subtree");
    subtrees.push({ level, index: from / leaves });
    from += leaves;
  }
  return subtrees;
}

/**
 * Hash over complete subtrees that follow each other, from the largest to the smallest: MTH (RFC 6962 §2.1) of their leaves.
 * @throws Error when there is none.
 */
export function foldSubtrees(hashes: readonly Uint8Array[]): Buffer {
  const last = hashes.at(-1);
  if (last === undefined) throw new Error("a hash needs something to be made of");
  return hashes.slice(0, -1).reduceRight<Buffer>((right, left) => nodeHash(left, right), Buffer.from(last));
}

/**
 * A growing tree of which only the right edge is kept: the hashes of the complete subtrees of all its leaves, from the largest to the
 * smallest, one for each bit that is set in the size. Appending a leaf costs one node hash on average.
 */
export class CompactRange {
  #size = 0;
  readonly #hashes: Buffer[] = [];

  /**
   * The range that {@link frontier} wrote down.
   * @throws TlogError when `bytes` is not one hash for each bit set in `size`.
   * @throws RangeError when `size` is no size.
   */
  static fromFrontier(size: number, bytes: Uint8Array): CompactRange {
    const range = new CompactRange();
    range.#size = checkedCount(size);
    if (bytes.length !== completeSubtrees(0, size).length * HASH_BYTES) throw new TlogError("a frontier does not fit its size");
    for (let at = 0; at < bytes.length; at += HASH_BYTES) range.#hashes.push(Buffer.from(bytes.subarray(at, at + HASH_BYTES)));
    return range;
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a leaf by its hash.
   * @throws Error when it is not 32 bytes or the tree is full.
   */
  append(leafHash: Uint8Array): void {
    if (leafHash.length !== HASH_BYTES) throw new Error("a leaf hash is 32 bytes");
    const size = checkedCount(this.#size + 1);
    let right: Buffer = Buffer.from(leafHash);
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#hashes.pop();
      if (left === undefined) throw new Error("a compact range has not the hashes of its size");
      right = nodeHash(left, right);
    }
    this.#hashes.push(right);
    this.#size = size;
  }

  /** Root of the tree, 32 bytes. */
  root(): Buffer {
    return this.#size === 0 ? emptyRoot() : foldSubtrees(this.#hashes);
  }

  /** The kept hashes one after the other, from the largest subtree to the smallest: 32 bytes for each bit that is set in the size. */
  frontier(): Buffer {
    return Buffer.concat(this.#hashes);
  }
}
