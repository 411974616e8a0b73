import { Client } from "pg";
import { MIGRATIONS } from "../migrations/index.js";
import { AuditRepository } from "./audit/audit.repository.js";
import { ChainVerifier } from "./audit/chain-verifier.js";
import { LOG_SCHEMA, SERVICE_ON_LOG } from "./audit/log-schema.js";
import { type Config, ConfigError } from "./config/config.js";
import { loadConfig } from "./config/load-config.service.js";
import { checkDatabase } from "./database/check-database.service.js";
import type { PgConnection } from "./database/connection.js";
import { clientOptions, createDataSource } from "./database/data-source.service.js";
import { runMigrations } from "./database/migrate.service.js";
import { migrateConnection, openDatabase } from "./database/open-database.service.js";
import { ENTITIES } from "./entities.js";
import { SYSTEM_CLOCK } from "./kernel/clock.js";
import { isRootkeepError } from "./kernel/errors.js";
import { LIMITS } from "./kernel/limits.js";
import { DataKeys } from "./keys/data-keys.service.js";
import { KeyService } from "./keys/keys.service.js";
import { createRootKeys } from "./keys/root-keys.service.js";
import { type CopiesReport, checkCopies } from "./secrets/check-copies.service.js";
import { openSecondStore } from "./secrets/create-second-store.service.js";

export { rolesScript } from "./database/roles.js";

/** What one look of the doctor came to. */
export interface DoctorCheck {
  readonly name: string;
  readonly status: "ok" | "failed" | "warning";
  readonly message: string;
}

/** Brings an external database up to this build. @throws RootkeepError, ConfigError */
export async function migrate(): Promise<{ readonly applied: readonly string[] }> {
  return await runMigrations(migrateConnection(loadConfig().database), MIGRATIONS);
}

/**
 * Looks at everything that a start depends on, and at what a start does not: every entry of the log, and whether the table's search
 * columns say what the entries say. As a start does, it brings the schema up to this build first. The embedded database must not be in use by a
 * running service.
 */
export async function doctor(): Promise<{ readonly checks: readonly DoctorCheck[] }> {
  const config = loadConfig();
  const checks: DoctorCheck[] = [
    { name: "configuration", status: config.warnings.length > 0 ? "warning" : "ok", message: config.warnings.join(", ") },
  ];
  checks.push(...(await rootKeyChecks(config)));
  try {
    const database = await openDatabase(config.database, MIGRATIONS);
    try {
      checks.push({
        name: "migrations",
        status: "ok",
        message: `${String(MIGRATIONS.length)} known, ${String(database.applied)} applied now`,
      });
      checks.push(...(await databaseChecks(database.service)));
    } finally {
      await database.close();
    }
  } catch (error) {
    checks.push({ name: "database", status: "failed", message: reasonOf(error) });
  }
  return { checks };
}

/**
 * Compares the second store with the database, as {@link checkCopies} does, as the service's role. As a start does, it brings the schema up to this
 * build first. The embedded database must not be in use by a running service.
 * @throws ConfigError where no store is configured; RootkeepError when store, database or the people's root key cannot be reached.
 */
export async function checkSecondStore(onProgress: (read: number) => void): Promise<CopiesReport> {
  const config = loadConfig();
  const { deployment, escrowRecipient: recipient } = config;
  const store = await openSecondStore(config);
  if (store === null) throw new ConfigError([{ variable: "ROOTKEEP_SECOND_STORE", rule: "names no store that could be checked" }]);
  const database = await openDatabase(config.database, MIGRATIONS);
  try {
    const form = { entities: [...ENTITIES], poolSize: 2, applicationName: "rootkeep-second-store" };
    const dataSource = await createDataSource(database.service, form).initialize();
    const keys = new KeyService({ deployment, rootKeys: rootKeysOf(config), clock: SYSTEM_CLOCK });
    try {
      const dataKeys = new DataKeys();
      // None is made where there is none: that is for a first start to do.
      await keys.loadPeopleKeys(await dataKeys.ofPeople(dataSource.manager));
      return await checkCopies({ entities: dataSource.manager, dataKeys, keys, store, deployment, recipient, onProgress });
    } finally {
      keys.close();
      await dataSource.destroy();
    }
  } finally {
    await database.close();
  }
}

function rootKeysOf({ rootKeys, awsKmsEndpoint }: Config): ReturnType<typeof createRootKeys> {
  return createRootKeys(rootKeys, awsKmsEndpoint === null ? {} : { awsEndpoint: awsKmsEndpoint });
}

