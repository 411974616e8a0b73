import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const SPECS = join(root, "docs", "spec");

/** A clause is defined by its id in brackets at the start of an item, or in bold in a table's cell; elsewhere the id is a reference. */
const DEFINITION = /^(?:- (?:\*\*)?|\| [^|]+ \| \*\*)\[([A-Z]{2}-\d+)\]/gm;
const REFERENCE = /\[([A-Z]{2}-\d+)\]/g;

function clausesOf(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].flatMap(([, id]) => id ?? []);
}

function filesBelow(folder: string, endings: readonly string[]): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .map((path) => join(root, folder, path));
}

const specs = readdirSync(SPECS).filter((name) => name.endsWith(".md"));
const defined = new Map(specs.map((name) => [name, clausesOf(readFileSync(join(SPECS, name), "utf8"), DEFINITION)]));
const known = new Set([...defined.values()].flat());

describe("the clauses of docs/spec", () => {
  const self = join(root, "test", "static", "spec-clauses.test.ts");
  const cited = new Set<string>();
  for (const file of [...filesBelow("src", [".ts"]), ...filesBelow("test", [".ts", ".py", ".json"])]) {
    if (file !== self) for (const [, id = ""] of readFileSync(file, "utf8").matchAll(/\b([A-Z]{2}-\d+)\b/g)) cited.add(id);
  }

  for (const [name, ids] of defined) {
    if (ids.length === 0) continue;
    it(`of ${name} are numbered from 1 without a gap, under one prefix`, () => {
      const prefix = ids[0]?.slice(0, 2) ?? "";
      assert.deepEqual(
        ids,
        ids.map((_, index) => `${prefix}-${String(index + 1)}`),
      );
    });
    for (const id of ids) {
      it(`[${id}] of ${name} is cited by a test or by the code that keeps it`, () => {
        assert.ok(cited.has(id));
      });
    }
  }

  it("belong to one page each", () => {
    assert.equal(known.size, [...defined.values()].flat().length);
  });

  it("are what references name: no page and no program speaks of a clause that is not there", () => {
    const texts = [...filesBelow("docs", [".md"]), ...filesBelow("src", [".ts", ".md"]), ...filesBelow("test", [".ts", ".py"])];
    const prefixes = new Set([...known].map((id) => id.slice(0, 2)));
    for (const file of texts) {
      const unknown = clausesOf(readFileSync(file, "utf8"), REFERENCE).filter((id) => prefixes.has(id.slice(0, 2)) && !known.has(id));
      assert.deepEqual(unknown, [], file.slice(root.length));
    }
  });
});
