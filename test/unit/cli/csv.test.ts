import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { csvCell, csvLine } from "../../../src/cli/csv.js";

describe("a CSV file that people open in a spreadsheet", () => {
  for (const formula of [
    "=1+1",
    "+1",
    "-2+3",
    "@SUM(A1)",
    " =1",
    "\t=1",
    "＝1",
    '=HYPERLINK("https://example.com","x")',
    "=cmd|'/C calc'!A0",
  ]) {
    it(`keeps ${JSON.stringify(formula)} a text`, () => {
      assert.match(csvCell(formula), /^"?'|^\\u\{/);
    });
  }

  it("leaves other cells what they are, and quotes what would break a line", () => {
    assert.equal(csvLine(["Ada Example", null, 7, true, 'a,"b"', "a\r\nb"]), `"Ada Example",,7,true,"a,""b""",a\\u{d}\\u{a}b\r\n`);
  });
});
