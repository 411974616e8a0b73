import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ON_CLAIMS } from "../attacks/access/on-claims.js";
import { ON_DECISIONS } from "../attacks/access/on-decisions.js";
import { ON_ENTRIES } from "../attacks/access/on-entries.js";
import { ON_FACTS } from "../attacks/access/on-facts.js";
import { ON_HALVES } from "../attacks/access/on-halves.js";
import { ON_PAGES } from "../attacks/access/on-pages.js";
import { ON_PEOPLE } from "../attacks/access/on-people.js";
import { ON_THE_WIRE } from "../attacks/access/on-the-wire.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const page = readFileSync(join(root, "docs", "threat-model.md"), "utf8");
const forgeries = [...ON_DECISIONS, ...ON_PEOPLE, ...ON_FACTS, ...ON_ENTRIES, ...ON_THE_WIRE, ...ON_PAGES, ...ON_HALVES, ...ON_CLAIMS];
const lines = forgeries.map(({ id, name, answer, heard }) => `| ${id} | ${name} | \`${answer}\` | ${heard} |`);

describe("the forgeries by the database's owner", () => {
  it("are numbered from F1 on, none twice", () => {
    assert.deepEqual(
      forgeries.map(({ id }) => id),
      forgeries.map((_, index) => `F${String(index + 1)}`),
    );
  });

  it("stand in docs/threat-model.md as they are carried out: each with the answer that it gets, and who hears of it", () => {
    assert.deepEqual(
      page.split("\n").filter((line) => /^\| F\d+ \|/.test(line)),
      lines,
    );
  });
});
