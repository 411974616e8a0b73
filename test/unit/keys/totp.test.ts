import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { base32OfSeed, seedFromBase32, stepOf, totpAt, verifyTotp } from "../../../src/keys/totp.js";

const RFC_SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const AWS_SEED = "VZZ7NR2XTCHEDG4AZ3YEF7HACOS4FISFW4UPD6M4X4K5FAKAXB6X6MKDPNIO5N2Z";
const seedOf = (text: string) => seedFromBase32(Buffer.from(text)) ?? assert.fail("not a seed");

describe("totp", () => {
  const vectors: [string, number, string][] = [
    [RFC_SEED, 59, "287082"],
    [RFC_SEED, 1_111_111_109, "081804"],
    [RFC_SEED, 1_111_111_111, "050471"],
    [RFC_SEED, 1_234_567_890, "005924"],
    [RFC_SEED, 2_000_000_000, "279037"],
    [RFC_SEED, 20_000_000_000, "353130"],
    [AWS_SEED, 0, "797639"],
    [AWS_SEED, 59, "168943"],
    [AWS_SEED, 1_700_000_000, "642332"],
    [AWS_SEED, 1_700_000_030, "928194"],
    [AWS_SEED, 1_800_000_000, "310739"],
    [AWS_SEED, 1_800_000_030, "464373"],
  ];
  for (const [seed, time, code] of vectors) {
    it(`gives ${code} at ${time} for a seed of ${seed.length} characters (RFC 6238)`, () => {
      assert.equal(totpAt(seedOf(seed), time), code);
    });
  }

  it("takes seeds of 10 to 80 bytes and no others", () => {
    for (const size of [10, 20, 64, 80]) assert.match(totpAt(Buffer.alloc(size, 1), 59), /^[0-9]{6}$/);
    for (const size of [0, 9, 81]) assert.throws(() => totpAt(Buffer.alloc(size, 1), 59));
  });

  it("a code is accepted one step early or late and not two", () => {
    const seed = seedOf(RFC_SEED);
    const steps = [8, 9, 10, 11, 12].map((step) => verifyTotp(seed, totpAt(seed, step * 30), 10 * 30 + 7));
    assert.deepEqual(steps, [null, 9, 10, 11, null]);
  });

  it("a step that was accepted, and any before it, is refused", () => {
    const seed = seedOf(RFC_SEED);
    const code = totpAt(seed, 300);
    assert.equal(verifyTotp(seed, code, 300, 30, 1, 9), 10);
    assert.equal(verifyTotp(seed, code, 300, 30, 1, 10), null);
    assert.equal(verifyTotp(seed, code, 300, 30, 1, 11), null);
  });

  it("anything but six ASCII digits is refused", () => {
    const seed = seedOf(RFC_SEED);
    for (const code of ["", "28708", "2870820", "287 082", "２８７０８２", "------", "28708a", "287082\n"]) {
      assert.equal(verifyTotp(seed, code, 59), null);
    }
  });

  it("steps follow the period", () => {
    assert.deepEqual([stepOf(0), stepOf(29.999), stepOf(30), stepOf(59, 60)], [0, 0, 1, 0]);
    for (const [time, period] of [
      [-1, 30],
      [1, 0],
      [Number.NaN, 30],
      [1, 1.5],
    ] as const) {
      assert.throws(() => stepOf(time, period));
    }
  });
});

describe("seed from base32", () => {
  it("reads what people paste: blanks, dashes, lower case, padding", () => {
    for (const text of [RFC_SEED, RFC_SEED.toLowerCase(), "GEZD GNBV GY3T QOJQ-GEZD GNBV GY3T QOJQ"]) {
      assert.equal(seedOf(text).toString(), "12345678901234567890");
    }
    assert.equal(seedOf("GEZDGNBVGY3TQOJQGE======").toString(), "12345678901");
  });

  it("refuses other characters, text after padding, left-over bits and wrong sizes", () => {
    for (const text of [
      `${RFC_SEED}1`,
      `${RFC_SEED}=A`,
      "GEZDGNBVGY3TQOJQGF",
      "GEZDGNBVGY3TQOJQA",
      "",
      "GEZDGNBV",
      RFC_SEED.repeat(5),
      "é".repeat(20),
    ]) {
      assert.equal(seedFromBase32(Buffer.from(text)), null, text.slice(0, 8));
    }
  });

  it("is the reverse of base32", () => {
    assert.equal(base32OfSeed(seedOf(AWS_SEED)), AWS_SEED);
  });
});
