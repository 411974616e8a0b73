import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { Secret } from "../../../src/kernel/secret.js";
import { KIND_DOMAINS, type SealedKind } from "../../../src/keys/domain.js";
import { pad, unpad } from "../../../src/keys/padding.js";
import { associatedBytes, openValue, type SealedFacts, sealValue } from "../../../src/keys/sealed-value.js";
import { base32OfSeed, seedFromBase32, totpAt, verifyTotp } from "../../../src/keys/totp.js";

const kinds = Object.keys(KIND_DOMAINS) as SealedKind[];
// Short strings over few characters collide often under plain concatenation; that is what is being looked for.
const word = fc.oneof(
  fc.string({ maxLength: 3, unit: fc.constantFrom("a", "1", "\u0000", "-") }),
  fc.string({ maxLength: 40, unit: "grapheme" }),
);
const factsArbitrary: fc.Arbitrary<SealedFacts> = fc.record({
  accountId: word,
  awsAccountId: word,
  secretId: word,
  kind: fc.constantFrom(...kinds),
  version: fc.integer({ min: 1, max: 1_000_000 }),
  versionId: word,
  dataKeyId: word,
  personId: word,
});
const bytes = (options: fc.IntArrayConstraints) => fc.uint8Array(options).map((array) => Buffer.from(array));
const keyArbitrary = bytes({ minLength: 32, maxLength: 32 });
const refuses = (act: () => unknown) => {
  assert.throws(act, (error) => isRootkeepError(error, "SEAL_BROKEN"));
};

describe("sealed values in general", () => {
  it("every value opens to itself, whatever it is bound to", () => {
    fc.assert(
      fc.property(keyArbitrary, word, factsArbitrary, bytes({ maxLength: 3000 }), (key, deployment, facts, value) => {
        const sealed = sealValue(Secret.of(key), deployment, facts, Secret.of(value));
        assert.ok(openValue(Secret.of(key), deployment, facts, sealed).expose((opened) => opened.equals(value)));
      }),
    );
  });

  it("any single changed bit refuses", () => {
    const position = fc.nat();
    fc.assert(
      fc.property(keyArbitrary, factsArbitrary, bytes({ maxLength: 600 }), position, fc.nat(7), (key, facts, value, at, bit) => {
        const sealed = sealValue(Secret.of(key), "d", facts, Secret.of(value));
        const index = at % sealed.length;
        sealed.writeUInt8(sealed.readUInt8(index) ^ (1 << bit), index);
        refuses(() => openValue(Secret.of(key), "d", facts, sealed));
      }),
    );
  });

  it("any other facts refuse", () => {
    fc.assert(
      fc.property(keyArbitrary, word, word, factsArbitrary, factsArbitrary, (key, deployment, otherDeployment, facts, other) => {
        fc.pre(JSON.stringify([deployment, facts]) !== JSON.stringify([otherDeployment, other]));
        const sealed = sealValue(Secret.of(key), deployment, facts, Secret.of(Buffer.from("x")));
        refuses(() => openValue(Secret.of(key), otherDeployment, other, sealed));
      }),
    );
  });

  it("one changed fact refuses, whichever it is", () => {
    const change = fc.constantFrom("accountId", "awsAccountId", "secretId", "versionId", "dataKeyId", "personId");
    fc.assert(
      fc.property(keyArbitrary, factsArbitrary, change, word, (key, facts, field, value) => {
        fc.pre(facts[field] !== value);
        const sealed = sealValue(Secret.of(key), "d", facts, Secret.of(Buffer.from("x")));
        refuses(() => openValue(Secret.of(key), "d", { ...facts, [field]: value }, sealed));
      }),
    );
  });

  it("associated data are injective", () => {
    fc.assert(
      fc.property(word, word, factsArbitrary, factsArbitrary, (d1, d2, f1, f2) => {
        const isSame = JSON.stringify([d1, f1]) === JSON.stringify([d2, f2]);
        assert.equal(associatedBytes(d1, f1).equals(associatedBytes(d2, f2)), isSame);
      }),
    );
  });

  it("arbitrary bytes never open and never fail otherwise", () => {
    fc.assert(
      fc.property(keyArbitrary, factsArbitrary, bytes({ maxLength: 400 }), (key, facts, sealed) => {
        if (sealed.length > 0) sealed.writeUInt8(1, 0);
        refuses(() => openValue(Secret.of(key), "d", facts, sealed));
      }),
    );
  });
});

describe("padding in general", () => {
  it("takes itself back, and no other length is its own", () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), bytes({ maxLength: 5000 }), (kind, value) => {
        const padded = pad(kind, value);
        assert.deepEqual(unpad(kind, padded), value);
        assert.equal(unpad(kind, Buffer.concat([padded, Buffer.alloc(padded.length)])), null);
      }),
    );
  });
});

describe("codes in general", () => {
  const seed = bytes({ minLength: 10, maxLength: 80 });

  it("a code counts in its window, and never again", () => {
    fc.assert(
      fc.property(seed, fc.nat({ max: 4_000_000_000 }), fc.integer({ min: 1, max: 120 }), (key, time, period) => {
        const step = verifyTotp(key, totpAt(key, time, period), time, period);
        assert.ok(step !== null && Math.abs(step - Math.floor(time / period)) <= 1);
        const again = verifyTotp(key, totpAt(key, time, period), time, period, 1, Math.floor(time / period) + 1);
        assert.equal(again, null);
      }),
    );
  });

  it("base32 is read as it was written", () => {
    fc.assert(
      fc.property(seed, (key) => {
        assert.deepEqual(seedFromBase32(Buffer.from(base32OfSeed(key))), key);
      }),
    );
  });
});
