import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canonicalBytes } from "../../../src/audit/canonical-json.js";
import { HeadsTree, headsRoot, type StreamTip, tipHash, verifyTip } from "../../../src/audit/stream-heads.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { naiveRoot } from "../../support/tlog-tree.js";
import { readVectors } from "./vector-file.js";

const vectors = readVectors("stream-heads.json", {
  acts: ["leaf"],
  tips: ["stream", "size", "leaf", "bytes", "hash", "proof"],
  roots: ["tips", "root"],
});

const hex = (text: string): Buffer => Buffer.from(text, "hex");
const tips = vectors.tips.map(({ stream, size, leaf }): StreamTip => ({ stream, size: Number(size), leaf: hex(leaf) }));
const root = hex(vectors.roots.at(-1)!.root);

describe("stream heads vectors", () => {
  for (const [index, { stream, leaf, size, bytes, hash }] of vectors.tips.entries()) {
    it(`hashes the tip of ${stream} [AC-2]`, () => {
      assert.equal(canonicalBytes({ leaf, size: Number(size), stream }).toString("utf8"), bytes);
      assert.equal(tipHash(tips[index]!).toString("hex"), hash);
    });
  }
  for (const vector of vectors.roots) {
    it(`has the root over ${vector.tips} tips [AC-3]`, async () => {
      assert.equal((await headsRoot(tips.slice(0, Number(vector.tips)))).toString("hex"), vector.root);
    });
  }
  it("takes for the head of the global acts the root over their leaf hashes [AC-5]", () => {
    assert.deepEqual(tips.at(-1)?.leaf, naiveRoot(vectors.acts.map(({ leaf }) => hex(leaf))));
  });
  for (const [index, { stream, proof }] of vectors.tips.entries()) {
    it(`proves the tip of ${stream}, and refuses it with any part of it changed [AC-4]`, async () => {
      const proven = await (await HeadsTree.of(tips)).prove(stream);
      assert.equal(proven?.hashes.map((hash) => hash.toString("hex")).join(" "), proof);
      assert.equal(proven.index, index);
      verifyTip(proven, tips.length, root);
      const { tip, hashes } = proven;
      const refused = [
        { ...proven, tip: { ...tip, size: tip.size - 1 } },
        { ...proven, tip: { ...tip, stream: `${stream.slice(0, -1)}0` } },
        { ...proven, tip: { ...tip, leaf: tips[(index + 1) % tips.length]!.leaf } },
        { ...proven, index: (index + 1) % tips.length },
        { ...proven, hashes: hashes.slice(1) },
      ];
      for (const bad of refused) assert.throws(() => verifyTip(bad, tips.length, root), TlogError);
    });
  }
});
