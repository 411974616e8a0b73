import { TlogError } from "./tlog-error.js";
import { HASH_BYTES, nodeHash } from "./tree.js";

/**
 * A size or index that somebody else claims: 0 to 2^64 − 1. Proofs come from outside, so all of it is taken and reckoned with as bigint; a
 * number must be a safe integer.
 */
export type ClaimedCount = number | bigint;

const COUNT_END = 2n ** 64n;

/**
 * The root that an inclusion proof leads to, 32 bytes (RFC 9162 §2.1.3.2). It proves nothing until it is compared with a root that is trusted.
 * @param leafHash 32 bytes, `SHA-256(0x00 ‖ entry)`.
 * @param proof hashes from the leaf's sibling upwards.
 * @throws TlogError when the leaf is not in a tree of this size or the proof has not the length that it must have there.
 */
export function rootFromInclusion(index: ClaimedCount, size: ClaimedCount, leafHash: Uint8Array, proof: readonly Uint8Array[]): Buffer {
  let fn = count(index);
  let sn = count(size) - 1n;
  if (fn > sn) throw new TlogError("the leaf is not in a tree of this size");
  let root = checkedHash(leafHash);
  for (const hash of proof.map(checkedHash)) {
    if (sn === 0n) throw new TlogError("the inclusion proof is too long");
    if (isOdd(fn) || fn === sn) {
      root = nodeHash(hash, root);
      // A node without a sibling moves up as it is: the levels between have no hash in the proof.
      while (!isOdd(fn) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      root = nodeHash(root, hash);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  if (sn !== 0n) throw new TlogError("the inclusion proof is too short");
  return root;
}

/**
 * Checks that the leaf `leafHash` stands at `index` of the tree of `size` leaves under `root` (RFC 9162 §2.1.3.2).
 * @throws TlogError when the proof does not show it.
 */
export function verifyInclusion(
  index: ClaimedCount,
  size: ClaimedCount,
  leafHash: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): void {
  const isProven = rootFromInclusion(index, size, leafHash, proof).equals(root);
  if (!isProven) throw new TlogError("the inclusion proof leads to another root");
}

/**
 * Checks that the tree of `size` leaves under `root` begins with the tree of `oldSize` leaves under `oldRoot` (RFC 9162 §2.1.4.2).
 * @param oldRoot as a checkpoint has it, like `root`; of trees of equal size nothing is asked but that their roots are equal.
 * @throws TlogError when the proof does not show it. An empty old tree shows nothing, so it is refused too.
 */
export function verifyConsistency(
  oldSize: ClaimedCount,
  size: ClaimedCount,
  proof: readonly Uint8Array[],
  oldRoot: Uint8Array,
  root: Uint8Array,
): void {
  const [m, n] = [count(oldSize), count(size)];
  if (m === 0n) throw new TlogError("consistency with an empty tree proves nothing");
  if (m > n) throw new TlogError("the old tree is larger than the new one");
  if (m === n) {
    if (proof.length > 0) throw new TlogError("a consistency proof of equal sizes is empty");
    if (Buffer.compare(oldRoot, root) !== 0) throw new TlogError("trees of equal size have other roots");
    return;
  }
  if (proof.length === 0) throw new TlogError("the consistency proof is empty");
  // The old tree is itself a node of the new one when its size is a power of two; the proof then leaves its root out.
  const isPower = (m & (m - 1n)) === 0n;
  const hashes = [...(isPower ? [checkedHash(oldRoot)] : []), ...proof.map(checkedHash)];
  const roots = rootsFromConsistency(m, n, hashes);
  if (!roots.old.equals(oldRoot)) throw new TlogError("the consistency proof leads to another old root");
  if (!roots.new.equals(root)) throw new TlogError("the consistency proof leads to another root");
}

function rootsFromConsistency(m: bigint, n: bigint, hashes: readonly Buffer[]): { readonly old: Buffer; readonly new: Buffer } {
  let fn = m - 1n;
  let sn = n - 1n;
  while (isOdd(fn)) [fn, sn] = [fn >> 1n, sn >> 1n];
  const [first, ...rest] = hashes;
  if (first === undefined) throw new TlogError("the consistency proof is empty");
  let [oldRoot, newRoot] = [first, first];
  for (const hash of rest) {
    if (sn === 0n) throw new TlogError("the consistency proof is too long");
    if (isOdd(fn) || fn === sn) {
      oldRoot = nodeHash(hash, oldRoot);
      newRoot = nodeHash(hash, newRoot);
      while (!isOdd(fn) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      newRoot = nodeHash(newRoot, hash);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  if (sn !== 0n) throw new TlogError("the consistency proof is too short");
  return { old: oldRoot, new: newRoot };
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n;
}

function count(value: ClaimedCount): bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TlogError("a size or index is no safe integer");
  const wide = BigInt(value);
  if (wide < 0n || wide >= COUNT_END) throw new TlogError("a size or index is not between 0 and 2^64 - 1");
  return wide;
}

function checkedHash(hash: Uint8Array): Buffer {
  if (hash.length !== HASH_BYTES) throw new TlogError("a hash is not 32 bytes");
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength);
}
