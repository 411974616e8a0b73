// real: PostgreSQL, TypeORM, every migration of the project; double: migrations of the test's own.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { QueryRunner } from "typeorm";
import { MIGRATIONS } from "../../../migrations/index.js";
import { runMigrations } from "../../../src/database/migrate.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

class MakeFirst1000000000001 {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE TABLE public.first (id int)");
  }
  async down(): Promise<void> {}
}

class MakeSecond1000000000002 {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE TABLE public.second (id int)");
  }
  async down(): Promise<void> {}
}

class FailHalfWay1000000000003 {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE TABLE public.half (id int)");
    await runner.query("SELECT 1 / 0");
  }
  async down(): Promise<void> {}
}

class GoWithoutTransaction1000000000004 {
  readonly transaction = false;
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE TABLE public.outside (id int)");
  }
  async down(): Promise<void> {}
}

describe("migrations", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  const tables = async (): Promise<string[]> =>
    await withClient(database.superuser, async (client) => {
      const { rows } = await client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
      return rows.map((row: { tablename: string }) => row.tablename);
    });
  const owner = (): TestDatabase["superuser"] => database.connections.rootkeep_migrate;

  it("run once each, in order, and again do nothing", async () => {
    assert.deepEqual(await runMigrations(owner(), [MakeFirst1000000000001]), { applied: ["MakeFirst1000000000001"] });
    const both = [MakeFirst1000000000001, MakeSecond1000000000002];
    assert.deepEqual(await runMigrations(owner(), both), { applied: ["MakeSecond1000000000002"] });
    assert.deepEqual(await runMigrations(owner(), both), { applied: [] });
    assert.deepEqual(await tables(), ["first", "migration", "second"]);
  });

  it("leave nothing of one that failed", async () => {
    const list = [MakeFirst1000000000001, MakeSecond1000000000002, FailHalfWay1000000000003];
    await assert.rejects(runMigrations(owner(), list), (error) => isRootkeepError(error, "UNAVAILABLE"));
    assert.deepEqual(await tables(), ["first", "migration", "second"]);
  });

  it("are refused when one asks to run outside a transaction", async () => {
    const list = [MakeFirst1000000000001, MakeSecond1000000000002, GoWithoutTransaction1000000000004];
    await assert.rejects(runMigrations(owner(), list), (error) => isRootkeepError(error, "UNAVAILABLE"));
    assert.equal((await tables()).includes("outside"), false);
  });

  it("are refused by a build that does not know what the database has", async () => {
    await assert.rejects(runMigrations(owner(), [MakeFirst1000000000001]), { reason: /newer than this build: MakeSecond1000000000002/ });
  });

  it("are refused when one arrives late", async () => {
    class ArriveLate1000000000000 extends MakeFirst1000000000001 {}
    const list = [ArriveLate1000000000000, MakeFirst1000000000001, MakeSecond1000000000002];
    await assert.rejects(runMigrations(owner(), list), { reason: /arrive after newer ones were applied: ArriveLate1000000000000/ });
  });

  it("are refused as a mistake of ours when badly named or out of order", async () => {
    class NoNumber {
      async up(): Promise<void> {}
      async down(): Promise<void> {}
    }
    await assert.rejects(runMigrations(owner(), [NoNumber]), /13 digits/);
    await assert.rejects(runMigrations(owner(), [MakeSecond1000000000002, MakeFirst1000000000001]), /not newer/);
  });

  it("run once when several starts race", async () => {
    const other = await createTestDatabase();
    try {
      const list = [MakeFirst1000000000001, MakeSecond1000000000002];
      const all = await Promise.all([1, 2, 3].map(() => runMigrations(other.connections.rootkeep_migrate, list)));
      assert.deepEqual(all.map(({ applied }) => applied.length).sort(), [0, 0, 2]);
    } finally {
      await other.drop();
    }
  });

  it("are not for the service: its role may create nothing", async () => {
    const other = await createTestDatabase();
    try {
      await assert.rejects(runMigrations(other.connections.rootkeep_service, [MakeFirst1000000000001]));
      for (const sql of ["CREATE TABLE public.x ()", "CREATE SCHEMA x", "CREATE TEMPORARY TABLE x ()", "SET ROLE rootkeep_migrate"]) {
        await withClient(other.connections.rootkeep_service, (client) => assert.rejects(client.query(sql), { code: "42501" }));
      }
    } finally {
      await other.drop();
    }
  });

  it("of the project leave every object to the owner, and the service without a word in schema audit", async () => {
    const whole = await createTestDatabase({ migrations: MIGRATIONS });
    try {
      await withClient(whole.superuser, async (client) => {
        const { rows } = await client.query(
          `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname IN ('audit', 'keys', 'accounts', 'people', 'approvals', 'secrets', 'edge')
             -- A turn has no column: there is nothing in it to write.
             AND (pg_get_userbyid(c.relowner) <> 'rootkeep_migrate' OR n.nspname = 'audit' AND c.relkind = 'r' AND c.relnatts > 0
               AND has_table_privilege('rootkeep_service', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))`,
        );
        assert.deepEqual(rows, []);
      });
    } finally {
      await whole.drop();
    }
  });
});
