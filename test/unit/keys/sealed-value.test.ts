import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { RootkeepError } from "../../../src/kernel/errors.js";
import { Secret } from "../../../src/kernel/secret.js";
import { decryptAead, encryptAead } from "../../../src/keys/aead.js";
import { pad, paddedSize, unpad } from "../../../src/keys/padding.js";
import { openValue, type SealedFacts, sealValue } from "../../../src/keys/sealed-value.js";
import { secretOf } from "../../support/root-key.js";

const FACTS: SealedFacts = {
  accountId: "acc_1",
  awsAccountId: "111122223333",
  secretId: "sec_1",
  kind: "root-password",
  version: 1,
  versionId: "ver_1",
  dataKeyId: "dk_1",
  personId: "",
};
const PASSWORD = "correct horse battery staple";
const textOf = (value: Secret<Buffer>) => value.expose((bytes) => bytes.toString("utf8"));
const failureOf = (act: () => unknown): RootkeepError => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof RootkeepError);
    return error;
  }
  return assert.fail("it was opened");
};

describe("sealed value rk1", () => {
  const key = Secret.of(randomBytes(32));
  const sealed = sealValue(key, "test", FACTS, secretOf(PASSWORD));

  it("opens to what was sealed [SV-1]", () => {
    assert.equal(textOf(openValue(key, "test", FACTS, sealed)), PASSWORD);
  });

  it("has the layout and size of the specification [SV-2]", () => {
    assert.equal(sealed[0], 1);
    assert.equal(sealed.length, 1 + 32 + 32 + 12 + 256 + 16);
  });

  it("two seals of one value share no byte of salt, commitment and ciphertext [SV-3] [SV-5]", () => {
    const again = sealValue(key, "test", FACTS, secretOf(PASSWORD));
    for (const [from, to] of [
      [1, 33],
      [33, 65],
      [65, 77],
      [77, 333],
    ]) {
      assert.notDeepEqual(again.subarray(from, to), sealed.subarray(from, to));
    }
  });

  const changes: [string, string, Partial<SealedFacts>][] = [
    ["the deployment", "tesu", {}],
    ["our account", "test", { accountId: "acc_2" }],
    ["AWS's account", "test", { awsAccountId: "444455556666" }],
    ["the secret", "test", { secretId: "sec_2" }],
    ["the kind", "test", { kind: "note" }],
    ["the version", "test", { version: 2 }],
    ["the version's row", "test", { versionId: "ver_2" }],
    ["the data key's id", "test", { dataKeyId: "dk_2" }],
    ["the person", "test", { personId: "per_1" }],
    ["a boundary between two fields", "test", { accountId: "acc_11", awsAccountId: "11122223333" }],
  ];
  for (const [what, deployment, change] of changes) {
    it(`refuses when ${what} is another one than it was sealed for [SV-6]`, () => {
      assert.equal(failureOf(() => openValue(key, deployment, { ...FACTS, ...change }, sealed)).code, "SEAL_BROKEN");
    });
  }

  it("refuses another data key [SV-8]", () => {
    assert.equal(failureOf(() => openValue(Secret.of(randomBytes(32)), "test", FACTS, sealed)).code, "SEAL_BROKEN");
  });

  it("refuses a flip of any single bit of any byte [SV-9]", () => {
    for (let index = 0; index < sealed.length; index++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ (1 << (index % 8)), index);
      assert.equal(failureOf(() => openValue(key, "test", FACTS, changed)).code, "SEAL_BROKEN");
    }
  });

  it("refuses a changed commitment although the cipher would accept the rest [SV-8]", () => {
    const changed = Buffer.from(sealed);
    changed.fill(0, 33, 65);
    assert.equal(failureOf(() => openValue(key, "test", FACTS, changed)).code, "SEAL_BROKEN");
  });

  it("refuses every truncation and extension", () => {
    for (const size of [0, 1, 33, 77, 92, 93, 94, sealed.length - 16, sealed.length - 1]) {
      assert.equal(failureOf(() => openValue(key, "test", FACTS, sealed.subarray(0, size))).code, "SEAL_BROKEN");
    }
    assert.equal(failureOf(() => openValue(key, "test", FACTS, Buffer.concat([sealed, Buffer.of(0)]))).code, "SEAL_BROKEN");
  });

  it("every refusal is the same, down to its text [SV-9]", () => {
    const text = (act: () => unknown) => {
      const { code, message, reason, facts, fields } = failureOf(act);
      return inspect({ code, message, reason, facts, fields });
    };
    const reference = text(() => openValue(Secret.of(randomBytes(32)), "test", FACTS, sealed));
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(100) ^ 1, 100);
    assert.equal(
      text(() => openValue(key, "test", FACTS, changed)),
      reference,
    );
    assert.equal(
      text(() => openValue(key, "test", { ...FACTS, personId: "per_1" }, sealed)),
      reference,
    );
    assert.equal(
      text(() => openValue(key, "test", FACTS, Buffer.alloc(3))),
      reference,
    );
  });

  it("a short and a long password have the same size [SV-7]", () => {
    assert.equal(sealValue(key, "test", FACTS, secretOf("a")).length, sealValue(key, "test", FACTS, secretOf("a".repeat(255))).length);
  });

  it("leaves the caller's data key and plaintext as they are", () => {
    const [ownKey, plaintext] = [Secret.of(Buffer.alloc(32, 7)), secretOf(PASSWORD)];
    sealValue(ownKey, "test", FACTS, plaintext);
    assert.equal(textOf(plaintext), PASSWORD);
    assert.ok(ownKey.expose((bytes) => bytes.every((byte) => byte === 7)));
  });

  it("takes no version that is not a positive integer", () => {
    for (const version of [0, -1, 1.5, Number.NaN]) assert.throws(() => sealValue(key, "test", { ...FACTS, version }, secretOf("x")));
  });
});

