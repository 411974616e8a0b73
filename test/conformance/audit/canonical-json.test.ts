import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { canonicalBytes, parseCanonical } from "../../../src/audit/canonical-json.js";
import { NO_SHARED_VECTORS, readVectors, SHARED_VECTORS } from "./vector-file.js";

const vectors = readVectors("canonical-json.json", { canonical: ["name", "json", "hex"], refused: ["name", "hex"] });

describe("RK-JCS-1 vectors", () => {
  for (const { name, json, hex } of vectors.canonical) {
    it(`writes and reads ${name} [CJ-1] [CJ-2]`, () => {
      const bytes = Buffer.from(hex, "hex");
      assert.deepEqual(canonicalBytes(JSON.parse(json)), bytes);
      assert.deepEqual(parseCanonical(bytes), JSON.parse(json));
    });
  }
  for (const { name, hex } of vectors.refused) {
    it(`refuses ${name} [CJ-3] [CJ-8]`, () => {
      assert.throws(() => parseCanonical(Buffer.from(hex, "hex")));
    });
  }
});

describe("RFC 8785 vectors of others", { skip: NO_SHARED_VECTORS }, () => {
  const names = NO_SHARED_VECTORS === false ? readdirSync(new URL("jcs/input/", SHARED_VECTORS)) : [];
  for (const name of names) {
    const value: unknown =
      NO_SHARED_VECTORS === false ? JSON.parse(readFileSync(new URL(`jcs/input/${name}`, SHARED_VECTORS), "utf8")) : null;
    const expected = readFileSync(new URL(`jcs/output/${name}`, SHARED_VECTORS));
    if (name === "values.json") {
      it("refuses values.json, which holds fractions [CJ-3]", () => {
        assert.throws(() => canonicalBytes(value), /not a safe integer/);
      });
    } else {
      it(`writes ${name} to the byte`, () => {
        assert.equal(canonicalBytes(value).toString("hex"), expected.toString("hex"));
        const hex = readFileSync(new URL(`jcs/outhex/${name.replace("json", "txt")}`, SHARED_VECTORS), "utf8").replaceAll(/\s/g, "");
        assert.equal(canonicalBytes(value).toString("hex"), hex);
      });
    }
  }
});
