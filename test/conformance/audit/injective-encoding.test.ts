import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeFields } from "../../../src/kernel/encoding.js";
import { readVectors } from "./vector-file.js";

const vectors = readVectors("injective-encoding.json", { encodings: ["name", "fields", "hex"] });

describe("injective encoding vectors", () => {
  for (const { name, fields, hex } of vectors.encodings) {
    it(`encodes ${name} [IE-1] [IE-2]`, () => {
      const parts = (JSON.parse(fields) as string[]).map((field) => Buffer.from(field, "hex"));
      assert.equal(encodeFields(parts).toString("hex"), hex);
    });
  }
  it("has no two vectors with the same bytes [IE-3]", () => {
    assert.equal(new Set(vectors.encodings.map(({ hex }) => hex)).size, vectors.encodings.length);
  });
  it("takes text as its UTF-8 bytes, and refuses text that has none [IE-4]", () => {
    assert.deepEqual(encodeFields(["Ä"]), encodeFields([Buffer.from("c384", "hex")]));
    assert.throws(() => encodeFields(["\ud800"]));
  });
});
