import { LIMITS } from "../kernel/limits.js";

/**
 * The four programs that PostgreSQL tells apart. `rootkeep_migrate` owns every object and is used by migrations alone; the service that
 * faces the network owns nothing, so that an injected statement can neither disable a trigger nor drop a constraint.
 */
export const DATABASE_ROLES = ["rootkeep_migrate", "rootkeep_service", "rootkeep_signer", "rootkeep_auditor"] as const;

export type DatabaseRole = (typeof DATABASE_ROLES)[number];

/** The role that owns the database, its schemas, tables and security-definer functions. */
export const OWNER_ROLE: DatabaseRole = "rootkeep_migrate";

const CLIENT_ROLES = DATABASE_ROLES.filter((role) => role !== OWNER_ROLE);

// A CREATE ROLE without these words has the same effect today; they are written out because the answer must not depend on a default.
const POWERLESS = "NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS INHERIT";

/**
 * Statements that make the roles, for a superuser or an administrator of a managed server, PostgreSQL 16 or later; before 16 any
 * CREATEROLE could make itself a member of the owner. Safe to repeat: an existing role keeps what it has, and the boot check refuses a
 * service role that has too much. Passwords are not part of it ({@link passwordStatement}).
 */
export function roleStatements(): readonly string[] {
  const create = DATABASE_ROLES.map(
    (role) =>
      `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role} LOGIN ${POWERLESS}; ` +
      "END IF; END $$",
  );
  return [
    ...create,
    // A write session that waits holds locks that others wait for; the service itself could forget to set these, the role cannot.
    `ALTER ROLE rootkeep_service SET lock_timeout = '${LIMITS.lockTimeoutMs}ms'`,
    `ALTER ROLE rootkeep_service SET statement_timeout = '${LIMITS.statementTimeoutMs}ms'`,
    `ALTER ROLE rootkeep_service SET idle_in_transaction_session_timeout = '${LIMITS.idleInTransactionMs}ms'`,
    // Who only reads needs few connections, and must not keep those that the service needs. The timeouts are for the forgetful.
    `ALTER ROLE rootkeep_auditor CONNECTION LIMIT ${LIMITS.auditorConnectionsMax}`,
    `ALTER ROLE rootkeep_auditor SET idle_session_timeout = '${LIMITS.auditorIdleMs}ms'`,
    `ALTER ROLE rootkeep_auditor SET idle_in_transaction_session_timeout = '${LIMITS.auditorIdleMs}ms'`,
  ];
}

/**
 * Sets `role`'s password to a SCRAM verifier, so that the password itself never stands in a statement.
 * @throws Error when `verifier` is not of the form that PostgreSQL stores: it is put between quotes.
 */
export function passwordStatement(role: string, verifier: string): string {
  if (!/^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$/.test(verifier)) throw new Error("not a SCRAM verifier");
  return `ALTER ROLE ${quoteIdentifier(role)} PASSWORD '${verifier}'`;
}

/** Makes the database, owned by the migration role. Collation is by code point and comes with the server, so an index never rots. */
export function createDatabaseStatement(database: string): string {
  const locale = "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'";
  return `CREATE DATABASE ${quoteIdentifier(database)} OWNER ${OWNER_ROLE} TEMPLATE template0 ${locale}`;
}

/**
 * Statements to run inside `database`: nobody may connect, make temporary tables or look into `public` unless named here. Safe to repeat.
 * They must run again for a database that was made from a template, because PostgreSQL does not copy a database's grants.
 */
export function databaseStatements(database: string): readonly string[] {
  const name = quoteIdentifier(database);
  return [
    `ALTER DATABASE ${name} OWNER TO ${OWNER_ROLE}`,
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${name} TO ${CLIENT_ROLES.join(", ")}`,
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
  ];
}

/** `name` as a quoted SQL identifier. */
export function quoteIdentifier(name: string): string {
  if (name.includes("\0")) throw new Error("an SQL identifier holds no NUL");
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * The same set-up as a psql script for an operator's own server (PostgreSQL 16 or later). It names no password: psql asks for each with
 * `\password`, which sends only the SCRAM verifier. Run it as a superuser or a managed server's administrator:
 *
 *     psql -v database=rootkeep -d postgres -f roles.sql
 */
export function rolesScript(): string {
  return [
    "-- The roles and the database of Rootkeep, for PostgreSQL 16 or later. Safe to run again.",
    "-- psql -v database=rootkeep -d postgres -f roles.sql",
    "\\set ON_ERROR_STOP on",
    "SET password_encryption = 'scram-sha-256';",
    "",
    ...roleStatements().map((statement) => `${statement};`),
    "",
    "-- Asks for each password twice and sends its verifier only.",
    ...DATABASE_ROLES.map((role) => `\\password ${role}`),
    "",
    "-- An administrator who is no superuser must be able to become the owner for as long as it takes to hand the database over.",
    `GRANT ${OWNER_ROLE} TO CURRENT_USER;`,
    `SELECT format('CREATE DATABASE %I OWNER ${OWNER_ROLE} TEMPLATE template0 ENCODING ''UTF8'' LOCALE_PROVIDER libc LOCALE ''C''', :'database')`,
    "  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = :'database') \\gexec",
    '\\connect :"database"',
    ...databaseStatements("%").map((statement) => `${statement.replaceAll('"%"', ':"database"')};`),
    "-- From here on nobody is a member of the owner.",
    `REVOKE ${OWNER_ROLE} FROM CURRENT_USER;`,
    "",
  ].join("\n");
}
