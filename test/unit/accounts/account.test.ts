import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ACCOUNT_RULES, checkAccount, checkTags, holdsAccessKeyId, isAwsId, isLabel, isRootEmail } from "../../../src/accounts/account.js";

describe("account facts", () => {
  it("an AWS id is twelve digits and not all zeros", () => {
    for (const good of ["111122223333", "000000000001"]) assert.ok(isAwsId(good));
    for (const bad of [
      "",
      "11112222333",
      "1111222233334",
      "000000000000",
      "11112222333a",
      " 111122223333",
      "111122223333\n",
      "１１１１２２２２３３３３",
    ]) {
      assert.ok(!isAwsId(bad), JSON.stringify(bad));
    }
  });

  it("a root e-mail address has the plain form that AWS takes", () => {
    for (const good of ["a@example.com", "aws-root+x.y@mail.example.org", `${"a".repeat(64)}@example.net`])
      assert.ok(isRootEmail(good), good);
    const bad = [
      "",
      "a",
      "@example.com",
      "a@b",
      "a@@example.com",
      "a b@example.com",
      ".a@example.com",
      "a@example.com.",
      "a@-x.com",
      "a@exämple.com",
    ];
    for (const one of [...bad, `${"a".repeat(65)}@example.com`, `a@${"b.".repeat(130)}com`, "a@example.com\n"])
      assert.ok(!isRootEmail(one), one);
  });

  it("a label is what a person can read and a comparison can trust", () => {
    for (const good of ["Acme", "Alder & Finch, Surveyors", "Café", "株式会社"]) assert.ok(isLabel(good, 120), good);
    for (const bad of ["", " a", "a ", "a\u200bb", "a\u2028b", "a\nb", "\ud800", "Cafe\u0301", "x".repeat(121)])
      assert.ok(!isLabel(bad, 120));
  });

  it("access key ids are seen within a text, and ordinary words are not taken for them", () => {
    for (const key of ["AKIAIOSFODNN7EXAMPLE", "key=ASIAIOSFODNN7EXAMPLE;"]) assert.ok(holdsAccessKeyId(key));
    for (const text of ["AKIA", "akiaiosfodnn7example", "XAKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLEX"])
      assert.ok(!holdsAccessKeyId(text));
  });

  it("tags are few, named plainly and free of access keys", () => {
    assert.deepEqual(checkTags({ env: "prod", constructor: "x" }), []);
    assert.deepEqual(checkTags({ Env: "prod" }), [{ field: "tags", rule: ACCOUNT_RULES.tagKey }]);
    assert.deepEqual(checkTags({ env: "" }), [{ field: "tag:env", rule: ACCOUNT_RULES.tagValue }]);
    assert.deepEqual(checkTags({ env: "AKIAIOSFODNN7EXAMPLE" }), [{ field: "tag:env", rule: ACCOUNT_RULES.accessKey }]);
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`t${String(at)}`, "x"]));
    assert.deepEqual(checkTags(many), [{ field: "tags", rule: ACCOUNT_RULES.tagCount }]);
  });

  it("a statement is told every rule that it breaks", () => {
    const errors = checkAccount({ awsId: "", partition: "", kind: "", customer: "", rootEmail: "", tags: {} });
    assert.deepEqual(
      errors.map(({ field }) => field),
      ["awsId", "partition", "kind", "customer", "rootEmail"],
    );
  });
});
