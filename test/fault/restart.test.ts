import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../src/kernel/errors.js";
import { withClient } from "../support/postgres.js";
import { Vault } from "../support/vault.js";
import { Closing, Scene } from "./scene.js";
import { tally } from "./tally.js";

// real: PostgreSQL, file root key, every service, started anew. double: none.
describe("a restart", () => {
  const closing = new Closing();
  let scene: Scene;
  let replica: Vault;

  before(async () => {
    scene = await Scene.open({ accounts: 2 });
    closing.add(() => scene.drop());
    replica = await Vault.open({ replicaOf: scene.vault });
    closing.add(() => replica.close());
  });
  after(() => closing.close());

  it("ends no session, and brings none back that was ended", async () => {
    const { holder, custodian, vault } = scene;
    const ended = await vault.signIn(scene.approvers[1].email, scene.approvers[1].app);
    await vault.people.sessions.revoke(ended.personId, ended.sessionId);
    const fresh = await Vault.open({ replicaOf: vault });
    try {
      for (const actor of [holder, custodian]) {
        const { personId, sessionId } = await fresh.people.sessions.authenticate(actor.token);
        assert.deepEqual([personId, sessionId], [actor.personId, actor.sessionId]);
      }
      await assert.rejects(fresh.people.sessions.authenticate(ended.token), (error) => isRootkeepError(error, "UNAUTHENTICATED"));
    } finally {
      await fresh.close();
    }
    await scene.assertWhole();
  });

  it("knows of the log what a service knows that has followed it all along, wherever the entries came from", async () => {
    const { grantId } = await scene.granted();
    await scene.open(grantId, replica);
    await scene.vault.grants.giveBack(scene.holder, grantId);
    await scene.open((await scene.granted()).grantId);
    const rows = await withClient(scene.vault.database.superuser, async (client) => {
      const found = await client.query<{ row: string }>(
        "SELECT DISTINCT jsonb_array_elements_text(convert_from(entry, 'UTF8')::jsonb -> 'rows') AS row FROM audit.entry ORDER BY 1",
      );
      return found.rows.map(({ row }) => row);
    });
    const tables = [...new Set(rows.map((row) => row.slice(0, row.indexOf("/"))))];
    const fresh = await Vault.open({ replicaOf: scene.vault });
    try {
      const known = [];
      for (const { log, transactions } of [scene.vault, replica, fresh]) {
        // A look at anything follows the log to its head.
        await transactions.peek((tx) => tx.clock());
        known.push({
          size: log.knownSize(),
          newest: rows.map((row) => [row, log.newestSeq(row)]),
          counts: tables.map((table) => [table, log.rowCount(table)]),
          open: log.openIntents(),
          founded: log.lastOf("people.founded")?.seq,
        });
      }
      assert.ok(rows.length > 50);
      assert.deepEqual(known[1], known[0]);
      assert.deepEqual(known[2], known[0]);
    } finally {
      await fresh.close();
    }
    await scene.assertWhole();
    tally("restarts", { tried: 2, opened: 2 });
  });
});
