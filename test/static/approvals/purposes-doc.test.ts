import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { type Catalogue, type CatalogueEntry, isReferral, type Purpose } from "../../../src/approvals/purpose.js";

const DOCUMENT = new URL("../../../../docs/spec/purposes.md", import.meta.url);

const words = (list: readonly string[]): string => (list.length === 0 ? "-" : list.join(", "));
const isRefused = (entry: CatalogueEntry): entry is CatalogueEntry & { way: string } => entry.way !== null;

function terms(purpose: Purpose): string {
  const marks = [purpose.rotateAfter ? "rotate after" : "", purpose.heals ? "heals" : "", purpose.irreversible ? "irreversible" : ""];
  return words(marks.filter((mark) => mark !== ""));
}

/** The catalogue as the page that people read. */
export function renderPurposes(catalogue: Catalogue): string {
  const opened = catalogue.entries.filter((entry): entry is Purpose => !isRefused(entry));
  return `${[
    "# Purposes",
    "",
    "Generated from the catalogue of this build (`npm run golden` rewrites it). What each column means stands in `src/approvals/purpose.ts`.",
    "",
    `Catalogue version: \`${catalogue.version}\``,
    "",
    "## Purposes that open a secret",
    "",
    "| purpose | task | accounts | route | shows | approvers | minutes | codes | terms |",
    "|---|---|---|---|---|---|---|---|---|",
    ...opened.map(
      (row) =>
        `| \`${row.slug}\` | ${row.title} | ${words(row.scope)} | ${row.route} | ${words(row.reveals)} | ${String(row.approvals)} | ` +
        `${String(row.minutes)} | ${String(row.codes)} | ${terms(row)} |`,
    ),
    "",
    "*Heals*: may open a password that a person has seen, because it ends with a new one.",
    "",
    "## Tasks that have a better way",
    "",
    "No password and no MFA code is shown for these. A mailed code that the better way needs is released with the approvers named. Route NONE:",
    "there is no such task for these accounts; the row says what there is instead.",
    "",
    "| purpose | task | accounts | route | releases | approvers | better way |",
    "|---|---|---|---|---|---|---|",
    ...catalogue.entries.filter(isRefused).map((row) => {
      const mail = !isReferral(row) && row.kinds.length > 0;
      const release = mail ? `${words(row.kinds)} | ${String(row.approvals)}` : "- | -";
      return `| \`${row.slug}\` | ${row.title} | ${words(row.scope)} | ${row.route} | ${release} | ${row.way} |`;
    }),
  ].join("\n")}\n`;
}

describe("docs/spec/purposes.md", () => {
  it("is what the catalogue says", () => {
    const text = renderPurposes(CATALOGUE);
    if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") writeFileSync(DOCUMENT, text);
    assert.equal(existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8") : "", text);
  });
});
