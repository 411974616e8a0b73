import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeFields, uint32, utf8 } from "../../../src/kernel/encoding.js";

/** Lists that a careless encoding would make equal. */
const LISTS: readonly (readonly (string | Uint8Array)[])[] = [
  [],
  [""],
  ["", ""],
  ["ab", "c"],
  ["a", "bc"],
  ["abc"],
  ["a", "b", "c"],
  ["\0"],
  ["\0\0\0\u0001", "a"],
  [Buffer.from([0, 0, 0, 1, 0x61])],
  ["A\u030a"],
  ["\u00c5"],
];

describe("the injective encoding", () => {
  it("gives different bytes to lists that look alike [IE-3]", () => {
    const encoded = LISTS.map((list) => encodeFields(list).toString("hex"));
    assert.equal(new Set(encoded).size, LISTS.length);
  });

  it("puts the count first, then each field behind its length [IE-1]", () => {
    assert.equal(encodeFields(["ab", "c"]).toString("hex"), "000000020000000261620000000163");
  });

  it("counts bytes, not characters [IE-1]", () => {
    assert.equal(encodeFields(["Ä"]).toString("hex"), "0000000100000002c384");
  });

  it("takes a view of a larger buffer as what it shows", () => {
    const slab = Buffer.from("xxabcxx");
    assert.deepEqual(encodeFields([slab.subarray(2, 5)]), encodeFields(["abc"]));
  });

  for (const text of ["\ud800", "\udc00", "a\ud83d", "\ude00\ud83d"]) {
    it(`refuses the lone surrogate in ${JSON.stringify(text)}, which UTF-8 would replace [IE-4]`, () => {
      assert.throws(() => encodeFields(["a", text]), { message: "text is not well-formed Unicode" });
      assert.throws(() => utf8(text), { message: "text is not well-formed Unicode" });
    });
  }

  it("takes a pair of surrogates that belong together", () => {
    assert.equal(utf8("\ud83d\ude00").toString("hex"), "f09f9880");
  });

  it("writes a number most significant byte first, and refuses one beyond 32 bits", () => {
    assert.equal(uint32(0x01020304).toString("hex"), "01020304");
    assert.throws(() => uint32(2 ** 32), RangeError);
    assert.throws(() => uint32(-1), RangeError);
  });
});
