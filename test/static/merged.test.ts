import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const MARKER = /^(?:<{7}|>{7}|\|{7}) /m;

describe("what was merged", () => {
  it("holds no marker of a conflict", async () => {
    const marked: string[] = [];
    for (const folder of ["docs", "src", "test", "migrations", "."]) {
      for (const entry of await readdir(join(root, folder), { recursive: folder !== ".", withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (entry.isFile() && /\.(?:md|ts|json|txt|py|go|cjs|js)$/.test(entry.name) && MARKER.test(await readFile(path, "utf8")))
          marked.push(path);
      }
    }
    assert.deepEqual(marked, []);
  });
});
