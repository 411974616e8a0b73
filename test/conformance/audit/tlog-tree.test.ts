import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { verifyConsistency, verifyInclusion } from "../../../src/audit/tlog/proof.js";
import { consistencyProof, inclusionProof } from "../../../src/audit/tlog/proof-plan.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { CompactRange, emptyRoot, nodeHash } from "../../../src/audit/tlog/tree.js";
import { MemoryTree } from "../../support/tlog-tree.js";
import { NO_SHARED_VECTORS, readVectors, SHARED_VECTORS } from "./vector-file.js";

const vectors = readVectors("tlog-tree.json", {
  leaves: ["name", "data", "hash"],
  nodes: ["left", "right", "hash"],
  roots: ["size", "root"],
  inclusion: ["index", "size", "proof"],
  consistency: ["oldSize", "size", "proof"],
});
const leaves = vectors.leaves.slice(0, 8).map(({ hash }) => Buffer.from(hash, "hex"));
const roots = vectors.roots.map(({ root }) => Buffer.from(root, "hex"));
const hashesOf = (hexes: string): Buffer[] => hexes.split(" ").flatMap((hex) => (hex === "" ? [] : Buffer.from(hex, "hex")));

describe("RFC 6962 reference tree", () => {
  for (const { name, data, hash } of vectors.leaves) {
    it(`has the hash of ${name}`, () => assert.equal(leafHash(Buffer.from(data, "hex")).toString("hex"), hash));
  }
  for (const { left, right, hash } of vectors.nodes) {
    it(`has the node ${hash.slice(0, 8)}`, () => {
      assert.equal(nodeHash(Buffer.from(left, "hex"), Buffer.from(right, "hex")).toString("hex"), hash);
    });
  }
  for (const { size, root } of vectors.roots) {
    it(`has the root of size ${size}`, () => {
      const range = new CompactRange();
      for (const leaf of leaves.slice(0, Number(size))) range.append(leaf);
      assert.equal(range.root().toString("hex"), root);
      if (size === "0") assert.equal(emptyRoot().toString("hex"), root);
    });
  }
  for (const { index, size, proof } of vectors.inclusion) {
    it(`has the inclusion proof of leaf ${index} in size ${size}`, async () => {
      const made = await inclusionProof(Number(index), Number(size), new MemoryTree(leaves.slice(0, Number(size))).read);
      assert.deepEqual(made, hashesOf(proof));
      verifyInclusion(Number(index), Number(size), leaves[Number(index)]!, hashesOf(proof), roots[Number(size)]!);
    });
  }
  for (const { oldSize, size, proof } of vectors.consistency) {
    it(`has the consistency proof from size ${oldSize} to ${size}`, async () => {
      const made = await consistencyProof(Number(oldSize), Number(size), new MemoryTree(leaves.slice(0, Number(size))).read);
      assert.deepEqual(made, hashesOf(proof));
      verifyConsistency(Number(oldSize), Number(size), hashesOf(proof), roots[Number(oldSize)]!, roots[Number(size)]!);
    });
  }
});

/** The probes below a folder. Their sizes go beyond what JSON's numbers hold exactly, so the digits become text before they are read. */
function probesIn(folder: string): { readonly name: string; readonly probe: Readonly<Record<string, unknown>> }[] {
  if (NO_SHARED_VECTORS !== false) return [];
  const below = new URL(`rfc6962-proofs/${folder}/`, SHARED_VECTORS);
  const names = readdirSync(below, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
  return names.toSorted().map((name) => {
    const text = readFileSync(new URL(name, below), "utf8").replaceAll(/("(?:leafIdx|treeSize|size1|size2)": *)(\d+)/g, '$1"$2"');
    return { name, probe: JSON.parse(text) as Record<string, unknown> };
  });
}

describe("proofs of others", { skip: NO_SHARED_VECTORS }, () => {
  const bytes = (text: unknown): Buffer => Buffer.from((text ?? "") as string, "base64");
  const list = (texts: unknown): Buffer[] => ((texts ?? []) as string[]).map(bytes);
  const judge = (isWrong: unknown, check: () => void): void => {
    if (isWrong === true) assert.throws(check, TlogError);
    else assert.doesNotThrow(check);
  };
  const inclusion = probesIn("inclusion");
  const consistency = probesIn("consistency");
  for (const { name, probe } of inclusion) {
    it(`are judged rightly: inclusion/${name}`, () => {
      const [index, size] = [BigInt(probe["leafIdx"] as string), BigInt(probe["treeSize"] as string)];
      judge(probe["wantErr"], () => verifyInclusion(index, size, bytes(probe["leafHash"]), list(probe["proof"]), bytes(probe["root"])));
    });
  }
  for (const { name, probe } of consistency) {
    it(`are judged rightly: consistency/${name}`, () => {
      const [oldSize, size] = [BigInt(probe["size1"] as string), BigInt(probe["size2"] as string)];
      judge(probe["wantErr"], () => verifyConsistency(oldSize, size, list(probe["proof"]), bytes(probe["root1"]), bytes(probe["root2"])));
    });
  }
  it("are all there, good ones and bad ones of each kind", () => {
    for (const probes of [inclusion, consistency]) {
      assert.equal(probes.length, 98);
      assert.equal(new Set(probes.map(({ probe }) => probe["wantErr"])).size, 2);
    }
  });
});
