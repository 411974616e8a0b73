import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { withClient } from "../../support/postgres.js";
import { Vault } from "../../support/vault.js";

// real: a vault with an imported account, the statement of the runbook as it stands there, Python. double: none.
const ROOT = new URL("../../../../", import.meta.url);
const READER = fileURLToPath(new URL("test/conformance/second-readers/open_sealed.py", ROOT));
const NO_PYTHON =
  spawnSync("python3", ["-c", "import cryptography"]).status === 0 ? false : "python3 with the package cryptography is missing";

describe("the runbook's recovery of a secret without Rootkeep [L10]", { skip: NO_PYTHON }, () => {
  let vault: Vault;
  before(async () => {
    vault = await Vault.open();
    await vault.found();
    await vault.import("111122223333");
  });
  after(() => vault.drop());

  it("gets password and seed from the tables, the root key's file and a page of Python", async () => {
    const runbook = readFileSync(new URL("docs/operations.md", ROOT), "utf8");
    const statement = /```sql\n([\s\S]*?)```/.exec(runbook)?.[1]?.replace("'trial'", "'test'");
    assert.ok(statement !== undefined);
    const { rows } = await withClient(vault.database.superuser, (client) => client.query<{ json_build_object: object }>(statement));
    const input = rows.map((row) => `${JSON.stringify(row.json_build_object)}\n`).join("");
    const { stdout, stderr } = spawnSync("python3", [READER, join(vault.directory, "root-key.json")], { input, encoding: "utf8" });
    const opened = stdout
      .trimEnd()
      .split("\n")
      .map((line) => Buffer.from(line.replace("opens ", ""), "hex").toString("utf8"));
    assert.deepEqual(opened.sort(), ["12345678901234567890", "Tr0ub4dor-and-3-horses"], stderr);
  });
});
