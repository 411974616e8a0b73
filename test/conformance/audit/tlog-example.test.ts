import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { encodeBundle } from "../../../src/audit/bundle.js";
import { leafHash } from "../../../src/audit/chain.js";
import { formatCheckpoint, openCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import {
  cosignNote,
  formatNote,
  parseNote,
  parseSignatureLines,
  signatureLine,
  signNote,
  verifyNote,
} from "../../../src/audit/tlog/note.js";
import { parsePolicy } from "../../../src/audit/tlog/policy.js";
import { verifyConsistency } from "../../../src/audit/tlog/proof.js";
import { consistencyProof, inclusionProof } from "../../../src/audit/tlog/proof-plan.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { formatTlogProof, parseTlogProof, verifyTlogProof } from "../../../src/audit/tlog/tlog-proof.js";
import { CompactRange } from "../../../src/audit/tlog/tree.js";
import { formatVerifierKey, parseVerifierKey, SIGNATURE_TYPE } from "../../../src/audit/tlog/verifier-key.js";
import { formatAddCheckpoint, parseAddCheckpoint } from "../../../src/audit/tlog/witness-messages.js";
import { noteSigner } from "../../support/tlog-keys.js";
import { MemoryTree } from "../../support/tlog-tree.js";
import { readVectors } from "./vector-file.js";

// A log of three entries with a log's and a witness's key, to the byte.
const vectors = readVectors("tlog-example.json", {
  keys: ["vkey", "seed", "preimage"],
  entries: ["entry", "leaf"],
  checkpoints: ["size", "root", "text", "note"],
  cosignatures: ["time", "text", "line"],
  consistency: ["oldSize", "size", "proof", "request"],
  files: ["path", "bytes", "start", "sha256"],
  proofs: ["index", "proof"],
});
const entries = vectors.entries.map(({ entry }) => Buffer.from(entry, "utf8"));
const leaves = entries.map((entry) => leafHash(entry));
const tree = new MemoryTree(leaves);
const keys = vectors.keys.map(({ vkey }) => parseVerifierKey(vkey));
const [logKey, witnessKey] = [keys[0]!, keys[1]!];
const signers = vectors.keys.map(({ seed }, index) => {
  const { name, type } = keys[index]!;
  return noteSigner(name, type === SIGNATURE_TYPE.cosignature ? "cosignature" : "ed25519", Buffer.from(seed, "hex"));
});
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("the example of a small log", () => {
  vectors.keys.forEach(({ vkey, preimage }, index) => {
    it(`has the key ${vkey}`, () => {
      assert.equal(formatVerifierKey(signers[index]!.key), vkey);
      assert.equal(sha256(Buffer.from(preimage, "hex")).slice(0, 8), keys[index]!.keyId.toString(16).padStart(8, "0"));
    });
  });
  vectors.entries.forEach(({ leaf }, index) => {
    it(`has leaf ${index}`, () => assert.equal(leaves[index]!.toString("hex"), leaf));
  });
  for (const { size, root, text, note } of vectors.checkpoints) {
    it(`has checkpoint ${size}, signed to the byte`, async () => {
      const range = new CompactRange();
      for (const leaf of leaves.slice(0, Number(size))) range.append(leaf);
      assert.equal(range.root().toString("hex"), root);
      assert.equal(formatCheckpoint({ origin: logKey.name, size: Number(size), root: range.root(), extensions: [] }), text);
      const signature = await signNote(text, logKey, signers[0]!.sign);
      assert.equal(formatNote({ text, signatures: [signature] }).toString("utf8"), note);
      const opened = openCheckpoint(Buffer.from(note, "utf8"), { logs: [logKey], witnesses: [] });
      assert.deepEqual(opened.checkpoint.root, range.root());
    });
  }
  for (const { time, text, line } of vectors.cosignatures) {
    it("has a witness's cosignature, to the byte", async () => {
      assert.equal(signatureLine(await cosignNote(text, witnessKey, Number(time), signers[1]!.sign)), line);
      const verified = verifyNote({ text, signatures: parseSignatureLines(line) }, [witnessKey]);
      assert.deepEqual(verified, [{ key: witnessKey, time: Number(time) }]);
    });
  }
  for (const { oldSize, size, proof, request } of vectors.consistency) {
    it(`has the request to a witness from size ${oldSize} to ${size}`, async () => {
      const hashes = proof.split(" ").map((hex) => Buffer.from(hex, "hex"));
      assert.deepEqual(await consistencyProof(Number(oldSize), Number(size), tree.read), hashes);
      const [from, to] = [vectors.checkpoints[Number(oldSize) - 1]!, vectors.checkpoints[Number(size) - 1]!];
      verifyConsistency(Number(oldSize), Number(size), hashes, Buffer.from(from.root, "hex"), Buffer.from(to.root, "hex"));
      const body = { oldSize: Number(oldSize), proof: hashes, note: Buffer.from(to.note, "utf8") };
      assert.equal(formatAddCheckpoint(body).toString("utf8"), request);
      assert.deepEqual(parseAddCheckpoint(Buffer.from(request, "utf8")), body);
    });
  }
  for (const { path, bytes, start, sha256: digest } of vectors.files) {
    it(`has ${path}`, () => {
      const file = path.includes("entries") ? encodeBundle(entries) : tree.tile({ level: 0, n: 0, width: 3 });
      assert.equal(file.length, Number(bytes));
      assert.equal(file.toString("hex").slice(0, start.length), start);
      assert.equal(sha256(file), digest);
    });
  }
  for (const { index, proof } of vectors.proofs) {
    it(`has the proof of entry ${index}, which a policy with the witness believes`, async () => {
      const parsed = parseTlogProof(Buffer.from(proof, "utf8"));
      assert.deepEqual(parsed.hashes, await inclusionProof(Number(index), 3, tree.read));
      assert.deepEqual(parseNote(parsed.note).signatures.length, 2);
      assert.equal(formatTlogProof(parsed).toString("utf8"), proof);
      const policy = parsePolicy(Buffer.from(`log ${vectors.keys[0]!.vkey}\nwitness w1 ${vectors.keys[1]!.vkey}\nquorum w1\n`, "utf8"));
      const opened = verifyTlogProof(parsed, leaves[Number(index)]!, policy);
      assert.deepEqual([...opened.witnesses], ["w1"]);
      assert.equal(opened.cosignatures[0]?.time, 1767225603);
      assert.throws(() => verifyTlogProof(parsed, leaves[0]!, policy), TlogError);
      assert.throws(() => verifyTlogProof({ ...parsed, index: 0 }, leaves[1]!, policy), TlogError);
    });
  }
});
