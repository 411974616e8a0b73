import { MIGRATIONS } from "../migrations/index.js";
import { createGuard } from "./audit/create-guard.service.js";
import { connectLog } from "./audit/log-connection.service.js";
import { LOG_SCHEMA, SIGNER_ON_LOG } from "./audit/log-schema.js";
import { type ReopenedLog, ReopenLog } from "./audit/reopen-log.service.js";
import { formatVerifierKey } from "./audit/tlog/verifier-key.js";
import { type Config, ConfigError } from "./config/config.js";
import { loadConfig } from "./config/load-config.service.js";
import { checkDatabase } from "./database/check-database.service.js";
import { type PgConnection, parseDatabaseUrl } from "./database/connection.js";
import { openDatabase } from "./database/open-database.service.js";
import { createLogKey } from "./keys/log-keys.service.js";

export interface ReopenForm {
  readonly reason: string;
  /** Notes that anchors or receipts have kept. */
  readonly seen: readonly string[];
  readonly onProgress?: (done: number, total: number) => void;
}

/** What the operator is told. */
export interface ReopenReport extends Omit<ReopenedLog, "verifierKey"> {
  readonly origin: string;
  readonly verifierKey: string;
}

/**
 * Begins the next epoch of a log that was put back. For the operator, with the service stopped: it needs the owner's and the signer's
 * database roles, the log's key and the guard, and opens nothing.
 * @throws ConfigError, and as {@link ReopenLog.run}.
 */
export async function reopenLog({ reason, seen, onProgress }: ReopenForm): Promise<ReopenReport> {
  const config = loadConfig();
  const database = await connections(config);
  const { owner, signer } = database;
  try {
    await checkDatabase(signer, LOG_SCHEMA, SIGNER_ON_LOG);
    const act = new ReopenLog({
      connectOwner: () => connectLog(owner),
      connectSigner: () => connectLog(signer),
      origin: config.logOrigin,
      key: createLogKey(config.logKey, config.awsKmsEndpoint === null ? {} : { awsEndpoint: config.awsKmsEndpoint }),
      guard: createGuard(config.guard, config.awsS3Endpoint === null ? {} : { endpoint: config.awsS3Endpoint }),
      reason,
      seen,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const { verifierKey, ...reopened } = await act.run();
    return { ...reopened, origin: config.logOrigin, verifierKey: formatVerifierKey(verifierKey) };
  } finally {
    await database.close();
  }
}

interface OperatorConnections {
  readonly owner: PgConnection;
  readonly signer: PgConnection;
  close(): Promise<void>;
}

async function connections({ database }: Config): Promise<OperatorConnections> {
  if (database.kind === "external") {
    const [owner, signer] = [database.migrate?.expose(parseDatabaseUrl), database.signer?.expose(parseDatabaseUrl)];
    if (owner === undefined) throw new ConfigError([{ variable: "ROOTKEEP_MIGRATE_DATABASE_URL", rule: "is set to reopen the log" }]);
    if (signer === undefined) throw new ConfigError([{ variable: "ROOTKEEP_SIGNER_DATABASE_URL", rule: "is set to reopen the log" }]);
    return { owner, signer, close: () => Promise.resolve() };
  }
  const opened = await openDatabase(database, MIGRATIONS);
  if (opened.owner !== null && opened.signer !== null) return { owner: opened.owner, signer: opened.signer, close: () => opened.close() };
  await opened.close();
  throw new Error("the embedded database has every role");
}
