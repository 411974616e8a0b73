import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { buildEntry, parseEntry } from "../../../src/audit/entry.js";
import { brokenRule, isHash, isOrigin } from "../../../src/audit/entry-form.js";
import { SAMPLE_ORIGIN, sampleDraft, sampleTime } from "../../support/sample-log.js";

// The forms are read without a branch for each character, and the origin is remembered; the patterns here are the plain way to say them.
const HASH = /^[0-9a-f]{64}$/;
const EVENT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[478][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const ID = "01980a00-b0c0-8000-9000-d0000e00000f";
const entry = parseEntry(
  buildEntry(sampleDraft(1), { log: SAMPLE_ORIGIN, seq: 1, prev: Buffer.alloc(32, 0x1a), time: sampleTime(1) }).bytes,
);

function isGoodId(id: string): boolean {
  const rule = brokenRule({ ...entry, id });
  assert.ok(rule === null || rule.endsWith("[AE-6]"), String(rule));
  return rule === null;
}

/** `text` with `unit` in the place of the character at `place`. */
function withUnit(text: string, place: number, unit: string): string {
  return text.slice(0, place) + unit + text.slice(place + 1);
}

describe("the form of a hash [AE-4]", () => {
  it("has no other UTF-16 code unit than the sixteen digits", () => {
    for (let code = 0; code < 65_536; code++) {
      const text = withUnit("0".repeat(64), code % 64, String.fromCharCode(code));
      assert.equal(isHash(text), HASH.test(text), String(code));
    }
  });
  it("is looked at from the first to the last digit, and has 64", () => {
    for (let place = 0; place < 64; place++) assert.equal(isHash(withUnit("af09".repeat(16), place, "g")), false, String(place));
    for (const text of ["", "0".repeat(63), "0".repeat(65), `${"0".repeat(64)}\n`, 64, null]) assert.equal(isHash(text), false);
    assert.equal(isHash("af09".repeat(16)), true);
  });
});

describe("the form of an event id [AE-6]", () => {
  it("allows at each place what the pattern allows", () => {
    const units = "0123456789abcdefgABF-_. \n\0ü\u0130\uff11\ud800".split("");
    for (let place = 0; place < ID.length; place++) {
      for (const unit of units) {
        const id = withUnit(ID, place, unit);
        assert.equal(isGoodId(id), EVENT_ID.test(id), JSON.stringify(id));
      }
    }
    assert.equal(isGoodId(ID), true);
  });
  it("allows nothing that the pattern refuses", () => {
    const bent = fc.tuple(fc.constantFrom(ID, `${ID}0`, ID.slice(1), ID.toUpperCase(), `${ID}\n`), fc.nat(35), fc.string({ maxLength: 2 }));
    fc.assert(
      fc.property(bent, ([text, place, unit]) => {
        const id = withUnit(text, place, unit);
        assert.equal(isGoodId(id), EVENT_ID.test(id));
      }),
    );
  });
});

describe("the form of an origin [AE-5]", () => {
  it("is asked of each text, whatever was found good before it", () => {
    for (const bad of ["", "rootkeep.example", `${SAMPLE_ORIGIN} `, SAMPLE_ORIGIN.toUpperCase(), undefined, null, 0, [SAMPLE_ORIGIN]]) {
      assert.equal(isOrigin(SAMPLE_ORIGIN), true);
      assert.equal(isOrigin(bad), false);
      assert.equal(isOrigin(bad), false);
    }
    assert.equal(isOrigin("other.example/log/1"), true);
    assert.equal(isOrigin(SAMPLE_ORIGIN), true);
  });
});
