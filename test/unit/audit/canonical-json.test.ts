import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CANONICAL_DEPTH_MAX, canonicalJson, parseCanonical } from "../../../src/audit/canonical-json.js";

class Point {
  readonly x = 1;
}
class Row extends Array<number> {}

const circle: Record<string, unknown> = {};
circle["self"] = circle;
const holed: unknown[] = [1, 2, 3];
Reflect.deleteProperty(holed, "1");

const REFUSED: readonly { readonly name: string; readonly value: unknown; readonly clause: string }[] = [
  { name: "undefined", value: { a: undefined }, clause: "CJ-3" },
  { name: "undefined in a list", value: [undefined], clause: "CJ-3" },
  { name: "a function", value: { a: (): number => 1 }, clause: "CJ-3" },
  { name: "a symbol", value: { a: Symbol("a") }, clause: "CJ-3" },
  { name: "a symbol key", value: { [Symbol("a")]: 1 }, clause: "CJ-3" },
  { name: "a hidden key", value: Object.defineProperty({}, "a", { value: 1, enumerable: false }), clause: "CJ-3" },
  { name: "a bigint", value: { a: 1n }, clause: "CJ-3" },
  { name: "a fraction", value: { a: 1.5 }, clause: "CJ-3" },
  { name: "minus zero", value: { a: -0 }, clause: "CJ-3" },
  { name: "NaN", value: { a: Number.NaN }, clause: "CJ-3" },
  { name: "infinity", value: { a: Number.POSITIVE_INFINITY }, clause: "CJ-3" },
  { name: "a number beyond 2^53 - 1", value: { a: 2 ** 53 }, clause: "CJ-3" },
  { name: "a date", value: { a: new Date(0) }, clause: "CJ-3" },
  { name: "a map", value: { a: new Map([["a", 1]]) }, clause: "CJ-3" },
  { name: "a set", value: { a: new Set([1]) }, clause: "CJ-3" },
  { name: "a buffer", value: { a: Buffer.from("a") }, clause: "CJ-3" },
  { name: "an instance of a class", value: new Point(), clause: "CJ-3" },
  { name: "an instance of a list's class", value: Row.from([1]), clause: "CJ-3" },
  { name: "boxed text", value: { a: Object("a") as unknown }, clause: "CJ-3" },
  { name: "an object with toJSON", value: { toJSON: (): string => "x" }, clause: "CJ-3" },
  { name: "a list with a hole", value: holed, clause: "CJ-3" },
  { name: "a list with a property", value: Object.assign([1], { a: 1 }), clause: "CJ-3" },
  { name: "a lone surrogate", value: { a: "\ud800" }, clause: "CJ-5" },
  { name: "a lone surrogate in a key", value: { "\udc00": 1 }, clause: "CJ-5" },
  { name: "U+0000", value: { a: "a\0b" }, clause: "CJ-5" },
  { name: "U+0000 in a key", value: { "\0": 1 }, clause: "CJ-5" },
  { name: "a circle", value: circle, clause: "CJ-9" },
];

describe("canonical JSON", () => {
  for (const { name, value, clause } of REFUSED) {
    it(`throws on ${name} instead of dropping or coercing it [${clause}]`, () => {
      assert.throws(() => canonicalJson(value), /^Error: canonical JSON: /);
    });
  }
  it("writes keys by UTF-16 code units, numeric ones as text [CJ-4]", () => {
    assert.equal(canonicalJson({ 10: 1, 9: 2, "\ufb33": 3, "\u{1f602}": 4 }), '{"10":1,"9":2,"\u{1f602}":4,"\ufb33":3}');
  });
  it("writes the short escapes, lower-case hexadecimal ones, and nothing else escaped [CJ-6]", () => {
    assert.equal(canonicalJson('\b\t\n\f\r"\\/\u0001\u001f\u007fä\u2028'), '"\\b\\t\\n\\f\\r\\"\\\\/\\u0001\\u001f\u007fä\u2028"');
  });
  it("keeps text apart that differs only in Unicode's composition [CJ-5] [CJ-7]", () => {
    assert.notEqual(canonicalJson("A\u030a"), canonicalJson("\u00c5"));
  });
  it("takes an object without prototype, and shares nothing with the prototype of others [CJ-1]", () => {
    assert.equal(canonicalJson(Object.assign(Object.create(null) as object, { b: 1, a: [] })), '{"a":[],"b":1}');
  });
  it("survives hostile depth without running out of stack [CJ-9]", () => {
    const depth = 30_000;
    assert.throws(() => parseCanonical(Buffer.from(`{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`)), /nested too deeply/);
    const allowed = `{"a":${"[".repeat(CANONICAL_DEPTH_MAX - 1)}${"]".repeat(CANONICAL_DEPTH_MAX - 1)}}`;
    assert.doesNotThrow(() => parseCanonical(Buffer.from(allowed)));
  });
  it("quotes nothing of what it refuses [CJ-10]", () => {
    for (const text of ['{"a":MARKER}', '{"a":"MARKER" }', '{"MARKER":1.5}', '"MARKER"']) {
      assert.throws(
        () => parseCanonical(Buffer.from(text)),
        (error: Error) => !`${error.stack ?? ""}${String(error.cause)}`.includes("MARKER"),
      );
    }
  });
});