async function rootKeyChecks(config: Config): Promise<DoctorCheck[]> {
  const rootKeys = rootKeysOf(config);
  const checks: DoctorCheck[] = [];
  for (const rootKey of new Set(Object.values(rootKeys))) {
    const { isUsable, reason } = await rootKey.check();
    if (reason === "keystore_missing") {
      // The first start makes it; if there has been one, this is the loss of everything, and the database check finds keys without it.
      checks.push({ name: "root key", status: "warning", message: "there is no keystore file; the first start makes it" });
      continue;
    }
    checks.push({ name: "root key", status: isUsable ? "ok" : "failed", message: reason ?? rootKey.uri.split(":")[0] ?? "" });
  }
  return checks;
}

/** The looks at the database, as the service's role: settings, guards, clock, every entry, search columns. @throws Error when it cannot be reached. */
export async function databaseChecks(connection: PgConnection): Promise<DoctorCheck[]> {
  const checks: DoctorCheck[] = [];
  try {
    const { warnings } = await checkDatabase(connection, LOG_SCHEMA, SERVICE_ON_LOG);
    checks.push({ name: "database", status: warnings.length > 0 ? "warning" : "ok", message: warnings.join("; ") });
  } catch (error) {
    checks.push({ name: "database", status: "failed", message: reasonOf(error) });
  }
  const client = new Client(clientOptions(connection, "rootkeep-doctor"));
  client.on("error", () => undefined);
  await client.connect();
  try {
    checks.push(await clockCheck(client), await chainCheck(client), await searchColumnsCheck(client));
  } finally {
    await client.end().catch(() => undefined);
  }
  return checks;
}

async function clockCheck(client: Client): Promise<DoctorCheck> {
  const { rows } = await client.query<{ now: Date }>("SELECT clock_timestamp() AS now");
  const skew = Math.abs(Date.now() - (rows[0]?.now.getTime() ?? 0));
  return {
    name: "clock",
    status: skew > LIMITS.clockSkewMsMax ? "failed" : "ok",
    message: `${String(Math.round(skew))} ms from the database's`,
  };
}

/** Every entry of the log, as it is in the table, and that the last of them is the one that the head names. */
async function chainCheck(client: Client): Promise<DoctorCheck> {
  const head = await AuditRepository.readHead(client);
  const verifier = new ChainVerifier();
  const lastLeaf = head.lastLeaf.toString("hex");
  const failed = (message: string): DoctorCheck => ({ name: "log", status: "failed", message });
  for (let from = 0; from < head.size; ) {
    const page = await AuditRepository.range(client, from, Math.min(2_000, head.size - from));
    if (page.length === 0) return failed(`entry ${String(from)} is missing`);
    for (const bytes of page) {
      const finding = verifier.add(bytes).findings[0];
      if (finding !== undefined) return failed(`entry ${String(finding.seq)}: ${finding.message}`);
    }
    from += page.length;
  }
  // A break between the last two entries is open until the run ends, and only the head vouches for the last one.
  const finding = verifier.finish(lastLeaf)[0];
  if (finding !== undefined) return failed(`entry ${String(finding.seq)}: ${finding.message}`);
  if (head.size > 0 && verifier.lastLeaf !== lastLeaf) return failed(`entry ${String(head.size - 1)}: is not the one that the head names`);
  return { name: "log", status: "ok", message: `${String(head.size)} entries verify` };
}

/** The search columns are copies that an administrator could edit to hide an event from lists; the entry's bytes are the truth. */
async function searchColumnsCheck(client: Client): Promise<DoctorCheck> {
  const { rows } = await client.query<{ seq: string }>(`
    SELECT e.seq FROM audit.entry e, LATERAL jsonb_to_record(convert_from(e.entry, 'UTF8')::jsonb)
      AS r(seq bigint, id text, action text, outcome text, actor jsonb, target jsonb, "time" text)
    WHERE (r.seq, r.id, r.action, r.outcome, r."time") IS DISTINCT FROM (e.seq, e.event_id::text, e.action, e.outcome, e.time)
       OR r.actor->>'id' IS DISTINCT FROM e.actor_id OR r.target->>'id' IS DISTINCT FROM e.target_id
    ORDER BY e.seq LIMIT 10`);
  const wrong = rows.map(({ seq }) => seq);
  if (wrong.length === 0) return { name: "search columns", status: "ok", message: "say what the entries say" };
  return { name: "search columns", status: "failed", message: `were edited at entry ${wrong.join(", ")}` };
}

function reasonOf(error: unknown): string {
  if (isRootkeepError(error)) return error.reason ?? error.message;
  return error instanceof Error ? error.message : "unknown error";
}
