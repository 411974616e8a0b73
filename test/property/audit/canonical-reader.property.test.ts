import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalJson, parseCanonical } from "../../../src/audit/canonical-json.js";

// A value's text in any of the ways in which JSON can write it: most are canonical in part, a few are in whole. The reader's quick way must
// never say yes where the writer says something else.

const number = fc.oneof(
  fc.integer({ min: -2000, max: 2000 }).map(String),
  fc.maxSafeInteger().map(String),
  fc.constantFrom(
    "0",
    "-0",
    "100",
    "1e2",
    "1E2",
    "1e+2",
    "10e1",
    "1.0e2",
    "12e3",
    "12000",
    "1.5e5",
    "0e5",
    "-1e3",
    "5.0",
    "1e-1",
    "9007199254740993",
  ),
);
const text = fc.oneof(
  fc.string({ maxLength: 4 }).map((value) => JSON.stringify(value)),
  fc.constantFrom(
    '"a"',
    '"\\u0061"',
    '"\\/"',
    '"/"',
    '"\\u001F"',
    '"\\u001f"',
    '"\\ud83d\\ude00"',
    '"\u{1F600}"',
    '"\\ud800"',
    '"\\u0000"',
    '"ü"',
  ),
);
const key = fc.oneof(
  fc.constantFrom('"a"', '"b"', '"aa"', '"ab"', '"10"', '"9"', '""', '"__proto__"', '"toJSON"', '"\u{1F602}"', '"\uFB33"', '"\\u0061"'),
  text,
);
const blank = fc.constantFrom("", "", "", "", " ", "\n");
const { json } = fc.letrec<{ json: string; object: string }>((tie) => ({
  json: fc.oneof({ maxDepth: 3 }, number, text, fc.constantFrom("true", "false", "null"), tie("object"), listOf(tie("json"), "[", "]")),
  object: objectOf(tie("json")),
}));

function listOf(items: fc.Arbitrary<string>, open: string, close: string): fc.Arbitrary<string> {
  return fc.tuple(fc.array(items, { maxLength: 4 }), blank).map(([list, gap]) => `${open}${list.join(`,${gap}`)}${close}`);
}

function objectOf(values: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const member = fc.tuple(key, blank, values).map(([name, gap, value]) => `${name}:${gap}${value}`);
  return listOf(member, "{", "}");
}

function isCanonical(source: string): boolean {
  try {
    return canonicalJson(JSON.parse(source)) === source;
  } catch {
    return false;
  }
}

function isRead(source: string): boolean {
  try {
    parseCanonical(Buffer.from(source, "utf8"));
    return true;
  } catch {
    return false;
  }
}

describe("the reader of canonical JSON", () => {
  const runs = { numRuns: Number(process.env["ROOTKEEP_TEST_JSON"] ?? "4000") };
  it("accepts a text exactly where the writer would write it [CJ-8]", () => {
    fc.assert(
      fc.property(objectOf(json), (source) => {
        assert.equal(isRead(source), isCanonical(source));
      }),
      runs,
    );
  });
  it("is not fooled by a number and a blank that make up for each other's length [CJ-8]", () => {
    for (const source of [
      '{"a":1e5,  "b":1}',
      '{"a":1e5   }',
      '{"a":-1e3  }',
      '{"b":1,"1":2}',
      '{"a":1,"a":2}',
      '{"ab":1,"aa":2}',
      '{"a":1,"":2}',
      '{"a":1e2}',
      '{"a":-0}',
      '{"a":[1e9       ]}',
    ]) {
      assert.equal(isRead(source), false, source);
    }
  });
});
