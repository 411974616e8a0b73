import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatNote, parseNote, parseSignatureLines, signatureLine, signNote, verifyNote } from "../../../src/audit/tlog/note.js";
import { TlogError } from "../../../src/audit/tlog/tlog-error.js";
import { formatVerifierKey, isKnownType, parseVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { noteSigner } from "../../support/tlog-keys.js";
import { readVectors } from "./vector-file.js";

const vectors = readVectors("tlog-note.json", {
  keys: ["name", "vkey", "type"],
  unknownKeys: ["name", "vkey"],
  badKeys: ["name", "vkey"],
  notes: ["name", "vkeys", "note", "signers"],
  refusedNotes: ["name", "vkeys", "note"],
  badNotes: ["name", "note"],
  signed: ["name", "seed", "vkey", "text", "line"],
});
const keysOf = (vkeys: string): ReturnType<typeof parseVerifierKey>[] => vkeys.split(" ").map(parseVerifierKey);

describe("verifier keys of others", () => {
  for (const { name, vkey, type } of vectors.keys) {
    it(`are read and written: ${name}`, () => {
      const key = parseVerifierKey(vkey);
      assert.equal(key.type, Number(type));
      assert.equal(formatVerifierKey(key), vkey);
    });
  }
  for (const { name, vkey } of vectors.unknownKeys) {
    it(`are carried, but check nothing: ${name}`, () => {
      const key = parseVerifierKey(vkey);
      assert.equal(isKnownType(key.type), false);
      assert.equal(formatVerifierKey(key), vkey);
    });
  }
  for (const { name, vkey } of vectors.badKeys) {
    it(`are refused: ${name}`, () => assert.throws(() => parseVerifierKey(vkey), TlogError));
  }
  it("are refused, or of an unknown type, when any part of one is missing or any letter is another", () => {
    const vkey = vectors.keys[1]!.vkey;
    const isUsable = (text: string): boolean => {
      try {
        return isKnownType(parseVerifierKey(text).type);
      } catch (error) {
        assert.ok(error instanceof TlogError);
        return false;
      }
    };
    assert.ok(isUsable(vkey));
    for (let start = 0; start < vkey.length; start++) {
      assert.equal(isUsable(`${vkey.slice(0, start)}${String.fromCharCode(vkey.charCodeAt(start) + 1)}${vkey.slice(start + 1)}`), false);
      for (let end = start + 1; end <= vkey.length; end++) {
        if (end - start < vkey.length) assert.equal(isUsable(vkey.slice(start, end)), false);
      }
    }
  });
});

describe("signed notes of others", () => {
  for (const { name, vkeys, note, signers } of vectors.notes) {
    it(`are read, written and verified: ${name}`, () => {
      const parsed = parseNote(Buffer.from(note, "utf8"));
      assert.equal(formatNote(parsed).toString("utf8"), note);
      const names = verifyNote(parsed, keysOf(vkeys)).map(({ key }) => key.name);
      assert.deepEqual(names, signers.split(" "));
    });
  }
  for (const { name, vkeys, note } of vectors.refusedNotes) {
    it(`are not believed: ${name}`, () => {
      const parsed = parseNote(Buffer.from(note, "utf8"));
      assert.throws(() => verifyNote(parsed, keysOf(vkeys)), TlogError);
    });
  }
  for (const { name, note } of vectors.badNotes) {
    it(`are malformed: ${name}`, () => assert.throws(() => parseNote(Buffer.from(note, "utf8")), TlogError));
  }
  for (const { name, seed, vkey, text, line } of vectors.signed) {
    it(`are signed to the byte: ${name}`, async () => {
      const [signature] = parseSignatureLines(line);
      const { key, sign } = noteSigner(signature!.name, "ed25519", Buffer.from(seed, "hex"));
      if (vkey !== "") assert.equal(formatVerifierKey(key), vkey);
      assert.equal(signatureLine(await signNote(text, key, sign)), line);
    });
  }
});
