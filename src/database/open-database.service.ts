import type { DatabaseConfig } from "../config/config.js";
import { RootkeepError } from "../kernel/errors.js";
import { type PgConnection, parseDatabaseUrl } from "./connection.js";
import { startEmbeddedPostgres } from "./embedded-postgres.adapter.js";
import { runMigrations } from "./migrate.service.js";
import type { MigrationClass } from "./migration-list.js";

/** A database that is ready for the service. */
export interface OpenDatabase {
  /** As role `rootkeep_service`. */
  readonly service: PgConnection;
  /** As role `rootkeep_signer`; null where this process was not told how. */
  readonly signer: PgConnection | null;
  /** As role `rootkeep_migrate`, which owns everything; null where this process was not told how. */
  readonly owner: PgConnection | null;
  readonly isAdopted: boolean;
  /** How many migrations ran now. */
  readonly applied: number;
  close(): Promise<void>;
}

/**
 * The database that the configuration names, migrated: our own server, or an external one. Of an external one the owner's URL may be
 * absent at run time; then the schema must be up to date already (`rootkeep migrate`), and the boot check tells.
 * @throws Error, RootkeepError `UNAVAILABLE`; `MALFORMED` when the configuration is that of a signer alone.
 */
export async function openDatabase(config: DatabaseConfig, migrations: readonly MigrationClass[]): Promise<OpenDatabase> {
  if (config.kind === "external") {
    if (config.service === null) throw new RootkeepError("MALFORMED", { fields: [{ field: "DATABASE_URL", rule: "is set" }] });
    const service = config.service.expose(parseDatabaseUrl);
    const signer = config.signer?.expose(parseDatabaseUrl) ?? null;
    const migrate = config.migrate?.expose(parseDatabaseUrl);
    const applied = migrate === undefined ? [] : (await runMigrations(migrate, migrations)).applied;
    return { service, signer, owner: migrate ?? null, isAdopted: false, applied: applied.length, close: () => Promise.resolve() };
  }
  const server = await startEmbeddedPostgres({ directory: config.directory });
  try {
    const { applied } = await runMigrations(server.connections.rootkeep_migrate, migrations);
    return {
      service: server.connections.rootkeep_service,
      signer: server.connections.rootkeep_signer,
      owner: server.connections.rootkeep_migrate,
      isAdopted: server.isAdopted,
      applied: applied.length,
      close: () => server.stop(),
    };
  } catch (error) {
    await server.stop().catch(() => undefined);
    throw error;
  }
}

/** @throws RootkeepError `MALFORMED` when the configuration names no external database with an owner's URL. */
export function migrateConnection(config: DatabaseConfig): PgConnection {
  if (config.kind === "external" && config.migrate !== null) return config.migrate.expose(parseDatabaseUrl);
  throw new RootkeepError("MALFORMED", { fields: [{ field: "ROOTKEEP_MIGRATE_DATABASE_URL", rule: "is set for an external database" }] });
}
