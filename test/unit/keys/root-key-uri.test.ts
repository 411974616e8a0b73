import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import { parseRootKeyUri } from "../../../src/keys/root-key-uri.js";
import { createRootKey, createRootKeys } from "../../../src/keys/root-keys.service.js";

const ARN = "arn:aws:kms:eu-central-1:999900001111:key/1234abcd-12ab-34cd-56ef-1234567890ab";

describe("root key URI", () => {
  it("names a local keystore", () => {
    for (const [uri, path] of [
      ["file:.rootkeep/root-key.json", ".rootkeep/root-key.json"],
      ["file:/var/lib/rootkeep/key", "/var/lib/rootkeep/key"],
      ["file:///var/lib/rootkeep/key", "/var/lib/rootkeep/key"],
    ] as const) {
      assert.deepEqual(parseRootKeyUri(uri), { scheme: "file", uri, path });
    }
  });

  it("names a KMS key with Region and hosting account", () => {
    const uri = `aws-kms:${ARN}`;
    assert.deepEqual(parseRootKeyUri(uri), { scheme: "aws-kms", uri, keyArn: ARN, region: "eu-central-1", accountId: "999900001111" });
    for (const arn of [
      "arn:aws-us-gov:kms:us-gov-west-1:999900001111:key/mrk-0123456789abcdef0123456789abcdef",
      "arn:aws-cn:kms:cn-north-1:999900001111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ]) {
      assert.equal(parseRootKeyUri(`aws-kms:${arn}`).scheme, "aws-kms");
    }
  });

  it("takes a PKCS#11 URI apart; using one is planned", () => {
    const uri = "pkcs11:token=root%20keys;object=password?pin-source=file:/run/pin";
    const expected = { token: "root keys", object: "password", "pin-source": "file:/run/pin" };
    assert.deepEqual(parseRootKeyUri(uri), { scheme: "pkcs11", uri, attributes: expected });
    assert.throws(
      () => createRootKey(uri),
      (error) => isRootkeepError(error, "KEY_UNAVAILABLE") && error.reason === "pkcs11_is_planned",
    );
  });

  const refused = [
    "",
    "file:",
    "file://host/key",
    "file:key\n",
    "FILE:key",
    "http://example.com/key",
    "aws-kms:",
    "aws-kms:alias/rootkeep",
    "aws-kms:arn:aws:kms:eu-central-1:999900001111:alias/rootkeep",
    `aws-kms:${ARN}x`,
    ` aws-kms:${ARN}`,
    "pkcs11:",
    "pkcs11:token=a;token=b",
    "pkcs11:object=k?pin-value=marker1234",
    "pkcs11:object=%zz",
    `file:${"x".repeat(3000)}`,
  ];
  for (const uri of refused) {
    it(`refuses ${JSON.stringify(uri.slice(0, 60))} without quoting it`, () => {
      assert.throws(
        () => parseRootKeyUri(uri),
        (error) => error instanceof RootkeepError && error.code === "MALFORMED" && !JSON.stringify(error.fields).includes("marker1234"),
      );
    });
  }

  it("domains with one URI share one root key", () => {
    const keys = createRootKeys({ password: "file:a", mfa: "file:b", mail: "file:a", people: "file:a" });
    assert.equal(keys.password, keys.people);
    assert.notEqual(keys.password, keys.mfa);
  });
});
