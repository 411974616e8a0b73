import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rootFromInclusion, verifyConsistency, verifyInclusion } from "../../../src/audit/tlog/proof.js";
import { consistencyPlan, inclusionPlan } from "../../../src/audit/tlog/proof-plan.js";
import { rightEdge, rootFromRightEdge, subtreeFromTile, subtreesFromTiles, tileAt, tilesForPlan } from "../../../src/audit/tlog/tile.js";
import { entriesPath, tilePath } from "../../../src/audit/tlog/tile-path.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { CompactRange, completeSubtrees, emptyRoot, nodeHash } from "../../../src/audit/tlog/tree.js";
import { MemoryTree, naiveRoot, sampleLeaves } from "../../support/tlog-tree.js";

const MAX = 2 ** 53 - 1;
const HASH = Buffer.alloc(32, 1);
const NO_COUNTS = [-1, 0.5, Number.NaN, 2 ** 53];

describe("sizes beyond 32 bits", () => {
  it("are split where RFC 6962 splits them", () => {
    // 2^32 + 1 leaves: the last leaf stands alone beside a complete subtree.
    assert.deepEqual(inclusionPlan(2 ** 32, 2 ** 32 + 1), [[{ level: 32, index: 0 }]]);
    assert.deepEqual(consistencyPlan(2 ** 32, 2 ** 32 + 1), [[{ level: 0, index: 2 ** 32 }]]);
    assert.deepEqual(completeSubtrees(0, MAX).length, 53);
    assert.deepEqual(completeSubtrees(0, MAX)[0], { level: 52, index: 0 });
    assert.deepEqual(completeSubtrees(0, MAX)[52], { level: 0, index: MAX - 1 });
    assert.equal(inclusionPlan(0, MAX).length, 53);
  });
  it("are reckoned with in proofs: the tree of one hash at each level, made by hand", () => {
    // The leaf at 2^33 of 2^33 + 1 has one sibling, the root of all before it.
    const root = nodeHash(HASH, Buffer.alloc(32, 2));
    verifyInclusion(2 ** 33, 2 ** 33 + 1, Buffer.alloc(32, 2), [HASH], root);
    verifyInclusion(2n ** 63n, 2n ** 63n + 1n, Buffer.alloc(32, 2), [HASH], root);
    verifyConsistency(2 ** 33, 2 ** 33 + 1, [Buffer.alloc(32, 2)], HASH, root);
    // A 32-bit shift would take 2^33 for 2.
    assert.throws(() => verifyInclusion(2 ** 33, 2 ** 33 + 2, Buffer.alloc(32, 2), [HASH], root), TlogError);
  });
  it("are placed in tiles", () => {
    const size = 2 ** 40 + 5;
    assert.deepEqual(rightEdge(size), [
      { level: 0, n: 2 ** 32, width: 5 },
      { level: 5, n: 0, width: 1 },
    ]);
    assert.deepEqual(tileAt(0, 2 ** 32 - 1, size), { level: 0, n: 2 ** 32 - 1, width: 256 });
    assert.equal(tileAt(0, 2 ** 32 + 1, size), null);
    const tiles = tilesForPlan(inclusionPlan(2 ** 40, size), size);
    assert.deepEqual(tiles.map(tilePath).toSorted(), ["tile/0/x004/x294/x967/296.p/5", "tile/5/000.p/1"]);
    assert.deepEqual(
      rightEdge(MAX).map(({ width }) => width),
      [255, 255, 255, 255, 255, 255, 31],
    );
  });
  it("can be appended to, until the numbers end", () => {
    const range = CompactRange.fromFrontier(2 ** 40, HASH);
    range.append(Buffer.alloc(32, 2));
    assert.deepEqual(range.root(), nodeHash(HASH, Buffer.alloc(32, 2)));
    // One leaf completes 2^32: every kept hash goes into one, which a 32-bit shift would not see.
    const nearly = CompactRange.fromFrontier(2 ** 32 - 1, Buffer.alloc(32 * 32));
    nearly.append(HASH);
    assert.equal(nearly.frontier().length, 32);
    const full = CompactRange.fromFrontier(MAX, Buffer.alloc(53 * 32));
    assert.throws(() => full.append(HASH), RangeError);
    assert.equal(full.size, MAX);
  });
});

describe("what is no count or no hash", () => {
  it("is refused as ours or as somebody else's", () => {
    for (const bad of NO_COUNTS) {
      assert.throws(() => completeSubtrees(0, bad), RangeError);
      assert.throws(() => inclusionPlan(bad, 5), RangeError);
      assert.throws(() => inclusionPlan(0, bad), RangeError);
      assert.throws(() => consistencyPlan(bad, 5), RangeError);
      assert.throws(() => consistencyPlan(1, bad), RangeError);
      assert.throws(() => tileAt(0, bad, 5), RangeError);
      assert.throws(() => CompactRange.fromFrontier(bad, Buffer.alloc(0)), RangeError);
      assert.throws(() => rootFromInclusion(bad, 5, HASH, []), TlogError);
      assert.throws(() => rootFromInclusion(0, bad, HASH, []), TlogError);
      assert.throws(() => verifyConsistency(1, bad, [HASH], HASH, HASH), TlogError);
      assert.throws(() => entriesPath(bad, 1), /count/);
      assert.throws(() => tilePath({ level: bad, n: 0, width: 1 }), /level/);
      assert.throws(() => tilePath({ level: 0, n: 0, width: bad }), /width/);
    }
    assert.throws(() => rootFromInclusion(0n, 2n ** 64n, HASH, []), /2\^64/);
    assert.throws(() => rootFromInclusion(-1n, 1n, HASH, []), /2\^64/);
  });
  it("is refused as a hash of another length", () => {
    const short = HASH.subarray(1);
    assert.throws(() => nodeHash(short, HASH), /32 bytes/);
    assert.throws(() => nodeHash(HASH, short), /32 bytes/);
    assert.throws(() => new CompactRange().append(short), /32 bytes/);
    assert.throws(() => rootFromInclusion(0, 1, short, []), TlogError);
    assert.throws(() => rootFromInclusion(0, 2, HASH, [short]), TlogError);
    assert.throws(() => verifyConsistency(1, 2, [short], HASH, HASH), TlogError);
    assert.throws(() => verifyConsistency(1, 2, [HASH], short, HASH), TlogError);
    assert.throws(() => verifyConsistency(3, 5, [HASH, short], HASH, HASH), TlogError);
  });
});

