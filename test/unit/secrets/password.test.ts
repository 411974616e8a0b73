import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { generateAwsPassword, isAcceptableAwsPassword } from "../../../src/secrets/password.js";

const next = (chars?: number) => generateAwsPassword(chars).expose((bytes) => bytes.toString("ascii"));

describe("generated root password", () => {
  it("has 48 characters unless told, and any length from 32 to 128", () => {
    assert.equal(next().length, 48);
    for (const chars of [32, 128]) assert.equal(next(chars).length, chars);
    for (const chars of [0, 31, 129, 40.5, Number.NaN]) assert.throws(() => next(chars));
  });

  it("has every class and is acceptable to AWS, each time", () => {
    for (let round = 0; round < 500; round++) {
      const password = next(32);
      for (const characters of [/[A-Z]/, /[a-z]/, /[2-9]/, /[!@#$%^&*()[\]{}_+\-=]/]) assert.match(password, characters);
      assert.ok(isAcceptableAwsPassword(password));
    }
  });

  it("uses every character of the alphabet and no look-alike", () => {
    const seen = new Set(Array.from({ length: 200 }, () => next(128)).join(""));
    assert.equal(seen.size, 24 + 24 + 8 + 18);
    for (const character of "0Oo1lI|<> \"'\\") assert.equal(seen.has(character), false, character);
  });

  it("is another one each time", () => {
    assert.equal(new Set(Array.from({ length: 200 }, () => next())).size, 200);
  });
});

describe("AWS's rule for root passwords", () => {
  const cases: [string, boolean][] = [
    ["Abcdef1!", true],
    ["Abcdefg1", true],
    ["abcdefg1!", true],
    ["Abcde1!", false],
    ["abcdefgh1", false],
    ["ABCDEFGHI!", false],
    [`Aa1${"x".repeat(125)}`, true],
    [`Aa1${"x".repeat(126)}`, false],
    ["Abcdef1 with blanks", true],
    ["Abcdef1\n", false],
    ["Abcdéf1!", false],
  ];
  for (const [password, isAcceptable] of cases) {
    it(`${isAcceptable ? "takes" : "refuses"} ${JSON.stringify(password.slice(0, 24))} of ${password.length} characters`, () => {
      assert.equal(isAcceptableAwsPassword(password), isAcceptable);
    });
  }

  it("refuses the account's name or e-mail in any case", () => {
    assert.equal(isAcceptableAwsPassword("Root-1@Example.com", ["root-1@example.com"]), false);
    assert.equal(isAcceptableAwsPassword("Root-1@Example.com", ["root-2@example.com"]), true);
  });
});
