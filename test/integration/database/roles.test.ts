// real: PostgreSQL, the role set-up, psql's view of it; double: nothing.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { inspect } from "node:util";
import { Client } from "pg";
import { clientOptions, createDataSource } from "../../../src/database/data-source.service.js";
import { DATABASE_ROLES, databaseStatements, passwordStatement, roleStatements, rolesScript } from "../../../src/database/roles.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

describe("the database's roles", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  it("have no power but to sign in, and nobody is a member of another", async () => {
    await withClient(database.superuser, async (client) => {
      const { rows } = await client.query(
        `SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = ANY($1)
           AND NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls) ORDER BY 1`,
        [[...DATABASE_ROLES]],
      );
      assert.deepEqual(
        rows,
        [...DATABASE_ROLES].sort().map((rolname) => ({ rolname, rolcanlogin: true })),
      );
      const { rows: members } = await client.query(
        "SELECT roleid::regrole::text FROM pg_auth_members WHERE roleid::regrole::text LIKE 'rootkeep%' OR member::regrole::text LIKE 'rootkeep%'",
      );
      assert.deepEqual(members, []);
    });
  });

  it("are set up again without an error or a change", async () => {
    await withClient(database.superuser, async (client) => {
      for (const statement of [...roleStatements(), ...databaseStatements(database.name)]) await client.query(statement);
    });
  });

  it("bound what a session of the service may wait for and hold", async () => {
    await withClient(database.connections.rootkeep_service, async (client) => {
      const { rows } = await client.query(
        `SELECT name, setting::int AS ms FROM pg_settings
         WHERE name IN ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout') ORDER BY name`,
      );
      assert.deepEqual(rows, [
        { name: "idle_in_transaction_session_timeout", ms: LIMITS.idleInTransactionMs },
        { name: "lock_timeout", ms: LIMITS.lockTimeoutMs },
        { name: "statement_timeout", ms: LIMITS.statementTimeoutMs },
      ]);
    });
  });

  it("leave the role that only reads few connections, and none for ever", async () => {
    const clients: Client[] = [];
    try {
      for (let count = 0; count < LIMITS.auditorConnectionsMax; count++) {
        clients.push(new Client(clientOptions(database.connections.rootkeep_auditor)));
        await clients.at(-1)?.connect();
      }
      await assert.rejects(
        withClient(database.connections.rootkeep_auditor, (client) => client.query("SELECT 1")),
        { code: "53300" },
      );
      const answer = await clients[0]?.query("SELECT setting::int AS ms FROM pg_settings WHERE name LIKE 'idle%session_timeout'");
      assert.deepEqual(answer?.rows, [{ ms: LIMITS.auditorIdleMs }, { ms: LIMITS.auditorIdleMs }]);
    } finally {
      for (const client of clients) await client.end();
    }
  });

  it("keep strangers out of the database, and out of the server's own ones", async () => {
    await withClient(database.superuser, async (client) => {
      await client.query("DROP ROLE IF EXISTS mallory");
      await client.query("CREATE ROLE mallory LOGIN");
      try {
        const { rows } = await client.query(
          "SELECT has_database_privilege('mallory', current_database(), 'CONNECT') OR has_database_privilege('mallory', current_database(), 'TEMP') AS may",
        );
        assert.deepEqual(rows, [{ may: false }]);
        const { rows: own } = await client.query("SELECT has_database_privilege('rootkeep_service', 'postgres', 'CONNECT') AS may");
        assert.deepEqual(own, [{ may: false }]);
      } finally {
        await client.query("DROP ROLE mallory");
      }
    });
  });

  it("take a password only as a verifier, and the operator's script holds none", () => {
    assert.throws(() => passwordStatement("rootkeep_service", "plain'; DROP"), /not a SCRAM verifier/);
    assert.equal(/PASSWORD\s+'/.test(rolesScript()), false);
  });

  it("reach the database through a data source that prints nothing and whose errors quote no value", async () => {
    const source = createDataSource(database.connections.rootkeep_service, { entities: [], poolSize: 1 });
    const written: string[] = [];
    const { log, error, warn, info } = console;
    const stdout = process.stdout.write;
    const take = (...parts: unknown[]): boolean => written.push(parts.map(String).join(" ")) > 0;
    await source.initialize();
    try {
      Object.assign(console, { log: take, error: take, warn: take, info: take });
      process.stdout.write = take;
      const failures: unknown[] = [];
      for (const sql of ["SELECT $1::int", "SELECT nothing FROM nowhere WHERE x = $1", "SELECT set_config($1, 'x', false)"]) {
        await source.query(sql, ["mark-of-a-value"]).catch((failure: unknown) => failures.push(failure));
      }
      process.stdout.write = stdout;
      assert.equal(failures.length, 3);
      const shown = inspect([failures, source.options], { depth: 9, showHidden: true }) + JSON.stringify(failures);
      assert.equal(shown.includes("mark-of-a-value"), false, shown);
      const password = database.connections.rootkeep_service.password?.expose((text) => text) ?? "";
      assert.equal(inspect(source, { depth: 12, showHidden: false }).includes(password), false);
      assert.equal(
        written.some((line) => line.includes("mark-of-a-value")),
        false,
      );
    } finally {
      process.stdout.write = stdout;
      Object.assign(console, { log, error, warn, info });
      await source.destroy();
    }
  });
});
