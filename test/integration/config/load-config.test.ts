import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ConfigError } from "../../../src/config/config.js";
import { loadConfig } from "../../../src/config/load-config.service.js";

const KMS_KEY = "aws-kms:arn:aws:kms:eu-central-1:444455556666:key/0123abcd-0123-0123-0123-0123456789ab";

describe("loading the configuration of this very program", () => {
  const folder = mkdtempSync(join(tmpdir(), "rootkeep-config-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  // Variables of the test run itself are none of the service's, which refuses what it does not know.
  process.env = { ROOTKEEP_ROOT_KEY: KMS_KEY };

  it("reads the environment, and a secret out of the file it names", () => {
    const path = join(folder, "database-url");
    writeFileSync(path, "postgres://rootkeep_service:pw@db.example.com/rootkeep\n");
    process.env["DATABASE_URL_FILE"] = path;
    const { database } = loadConfig();
    assert.ok(database.kind === "external");
    assert.equal(
      database.service?.expose((url) => url),
      "postgres://rootkeep_service:pw@db.example.com/rootkeep",
    );
  });

  it("refuses a file that is not there, without repeating its name", () => {
    process.env["DATABASE_URL_FILE"] = join(folder, "cAnArY");
    assert.throws(loadConfig, (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(error.problems, [{ variable: "DATABASE_URL_FILE", rule: "names a file that cannot be read" }]);
      return !`${error.message}${error.stack ?? ""}`.includes("cAnArY");
    });
  });
});
