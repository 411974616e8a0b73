import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeFields } from "../../../src/kernel/encoding.js";

const field = fc.uint8Array({ maxLength: 12 });
const fields = fc.array(field, { maxLength: 6 });

/** Reads an encoding back. The program has no such reader; that there can be one is the proof that no two lists share their bytes. */
function decode(bytes: Buffer): Buffer[] {
  const count = bytes.readUInt32BE(0);
  const found: Buffer[] = [];
  let at = 4;
  for (let index = 0; index < count; index++) {
    const length = bytes.readUInt32BE(at);
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  assert.equal(at, bytes.length);
  return found;
}

describe("the injective encoding, for any lists", () => {
  it("can be read back, so two lists never have the same bytes [IE-3]", () => {
    fc.assert(
      fc.property(fields, (list) => {
        assert.deepEqual(
          decode(encodeFields(list)).map((part) => part.toString("hex")),
          list.map((part) => Buffer.from(part).toString("hex")),
        );
      }),
    );
  });

  it("of text is that of its UTF-8 bytes [IE-4]", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 8 }), { maxLength: 5 }), (texts) => {
        assert.deepEqual(encodeFields(texts), encodeFields(texts.map((text) => Buffer.from(text, "utf8"))));
      }),
    );
  });
});
