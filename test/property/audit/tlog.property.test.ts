import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatCheckpoint, parseCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import { formatNote, parseNote, parseSignatureLines, verifyNote } from "../../../src/audit/tlog/note.js";
import { parsePolicy } from "../../../src/audit/tlog/policy.js";
import { rootFromInclusion, verifyConsistency, verifyInclusion } from "../../../src/audit/tlog/proof.js";
import { consistencyPlan, consistencyProof, inclusionPlan, inclusionProof, proofHashes } from "../../../src/audit/tlog/proof-plan.js";
import { rightEdge, rootFromRightEdge, subtreesFromTiles, tileRoot, tilesForPlan } from "../../../src/audit/tlog/tile.js";
import { parseTilePath, tilePath } from "../../../src/audit/tlog/tile-path.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { parseTlogProof } from "../../../src/audit/tlog/tlog-proof.js";
import { CompactRange } from "../../../src/audit/tlog/tree.js";
import { parseVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { parseAddCheckpoint, parseCosignatures, parseWitnessSize } from "../../../src/audit/tlog/witness-messages.js";
import { MemoryTree, naiveRoot, sampleLeaves } from "../../support/tlog-tree.js";

const LEAVES = sampleLeaves(300);
const ROOTS = Array.from({ length: LEAVES.length + 1 }, (_, size) => naiveRoot(LEAVES.slice(0, size)));
const TREE = new MemoryTree(LEAVES);
const SIZES_MAX = 70;
/** Records as literals are, so that they compare with what is read. */
const PLAIN = { noNullPrototype: true } as const;

/** `hash` with one bit turned; which one depends on `salt`. */
function flipped(hash: Buffer, salt: number): Buffer {
  const copy = Buffer.from(hash);
  copy[salt % copy.length]! ^= 1 << (salt % 8);
  return copy;
}

describe("a compact range", () => {
  it("has the root of the whole tree at every size up to 300, also after it was written down and read", () => {
    let range = new CompactRange();
    assert.deepEqual(range.root(), ROOTS[0]);
    LEAVES.forEach((leaf, index) => {
      range.append(leaf);
      assert.equal(range.size, index + 1);
      assert.deepEqual(range.root(), ROOTS[index + 1]);
      const frontier = range.frontier();
      range = CompactRange.fromFrontier(range.size, frontier);
      assert.deepEqual(range.frontier(), frontier);
    });
  });
});

describe("tiles", () => {
  it("lead to the same root at every size up to 300", () => {
    for (let size = 0; size <= LEAVES.length; size++) {
      const edge = rightEdge(size).map((tile) => TREE.tile(tile));
      assert.deepEqual(rootFromRightEdge(size, edge), ROOTS[size]);
    }
  });
  it("are as many as a log of 70,000 has, lead to its root and prove its entries", async () => {
    const size = 70_000;
    const leaves = sampleLeaves(size);
    const tree = new MemoryTree(leaves);
    const tiles = MemoryTree.tilesOf(size);
    assert.equal(tiles.length, 273 + 1 + 1 + 1 + 1);
    assert.deepEqual(rightEdge(size).map(tilePath), ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    const range = new CompactRange();
    for (const leaf of leaves) range.append(leaf);
    const edge = rightEdge(size).map((tile) => tree.tile(tile));
    assert.deepEqual(rootFromRightEdge(size, edge), range.root());
    // Each hash of a level is the root of a full tile below it.
    const above = tree.tile({ level: 1, n: 0, width: 256 });
    for (const n of [0, 1, 100, 255]) {
      assert.deepEqual(tileRoot(tree.tile({ level: 0, n, width: 256 })), above.subarray(32 * n, 32 * (n + 1)));
    }
    for (const index of [0, 1, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999]) {
      const plan = inclusionPlan(index, size);
      const needed = tilesForPlan(plan, size);
      assert.ok(needed.length <= 5);
      const bytes = new Map(needed.map((tile) => [tilePath(tile), tree.tile(tile)]));
      verifyInclusion(index, size, leaves[index]!, await proofHashes(plan, subtreesFromTiles(size, bytes)), range.root());
    }
    for (const oldSize of [1, 255, 256, 257, 65_536, 65_537, 69_999, 70_000]) {
      const plan = consistencyPlan(oldSize, size);
      const bytes = new Map(tilesForPlan(plan, size).map((tile) => [tilePath(tile), tree.tile(tile)]));
      const proof = await proofHashes(plan, subtreesFromTiles(size, bytes));
      verifyConsistency(oldSize, size, proof, naiveRoot(leaves.slice(0, oldSize)), range.root());
    }
  });
  it("have paths that are read as they were written", () => {
    const tile = fc.record({ level: fc.nat(63), n: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) }, PLAIN);
    fc.assert(fc.property(tile, (value) => assert.deepEqual(parseTilePath(tilePath(value)), value)));
  });
});

describe("every proof of the sizes up to 70", () => {
  it("of inclusion is made, believed, and not believed with a bit turned, a hash too many or too few, or for another place", async () => {
    let count = 0;
    for (let size = 1; size <= SIZES_MAX; size++) {
      for (let index = 0; index < size; index++) {
        const proof = await inclusionProof(index, size, TREE.read);
        const [leaf, root] = [LEAVES[index]!, ROOTS[size]!];
        verifyInclusion(index, size, leaf, proof, root);
        const refuse = (check: () => void): void => assert.throws(check, TlogError, `leaf ${index} of ${size}`);
        refuse(() => verifyInclusion(index, size, flipped(leaf, count), proof, root));
        refuse(() => verifyInclusion(index, size, leaf, proof, flipped(root, count)));
        refuse(() => verifyInclusion(index, size, leaf, [...proof, root], root));
        refuse(() => verifyInclusion(index, size, leaf, [root, ...proof], root));
        if (proof.length > 0) refuse(() => verifyInclusion(index, size, leaf, proof.slice(0, -1), root));
        if (size > 1) refuse(() => verifyInclusion((index + 1) % size, size, leaf, proof, root));
        for (let at = 0; at < proof.length; at++) {
          refuse(() => verifyInclusion(index, size, leaf, proof.with(at, flipped(proof[at]!, count + at)), root));
        }
        count += 1;
      }
    }
    assert.equal(count, 2485);
  });
  it("of consistency is made, believed, and not believed with a bit turned, a hash too many or too few, or of another size", async () => {
    let count = 0;
    for (let size = 1; size <= SIZES_MAX; size++) {
      for (let oldSize = 1; oldSize <= size; oldSize++) {
        const proof = await consistencyProof(oldSize, size, TREE.read);
        const [oldRoot, root] = [ROOTS[oldSize]!, ROOTS[size]!];
        verifyConsistency(oldSize, size, proof, oldRoot, root);
        const refuse = (check: () => void): void => assert.throws(check, TlogError, `${oldSize} to ${size}`);
        refuse(() => verifyConsistency(oldSize, size, proof, flipped(oldRoot, count), root));
        refuse(() => verifyConsistency(oldSize, size, proof, oldRoot, flipped(root, count)));
        refuse(() => verifyConsistency(oldSize, size, [...proof, root], oldRoot, root));
        if (proof.length > 0) refuse(() => verifyConsistency(oldSize, size, proof.slice(0, -1), oldRoot, root));
        if (oldSize < size) refuse(() => verifyConsistency(oldSize, size, proof, root, oldRoot));
        if (oldSize > 1) refuse(() => verifyConsistency(oldSize - 1, size, proof, ROOTS[oldSize - 1]!, flipped(root, count)));
        for (let at = 0; at < proof.length; at++) {
          refuse(() => verifyConsistency(oldSize, size, proof.with(at, flipped(proof[at]!, count + at)), oldRoot, root));
        }
        count += 1;
      }
    }
    assert.equal(count, 2485);
  });
  it("is made of tiles as it is made of the tree, over 256 too", async () => {
    const pair = fc.integer({ min: 1, max: 300 }).chain((size) => fc.tuple(fc.nat(size - 1), fc.constant(size)));
    await fc.assert(
      fc.asyncProperty(pair, async ([index, size]) => {
        const plans = [inclusionPlan(index, size), consistencyPlan(index + 1, size)];
        const tiles = new Map(plans.flatMap((plan) => tilesForPlan(plan, size)).map((tile) => [tilePath(tile), TREE.tile(tile)]));
        const read = subtreesFromTiles(size, tiles);
        for (const plan of plans) assert.deepEqual(await proofHashes(plan, read), await proofHashes(plan, TREE.read));
        const proof = await proofHashes(plans[0]!, read);
        assert.deepEqual(rootFromInclusion(index, size, LEAVES[index]!, proof), ROOTS[size]);
      }),
    );
  });
});

describe("text formats", () => {
  const line = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .filter((text) => text.isWellFormed() && !/[\u0000-\u001f]/.test(text));
  it("of checkpoints are read as they were written", () => {
    const checkpoint = fc.record(
      {
        origin: line,
        size: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        root: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
        extensions: fc.array(line, { maxLength: 3 }),
      },
      PLAIN,
    );
    fc.assert(fc.property(checkpoint, (value) => assert.deepEqual(parseCheckpoint(formatCheckpoint(value)), value)));
  });
  it("of notes are read as they were written, or not at all", () => {
    const text = fc.array(fc.oneof(line, fc.constant("")), { minLength: 1, maxLength: 5 }).map((lines) => `${lines.join("\n")}\n`);
    const signature = fc.record(
      {
        name: line.filter((name) => !/[\p{White_Space}+]/u.test(name)),
        keyId: fc.nat(2 ** 32 - 1),
        signature: fc.uint8Array({ minLength: 1, maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      },
      PLAIN,
    );
    const note = fc.record({ text, signatures: fc.array(signature, { minLength: 1, maxLength: 4 }) }, PLAIN);
    fc.assert(fc.property(note, (value) => assert.deepEqual(parseNote(formatNote(value)), value)));
  });
  it("are refused with the one error, whatever the bytes are", () => {
    const head = fc.constantFrom(
      "",
      "a\n1\n",
      "old 5\n",
      "c2sp.org/tlog-proof@v1\nindex 1\n",
      "quorum none\n",
      "log ",
      "\n\n\u2014 a ",
      "5\n",
      "a+00000000+",
    );
    const bytes = fc
      .tuple(head, fc.uint8Array({ maxLength: 60 }))
      .map(([start, rest]) => Buffer.concat([Buffer.from(start, "utf8"), rest]));
    const readers: readonly ((bytes: Buffer) => unknown)[] = [
      (value) => verifyNote(parseNote(value), []),
      (value) => parseSignatureLines(value.toString("utf8")),
      (value) => parseCheckpoint(value.toString("utf8")),
      (value) => parseVerifierKey(value.toString("utf8")),
      parsePolicy,
      parseTlogProof,
      parseAddCheckpoint,
      parseCosignatures,
      parseWitnessSize,
    ];
    const isNoted = (reader: (bytes: Buffer) => unknown, value: Buffer): void => {
      try {
        reader(value);
      } catch (error) {
        assert.ok(error instanceof TlogError, String(error));
      }
    };
    fc.assert(
      fc.property(bytes, (value) => readers.forEach((reader) => isNoted(reader, value))),
      { numRuns: 500 },
    );
  });
});
