import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Client } from "pg";
import { MIGRATIONS } from "../../../migrations/index.js";
import { LOG_SCHEMA, SERVICE_ON_LOG, SIGNER_ON_LOG } from "../../../src/audit/log-schema.js";
import { GUARD_TRIGGERS, type GuardTrigger, type RoleExpectation, WRITING_PRIVILEGES } from "../../../src/database/safety.js";
import { assertSafeDatabase } from "../../../src/database/safety.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { AttackTally } from "../../support/attack-tally.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

/** What somebody with the owner's or the superuser's rights does, and what the start must say of it. */
interface Tampering {
  readonly name: string;
  readonly sql: string;
  readonly says: string;
}

const TABLES = Object.keys(LOG_SCHEMA.tables);
const FUNCTIONS = Object.keys(LOG_SCHEMA.functions);

/** Every guard trigger of every table: off, seldom, gone, blunted. */
const TRIGGERS: readonly Tampering[] = Object.entries(LOG_SCHEMA.tables).flatMap(([table, triggers]) =>
  triggers.flatMap((trigger) => {
    const what = `trigger ${trigger} of audit.${table}`;
    const { event, level } = GUARD_TRIGGERS[trigger];
    const remade = (clause: string): string => `DROP TRIGGER ${trigger} ON audit.${table};
      CREATE TRIGGER ${trigger} ${clause}; ALTER TABLE audit.${table} ENABLE ALWAYS TRIGGER ${trigger}`;
    const call = "EXECUTE FUNCTION audit.deny()";
    return [
      { name: `${what} is disabled`, sql: `ALTER TABLE audit.${table} DISABLE TRIGGER ${trigger}`, says: `${what} is not enabled ALWAYS` },
      {
        name: `${what}: replication skips it`,
        sql: `ALTER TABLE audit.${table} ENABLE TRIGGER ${trigger}`,
        says: `${what} is not enabled ALWAYS`,
      },
      {
        name: `${what} fires for replication only`,
        sql: `ALTER TABLE audit.${table} ENABLE REPLICA TRIGGER ${trigger}`,
        says: `${what} is not enabled ALWAYS`,
      },
      { name: `${what} is dropped`, sql: `DROP TRIGGER ${trigger} ON audit.${table}`, says: `${what} is missing` },
      {
        name: `${what} fires afterwards`,
        sql: remade(`AFTER ${event} ON audit.${table} FOR EACH ${level} ${call}`),
        says: `${what} is another`,
      },
      {
        name: `${what} fires on another event`,
        sql: remade(`BEFORE INSERT ON audit.${table} FOR EACH ${level} ${call}`),
        says: `${what} is another`,
      },
      {
        name: `${what} calls another function`,
        sql: `CREATE FUNCTION public.other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
          ${remade(`BEFORE ${event} ON audit.${table} FOR EACH ${level} EXECUTE FUNCTION public.other()`)}`,
        says: `${what} calls another function`,
      },
      ...blunted(trigger, table, remade).map(({ name, sql }) => ({ name: `${what} ${name}`, sql, says: `${what} is another` })),
    ];
  }),
);

/** What only a trigger for rows can be blunted by. */
function blunted(trigger: GuardTrigger, table: string, remade: (clause: string) => string): readonly Omit<Tampering, "says">[] {
  const { event, level } = GUARD_TRIGGERS[trigger];
  if (level !== "ROW") return [];
  const call = "EXECUTE FUNCTION audit.deny()";
  const never = { name: "has a condition", sql: remade(`BEFORE ${event} ON audit.${table} FOR EACH ROW WHEN (OLD IS NULL) ${call}`) };
  const once = { name: "fires once a statement", sql: remade(`BEFORE ${event} ON audit.${table} FOR EACH STATEMENT ${call}`) };
  if (event === "DELETE") return [never, once];
  const oneColumn = {
    name: "looks at one column",
    sql: remade(`BEFORE DELETE OR UPDATE OF origin ON audit.${table} FOR EACH ROW ${call}`),
  };
  const updates = { name: "looks at updates only", sql: remade(`BEFORE UPDATE ON audit.${table} FOR EACH ROW ${call}`) };
  return [never, once, updates, ...(table === "entry" ? [{ ...oneColumn, sql: oneColumn.sql.replace("origin", "seq") }] : [oneColumn])];
}

