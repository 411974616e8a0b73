import { realpathSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import { MIGRATIONS } from "../migrations/index.js";
import { AppModule } from "./app.module.js";
import { TrustedConfiguration } from "./approvals/trusted-configuration.service.js";
import { AuditLog } from "./audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "./audit/draft.js";
import { LOG_SCHEMA, SERVICE_ON_LOG } from "./audit/log-schema.js";
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from "./audit/tlog/verifier-key.js";
import { type Config, ConfigError } from "./config/config.js";
import { loadConfig } from "./config/load-config.service.js";
import { checkDatabase } from "./database/check-database.service.js";
import { type PgConnection, parseDatabaseUrl } from "./database/connection.js";
import { type OpenDatabase, openDatabase } from "./database/open-database.service.js";
import { createHttpApp, stopHttpApp } from "./edge/server.js";
import { isRootkeepError } from "./kernel/errors.js";
import { LIMITS } from "./kernel/limits.js";
import { Certification } from "./people/certification.service.js";
import { Founding } from "./people/founding.service.js";
import { type RunningSigner, startSigner } from "./signer.js";
import { Log } from "./telemetry/log.service.js";
import { siteOf, slug } from "./telemetry/site.js";
import { VERSION } from "./version.js";

/**
 * What a process does: `api` answers people and appends, `sign` alone holds the log's key, `all` does both in one process, for trying out.
 */
export const ROLES = ["all", "api", "sign"] as const;
export type Role = (typeof ROLES)[number];

/** A running service. */
export interface Served {
  /** Base address, for instance `http://127.0.0.1:8480`; empty for a signer, which nobody calls. */
  readonly address: string;
  /** Drains what is running, appends what is queued, stops the embedded database. May be called again. */
  close(): Promise<void>;
}

export interface ServeOptions {
  /** `all` unless told. */
  readonly role?: Role;
  readonly config: Config;
  readonly log: Log;
  /** Lines for the person at the terminal: address and, in a loopback trial, the founding invitations. Never into the service's log. */
  readonly say: (line: string) => void;
}

/**
 * Starts the service: database, migrations, boot checks, signer, log, keys, HTTP; or, as `sign`, the signer alone.
 * @throws Error and RootkeepError for whatever forbids it; then nothing is left running.
 */
export async function serve({ role = "all", config, log, say }: ServeOptions): Promise<Served> {
  log.event("service.starting", { version: slug(VERSION), deployment: slug(config.deployment), isProduction: config.isProduction, role });
  for (const warning of config.warnings) log.event("config.warning", { warning });
  if (config.trial.names.length > 0) log.event("config.trial_settings", { count: config.trial.names.length });
  if (config.rootKeys.password.startsWith("file:")) log.event("root_key.file_in_use", { domain: "password" });
  await mkdir(config.dataDirectory, { recursive: true, mode: 0o700 });
  await chmod(config.dataDirectory, 0o700);
  assertRoleFits(role, config);
  if (role === "sign") return await serveSigner(config, log, say);
  const database = await openDatabase(config.database, MIGRATIONS);
  let app: NestFastifyApplication | undefined;
  let signer: RunningSigner | undefined;
  try {
    log.event("database.ready", { kind: config.database.kind, isAdopted: database.isAdopted, migrations: database.applied });
    await assertSafe(database.service, log);
    if (role === "all" && database.signer !== null) signer = await startSigner(config, database.signer, log);
    const listening = await createHttpApp(AppModule.of(config, database.service, log, verifierKeyOf(config, signer)), config);
    app = listening;
    await listening.listen(config.listen.port, config.listen.host);
    const address = addressOf(listening, config);
    await announce(listening, config, log, say, address);
    return { address, close: once(() => stop(listening, signer, database)) };
  } catch (error) {
    await stop(app, signer, database).catch(() => undefined);
    throw error;
  }
}

async function serveSigner(config: Config, log: Log, say: (line: string) => void): Promise<Served> {
  const url = config.database.kind === "external" ? config.database.signer : null;
  if (url === null) throw roleNeeds("ROOTKEEP_SIGNER_DATABASE_URL", "is set for the role sign");
  const signer = await startSigner(config, url.expose(parseDatabaseUrl), log);
  say(`Rootkeep signs the log ${config.logOrigin}`);
  say(`Verifier key: ${formatVerifierKey(signer.verifierKey)}`);
  return { address: "", close: once(() => signer.stop()) };
}

/** The signer's own database role, and its key where nobody signs in this process. @throws ConfigError */
function assertRoleFits(role: Role, { database, logVerifierKey }: Config): void {
  if (database.kind === "embedded" && role !== "all") {
    throw roleNeeds("DATABASE_URL", "is set for the roles api and sign: the embedded database serves one program");
  }
  if (database.kind === "external" && role !== "sign" && database.service === null)
    throw roleNeeds("DATABASE_URL", `is set for the role ${role}`);
  if (database.kind === "external" && role === "all" && database.signer === null) {
    throw roleNeeds("ROOTKEEP_SIGNER_DATABASE_URL", "is set for the role all; or run the roles api and sign apart");
  }
  if (role === "api" && logVerifierKey === null) throw roleNeeds("ROOTKEEP_LOG_VERIFIER_KEY", "is set for the role api");
}

function roleNeeds(variable: string, rule: string): ConfigError {
  return new ConfigError([{ variable, rule }]);
}

/** @throws ConfigError when the configured key is none, or not that of the signer in this process. */
function verifierKeyOf({ logVerifierKey, logOrigin }: Config, signer: RunningSigner | undefined): VerifierKey {
  const configured = logVerifierKey === null ? undefined : readVerifierKey(logVerifierKey, logOrigin);
  const signing = signer?.verifierKey;
  if (configured !== undefined && signing !== undefined && !configured.publicKey.equals(signing.publicKey)) {
    throw roleNeeds("ROOTKEEP_LOG_VERIFIER_KEY", "is not the public half of ROOTKEEP_LOG_KEY");
  }
  const key = configured ?? signing;
  if (key === undefined) throw roleNeeds("ROOTKEEP_LOG_VERIFIER_KEY", "is set");
  return key;
}

function readVerifierKey(text: string, origin: string): VerifierKey {
  try {
    const key = parseVerifierKey(text);
    if (key.name === origin) return key;
  } catch {
    // The same answer as for a key of another name: neither is this log's.
  }
  throw roleNeeds("ROOTKEEP_LOG_VERIFIER_KEY", "is a verifier key of ROOTKEEP_LOG_ORIGIN");
}

async function assertSafe(service: PgConnection, log: Log): Promise<void> {
  const { warnings } = await checkDatabase(service, LOG_SCHEMA, SERVICE_ON_LOG);
  for (const warning of warnings) log.event("database.warning", { rule: slug(warning.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 60)) });
}

