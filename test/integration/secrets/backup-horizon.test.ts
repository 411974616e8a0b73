import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { parseCanonical } from "../../../src/audit/canonical-json.js";
import { parseDestruction } from "../../../src/audit/destruction.js";
import { finalityOf } from "../../../src/audit/destruction-finality.js";
import { type Entry, parseEntry } from "../../../src/audit/entry.js";
import type { Id } from "../../../src/kernel/ids.js";
import { RootKeyDeletions } from "../../../src/secrets/root-key-deletions.service.js";
import { KmsDouble } from "../../support/kms-double.js";
import { withClient } from "../../support/postgres.js";
import { release } from "../../support/released.js";
import { Vault } from "../../support/vault.js";

// real: a vault with an account, the statement of the runbook as it stands there, Python, a root key's file that is deleted. double: AWS KMS.
const ROOT = new URL("../../../../", import.meta.url);
const READER = fileURLToPath(new URL("test/conformance/second-readers/open_sealed.py", ROOT));
const NO_PYTHON =
  spawnSync("python3", ["-c", "import cryptography"]).status === 0 ? false : "python3 with the package cryptography is missing";

describe("what a backup of before the destruction still opens", { skip: NO_PYTHON }, () => {
  let vault: Vault;
  /** What a backup holds that was taken before. */
  let backup: readonly object[];
  before(async () => {
    vault = await Vault.open({ backupHorizonDays: 35 });
    await vault.found();
    const accountId = await vault.import("111122223333");
    await release(vault.transactions, accountId);
    backup = await dump();
    await vault.decide({ operation: "account.destroy", subject: { accountId } });
  });
  after(() => vault.drop());

  /** The tables' rows, by the runbook's own statement. */
  async function dump(): Promise<readonly object[]> {
    const runbook = readFileSync(new URL("docs/operations.md", ROOT), "utf8");
    const statement = /```sql\n([\s\S]*?)```/.exec(runbook)?.[1]?.replace("'trial'", "'test'") ?? "";
    const { rows } = await withClient(vault.database.superuser, (client) => client.query<{ json_build_object: object }>(statement));
    return rows.map((row) => row.json_build_object);
  }
  function openByHand(rows: readonly object[]): { status: number | null; opened: readonly string[] } {
    const input = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    const { status, stdout } = spawnSync("python3", [READER, join(vault.directory, "root-key.json")], { input, encoding: "utf8" });
    const lines = stdout.split("\n").filter((line) => line.startsWith("opens "));
    return { status, opened: lines.map((line) => Buffer.from(line.slice("opens ".length), "hex").toString("utf8")).sort() };
  }

  it("is everything, as long as it is kept and the root key is there: so the certificate is provisional, with its date [DC-9]", async () => {
    assert.deepEqual(await dump(), [], "nothing is left in the database itself");
    assert.deepEqual(openByHand(backup).opened, ["12345678901234567890", "Tr0ub4dor-and-3-horses"]);
    const [row] = await withClient(
      vault.database.superuser,
      async (client) => (await client.query("SELECT body FROM secrets.destruction")).rows as { body: string }[],
    );
    const body = parseDestruction(parseCanonical(Buffer.from(row?.body ?? "", "utf8")));
    const { isFinal, since, sentence } = finalityOf(body, []);
    assert.deepEqual([isFinal, since], [false, new Date(Date.parse(body.destroyedAt) + 35 * 86_400_000).toISOString()]);
    assert.match(sentence, /shared/, "the deployment's own keys are under the same root key");
  });

  it("is nothing once the root key is deleted", () => {
    rmSync(join(vault.directory, "root-key.json"));
    const { status, opened } = openByHand(backup);
    assert.deepEqual(opened, []);
    assert.notEqual(status, 0);
  });
});

describe("a root key of an account's own", () => {
  let kms: KmsDouble;
  let vault: Vault;
  let accountId: Id<"account">;
  before(async () => {
    kms = await KmsDouble.start();
    vault = await Vault.open({ accountsRootKey: kms.rootKey(), backupHorizonDays: 35 });
    await vault.found();
  });
  after(async () => {
    await vault.drop();
    await kms.stop();
  });
  const deletions = (): RootKeyDeletions =>
    new RootKeyDeletions(vault.transactions, vault.log, vault.keys, (error) => {
      throw error;
    });
  async function finality() {
    const entries = await withClient(vault.database.superuser, async (client) => {
      const { rows } = await client.query<{ entry: Buffer }>("SELECT entry FROM audit.entry WHERE action = 'key.destroyed' ORDER BY seq");
      return rows.map(({ entry }): Entry => parseEntry(entry));
    });
    const [row] = await withClient(
      vault.database.superuser,
      async (client) => (await client.query("SELECT body FROM secrets.destruction WHERE id = $1", [accountId])).rows as { body: string }[],
    );
    return { ...finalityOf(parseDestruction(parseCanonical(Buffer.from(row?.body ?? "", "utf8"))), entries), entries: entries.length };
  }

  it("that is deleted makes the certificate final, and not before it is gone [DC-9]", async () => {
    accountId = await vault.import("111122223333");
    await release(vault.transactions, accountId);
    await vault.decide({ operation: "account.destroy", subject: { accountId } });
    const watch = deletions();
    assert.equal(await watch.look(), 0);
    for (const state of ["Disabled", "PendingDeletion"]) {
      kms.keyState = state;
      assert.equal(await watch.look(), 0, state);
    }
    kms.isDead = true;
    assert.equal(await watch.look(), 0, "not reached");
    kms.isDead = false;
    const { isFinal, sentence } = await finality();
    assert.equal(isFinal, false);
    assert.match(sentence, /nothing here says that it was deleted/);
    kms.delete(vault.accountsRootKey);
    assert.equal(await watch.look(), 1);
    assert.deepEqual([await watch.look(), await deletions().look()], [0, 0], "said once");
    const final = await finality();
    assert.deepEqual([final.isFinal, final.entries], [true, 1]);
  });
});

describe("a root key that accounts share", () => {
  it("is not even asked for, and makes no certificate final", async () => {
    const kms = await KmsDouble.start();
    const vault = await Vault.open({ accountsRootKey: kms.rootKey() });
    await vault.found();
    const [accountId] = [await vault.import("111122223333"), await vault.import("111122224444")];
    await release(vault.transactions, accountId);
    await vault.decide({ operation: "account.destroy", subject: { accountId } });
    kms.delete(vault.accountsRootKey);
    const asked = kms.calls.length;
    const watch = new RootKeyDeletions(vault.transactions, vault.log, vault.keys, assert.ifError);
    assert.deepEqual([await watch.look(), kms.calls.length], [0, asked]);
    await vault.drop();
    await kms.stop();
  });
});