/** Every function of the log: another body, owner, search path, mark, setting. */
const BODIES: readonly Tampering[] = FUNCTIONS.flatMap((signature) => {
  const what = `function audit.${signature}`;
  const alter = (change: string): string => `ALTER FUNCTION audit.${signature} ${change}`;
  const isDefiner = !LOG_SCHEMA.invokers.includes(signature);
  return [
    {
      name: `${what} has another body`,
      sql: `UPDATE pg_catalog.pg_proc SET prosrc = replace(prosrc, 'a', 'A') WHERE oid = 'audit.${signature}'::regprocedure`,
      says: `${what} is not the one of this build`,
    },
    {
      name: `${what} has one space more`,
      sql: `UPDATE pg_catalog.pg_proc SET prosrc = prosrc || ' ' WHERE oid = 'audit.${signature}'::regprocedure`,
      says: `${what} is not the one of this build`,
    },
    { name: `${what} is renamed`, sql: alter("RENAME TO gone"), says: `${what} is missing` },
    { name: `${what} belongs to another`, sql: alter("OWNER TO postgres"), says: `${what} does not belong to rootkeep_migrate` },
    { name: `${what} has no search path`, sql: alter("RESET search_path"), says: `${what} takes its caller's search_path` },
    {
      name: `${what} has another search path`,
      sql: alter("SET search_path = public, pg_catalog"),
      says: `${what} takes its caller's search_path`,
    },
    {
      name: `${what} loses or gains the mark SECURITY DEFINER`,
      sql: alter(isDefiner ? "SECURITY INVOKER" : "SECURITY DEFINER"),
      says: `${what} ${isDefiner ? "no longer runs" : "runs"} with its owner's rights`,
    },
    { name: `${what} sets what it then looks at`, sql: alter("SET synchronous_commit = on"), says: `${what} has other settings` },
    { name: `${what} is called on an older snapshot`, sql: alter("STABLE"), says: `${what} is called in another way` },
    { name: `${what} is not called with a NULL`, sql: alter("STRICT"), says: `${what} is called in another way` },
  ];
});

/** Rights of the role that starts, beyond those that it has. */
function grants(role: string, { who, privileges, calls }: RoleExpectation): readonly Tampering[] {
  const onTables = TABLES.flatMap((table) =>
    WRITING_PRIVILEGES.filter((privilege) => !privileges.includes(`${table}:${privilege}`)).map((privilege) => ({
      name: `${who} gets ${privilege} on audit.${table}`,
      sql: `GRANT ${privilege} ON audit.${table} TO ${role}`,
      says: `${who} has ${privilege} on audit.${table}`,
    })),
  );
  const onFunctions = FUNCTIONS.filter((signature) => !calls.includes(signature)).map((signature) => ({
    name: `${who} may call audit.${signature}`,
    sql: `GRANT EXECUTE ON FUNCTION audit.${signature} TO ${role}`,
    says: `${who} may call audit.${signature}`,
  }));
  const attributes = ["CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS", "SUPERUSER"].map((attribute) => ({
    name: `${who} gets ${attribute}`,
    sql: `ALTER ROLE ${role} ${attribute}`,
    says: `${who} has ${attribute}`,
  }));
  const owner = `${who} is a member of rootkeep_migrate, which owns`;
  return [
    ...onTables,
    ...onFunctions,
    ...attributes,
    { name: `everybody gets INSERT, and so ${who}`, sql: "GRANT INSERT ON audit.head TO PUBLIC", says: `${who} has INSERT on audit.head` },
    { name: `${who} gets one column`, sql: `GRANT UPDATE (size) ON audit.head TO ${role}`, says: `${who} has UPDATE on audit.head` },
    {
      name: `${who} may create in the schema`,
      sql: `GRANT CREATE ON SCHEMA audit TO ${role}`,
      says: `${who} may create objects in schema audit`,
    },
    { name: `${who} owns a table of the log`, sql: `ALTER TABLE audit.head OWNER TO ${role}`, says: "audit.head does not belong" },
    {
      name: `${who} owns something`,
      sql: `CREATE TABLE public.mine (); ALTER TABLE public.mine OWNER TO ${role}`,
      says: `${who} owns 1 obj`,
    },
    { name: `${who} joins the owner`, sql: `GRANT rootkeep_migrate TO ${role}`, says: owner },
    { name: `${who} joins the owner by SET ROLE alone`, sql: `GRANT rootkeep_migrate TO ${role} WITH INHERIT FALSE`, says: owner },
    {
      name: `${who} joins a predefined role`,
      sql: `GRANT pg_write_all_data TO ${role}`,
      says: `${who} is a member of pg_write_all_data, which is predefined`,
    },
  ];
}

