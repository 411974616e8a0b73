import { RootkeepError } from "../kernel/errors.js";
import { redactQueryError } from "./redact-query-error.js";
import { OWNER_ROLE } from "./roles.js";
import {
  type AuditExpectation,
  checkFunctions,
  checkRole,
  checkSettings,
  checkShape,
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
         ARRAY(SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
             AND NOT (r.rolname = current_user AND n.nspname = 'audit')
             AND (has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
               OR has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE, REFERENCES')) ORDER BY 1) AS writable,
         ARRAY(SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
           WHERE p.prosecdef AND n.nspname <> 'audit' AND pg_get_userbyid(p.proowner) = $1
             AND has_function_privilege(r.oid, p.oid, 'EXECUTE') ORDER BY 1) AS callable
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

// NOT NULL is told with its column: PostgreSQL 18 lists it among the constraints, too. Foreign keys are kept by internal triggers, which a
// superuser can switch off without a trace in the constraint. What is said of rules and triggers of ours is asked above.
const SHAPE = `
  WITH t AS (SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity FROM pg_catalog.pg_class c
    WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'audit') AND c.relkind IN ('r', 'p'))
  SELECT relname || ': ' || line AS line FROM (
    SELECT t.relname, 'column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') || CASE a.attgenerated WHEN '' THEN '' ELSE ' GENERATED' END AS line
      FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL SELECT t.relname, k.conname || ' ' || pg_get_constraintdef(k.oid)
      FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype NOT IN ('n', 't')
    UNION ALL SELECT t.relname, pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN '' ELSE ' INVALID' END
      FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
    UNION ALL SELECT t.relname, 'row security' FROM t WHERE t.relrowsecurity OR t.relforcerowsecurity
    UNION ALL SELECT t.relname, 'policy ' || p.polname FROM t JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid
    UNION ALL SELECT t.relname, 'not logged' FROM t WHERE t.relpersistence <> 'p'
    UNION ALL SELECT t.relname, 'partitions or heirs' FROM t WHERE t.relkind = 'p' OR EXISTS
      (SELECT FROM pg_catalog.pg_inherits h WHERE t.oid IN (h.inhparent, h.inhrelid))
    UNION ALL SELECT t.relname, 'foreign key switched off' FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid
      WHERE g.tgisinternal AND g.tgenabled <> 'O') AS lines
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

/** What {@link AuditExpectation.shape} is compared with, sorted. */
export async function shapeOf(client: SqlClient): Promise<readonly string[]> {
  const { rows } = await client.query(SHAPE);
  return (rows as { readonly line: string }[]).map(({ line }) => line);
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
    const roles = await ask<RoleRow>(ROLES, [OWNER_ROLE]);
    const tables = await ask<TableRow>(TABLES, [[...WRITING_PRIVILEGES]]);
    const names = tables.filter(({ is_table }) => is_table).map(({ name }) => name);
    const failures = [
      ...checkSettings(settings),
      ...roles.flatMap((row) => checkRole(row, role)),
      ...checkTables(tables, role),
      ...checkTriggers(await ask<TriggerRow>(TRIGGERS), names, expected),
      ...checkFunctions(await ask<FunctionRow>(FUNCTIONS), OWNER_ROLE, expected, role),
      ...checkShape(await shapeOf(client), expected),
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
