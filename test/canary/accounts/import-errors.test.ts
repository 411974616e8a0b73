import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { CSV_COLUMNS, parseAccountsCsv } from "../../../src/accounts/accounts-csv.js";

const HEADER = CSV_COLUMNS.join(",");
const GOOD = ["111122223333", "aws", "standalone", "Acme", "root@example.com", "Correct-Horse-9", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"];
const MARKER = "CaNaRy-77";

/** Ways to spoil a cell that holds the marker; each takes another path to its error. */
const SPOILED: Readonly<Record<string, (marker: string) => string>> = {
  plain: (marker) => marker,
  "with a quote in it": (marker) => `${marker}"${marker}`,
  "with a quote that stays open": (marker) => `"${marker}`,
  "with text after its quote": (marker) => `"${marker}"${marker}`,
  "with a comma": (marker) => `${marker},${marker}`,
  "with a control character": (marker) => `${marker}\u0007`,
  "with a zero byte": (marker) => `${marker}\u0000`,
  "with a carriage return": (marker) => `${marker}\r${marker}`,
  "with a line break in quotes": (marker) => `"${marker}\n${marker}"`,
  oversize: (marker) => marker.repeat(80),
  "longer than a line": (marker) => marker.repeat(1_000),
  "with a tail beyond ASCII": (marker) => `${marker}\u00e9`,
};

/** Everything that a logger, a serialiser or a debugger could show of an item. */
function shown(text: string | Buffer): string {
  const items: unknown[] = [];
  try {
    for (const item of parseAccountsCsv(Buffer.from(text as string))) items.push(item);
  } catch (error) {
    items.push(error, (error as Error).stack, (error as Error).cause);
  }
  assert.ok(items.length > 0);
  return `${inspect(items, { depth: 9, showHidden: true, maxStringLength: null })}${JSON.stringify(items)}`;
}

describe("no text of an import error holds a byte of the file", () => {
  for (const [way, spoil] of Object.entries(SPOILED)) {
    for (const [at, column] of CSV_COLUMNS.entries()) {
      it(`when ${column} is ${way}`, () => {
        const line = GOOD.with(at, spoil(MARKER)).join(",");
        // The id is broken too, so that the line fails where this column alone would pass.
        const broken = at === 0 ? line : `x${line}`;
        const text = shown(`${HEADER}\n${broken}\n`);
        assert.match(text, /rule/);
        assert.ok(!text.includes(MARKER));
        assert.ok(!text.includes(Buffer.from(MARKER).toString("hex")));
      });
    }
  }

  it("when the header is missing and its names are credentials", () => {
    for (const spoil of Object.values(SPOILED)) assert.ok(!shown(`${GOOD.with(5, spoil(MARKER)).join(",")}\n`).includes(MARKER));
    assert.ok(!shown(`tag:${MARKER},${GOOD.join(",")}\n`).includes(MARKER));
  });

  it("when the file is in another encoding", () => {
    assert.ok(!shown(Buffer.from(`${HEADER}\n${MARKER}\u00e9,${GOOD.join(",")}`, "latin1")).includes(MARKER));
    assert.ok(!shown(Buffer.from(`\ufeff${HEADER}\n${MARKER}`, "utf16le")).includes(MARKER));
  });

  it("and a row that passes shows neither password nor seed", () => {
    const text = shown(`${HEADER}\n${GOOD.with(5, MARKER).join(",")}\n`);
    assert.ok(!text.includes(MARKER));
    assert.match(text, /\[secret\]/);
  });
});