/** Things that stand in the schema and should not. */
const ADDITIONS: readonly Tampering[] = [
  ...TABLES.flatMap((table) => [
    {
      name: `audit.${table} gets one trigger more`,
      sql: `CREATE TRIGGER eats BEFORE INSERT ON audit.${table} FOR EACH ROW EXECUTE FUNCTION audit.deny()`,
      says: `audit.${table} has a trigger that is not known: eats`,
    },
    {
      name: `audit.${table} gets a rule`,
      sql: `CREATE RULE eats AS ON INSERT TO audit.${table} DO INSTEAD NOTHING`,
      says: `audit.${table} has a rewrite rule`,
    },
    {
      name: `audit.${table} hides rows`,
      sql: `ALTER TABLE audit.${table} ENABLE ROW LEVEL SECURITY`,
      says: `audit.${table} has row security`,
    },
    { name: `audit.${table} is gone`, sql: `DROP TABLE audit.${table} CASCADE`, says: `audit.${table} is missing` },
  ]),
  { name: "there is a table more", sql: "CREATE TABLE audit.shadow ()", says: "audit.shadow is not known" },
  {
    name: "there is a privileged function more",
    sql: "CREATE FUNCTION audit.door() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    says: "function audit.door() is not known",
  },
];

// real: PostgreSQL with the project's migrations, the check of the start. double: the superuser's session becomes the role that starts.
describe("T25: the log's triggers, functions and rights, altered by who owns the database", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase({ migrations: MIGRATIONS });
  });
  after(() => database.drop());

  /** One transaction of the superuser's, who becomes the role in it, leaves the shared server as it was. */
  async function refused(client: Client, { sql, says }: Tampering, role: string, expected: RoleExpectation): Promise<string | null> {
    await client.query("BEGIN");
    try {
      await client.query(sql);
      await client.query(`SET LOCAL SESSION AUTHORIZATION ${role}`);
      await assertSafeDatabase(client, LOG_SCHEMA, expected);
      return "was not refused";
    } catch (error) {
      if (!isRootkeepError(error, "UNAVAILABLE")) throw error;
      return error.reason?.includes(says) === true ? null : `was refused because ${error.reason ?? "?"}`;
    } finally {
      await client.query("ROLLBACK");
    }
  }

  for (const [start, role, expected] of [
    ["service", "rootkeep_service", SERVICE_ON_LOG],
    ["signer", "rootkeep_signer", SIGNER_ON_LOG],
  ] as const) {
    for (const [group, tamperings] of Object.entries({ TRIGGERS, BODIES, GRANTS: grants(role, expected), ADDITIONS })) {
      it(`T25: the ${start} does not start (${group.toLowerCase()}, ${String(tamperings.length)})`, async () => {
        const tally = new AttackTally("T25");
        await withClient(database.superuser, async (client) => {
          for (const tampering of tamperings) tally.note(tampering.name, await refused(client, tampering, role, expected));
        });
        tally.assertHeld();
      });
    }
    it(`T25: the ${start} starts where nothing was altered`, async () => {
      const { warnings } = await withClient(database.connections[role], (client) => assertSafeDatabase(client, LOG_SCHEMA, expected));
      assert.deepEqual(warnings, []);
    });
  }
});
