import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { codeOfStep, fromBase32, parseOtpauth, stepAt } from "../../support/totp.js";

describe("the tests' own authenticator", () => {
  // RFC 6238, appendix B, SHA-1; the last six of the eight digits.
  const seed = Buffer.from("12345678901234567890", "ascii");
  for (const [seconds, code] of [
    [59, "287082"],
    [1_111_111_109, "081804"],
    [1_234_567_890, "005924"],
    [20_000_000_000, "353130"],
  ] as const) {
    it(`shows the RFC's code at ${String(seconds)} s`, () => {
      assert.equal(codeOfStep(seed, stepAt(30, seconds * 1000)), code);
    });
  }
  it("reads seed and period out of an otpauth URI", () => {
    const key = parseOtpauth("otpauth://totp/Rootkeep%20trial:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&period=1&digits=6");
    assert.deepEqual(key, { seed, periodSeconds: 1 });
  });
  it("reads base32 whose last character holds fewer bits than it could", () => {
    assert.deepEqual(fromBase32("GEZDGNBVGY3TQOJQGE"), Buffer.from("12345678901", "ascii"));
  });
});
