// real: PostgreSQL with the project's migrations, its catalogues. double: none. What somebody changes of the log's tables, triggers, functions
// and rights is in test/attacks/log/schema.test.ts.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Client } from "pg";
import { MIGRATIONS } from "../../../migrations/index.js";
import { LOG_SCHEMA, SERVICE_ON_LOG, SIGNER_ON_LOG } from "../../../src/audit/log-schema.js";
import { assertSafeDatabase } from "../../../src/database/safety.service.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

/** What somebody with the owner's rights makes of columns, constraints and indexes, and what the check must say of it. */
const BENT: readonly { name: string; sql: string; says: RegExp }[] = [
  {
    name: "a uniqueness dropped",
    sql: "ALTER TABLE audit.entry DROP CONSTRAINT entry_event_id_uq",
    says: /lacks entry: CREATE UNIQUE INDEX entry_event_id_uq .*lacks entry: entry_event_id_uq UNIQUE \(event_id\)/,
  },
  {
    name: "a key dropped",
    sql: "ALTER TABLE audit.checkpoint DROP CONSTRAINT checkpoint_pk CASCADE",
    says: /lacks checkpoint: checkpoint_pk PRIMARY KEY .*lacks cosignature: cosignature_checkpoint_fk/,
  },
  { name: "a check dropped", sql: "ALTER TABLE audit.entry DROP CONSTRAINT entry_leaf_ok", says: /lacks entry: entry_leaf_ok CHECK/ },
  {
    name: "a check that lets more pass under its name",
    sql: "ALTER TABLE audit.head DROP CONSTRAINT head_size_ok; ALTER TABLE audit.head ADD CONSTRAINT head_size_ok CHECK (size >= -9)",
    says: /lacks head: head_size_ok CHECK.*has what is not known: head: head_size_ok CHECK/,
  },
  {
    name: "a check that was never tried on what is there",
    sql: "ALTER TABLE audit.head DROP CONSTRAINT head_size_ok; ALTER TABLE audit.head ADD CONSTRAINT head_size_ok CHECK (size >= 0) NOT VALID",
    says: /not known: head: head_size_ok CHECK \(\(size >= 0\)\) NOT VALID/,
  },
  {
    name: "a column that may be empty",
    sql: "ALTER TABLE audit.head ALTER size DROP NOT NULL",
    says: /lacks head: column size bigint NOT NULL/,
  },
  { name: "a column more", sql: "ALTER TABLE audit.entry ADD more text", says: /not known: entry: column more text/ },
  {
    name: "a foreign key switched off",
    sql: "ALTER TABLE audit.cosignature DISABLE TRIGGER ALL",
    says: /cosignature: foreign key switched off/,
  },
  { name: "an index dropped", sql: "DROP INDEX audit.entry_action_ix", says: /lacks entry: CREATE INDEX entry_action_ix/ },
  { name: "an index more", sql: "CREATE INDEX calls_ix ON audit.entry (lower(action))", says: /not known: entry: CREATE INDEX calls_ix/ },
  { name: "row security", sql: "ALTER TABLE audit.entry ENABLE ROW LEVEL SECURITY", says: /not known: entry: row security/ },
  { name: "a row policy", sql: "CREATE POLICY hides ON audit.entry USING (seq < 9)", says: /not known: entry: policy hides/ },
  { name: "a table that a crash empties", sql: "ALTER TABLE audit.head SET UNLOGGED", says: /not known: head: not logged/ },
  {
    name: "a table that another is read with",
    sql: "CREATE TABLE public.heir () INHERITS (audit.entry)",
    says: /not known: entry: partitions or heirs/,
  },
];

/** Rights of the signer's beside the log: none. */
const ELSEWHERE: readonly { name: string; sql: string; says: RegExp }[] = [
  {
    name: "write an account",
    sql: "GRANT UPDATE (state) ON accounts.account TO rootkeep_signer",
    says: /the signer's role may write accounts\.account/,
  },
  {
    name: "delete sealed values",
    sql: "GRANT DELETE ON secrets.sealed_value TO PUBLIC",
    says: /the signer's role may write secrets\.sealed_value/,
  },
  {
    name: "call what runs with the owner's rights",
    sql: "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA secrets TO rootkeep_signer",
    says: /the signer's role may call .*secrets\.activate/,
  },
];

describe("the boot check of the database", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase({ migrations: MIGRATIONS });
  });
  after(() => database.drop());

  const check = async (client: Client): Promise<{ warnings: readonly string[] }> =>
    await assertSafeDatabase(client, LOG_SCHEMA, SERVICE_ON_LOG);

  it("passes a database as it should be, without a warning", async () => {
    assert.deepEqual(await withClient(database.connections.rootkeep_service, check), { warnings: [] });
  });

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
      await assertSafeDatabase(client, LOG_SCHEMA, { ...SERVICE_ON_LOG, privileges: [...SERVICE_ON_LOG.privileges, "head:INSERT"] });
      await assert.rejects(
        assertSafeDatabase(client, LOG_SCHEMA, { ...SERVICE_ON_LOG, privileges: [...SERVICE_ON_LOG.privileges, "entry:INSERT"] }),
        {
          reason: /INSERT on audit\.head/,
        },
      );
      await client.query("ROLLBACK");
    });
  });

  it("refuses a role that may call what it should not, by its name", async () => {
    await withClient(database.connections.rootkeep_service, async (client) => {
      const signer = { ...SERVICE_ON_LOG, who: "the signer's role", calls: [] };
      await assert.rejects(assertSafeDatabase(client, LOG_SCHEMA, signer), {
        reason: /the signer's role may call audit\.append\(bigint, uuid\[\], bytea\[\], bytea\[\]\)/,
      });
    });
  });

  for (const { name, sql, says } of BENT) {
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

  for (const { name, sql, says } of ELSEWHERE) {
    it(`refuses a signer's role that may ${name}`, async () => {
      await withClient(database.superuser, async (client) => {
        await client.query("BEGIN; SET LOCAL SESSION AUTHORIZATION rootkeep_signer");
        await assertSafeDatabase(client, LOG_SCHEMA, SIGNER_ON_LOG);
        await client.query(`RESET SESSION AUTHORIZATION; ${sql}; SET LOCAL SESSION AUTHORIZATION rootkeep_signer`);
        await assert.rejects(assertSafeDatabase(client, LOG_SCHEMA, SIGNER_ON_LOG), { code: "UNAVAILABLE", reason: says });
        await client.query("ROLLBACK");
      });
    });
  }

  it("refuses when it gets no answer", async () => {
    await withClient(database.connections.rootkeep_service, async (client) => {
      await client.query("BEGIN");
      await client.query("SELECT 1 / 0").catch(() => undefined);
      await assert.rejects(check(client), { code: "UNAVAILABLE", reason: /could not be checked/ });
    });
  });
});
