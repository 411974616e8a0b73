import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { PoolClient } from "pg";
import { AuditRepository } from "../../../src/audit/audit.repository.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { LogGuard } from "../../../src/audit/log-guard.service.js";
import type { PgConnection } from "../../../src/database/connection.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { withClient } from "../../support/postgres.js";
import { SIGNED_ORIGIN, SigningLog } from "../../support/signing-log.js";
import { Standby } from "../../support/standby.js";

// A server of this file's own: it is told to wait for its standby.
delete process.env["ROOTKEEP_TEST_PG"];

// real: two PostgreSQL servers, one the synchronous standby of the other; log, signer. double: guard and key, in memory.
describe("a log with a synchronous standby", () => {
  let signing: SigningLog;
  let standby: Standby;
  let server: PgConnection;
  before(async () => {
    signing = await SigningLog.open();
    server = { ...signing.database.superuser, database: "postgres" };
    standby = await Standby.of(server, "standby");
    await ask(server, "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await ask(server, "SELECT pg_reload_conf()");
    signing.signer();
    await signing.signedTo(1);
    await signing.append(9);
    await signing.until(() => signing.guarded().size === 10, "10");
  });
  after(async () => {
    await ask(server, "ALTER SYSTEM RESET synchronous_standby_names");
    await ask(server, "SELECT pg_reload_conf()");
    await signing.close();
    await standby.stop();
  });

  const ask = (connection: PgConnection, sql: string): Promise<unknown[]> =>
    withClient(connection, async (client) => (await client.query<Record<string, unknown>>(sql)).rows);
  const sizeAt = async (connection: PgConnection): Promise<number> =>
    Number(((await ask(connection, "SELECT size FROM audit.head")) as [{ size: string }])[0].size);

  it("is not taken for one that was put back by who comes to a standby that is behind [AL-7]", async () => {
    const { log, verifierKey, guard, database } = signing;
    const there = standby.at(database.connections.rootkeep_service);
    await signing.until(async () => (await sizeAt(there)) === 10, "replay");
    await ask(standby.at(server), "SELECT pg_wal_replay_pause()");
    try {
      await signing.append(4);
      await signing.until(() => signing.guarded().size === 14, "14");
      assert.equal(await sizeAt(there), 10);
      const logGuard = new LogGuard(log, { connect: () => connectLog(there), origin: SIGNED_ORIGIN, verifierKey, guard });
      await assert.rejects(logGuard.compare(), (error) => isRootkeepError(error, "UNAVAILABLE"));
      await logGuard.stop();
      await withClient(there, async (client) => {
        // A head that is read there, with its lock or without, is not the log's.
        await assert.rejects(AuditRepository.readHead(client), (error) => isRootkeepError(error, "UNAVAILABLE"));
        await assert.rejects(log.lockHead(client as unknown as PoolClient), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
      });
      assert.deepEqual([log.isRolledBack, signing.alarms], [false, []]);
      // A signer there neither signs nor halts; it is no leader, and says why.
      const signer = signing.signer({ connection: standby.at(database.connections.rootkeep_signer) });
      await signing.until(() => signing.said.some((line) => line.startsWith("failed")), "the signer's word");
      await signer.stop();
      assert.equal(signer.halted, undefined);
      assert.ok(!signing.said.some((line) => line.startsWith("halted")), signing.said.join("; "));
    } finally {
      await ask(standby.at(server), "SELECT pg_wal_replay_resume()");
    }
    await signing.append();
    await signing.signedTo(15);
  });

  it("signs nothing that the standby has not got, whoever ends the waiting, and goes on when it has [AL-5]", async () => {
    standby.pause(true);
    try {
      const appending = assert.rejects(signing.append(), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      // An operator who sees a stuck session, a fast shutdown, a restart: each ends the wait, and the entry is there to be read.
      await ask(server, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
      await signing.until(async () => (await sizeAt(signing.database.superuser)) === 16, "the entry");
      await appending;
      await signing.until(
        () => signing.said.filter((line) => line.endsWith("the standby has not confirmed")).length >= 2,
        "two refusals",
        30_000,
      );
      assert.equal(signing.guarded().size, 15);
      // No session is left behind by each attempt.
      const waiting = await ask(server, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'rootkeep_signer'");
      assert.ok(waiting.length <= 1, `${String(waiting.length)} sessions wait`);
    } finally {
      standby.pause(false);
    }
    await signing.signedTo(16);
  });
});
