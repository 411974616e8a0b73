import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { MIGRATIONS } from "../../migrations/index.js";
import { assertMigrationList } from "../../src/database/migration-list.js";

const folder = fileURLToPath(new URL("../../../migrations/", import.meta.url));
const ledger = join(folder, "landed.sha256");

/** `1763800000000-create-schemas.ts` holds `CreateSchemas1763800000000`. */
function className(file: string): string {
  const [digits = "", ...words] = file.replace(/\.ts$/, "").split("-");
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("") + digits;
}

async function migrationFiles(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".ts") && name !== "index.ts").sort();
}

describe("the migrations", () => {
  it("are listed in the order of their names, each once, all of them", async () => {
    assertMigrationList(MIGRATIONS);
    assert.deepEqual(
      MIGRATIONS.map(({ name }) => name),
      (await migrationFiles()).map(className),
    );
  });

  it("carry their class's name, which TypeORM writes into the database", () => {
    for (const Migration of MIGRATIONS) assert.equal(new Migration().name, Migration.name);
  });

  it("never change once they have landed, and new ones come after", async () => {
    const files = await migrationFiles();
    const lines = await Promise.all(
      files.map(
        async (file) =>
          `${createHash("sha256")
            .update(await readFile(join(folder, file)))
            .digest("hex")}  ${file}`,
      ),
    );
    const text = `${lines.join("\n")}\n`;
    // `npm run golden` accepts the files as they are; the difference of landed.sha256 shows a reviewer what was accepted.
    if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") await writeFile(ledger, text);
    assert.equal(await readFile(ledger, "utf8"), text);
  });

  it("each say what the three states are: code without it, it with old code, it with new code", async () => {
    for (const file of await migrationFiles()) {
      const source = await readFile(join(folder, file), "utf8");
      const header = /\/\*\*(.*?)\*\//s.exec(source.slice(0, source.indexOf("export class")))?.[1] ?? "";
      const words = header.replaceAll(/\s*\n\s*\*\s*/g, " ");
      assert.match(words, /Code without it: \S.*With it and old code: \S.*With it and new code: \S/s, file);
    }
  });
});