describe("padding", () => {
  it("credentials take multiples of 256 bytes, bodies 1 KiB times a power of two [SV-7]", () => {
    const sizes = (kind: "root-password" | "mail-body", lengths: number[]) => lengths.map((length) => paddedSize(kind, length));
    assert.deepEqual(sizes("root-password", [0, 1, 255, 256, 511, 512]), [256, 256, 256, 512, 512, 768]);
    assert.deepEqual(sizes("mail-body", [0, 1023, 1024, 2047, 2048, 100_000]), [1024, 1024, 2048, 2048, 4096, 131_072]);
  });

  it("refuses what a kind does not hold", () => {
    assert.equal(paddedSize("root-password", 64 * 1024), null);
    assert.equal(paddedSize("mail-body", 64 * 1024 * 1024), null);
    assert.throws(() => pad("note", Buffer.alloc(64 * 1024)));
  });

  it("keeps plaintext that ends in the mark or in zeros", () => {
    for (const plaintext of [Buffer.of(0x80), Buffer.of(0x80, 0), Buffer.alloc(5), Buffer.alloc(0)]) {
      assert.deepEqual(unpad("root-password", pad("root-password", plaintext)), plaintext);
    }
  });

  it("refuses padding without a mark, with another byte after it, or longer than needed", () => {
    assert.equal(unpad("root-password", Buffer.alloc(256)), null);
    assert.equal(unpad("root-password", Buffer.concat([Buffer.of(0x41, 0x80, 1), Buffer.alloc(253)])), null);
    assert.equal(unpad("root-password", Buffer.concat([Buffer.of(0x41, 0x80), Buffer.alloc(510)])), null);
    assert.equal(unpad("root-password", Buffer.alloc(0)), null);
  });
});

describe("aead", () => {
  it("gives nothing when the associated data differ or the tag is cut", () => {
    const [key, nonce] = [randomBytes(32), randomBytes(12)];
    const sealed = encryptAead(key, nonce, Buffer.from("a"), Buffer.from("x"));
    assert.deepEqual(decryptAead(key, nonce, Buffer.from("a"), sealed), Buffer.from("x"));
    assert.equal(decryptAead(key, nonce, Buffer.from("b"), sealed), null);
    assert.equal(decryptAead(key, nonce, Buffer.from("a"), sealed.subarray(0, sealed.length - 1)), null);
    assert.equal(decryptAead(key, nonce, Buffer.from("a"), sealed.subarray(0, 15)), null);
    assert.throws(() => encryptAead(key, Buffer.alloc(16), Buffer.alloc(0), Buffer.alloc(1)));
  });
});
