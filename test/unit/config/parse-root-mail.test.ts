import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newRootAddress } from "../../../src/accounts/root-mail.js";
import { ConfigError, type RootMailConfig } from "../../../src/config/config.js";
import { parseConfig } from "../../../src/config/parse-config.js";

function formOf(text?: string): RootMailConfig | null {
  return parseConfig(text === undefined ? {} : { ROOTKEEP_ROOT_MAIL_DOMAIN: text }, { cwd: "/srv/vault" }).rootMail;
}

describe("the domain of root addresses", () => {
  it("is none unless told, and may say what stands around the random part", () => {
    assert.equal(formOf(), null);
    assert.deepEqual(formOf("aws.example.com"), { before: "", after: "", domain: "aws.example.com" });
    assert.deepEqual(formOf("root+*@aws.example.com"), { before: "root+", after: "", domain: "aws.example.com" });
    assert.deepEqual(formOf("a.*-x@example.com"), { before: "a.", after: "-x", domain: "example.com" });
  });

  it("never makes an address of more than the 64 characters that AWS takes", () => {
    const longest = `${"d".repeat(31)}.example.com`;
    const form = formOf(longest);
    assert.ok(form !== null && newRootAddress(form).length === 64);
    assert.throws(() => formOf(`d${longest}`), ConfigError);
    assert.throws(() => formOf(`r+*@${longest}`), ConfigError);
  });

  it("refuses what is no domain, or would make no address", () => {
    for (const text of [
      "Example.com",
      "example",
      "root@example.com",
      "**@example.com",
      "root*@example.com",
      "a..*@example.com",
      "*@",
      ".*@example.com",
      "a b@example.com",
    ])
      assert.throws(() => formOf(text), ConfigError, text);
  });
});
