import { Client } from "pg";
import { RootkeepError } from "../kernel/errors.js";
import type { PgConnection } from "./connection.js";
import { clientOptions, createDataSource } from "./data-source.service.js";
import { assertMigrationList, compareMigrations, type MigrationClass } from "./migration-list.js";

// Any constant will do, as long as it is no other lock's: the bytes of "rk-migr", read as a number.
const MIGRATION_LOCK = "32205990198339442";
const LOCK_WAIT_MS = 300_000;

/**
 * Brings the schema up to `migrations`, each in a transaction of its own, as the owner of the schema. Two starts at once are put in a row
 * by an advisory lock on a session of its own.
 * @param connection as role `rootkeep_migrate`.
 * @returns the names of those that ran.
 * @throws RootkeepError `UNAVAILABLE` when the database has a migration that this build does not know (an older program must not write
 *   to a newer schema), when one arrives late, when the lock is not had within five minutes, or when one fails (then it left no trace).
 */
export async function runMigrations(
  connection: PgConnection,
  migrations: readonly MigrationClass[],
): Promise<{ readonly applied: readonly string[] }> {
  assertMigrationList(migrations);
  const guard = new Client(clientOptions(connection, "rootkeep-migrate-lock"));
  // Without a listener a lost connection would end the program; the migration's own connection reports the loss.
  guard.on("error", () => undefined);
  try {
    await guard.connect();
    await guard.query(`SET lock_timeout = ${LOCK_WAIT_MS}`);
    await guard.query("SELECT pg_catalog.pg_advisory_lock($1::bigint)", [MIGRATION_LOCK]);
    const { pending } = await assertStanding(guard, migrations);
    if (pending.length > 0) await apply(connection, migrations);
    return { applied: pending };
  } catch (cause) {
    if (cause instanceof RootkeepError) throw cause;
    throw new RootkeepError("UNAVAILABLE", { reason: "the migration lock or the list of applied migrations could not be had", cause });
  } finally {
    await guard.end().catch(() => undefined);
  }
}

async function assertStanding(guard: Client, migrations: readonly MigrationClass[]): Promise<{ pending: readonly string[] }> {
  const { rows: tables } = await guard.query<{ exists: boolean }>("SELECT to_regclass('public.migration') IS NOT NULL AS exists");
  const isNew = tables[0]?.exists !== true;
  const { rows } = isNew ? { rows: [] } : await guard.query<{ name: string }>("SELECT name FROM public.migration ORDER BY id");
  const standing = compareMigrations(
    migrations.map(({ name }) => name),
    rows.map(({ name }) => name),
  );
  if (standing.unknown.length > 0) {
    throw new RootkeepError("UNAVAILABLE", { reason: `the database is newer than this build: ${standing.unknown.join(", ")}` });
  }
  if (standing.late.length > 0) {
    throw new RootkeepError("UNAVAILABLE", { reason: `migrations arrive after newer ones were applied: ${standing.late.join(", ")}` });
  }
  return standing;
}

async function apply(connection: PgConnection, migrations: readonly MigrationClass[]): Promise<void> {
  const dataSource = createDataSource(connection, { entities: [], poolSize: 1, applicationName: "rootkeep-migrate", migrations });
  try {
    await dataSource.initialize();
    for (const migration of dataSource.migrations) {
      // One that asks to run outside a transaction could be left half done by a crash, and nothing would say how far it came.
      if (migration.transaction === false) throw new Error(`migration ${migration.constructor.name} asks for no transaction`);
    }
    await dataSource.runMigrations({ transaction: "each" });
  } catch (cause) {
    throw new RootkeepError("UNAVAILABLE", { reason: "a migration failed and was rolled back", cause });
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}
