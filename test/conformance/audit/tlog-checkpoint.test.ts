import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import { formatCosignature, parseCosignature } from "../../../src/audit/tlog/cosignature.js";
import { verifyConsistency, verifyInclusion } from "../../../src/audit/tlog/proof.js";
import { consistencyPlan, inclusionPlan, proofHashes } from "../../../src/audit/tlog/proof-plan.js";
import { rightEdge, rootFromRightEdge, subtreesFromTiles, tilesForPlan } from "../../../src/audit/tlog/tile.js";
import { tilePath } from "../../../src/audit/tlog/tile-path.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { CompactRange } from "../../../src/audit/tlog/tree.js";
import { parseVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { NO_SHARED_VECTORS, readVectors, SHARED_VECTORS } from "./vector-file.js";

const vectors = readVectors("tlog-checkpoint.json", {
  checkpoints: ["name", "text", "origin", "size", "root", "extensions"],
  bad: ["name", "text"],
  cosignatures: ["name", "payload", "time"],
  badCosignatures: ["name", "payload"],
});

describe("checkpoint vectors", () => {
  for (const { name, text, origin, size, root, extensions } of vectors.checkpoints) {
    it(`reads and writes ${name}`, () => {
      const checkpoint = parseCheckpoint(text);
      const lines = extensions === "" ? [] : extensions.split("\n");
      assert.deepEqual(checkpoint, { origin, size: Number(size), root: Buffer.from(root, "hex"), extensions: lines });
      assert.equal(formatCheckpoint(checkpoint), text);
    });
  }
  for (const { name, text } of vectors.bad) {
    it(`refuses ${name}`, () => assert.throws(() => parseCheckpoint(text), TlogError));
  }
  for (const { name, payload, time } of vectors.cosignatures) {
    it(`finds the time in ${name}`, () => {
      const bytes = Buffer.from(payload, "base64").subarray(4);
      const cosignature = parseCosignature(bytes);
      assert.equal(cosignature.time, Number(time));
      assert.deepEqual(formatCosignature(cosignature), bytes);
    });
  }
  for (const { name, payload } of vectors.badCosignatures) {
    it(`takes for no cosignature ${name}`, () => {
      assert.throws(() => parseCosignature(Buffer.from(payload, "base64").subarray(4)), TlogError);
    });
  }
});

describe("a sample log of others", { skip: NO_SHARED_VECTORS }, () => {
  const logKey = parseVerifierKey("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx");
  const leaves = "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten"
    .split(" ")
    .map((word) => leafHash(Buffer.from(word)));
  const fileOf = (path: string): Buffer => readFileSync(new URL(`tlog-sample/${path}`, SHARED_VECTORS));
  const open = (path: string): ReturnType<typeof openCheckpoint> => openCheckpoint(fileOf(path), { logs: [logKey], witnesses: [] });
  const tilesOf = (paths: readonly string[]): Map<string, Buffer> => new Map(paths.map((path) => [path, fileOf(path)]));

  for (let size = 0; size <= leaves.length; size++) {
    it(`has a signed checkpoint of size ${size}, whose root leaves and tiles lead to`, () => {
      const { checkpoint, text } = open(`checkpoint.${size}`);
      assert.equal(checkpoint.size, size);
      assert.equal(checkpoint.origin, logKey.name);
      assert.equal(formatCheckpoint(checkpoint), text);
      const range = new CompactRange();
      for (const leaf of leaves.slice(0, size)) range.append(leaf);
      assert.deepEqual(range.root(), checkpoint.root);
      const edge = rightEdge(size).map((tile) => fileOf(tilePath(tile)));
      assert.deepEqual(rootFromRightEdge(size, edge), checkpoint.root);
    });
  }
  it("has the newest checkpoint under the name that readers ask for", () => {
    assert.equal(open("checkpoint").checkpoint.size, 15);
  });
  it("has tiles that prove every entry in every checkpoint, and every checkpoint consistent with those before", async () => {
    for (let size = 1; size <= leaves.length; size++) {
      const { root } = open(`checkpoint.${size}`).checkpoint;
      for (let index = 0; index < size; index++) {
        const plan = inclusionPlan(index, size);
        const tiles = tilesOf(tilesForPlan(plan, size).map(tilePath));
        verifyInclusion(index, size, leaves[index]!, await proofHashes(plan, subtreesFromTiles(size, tiles)), root);
      }
      for (let oldSize = 1; oldSize < size; oldSize++) {
        const plan = consistencyPlan(oldSize, size);
        const tiles = tilesOf(tilesForPlan(plan, size).map(tilePath));
        const proof = await proofHashes(plan, subtreesFromTiles(size, tiles));
        verifyConsistency(oldSize, size, proof, open(`checkpoint.${oldSize}`).checkpoint.root, root);
      }
    }
  });
});
