import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ACCOUNT_RULES } from "../../../src/accounts/account.js";
import { CSV_COLUMNS, CSV_RULES } from "../../../src/accounts/accounts-csv.js";
import { CREDENTIAL_RULES } from "../../../src/accounts/imported-credential.js";

const ROOT = new URL("../../../../", import.meta.url);

describe("docs/spec/import-csv.md", () => {
  const text = readFileSync(new URL("docs/spec/import-csv.md", ROOT), "utf8");

  it("lists every rule that an import can answer, word for word, and no other", () => {
    // The state of an account is ours to give and is in no file.
    const { state, ...facts } = ACCOUNT_RULES;
    assert.ok(!text.includes(state));
    const rules = new Set<string>([...Object.values(CSV_RULES), ...Object.values(facts), ...Object.values(CREDENTIAL_RULES)]);
    const listed = text
      .slice(text.indexOf("| about | rule |"))
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((row) => (/^\| [^|]+ \| (.+) \|$/.exec(row)?.[1] ?? row).replaceAll("\\|", "|"));
    assert.deepEqual(listed.toSorted(), [...rules].toSorted());
  });

  it("describes every column", () => {
    for (const column of CSV_COLUMNS) assert.ok(text.includes(`| \`${column}\` | **[IC-`), column);
  });
});
