import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { deriveEventId, ID_PREFIXES, type IdKind, isId, newEventId, newId, parseId } from "../../../src/kernel/ids.js";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const KINDS = Object.keys(ID_PREFIXES) as IdKind[];

function numberOf(id: string): bigint {
  const suffix = id.slice(id.indexOf("_") + 1);
  return Array.from(suffix).reduce((sum, character) => sum * 32n + BigInt(ALPHABET.indexOf(character)), 0n);
}

describe("an id", () => {
  for (const kind of KINDS) {
    it(`of ${kind} has its prefix and 26 characters of Crockford's base32`, () => {
      const id = newId(kind);
      assert.match(id, new RegExp(`^${ID_PREFIXES[kind]}_[0-7][${ALPHABET}]{25}$`));
      assert.equal(isId(kind, id), true);
      assert.equal(parseId(kind, id), id);
    });
  }

  it("carries 128 random bits: in 200 ids every bit is seen both ways, and none beyond them is", () => {
    const numbers = Array.from({ length: 200 }, () => numberOf(newId("grant")));
    const everSet = numbers.reduce((all, number) => all | number, 0n);
    const alwaysSet = numbers.reduce((all, number) => all & number);
    assert.equal(everSet, (1n << 128n) - 1n);
    assert.equal(alwaysSet, 0n);
    assert.equal(new Set(numbers).size, numbers.length);
  });

  it("tells its kind by a prefix that no other kind has", () => {
    const prefixes = Object.values(ID_PREFIXES);
    assert.equal(new Set(prefixes).size, prefixes.length);
    for (const kind of KINDS) {
      const others = KINDS.filter((other) => isId(other, newId(kind)));
      assert.deepEqual(others, [kind]);
    }
  });

  const good = "acc_7zzzzzzzzzzzzzzzzzzzzzzzzz";
  const refused: Readonly<Record<string, unknown>> = {
    "of another kind": "req_7zzzzzzzzzzzzzzzzzzzzzzzzz",
    "without a prefix": "7zzzzzzzzzzzzzzzzzzzzzzzzz",
    "in upper case": good.toUpperCase(),
    "too short": good.slice(0, -1),
    "too long": `${good}0`,
    "beyond 128 bits": "acc_8zzzzzzzzzzzzzzzzzzzzzzzzz",
    "with i, l, o or u, which are read as something else": "acc_7iiiizzzzzzzzzzzzzzzzzzzzz",
    "with a line break behind it": `${good}\n`,
    "with a path in it": "acc_../../../../../../etc/pas",
    "that is a number": 7,
    "that is a list": [good],
    "that is nothing": null,
  };
  it("of the largest number is one", () => {
    assert.equal(isId("account", good), true);
  });
  for (const [name, value] of Object.entries(refused)) {
    it(`${name} is none, and is answered like one that does not exist`, () => {
      assert.equal(isId("account", value), false);
      if (typeof value !== "string") return;
      assert.throws(
        () => parseId("account", value),
        (error) => isRootkeepError(error, "NOT_FOUND"),
      );
    });
  }
});

describe("an event id", () => {
  it("that is random is a UUID of version 4", () => {
    assert.match(newEventId(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("that is derived is a UUID of version 8, the same for the same bytes", () => {
    const id = deriveEventId(Buffer.from("one"));
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(deriveEventId(Buffer.from("one")), id);
    assert.notEqual(deriveEventId(Buffer.from("two")), id);
  });

  it("leaves the bytes that it was derived from as they were", () => {
    const bytes = Buffer.from("one");
    deriveEventId(bytes);
    assert.equal(bytes.toString(), "one");
  });
});
