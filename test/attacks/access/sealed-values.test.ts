import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { AttackTally } from "../../support/attack-tally.js";
import { CountingRootKey } from "../../support/counting-root-key.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, Vault } from "../../support/vault.js";

// real: PostgreSQL (attacked by its owner), file root key behind a counter, every service. double: none.
describe("sealed values and data keys exchanged by the database's owner [L3, L11]", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-attack-"));
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let one: Id<"account">;
  let two: Id<"account">;

  before(async () => {
    vault = await Vault.open({ rootKey: new CountingRootKey(createRootKey(`file:${join(directory, "root-key.json")}`)) });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    one = await vault.import("111122223333", { password: "Correct-horse-0001" });
    two = await vault.import("444455556666", { password: "Correct-horse-0002" });
  });
  after(async () => {
    await vault.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it("refuses an edit of sealed values, data keys and entries even to the tables' owner, while the triggers stand", async () => {
    await withClient(vault.database.connections.rootkeep_migrate, async (client) => {
      for (const [table, column] of [
        ["secrets.sealed_value", "sealed"],
        ["keys.data_key", "wrapped"],
        ["audit.entry", "entry"],
      ]) {
        for (const sql of [`UPDATE ${table} SET ${column} = ${column}`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
          // A table that another one refers to is not even truncated as far as its trigger.
          await assert.rejects(client.query(sql), /append-only|referenced in a foreign key/, sql);
        }
      }
    });
  });

  it("opens no other account's or version's bytes, and none under another data key: SEAL_BROKEN, in the log", async () => {
    const owner = await DatabaseOwner.take(vault.database);
    const tally = new AttackTally();
    const passwords = `SELECT v.id, v.data_key_id, s.account_id FROM secrets.secret_version v JOIN secrets.secret s ON s.id = v.secret_id
      WHERE s.kind = 'root-password' ORDER BY s.account_id = '${one}' DESC`;
    const [mine, theirs] = await owner.rows<{ id: string; data_key_id: string }>(passwords);
    assert.ok(mine !== undefined && theirs !== undefined);
    const exchange = (table: string, key: string, column: string, ids: readonly [string, string]) =>
      owner.run(
        `UPDATE ${table} t SET ${column} = o.${column} FROM ${table} o
         WHERE (t.${key} = $1 AND o.${key} = $2) OR (t.${key} = $2 AND o.${key} = $1)`,
        ids,
      );
    const attacks: Readonly<Record<string, () => Promise<unknown>>> = {
      "sealed bytes of another account": () => exchange("secrets.sealed_value", "version_id", "sealed", [mine.id, theirs.id]),
      "sealed bytes of its own seed": () =>
        owner.run(
          `UPDATE secrets.sealed_value SET sealed = (SELECT x.sealed FROM secrets.sealed_value x JOIN secrets.secret_version v ON v.id = x.version_id
             JOIN secrets.secret s ON s.id = v.secret_id WHERE s.account_id = $1 AND s.kind = 'mfa-seed') WHERE version_id = $2`,
          [one, mine.id],
        ),
      "sealed bytes with one bit turned": () =>
        owner.run("UPDATE secrets.sealed_value SET sealed = set_bit(sealed, 400, 1 - get_bit(sealed, 400)) WHERE version_id = $1", [
          mine.id,
        ]),
      "sealed bytes removed": () => owner.run("DELETE FROM secrets.sealed_value WHERE version_id = $1", [mine.id]),
      "wrapped key of another account": () => exchange("keys.data_key", "id", "wrapped", [mine.data_key_id, theirs.data_key_id]),
      "whole data key of another account": () =>
        owner.run(
          `UPDATE keys.data_key t SET account_id = o.account_id, aws_account_id = o.aws_account_id, wrapped = o.wrapped
           FROM keys.data_key o WHERE t.id = $1 AND o.id = $2`,
          [mine.data_key_id, theirs.data_key_id],
        ),
      "data key of another domain": () => owner.run("UPDATE keys.data_key SET domain = 'mfa' WHERE id = $1", [mine.data_key_id]),
      "data key removed": () => owner.run("DELETE FROM keys.data_key WHERE id = $1", [mine.data_key_id]),
    };
    for (const [name, make] of Object.entries(attacks)) {
      const { grantId } = await vault.grant(rita, [alan], one, "account-password-change");
      const sealed = await owner.copy("secrets.sealed_value", "true", "version_id");
      const keys = await owner.copy("keys.data_key");
      await make();
      tally.note(
        name,
        await vault.open(rita, grantId).then(
          () => "opened",
          (error: unknown) => (isRootkeepError(error, "SEAL_BROKEN") ? null : `was refused as ${String(error)}`),
        ),
      );
      await sealed.putBack();
      await keys.putBack();
      const { size } = await vault.reader.head();
      const [last] = await vault.reader.entries(size - 1, 1);
      assert.deepEqual([last?.entry.action, last?.entry.outcome], ["secret.reveal", "error"], name);
      await vault.grants.giveBack(rita, grantId);
    }
    const { grantId } = await vault.grant(rita, [alan], two);
    assert.equal(await vault.open(rita, grantId), "Correct-horse-0002");
    await owner.close();
    tally.assertHeld();
  });
});
