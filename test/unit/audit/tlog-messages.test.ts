import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatNote, parseSignatureLines, signNote } from "../../../src/audit/tlog/note.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { formatTlogProof, parseTlogProof } from "../../../src/audit/tlog/tlog-proof.js";
import {
  formatAddCheckpoint,
  formatCosignatures,
  formatWitnessSize,
  parseAddCheckpoint,
  parseCosignatures,
  parseWitnessSize,
} from "../../../src/audit/tlog/witness-messages.js";
import { noteSigner } from "../../support/tlog-keys.js";

const LOG = noteSigner("log.example/1", "ed25519", Buffer.alloc(32, 1));
const HASH = Buffer.alloc(32, 7);
const LINE = `${HASH.toString("base64")}\n`;
const SIGNATURE = await signNote("text\n", LOG.key, LOG.sign);
const NOTE = formatNote({ text: "text\n", signatures: [SIGNATURE] });
const withNote = (head: string): Buffer => Buffer.concat([Buffer.from(head, "utf8"), NOTE]);

describe("a request to a witness", () => {
  it("is read as it was written, with no hash and with 63", () => {
    for (const proof of [[], [HASH], Array.from({ length: 63 }, () => HASH)]) {
      const request = { oldSize: 5, proof, note: NOTE };
      assert.deepEqual(parseAddCheckpoint(formatAddCheckpoint(request)), request);
    }
    assert.equal(formatAddCheckpoint({ oldSize: 0, proof: [], note: NOTE }).toString("utf8"), `old 0\n\n${NOTE.toString("utf8")}`);
  });
  it("is not written with a proof from nothing, with 64 hashes or with a short one", () => {
    assert.throws(() => formatAddCheckpoint({ oldSize: 0, proof: [HASH], note: NOTE }), TlogError);
    assert.throws(() => formatAddCheckpoint({ oldSize: 1, proof: Array.from({ length: 64 }, () => HASH), note: NOTE }), TlogError);
    assert.throws(() => formatAddCheckpoint({ oldSize: 1, proof: [HASH.subarray(1)], note: NOTE }), TlogError);
  });
  const bad = [
    "",
    "\n",
    "old\n\n",
    "old \n\n",
    "old 05\n\n",
    "old -1\n\n",
    "old 9007199254740992\n\n",
    "Old 5\n\n",
    "old 5 \n\n",
    "old 5\n",
    `old 5\n${LINE}`,
    "old 5\nAAAA\n\n",
    `old 5\n ${LINE}\n`,
    `${LINE}old 5\n\n`,
    "old 5\r\n\r\n",
  ];
  for (const head of bad) {
    it(`is malformed when it begins ${JSON.stringify(head)}`, () => assert.throws(() => parseAddCheckpoint(withNote(head)), TlogError));
  }
  it("is malformed without a note behind it", () => {
    assert.throws(() => parseAddCheckpoint(Buffer.from("old 5\n\n")), TlogError);
    assert.throws(() => parseAddCheckpoint(Buffer.from("old 5\n\ntext\n")), TlogError);
  });
});

describe("a witness's answer", () => {
  it("is read as it was written: cosignatures", () => {
    assert.deepEqual(parseCosignatures(formatCosignatures([SIGNATURE, SIGNATURE])), [SIGNATURE, SIGNATURE]);
    assert.deepEqual(parseSignatureLines(formatCosignatures([SIGNATURE]).toString("utf8")), [SIGNATURE]);
    for (const body of ["", "\n", "— a\n", "<html>\n"]) assert.throws(() => parseCosignatures(Buffer.from(body, "utf8")), TlogError);
  });
  it("is read as it was written: its size", () => {
    for (const size of [0, 7, 2 ** 53 - 1]) assert.equal(parseWitnessSize(formatWitnessSize(size)), size);
    assert.throws(() => formatWitnessSize(-1), RangeError);
    for (const body of ["", "7", "\n", "07\n", "7\n\n", " 7\n", "7 \n", "9007199254740992\n", "99999999999999999\n"]) {
      assert.throws(() => parseWitnessSize(Buffer.from(body, "utf8")), TlogError);
    }
  });
});

describe("a proof file", () => {
  it("is read as it was written, with further bytes and without", () => {
    for (const extra of [null, Buffer.alloc(0), Buffer.from("more")]) {
      const proof = { extra, index: 73_894, hashes: [HASH, HASH], note: NOTE };
      assert.deepEqual(parseTlogProof(formatTlogProof(proof)), proof);
    }
    const single = { extra: null, index: 0, hashes: [], note: NOTE };
    assert.deepEqual(parseTlogProof(formatTlogProof(single)), single);
  });
  const first = "c2sp.org/tlog-proof@v1\n";
  const bad = [
    "",
    "\n",
    first,
    `${first}\n`,
    `${first}index\n\n`,
    `${first}index \n\n`,
    `${first}index 01\n\n`,
    `${first}index -1\n\n`,
    `${first}index 1 \n\n`,
    `${first}${LINE}\n`,
    `${first}index 1\nAAAA\n\n`,
    `${first}index 1\nextra AAAA\n\n`,
    `${first}extra A\nindex 1\n\n`,
    `${first}extra AAAA\n\n`,
    `${first}extra AAAA\nextra AAAA\nindex 1\n\n`,
    "c2sp.org/tlog-proof@v2\nindex 1\n\n",
    `\n${first}index 1\n\n`,
    `${first}index 1\r\n\n`,
    `${first}index 1\n${LINE.repeat(64)}\n`,
  ];
  for (const head of bad) {
    it(`is malformed when it begins ${JSON.stringify(head.slice(0, 100))}`, () =>
      assert.throws(() => parseTlogProof(withNote(head)), TlogError));
  }
  it("is not written with an index or hashes that could not be read", () => {
    assert.throws(() => formatTlogProof({ extra: null, index: -1, hashes: [], note: NOTE }), TlogError);
    assert.throws(() => formatTlogProof({ extra: null, index: 1, hashes: [HASH.subarray(1)], note: NOTE }), TlogError);
    assert.throws(() => formatTlogProof({ extra: null, index: 1, hashes: [], note: Buffer.from("no note") }), TlogError);
  });
});
