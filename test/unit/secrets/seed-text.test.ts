import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CREDENTIAL_RULES } from "../../../src/accounts/imported-credential.js";
import { totpAt } from "../../../src/keys/totp.js";
import { isBroken, parseSeedText, SEED_TEXT_RULES } from "../../../src/secrets/seed-text.js";

/** Of the domain's vectors (RFC 6238's seed). */
const BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const parsed = (text: string) => parseSeedText(Buffer.from(text, "utf8"));
const codeOf = (text: string): string => {
  const seed = parsed(text);
  assert.ok(!isBroken(seed), String(seed));
  return totpAt(seed, 59);
};

describe("the seed of a new device", () => {
  it("is taken as base32 or as an otpauth URI, and gives the same codes", () => {
    const uris = [
      `otpauth://totp/root@111122223333?secret=${BASE32}`,
      `otpauth://totp/Amazon%20Web%20Services:root?issuer=Amazon&secret=${BASE32}&algorithm=SHA1&digits=6&period=30`,
    ];
    for (const text of [BASE32, `${BASE32}\n`, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ\r\n", ...uris])
      assert.equal(codeOf(text), "287082");
  });

  it("is refused by name of the rule where it is no seed, or of a device that AWS does not have", () => {
    const cases: readonly (readonly [string, string])[] = [
      ["", CREDENTIAL_RULES.seedLength],
      ["GEZDGNBV", CREDENTIAL_RULES.seedLength],
      [BASE32.toLowerCase(), CREDENTIAL_RULES.seedAlphabet],
      [`${BASE32}GE`.replace("GEZD", "GE1D"), CREDENTIAL_RULES.seedAlphabet],
      [`${BASE32}B`, CREDENTIAL_RULES.seedForm],
      [`otpauth://hotp/x?secret=${BASE32}`, SEED_TEXT_RULES.type],
      ["otpauth://totp/x", SEED_TEXT_RULES.secret],
      [`otpauth://totp/x?secret=${BASE32}&secret=${BASE32}`, SEED_TEXT_RULES.secret],
      [`otpauth://totp/x?secret=${BASE32}&digits=8`, SEED_TEXT_RULES.parameters],
      [`otpauth://totp/x?secret=${BASE32}&period=60`, SEED_TEXT_RULES.parameters],
      [`otpauth://totp/x?secret=${BASE32}&algorithm=SHA256`, SEED_TEXT_RULES.parameters],
      [`otpauth://totp/x?secret=${BASE32}%20`, CREDENTIAL_RULES.seedAlphabet],
      ["AKIAIOSFODNN7EXAMPLE", CREDENTIAL_RULES.accessKey],
      ["otpauth://totp/x?secret=AKIAIOSFODNN7EXAMPLE", CREDENTIAL_RULES.accessKey],
    ];
    for (const [text, rule] of cases) assert.equal(parsed(text), rule, text);
  });

  it("is never repeated in a refusal", () => {
    const seed = parsed(`otpauth://totp/x?secret=${BASE32}1`);
    assert.ok(isBroken(seed) && !seed.includes("GEZD"));
  });
});
