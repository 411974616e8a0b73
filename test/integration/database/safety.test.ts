// real: PostgreSQL, its catalogues; double: tables of the test's own in schema audit.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Client } from "pg";
import type { QueryRunner } from "typeorm";
import type { AuditExpectation, RoleExpectation } from "../../../src/database/safety.js";
import { assertSafeDatabase } from "../../../src/database/safety.service.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

class MakeGuardedLog1000000000001 {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE SCHEMA audit;
      GRANT USAGE ON SCHEMA audit TO rootkeep_service;
      CREATE TABLE audit.entry (seq bigint PRIMARY KEY, words text);
      CREATE TABLE audit.head (size bigint);
      CREATE FUNCTION audit.deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
      CREATE FUNCTION audit.other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE FUNCTION audit.append(p bigint, q text[]) RETURNS void LANGUAGE sql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS 'INSERT INTO audit.entry SELECT p, q[1]';
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON audit.entry FOR EACH ROW EXECUTE FUNCTION audit.deny();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.entry FOR EACH STATEMENT EXECUTE FUNCTION audit.deny();
      CREATE TRIGGER no_removal BEFORE DELETE ON audit.head FOR EACH ROW EXECUTE FUNCTION audit.deny();
      ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation;
      ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_truncate;
      ALTER TABLE audit.head ENABLE ALWAYS TRIGGER no_removal;
      GRANT SELECT ON ALL TABLES IN SCHEMA audit TO rootkeep_service;
    `);
  }
  async down(): Promise<void> {}
}

const EXPECTED: AuditExpectation = {
  tables: { entry: ["no_mutation", "no_truncate"], head: ["no_removal"] },
  functions: {
    "append(bigint, text[])": "f0e0ae1a0cd3ab4bd1a07ed6d2d8a3a4",
    "deny()": "0",
  },
};

const OTHER_TRIGGER = "EXECUTE FUNCTION audit.other(); ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation";

/** What somebody with the owner's or the superuser's rights does, and what the check must say of it. */
const TAMPERINGS: readonly { name: string; sql: string; says: RegExp }[] = [
  {
    name: "a trigger disabled",
    sql: "ALTER TABLE audit.entry DISABLE TRIGGER no_mutation",
    says: /no_mutation of audit\.entry is not enabled/,
  },
  {
    name: "a trigger that replication skips",
    sql: "ALTER TABLE audit.entry ENABLE TRIGGER no_truncate",
    says: /no_truncate of audit\.entry is not enabled ALWAYS/,
  },
  { name: "a trigger dropped", sql: "DROP TRIGGER no_removal ON audit.head", says: /trigger no_removal of audit\.head is missing/ },
  {
    name: "a trigger with a condition",
    sql: `DROP TRIGGER no_mutation ON audit.entry;
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON audit.entry FOR EACH ROW WHEN (OLD.seq > 5) EXECUTE FUNCTION audit.deny();
      ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation`,
    says: /no_mutation of audit\.entry is another/,
  },
  {
    name: "a trigger on one column",
    sql: `DROP TRIGGER no_mutation ON audit.entry;
      CREATE TRIGGER no_mutation BEFORE DELETE OR UPDATE OF seq ON audit.entry FOR EACH ROW EXECUTE FUNCTION audit.deny();
      ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation`,
    says: /no_mutation of audit\.entry is another/,
  },
  {
    name: "a trigger on fewer events",
    sql: `DROP TRIGGER no_mutation ON audit.entry;
      CREATE TRIGGER no_mutation BEFORE UPDATE ON audit.entry FOR EACH ROW EXECUTE FUNCTION audit.deny();
      ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation`,
    says: /no_mutation of audit\.entry is another/,
  },
  {
    name: "a trigger that calls another function",
    sql: `DROP TRIGGER no_mutation ON audit.entry; CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON audit.entry FOR EACH ROW ${OTHER_TRIGGER}`,
    says: /no_mutation of audit\.entry calls another function/,
  },
  {
    name: "a trigger more",
    sql: "CREATE TRIGGER eats BEFORE INSERT ON audit.entry FOR EACH ROW EXECUTE FUNCTION audit.other()",
    says: /trigger that is not known: eats/,
  },
  {
    name: "a rule that swallows inserts",
    sql: "CREATE RULE eats AS ON INSERT TO audit.entry DO INSTEAD NOTHING",
    says: /audit\.entry has a rewrite rule/,
  },
  { name: "a table more", sql: "CREATE TABLE audit.shadow ()", says: /audit\.shadow is not known/ },
  { name: "a table less", sql: "DROP TABLE audit.head", says: /audit\.head is missing/ },
  { name: "a table of another owner", sql: "ALTER TABLE audit.head OWNER TO rootkeep_service", says: /audit\.head does not belong/ },
  {
    name: "an object of the service's",
    sql: "CREATE TABLE public.mine (); ALTER TABLE public.mine OWNER TO rootkeep_service",
    says: /owns 1 obj/,
  },
  { name: "an insert allowed", sql: "GRANT INSERT ON audit.entry TO rootkeep_service", says: /has INSERT on audit\.entry/ },
  { name: "an insert allowed to everybody", sql: "GRANT INSERT ON audit.entry TO PUBLIC", says: /has INSERT on audit\.entry/ },
  {
    name: "an update of one column allowed",
    sql: "GRANT UPDATE (words) ON audit.entry TO rootkeep_service",
    says: /UPDATE on audit\.entry/,
  },
  { name: "a delete allowed", sql: "GRANT DELETE ON audit.entry TO rootkeep_service", says: /has DELETE on audit\.entry/ },
  { name: "a truncate allowed", sql: "GRANT TRUNCATE ON audit.head TO rootkeep_service", says: /has TRUNCATE on audit\.head/ },
  { name: "triggers allowed", sql: "GRANT TRIGGER ON audit.entry TO rootkeep_service", says: /has TRIGGER on audit\.entry/ },
  { name: "references allowed", sql: "GRANT REFERENCES ON audit.entry TO rootkeep_service", says: /has REFERENCES on audit\.entry/ },
  { name: "a place to create in", sql: "GRANT CREATE ON SCHEMA audit TO rootkeep_service", says: /may create objects in schema audit/ },
  {
    name: "a function replaced",
    sql: `CREATE OR REPLACE FUNCTION audit.append(p bigint, q text[]) RETURNS void LANGUAGE sql SECURITY DEFINER
      SET search_path = pg_catalog, pg_temp AS 'INSERT INTO audit.entry SELECT p, q[2]'`,
    says: /append\(bigint, text\[\]\) is not the one of this build/,
  },
  {
    name: "the triggers' function emptied",
    sql: "CREATE OR REPLACE FUNCTION audit.deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    says: /deny\(\) is not the one of this build/,
  },
  {
    name: "a function without its search path",
    sql: "ALTER FUNCTION audit.append RESET search_path",
    says: /takes its caller's search_path/,
  },
  { name: "a function of another owner", sql: "ALTER FUNCTION audit.append OWNER TO postgres", says: /append.* does not belong/ },
  {
    name: "a privileged function more",
    sql: "CREATE FUNCTION audit.door() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    says: /function audit\.door\(\) is not known/,
  },
  { name: "a service role that can make roles", sql: "ALTER ROLE rootkeep_service CREATEROLE", says: /service's role has CREATEROLE/ },
  { name: "a service role that can make databases", sql: "ALTER ROLE rootkeep_service CREATEDB", says: /service's role has CREATEDB/ },
  { name: "a service role that can replicate", sql: "ALTER ROLE rootkeep_service REPLICATION", says: /service's role has REPLICATION/ },
  { name: "a service role past row security", sql: "ALTER ROLE rootkeep_service BYPASSRLS", says: /service's role has BYPASSRLS/ },
  { name: "a service role that is superuser", sql: "ALTER ROLE rootkeep_service SUPERUSER", says: /service's role has SUPERUSER/ },
  { name: "a membership of the owner", sql: "GRANT rootkeep_migrate TO rootkeep_service", says: /member of rootkeep_migrate, which owns/ },
  {
    name: "a membership that is only taken with SET ROLE",
    sql: "GRANT rootkeep_migrate TO rootkeep_service WITH INHERIT FALSE",
    says: /member of rootkeep_migrate, which owns/,
  },
  {
    name: "a predefined membership",
    sql: "GRANT pg_write_all_data TO rootkeep_service",
    says: /member of pg_write_all_data, which is predefined/,
  },
];

/** The double's `append` may be called by the service, as its migration grants. */
const ROLE: RoleExpectation = { who: "the service's role", privileges: [], calls: ["append(bigint, text[])"] };

describe("the boot check of the database", () => {
  let database: TestDatabase;
  let expected = EXPECTED;
  before(async () => {
    database = await createTestDatabase({ migrations: [MakeGuardedLog1000000000001] });
    await withClient(database.superuser, async (client) => {
      const { rows } = await client.query("SELECT proname, md5(prosrc) AS md5 FROM pg_proc WHERE pronamespace = 'audit'::regnamespace");
      const md5 = (name: string): string => (rows as { proname: string; md5: string }[]).find((row) => row.proname === name)?.md5 ?? "";
      expected = { ...EXPECTED, functions: { "append(bigint, text[])": md5("append"), "deny()": md5("deny") } };
    });
  });
  after(() => database.drop());

  const check = async (client: Client): Promise<{ warnings: readonly string[] }> => await assertSafeDatabase(client, expected, ROLE);

  it("passes a database as it should be, without a warning", async () => {
    assert.deepEqual(await withClient(database.connections.rootkeep_service, check), { warnings: [] });
  });

  for (const { name, sql, says } of TAMPERINGS) {
    it(`refuses ${name}`, async () => {
      // One transaction of the superuser's, who becomes the service in it, leaves the shared server as it was.
      await withClient(database.superuser, async (client) => {
        await client.query("BEGIN");
        await client.query(sql);
        await client.query("SET LOCAL SESSION AUTHORIZATION rootkeep_service");
        await assert.rejects(check(client), { code: "UNAVAILABLE", reason: says });
        await client.query("ROLLBACK");
      });
    });
  }

  for (const [setting, value] of [
    ["synchronous_commit", "off"],
    ["synchronous_commit", "local"],
  ] as const) {
    it(`refuses ${setting} = ${value}`, async () => {
      await withClient(database.connections.rootkeep_service, async (client) => {
        await client.query(`SET ${setting} = ${value}`);
        await assert.rejects(check(client), { code: "UNAVAILABLE", reason: new RegExp(`${setting} is ${value}`) });
      });
    });
  }

  it("refuses the superuser, and a session that only plays the service", async () => {
    await withClient(database.superuser, async (client) => {
      await assert.rejects(check(client), { reason: /has SUPERUSER/ });
      await client.query("SET ROLE rootkeep_service");
      await assert.rejects(check(client), { reason: /signed in as another role/ });
    });
  });

  it("lists all failures at once", async () => {
    await withClient(database.superuser, async (client) => {
      await client.query("BEGIN");
      await client.query("ALTER TABLE audit.entry DISABLE TRIGGER ALL; GRANT DELETE ON audit.entry TO rootkeep_service");
      await client.query("SET LOCAL SESSION AUTHORIZATION rootkeep_service");
      await assert.rejects(check(client), { reason: /DELETE on audit\.entry.*no_mutation.*no_truncate/ });
      await client.query("ROLLBACK");
    });
  });

  it("allows a privilege that is named, and that one alone", async () => {
    await withClient(database.superuser, async (client) => {
      await client.query("BEGIN");
      await client.query("GRANT INSERT ON audit.head TO rootkeep_service");
      await client.query("SET LOCAL SESSION AUTHORIZATION rootkeep_service");
      await assertSafeDatabase(client, expected, { ...ROLE, privileges: ["head:INSERT"] });
      await assert.rejects(assertSafeDatabase(client, expected, { ...ROLE, privileges: ["entry:INSERT"] }), {
        reason: /INSERT on audit\.head/,
      });
      await client.query("ROLLBACK");
    });
  });

  it("refuses a role that may call what it should not, by its name", async () => {
    await withClient(database.connections.rootkeep_service, async (client) => {
      const signer = { ...ROLE, who: "the signer's role", calls: [] };
      await assert.rejects(assertSafeDatabase(client, expected, signer), {
        reason: /the signer's role may call audit\.append\(bigint, text\[\]\)/,
      });
    });
  });

  it("refuses when it gets no answer", async () => {
    await withClient(database.connections.rootkeep_service, async (client) => {
      await client.query("BEGIN");
      await client.query("SELECT 1 / 0").catch(() => undefined);
      await assert.rejects(check(client), { code: "UNAVAILABLE", reason: /could not be checked/ });
    });
  });
});
