import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CSV_COLUMNS, parseAccountsCsv } from "../../../src/accounts/accounts-csv.js";
import { decodeSeed, passwordRule } from "../../../src/accounts/imported-credential.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Written after RFC 4648 §6, apart from the code under test. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? []).map((group) => ALPHABET.charAt(Number.parseInt(group.padEnd(5, "0"), 2))).join("");
}

const printable = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 8,
  maxLength: 124,
});
const password = printable.map((text) => `aA1!${text}`);
const seed = fc.uint8Array({ minLength: 10, maxLength: 80 });
const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

describe("import of any account", () => {
  it("gives back exactly the bytes of password and seed", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(password, seed), { minLength: 1, maxLength: 5 }), (secrets) => {
        const lines = secrets.map(([text, bytes], at) =>
          [String(at + 1).padStart(12, "0"), "aws", "member", "Acme", "root@example.com", text, base32(bytes)].map(quoted).join(","),
        );
        const items = [...parseAccountsCsv(Buffer.from([CSV_COLUMNS.join(","), ...lines].join("\r\n")))];
        assert.equal(items.length, secrets.length);
        for (const [at, item] of items.entries()) {
          assert.ok("row" in item);
          assert.equal(item.row.password.expose(String), secrets[at]?.[0]);
          assert.deepEqual(
            item.row.mfaSeed.expose((value) => [...value]),
            [...(secrets[at]?.[1] ?? [])],
          );
        }
      }),
    );
  });

  it("never throws, whatever the bytes, and says something about each line", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, hasHeader) => {
        const bytes = Buffer.concat([Buffer.from(hasHeader ? `${CSV_COLUMNS.join(",")}\n` : ""), noise]);
        const items = [...parseAccountsCsv(bytes)];
        assert.ok(items.every((item) => "errors" in item && item.errors.length > 0));
        if (!hasHeader) assert.ok(items.length > 0);
      }),
    );
  });
});

describe("a base32 seed", () => {
  it("of 10 to 80 bytes decodes to its bytes, with blanks and padding or without", () => {
    fc.assert(
      fc.property(seed, (bytes) => {
        const text = base32(bytes);
        const padded = text.padEnd(Math.ceil(text.length / 8) * 8, "=");
        for (const form of [text, padded, (text.match(/.{1,4}/g) ?? []).join(" ")]) {
          const decoded = decodeSeed(Buffer.from(form));
          assert.ok(typeof decoded !== "string");
          assert.deepEqual([...decoded], [...bytes]);
        }
      }),
    );
  });

  it("is refused when one character is anything else", () => {
    fc.assert(
      fc.property(seed, fc.nat(127), fc.constantFrom("0", "1", "8", "9", "a", "é", "\u00a0", "-"), (bytes, at, wrong) => {
        const text = base32(bytes);
        const place = at % text.length;
        assert.equal(typeof decodeSeed(Buffer.from(`${text.slice(0, place)}${wrong}${text.slice(place + 1)}`)), "string");
      }),
    );
  });
});

describe("an imported password", () => {
  it("passes with three classes and 8 to 128 printable characters", () => {
    fc.assert(fc.property(password, (text) => passwordRule(Buffer.from(text), "root@example.com") === null));
  });
});