describe("proofs of nothing", () => {
  it("are not planned", () => {
    assert.throws(() => inclusionPlan(0, 0), RangeError);
    assert.throws(() => inclusionPlan(5, 5), RangeError);
    assert.throws(() => consistencyPlan(0, 5), RangeError);
    assert.throws(() => consistencyPlan(6, 5), RangeError);
    assert.throws(() => completeSubtrees(3, 5), RangeError);
    assert.throws(() => completeSubtrees(5, 4), RangeError);
  });
  it("are not believed", () => {
    assert.throws(() => verifyConsistency(0, 0, [], emptyRoot(), emptyRoot()), /empty tree/);
    assert.throws(() => verifyConsistency(0, 5, [], emptyRoot(), HASH), /empty tree/);
    assert.throws(() => verifyConsistency(6, 5, [], HASH, HASH), /larger/);
    assert.throws(() => verifyConsistency(5, 5, [HASH], HASH, HASH), /empty/);
    assert.throws(() => verifyConsistency(5, 5, [], HASH, emptyRoot()), /other roots/);
    assert.throws(() => verifyInclusion(0, 0, HASH, [], emptyRoot()), /not in a tree/);
    assert.throws(() => verifyInclusion(0, 1, HASH, [], emptyRoot()), /another root/);
  });
});

describe("proofs that are too long", () => {
  it("are refused even where their hashes lead to the root", () => {
    const [a, b, c, d] = sampleLeaves(4) as [Buffer, Buffer, Buffer, Buffer];
    assert.throws(() => verifyInclusion(0, 1, a, [d], nodeHash(d, a)), /too long/);
    const [oldRoot, root] = [nodeHash(c, a), nodeHash(c, nodeHash(a, b))];
    verifyConsistency(3, 4, [a, b, c], oldRoot, root);
    assert.throws(() => verifyConsistency(3, 4, [a, b, c, d], nodeHash(d, oldRoot), nodeHash(d, root)), /too long/);
  });
});

describe("a compact range", () => {
  it("is not taken from a frontier that does not fit its size", () => {
    assert.throws(() => CompactRange.fromFrontier(3, Buffer.alloc(32)), TlogError);
    assert.throws(() => CompactRange.fromFrontier(3, Buffer.alloc(65)), TlogError);
    assert.throws(() => CompactRange.fromFrontier(0, Buffer.alloc(32)), TlogError);
    assert.deepEqual(CompactRange.fromFrontier(0, Buffer.alloc(0)).root(), emptyRoot());
  });
  it("keeps its own copy of what it was given", () => {
    const leaf = Buffer.from(HASH);
    const range = new CompactRange();
    range.append(leaf);
    const copy = CompactRange.fromFrontier(1, leaf);
    leaf.fill(9);
    assert.deepEqual([range.root(), copy.root()], [HASH, HASH]);
    range.root().fill(9);
    assert.deepEqual(range.root(), HASH);
  });
});

describe("tiles", () => {
  const leaves = sampleLeaves(300);
  const tree = new MemoryTree(leaves);
  it("are refused when one is missing, too narrow or too wide", () => {
    const edge = rightEdge(300).map((tile) => tree.tile(tile));
    assert.deepEqual(rootFromRightEdge(300, edge), naiveRoot(leaves));
    assert.throws(() => rootFromRightEdge(300, edge.slice(1)), TlogError);
    assert.throws(() => rootFromRightEdge(300, [edge[0]!.subarray(32), edge[1]!]), TlogError);
    assert.throws(() => rootFromRightEdge(300, [Buffer.concat([edge[0]!, HASH]), edge[1]!]), TlogError);
    assert.throws(() => subtreeFromTile({ level: 2, index: 11 }, edge[0]!.subarray(0, 43 * 32)), TlogError);
    const read = subtreesFromTiles(300, new Map([["tile/0/001.p/44", edge[0]!.subarray(32)]]));
    assert.throws(() => read({ level: 0, index: 256 }), TlogError);
    assert.throws(() => read({ level: 0, index: 0 }), TlogError);
    assert.throws(() => read({ level: 0, index: 512 }), RangeError);
  });
  it("give the second root only if every bit of the edge is right", () => {
    const edge = rightEdge(300).map((tile) => tree.tile(tile));
    for (const bytes of edge) {
      for (let at = 0; at < bytes.length; at += 31) {
        bytes[at]! ^= 0x10;
        assert.notDeepEqual(rootFromRightEdge(300, edge), naiveRoot(leaves));
        bytes[at]! ^= 0x10;
      }
    }
  });
});
