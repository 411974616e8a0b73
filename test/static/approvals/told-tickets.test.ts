import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const src = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..", "src");

describe("a change of a request", () => {
  it("is told to its ticket wherever one is made: no file changes a state more often than it tells", () => {
    const counts = readdirSync(src, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => ({ path, text: readFileSync(join(src, path), "utf8") }))
      .map(({ path, text }) => ({
        path,
        changes: text.match(/\.change\(Request,/g)?.length ?? 0,
        told: text.match(/\btellTicket\(/g)?.length ?? 0,
      }))
      .filter(({ changes }) => changes > 0);
    assert.ok(counts.length >= 4);
    for (const { path, changes, told } of counts)
      assert.ok(told >= changes, `${path} changes ${String(changes)} and tells ${String(told)}`);
  });
});