async function announce(
  app: NestFastifyApplication,
  config: Config,
  log: Log,
  say: (line: string) => void,
  address: string,
): Promise<void> {
  const founding = app.get(Founding);
  log.event("service.listening", { port: Number(new URL(address).port) });
  say(`Rootkeep listens on ${address}`);
  if (app.get(AuditLog).isRolledBack) {
    say("ROLLBACK DETECTED: this database is older, or another, than the newest signed checkpoint that the guard holds.");
    say('Nothing is opened and nothing appended until somebody has looked: docs/operations.md, "The log was put back".');
    return;
  }
  if (founding.isDone) {
    if (!app.get(TrustedConfiguration).isApproved) log.event("config.unapproved", {});
    tellOfRecovery(app.get(Certification), log);
    // Not before founding: until then the log holds nothing but its genesis.
    await app
      .get(AuditLog)
      .record(draftEntry({ action: "service.started", outcome: "committed", actor: SYSTEM_ACTOR, details: { version: VERSION } }));
    return;
  }
  await handOutInvitations(founding.invite(new Date()), config, log, say);
}

/** At every start until the new custodians have certified the allowlist: the page of the act itself is a row, which its owner can delete. */
function tellOfRecovery({ cut, isMissing }: Certification, log: Log): void {
  if (isMissing && cut !== null && "recovered" in cut) log.event("custodians.recovered", { seq: cut.recovered });
}

/** Each founder gets an own invitation: printed in a loopback trial, else an own file with mode 0600. */
async function handOutInvitations(tokens: readonly string[], config: Config, log: Log, say: (line: string) => void): Promise<void> {
  const hours = LIMITS.invitationSeconds / 3600;
  say(
    `This deployment is not founded yet. ${String(tokens.length)} custodians found it, each with an own invitation (${String(hours)} h, once):`,
  );
  for (const [index, token] of tokens.entries()) {
    const place = `${String(index + 1)} of ${String(tokens.length)}`;
    if (config.trial.printsInvitations) {
      say(`Founding invitation ${place}: ${token}`);
      continue;
    }
    const file = join(config.dataDirectory, `founding-invitation-${String(index + 1)}.txt`);
    await writeFile(file, `${token}\n`, { mode: 0o600 });
    await chmod(file, 0o600);
    say(`Founding invitation ${place}: in ${file} (mode 0600)`);
  }
  if (config.trial.printsInvitations) say("They are printed because this is a trial on loopback.");
  log.event("founding.invitations_written", { count: tokens.length });
}

async function stop(app: NestFastifyApplication | undefined, signer: RunningSigner | undefined, database: OpenDatabase): Promise<void> {
  // The application drains before its database goes; its last entries are signed in between.
  if (app !== undefined) await stopHttpApp(app);
  await signer?.stop();
  await database.close();
}

function addressOf(app: NestFastifyApplication, config: Config): string {
  const bound = app.getHttpAdapter().getInstance().server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : config.listen.port;
  const host = config.listen.host.includes(":") ? `[${config.listen.host}]` : config.listen.host;
  return `http://${host}:${String(port)}`;
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= act());
}

/** Runs the service until SIGINT or SIGTERM. @returns the exit code. */
export async function runService(role: Role = "all"): Promise<number> {
  const log = new Log(process.stderr);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  // Before the start: one that is broken off half way would leave the embedded database running. A second signal ends it at once.
  const stopping = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => {
        resolve();
      });
  });
  try {
    const served = await serve({ role, config: loadConfig(), log, say });
    await stopping;
    log.event("service.stopping", { reason: "signal" });
    await served.close();
    return 0;
  } catch (error) {
    process.stderr.write(`${failureText(error)}\n`);
    log.event("service.failed", { code: isRootkeepError(error) ? error.code : "INTERNAL", site: siteOf(error) });
    return 1;
  }
}

/** What the operator at the terminal is told, once, beside the log: of an error that is not ours its own short message, such as EADDRINUSE. */
function failureText(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (isRootkeepError(error)) return `Rootkeep did not start: ${error.message}${error.reason === undefined ? "" : ` (${error.reason})`}`;
  return `Rootkeep did not start: ${error instanceof Error && error.message.length < 300 ? error.message : "unknown error"}`;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await runService();
}
