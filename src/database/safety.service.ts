import { RootkeepError } from "../kernel/errors.js";
import { redactQueryError } from "./redact-query-error.js";
import { OWNER_ROLE } from "./roles.js";
import {
  type AuditExpectation,
  checkFunctions,
  checkRole,
  checkSettings,
  checkTriggers,
  type FunctionRow,
  type RoleExpectation,
  type RoleRow,
  type SettingsRow,
  settingsWarnings,
  type TriggerRow,
  WRITING_PRIVILEGES,
} from "./safety.js";

/** The part of `pg.Client` and `pg.PoolClient` that the check needs. */
export interface SqlClient {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

const SETTINGS = `
  SELECT current_setting('server_version_num')::int AS version, current_setting('fsync') AS fsync,
         current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit,
         current_setting('data_checksums') AS data_checksums, current_setting('session_replication_role') AS replication_role`;

// Every role that this one is or can become: 'MEMBER' counts memberships without INHERIT too, because SET ROLE makes up for it. An owner is
// read from the catalogue of dependencies, which knows the objects of every kind and of every database of the server.
const ROLES = `
  SELECT r.rolname AS name, r.rolname = current_user AS is_self, session_user = current_user AS is_session, r.oid < 16384 AS is_predefined,
         array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
           CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
           CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL) AS attributes,
         (SELECT count(*)::int FROM pg_catalog.pg_shdepend d
           WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = 'o') AS owned,
         CASE WHEN r.rolname = current_user THEN '{}' ELSE ARRAY(SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
             AND (has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
               OR has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE, REFERENCES')) ORDER BY 1) END AS writable
  FROM pg_catalog.pg_roles r
  WHERE r.rolname IN (current_user, session_user) OR pg_has_role(current_user, r.oid, 'MEMBER') AND NOT
    (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)`;

const TABLES = `
  SELECT c.relname AS name, c.relkind IN ('r', 'p') AS is_table, pg_get_userbyid(c.relowner) AS owner,
         c.relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid) AS has_rules,
         c.relrowsecurity AS has_row_security, n.has_create,
         ARRAY(SELECT p FROM unnest($1::text[]) p WHERE has_table_privilege(c.oid, p)
           OR p IN ('INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(c.oid, p)) AS privileges
  FROM (SELECT oid, has_schema_privilege(oid, 'CREATE') AS has_create FROM pg_catalog.pg_namespace WHERE nspname = 'audit') n
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  ORDER BY 1`;

// tgtype is a bit set: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate, 64 instead of.
const TRIGGERS = `
  SELECT c.relname AS "table", t.tgname AS trigger, t.tgenabled AS enabled, t.tgqual IS NULL AND t.tgattr::text = '' AS is_plain,
         concat_ws(' ', CASE t.tgtype & 66 WHEN 2 THEN 'BEFORE' WHEN 64 THEN 'INSTEAD OF' ELSE 'AFTER' END,
           array_to_string(array_remove(ARRAY[CASE WHEN t.tgtype & 4 > 0 THEN 'INSERT' END, CASE WHEN t.tgtype & 16 > 0 THEN 'UPDATE' END,
             CASE WHEN t.tgtype & 8 > 0 THEN 'DELETE' END, CASE WHEN t.tgtype & 32 > 0 THEN 'TRUNCATE' END], NULL), ' OR '),
           CASE t.tgtype & 1 WHEN 1 THEN 'ROW' ELSE 'STATEMENT' END) AS event,
         CASE WHEN p.pronamespace = c.relnamespace THEN p.proname || '(' || oidvectortypes(p.proargtypes) || ')' ELSE '' END AS function
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'audit') AND NOT t.tgisinternal
  ORDER BY 1, 2`;

const FUNCTIONS = `
  SELECT p.proname || '(' || oidvectortypes(p.proargtypes) || ')' AS signature, pg_get_userbyid(p.proowner) AS owner,
         p.prosecdef AS is_definer,
         p.prokind = 'f' AND p.provolatile = 'v' AND NOT p.proisstrict AND NOT p.proleakproof AS is_plain,
         has_function_privilege(p.oid, 'EXECUTE') AS is_callable, md5(p.prosrc) AS md5, coalesce(p.proconfig, '{}') AS settings
  FROM pg_catalog.pg_proc p WHERE p.pronamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'audit')
  ORDER BY 1`;

interface TableRow {
  readonly name: string;
  readonly is_table: boolean;
  readonly owner: string;
  readonly has_rules: boolean;
  readonly has_row_security: boolean;
  readonly has_create: boolean;
  readonly privileges: readonly string[];
}

/**
 * The check at the start, on a connection of the program's own role: the server keeps what it acknowledged, the role can do to the log what
 * `role` says and cannot get round its functions, and the log's guards are the ones of this build. Reads only catalogues.
 * @returns what is unwise and no reason to stop.
 * @throws RootkeepError `UNAVAILABLE` whose reason lists all failures at once, or says that the questions were not answered.
 */
export async function assertSafeDatabase(
  client: SqlClient,
  expected: AuditExpectation,
  role: RoleExpectation,
): Promise<{ readonly warnings: readonly string[] }> {
  const ask = async <R>(text: string, values?: unknown[]): Promise<readonly R[]> => (await client.query(text, values)).rows as R[];
  try {
    const [settings] = await ask<SettingsRow>(SETTINGS);
    if (settings === undefined) throw new Error("no answer");
    const roles = await ask<RoleRow>(ROLES);
    const tables = await ask<TableRow>(TABLES, [[...WRITING_PRIVILEGES]]);
    const names = tables.filter(({ is_table }) => is_table).map(({ name }) => name);
    const failures = [
      ...checkSettings(settings),
      ...roles.flatMap((row) => checkRole(row, role.who)),
      ...checkTables(tables, role),
      ...checkTriggers(await ask<TriggerRow>(TRIGGERS), names, expected),
      ...checkFunctions(await ask<FunctionRow>(FUNCTIONS), OWNER_ROLE, expected, role),
    ];
    if (failures.length > 0) throw new RootkeepError("UNAVAILABLE", { reason: `the database is not safe: ${failures.join("; ")}` });
    return { warnings: settingsWarnings(settings) };
  } catch (error) {
    if (error instanceof RootkeepError) throw error;
    throw new RootkeepError("UNAVAILABLE", { reason: "the database could not be checked", cause: redactQueryError(error) });
  }
}

function checkTables(rows: readonly TableRow[], { who, privileges: allowed }: RoleExpectation): readonly string[] {
  const failures: string[] = [];
  if (rows.some(({ has_create }) => has_create)) failures.push(`${who} may create objects in schema audit`);
  for (const { name, owner, has_rules: hasRules, has_row_security: hasRowSecurity, privileges } of rows) {
    if (owner !== OWNER_ROLE) failures.push(`audit.${name} does not belong to ${OWNER_ROLE}`);
    // A rule rewrites a statement before any trigger sees it: INSERT … DO INSTEAD NOTHING loses an entry without an error.
    if (hasRules) failures.push(`audit.${name} has a rewrite rule`);
    // A policy hides rows, from the service or from the owner's functions.
    if (hasRowSecurity) failures.push(`audit.${name} has row security`);
    for (const privilege of privileges) {
      if (!allowed.includes(`${name}:${privilege}`)) failures.push(`${who} has ${privilege} on audit.${name}`);
    }
  }
  return failures;
}
