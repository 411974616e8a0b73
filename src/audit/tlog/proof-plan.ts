import { checkedCount, completeSubtrees, foldSubtrees, type Subtree, splitPoint } from "./tree.js";

/**
 * What a proof is made of: for each of its hashes, in order, the complete subtrees whose fold it is. All of them are there in a log of the
 * size that was planned for, so that a caller can read everything first (`tilesForPlan` names the tiles) and then fold without waiting.
 */
export type ProofPlan = readonly (readonly Subtree[])[];

/** Where hashes of complete subtrees come from: tiles, a table of leaf hashes, memory. 32 bytes. */
export type ReadSubtree = (subtree: Subtree) => Promise<Uint8Array> | Uint8Array;

/**
 * Plan of the proof that leaf `index` is in the tree of the first `size` leaves (RFC 9162 §2.1.3.1).
 * @throws RangeError when it is not.
 */
export function inclusionPlan(index: number, size: number): ProofPlan {
  if (checkedCount(index) >= checkedCount(size)) throw new RangeError("a leaf is proven in a tree that holds it");
  const siblings: (readonly Subtree[])[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      siblings.push(completeSubtrees(middle, end));
      end = middle;
    } else {
      siblings.push(completeSubtrees(start, middle));
      start = middle;
    }
  }
  return siblings.reverse();
}

/**
 * Plan of the proof that the tree of the first `size` leaves begins with that of the first `oldSize` (RFC 9162 §2.1.4.1).
 * @throws RangeError unless 0 < oldSize ≤ size; of an empty tree nothing is to be proven.
 */
export function consistencyPlan(oldSize: number, size: number): ProofPlan {
  if (checkedCount(oldSize) === 0 || oldSize > checkedCount(size))
    throw new RangeError("consistency is proven with a smaller tree, not an empty one");
  const siblings: (readonly Subtree[])[] = [];
  let [start, end] = [0, size];
  while (end !== oldSize) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      siblings.push(completeSubtrees(middle, end));
      end = middle;
    } else {
      siblings.push(completeSubtrees(start, middle));
      start = middle;
    }
  }
  // What is left is the old tree's own last part; where it is the whole old tree, the verifier knows its hash.
  if (start > 0) siblings.push(completeSubtrees(start, end));
  return siblings.reverse();
}

/**
 * The hashes of a planned proof.
 * @throws what `read` throws.
 */
export async function proofHashes(plan: ProofPlan, read: ReadSubtree): Promise<readonly Buffer[]> {
  const proof: Buffer[] = [];
  for (const subtrees of plan) {
    const hashes: Uint8Array[] = [];
    for (const subtree of subtrees) hashes.push(await read(subtree));
    proof.push(foldSubtrees(hashes));
  }
  return proof;
}

/**
 * Proof that leaf `index` is in the tree of the first `size` leaves: hashes from the leaf's sibling upwards.
 * @throws RangeError as {@link inclusionPlan}, and what `read` throws.
 */
export async function inclusionProof(index: number, size: number, read: ReadSubtree): Promise<readonly Buffer[]> {
  return proofHashes(inclusionPlan(index, size), read);
}

/**
 * Proof that the tree of the first `size` leaves begins with that of the first `oldSize`.
 * @throws RangeError as {@link consistencyPlan}, and what `read` throws.
 */
export async function consistencyProof(oldSize: number, size: number, read: ReadSubtree): Promise<readonly Buffer[]> {
  return proofHashes(consistencyPlan(oldSize, size), read);
}
