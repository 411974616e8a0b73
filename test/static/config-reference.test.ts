import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { renderConfigurationPage, renderEnvExample } from "../../src/config/render-reference.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const PAGES = { ".env.example": renderEnvExample, "docs/configuration.md": renderConfigurationPage };

describe("the reference of the configuration", () => {
  for (const [path, render] of Object.entries(PAGES))
    it(`is written out freshly in ${path} (npm run golden rewrites it)`, () => {
      const file = join(root, path);
      if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") writeFileSync(file, render());
      assert.equal(readFileSync(file, "utf8"), render());
    });
});
