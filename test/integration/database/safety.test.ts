// real: PostgreSQL with the project's migrations, its catalogues. double: none. What somebody changes of the log's tables, triggers, functions
// and rights is in test/attacks/log/schema.test.ts.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Client } from "pg";
import { MIGRATIONS } from "../../../migrations/index.js";
import { LOG_SCHEMA, SERVICE_ON_LOG } from "../../../src/audit/log-schema.js";
import { assertSafeDatabase } from "../../../src/database/safety.service.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

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

  it("refuses when it gets no answer", async () => {
    await withClient(database.connections.rootkeep_service, async (client) => {
      await client.query("BEGIN");
      await client.query("SELECT 1 / 0").catch(() => undefined);
      await assert.rejects(check(client), { code: "UNAVAILABLE", reason: /could not be checked/ });
    });
  });
});
