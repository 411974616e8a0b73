import { setTimeout } from "node:timers/promises";
import { Client } from "pg";
import { MIGRATIONS } from "../migrations/index.js";
import { TrustedConfiguration } from "./approvals/trusted-configuration.service.js";
import { type AuditAlarms, AuditLog } from "./audit/audit-log.service.js";
import type { JsonObject } from "./audit/canonical-json.js";
import { createGuard } from "./audit/create-guard.service.js";
import { connectLog } from "./audit/log-connection.service.js";
import { LogGuard } from "./audit/log-guard.service.js";
import { LOG_SCHEMA, SERVICE_ON_LOG } from "./audit/log-schema.js";
import { newVerifierKey, parseVerifierKey, type VerifierKey } from "./audit/tlog/verifier-key.js";
import { Transactions } from "./audit/transactions.service.js";
import type { Config } from "./config/config.js";
import { loadConfig } from "./config/load-config.service.js";
import { type TrustedConfig, trustedConfig, trustedConfigDigest, trustedDifferences } from "./config/trusted.js";
import { checkDatabase } from "./database/check-database.service.js";
import type { PgConnection } from "./database/connection.js";
import { clientOptions, createDataSource } from "./database/data-source.service.js";
import { type OpenDatabase, openDatabase } from "./database/open-database.service.js";
import { ENTITIES } from "./entities.js";
import { SYSTEM_CLOCK } from "./kernel/clock.js";
import { RootkeepError } from "./kernel/errors.js";
import { DataKeys } from "./keys/data-keys.service.js";
import { combineShares, provesQuorum } from "./keys/escrow-quorum.js";
import type { EscrowShare } from "./keys/escrow-share.js";
import { KeyService } from "./keys/keys.service.js";
import { createLogKey } from "./keys/log-keys.service.js";
import { loadPeopleKeys } from "./keys/people-keys.service.js";
import { createRootKeys } from "./keys/root-keys.service.js";
import { createChannels } from "./notices/create-channels.service.js";
import type { AudienceMember } from "./notices/notice.js";
import { Pager } from "./notices/pager.service.js";
import { Certification } from "./people/certification.service.js";
import { NoticeRecipients } from "./people/notice-recipients.service.js";
import type { PersonForm } from "./people/person-form.js";
import { type QuorumProof, RecoverCustodians, type Recovery, type RecoveryInvitation } from "./people/recover-custodians.service.js";

export interface RecoverForm {
  readonly custodians: readonly PersonForm[];
  readonly reason: string;
  readonly shares: readonly EscrowShare[];
  readonly replacesActive: boolean;
  /** Puts the invitations where they are to be found, before anything is changed: what is killed afterwards must not have lost them. */
  readonly keep: (invitations: readonly RecoveryInvitation[]) => Promise<void>;
}

/** What the operator is told. */
export interface RecoverReport extends Recovery, QuorumProof {
  /** The environment names another recipient than custodians approved; it was not asked. */
  readonly isOtherConfigured: boolean;
  /** The channels that have accepted the page; null where custodians have approved none. */
  readonly paged: readonly string[] | null;
  /** Whether the new custodians can sign in: their identities have ended. */
  readonly isPasswordOffered: boolean;
}

const SILENT: AuditAlarms = {
  chainBroken: () => undefined,
  rolledBack: () => undefined,
  clockRefused: () => undefined,
  rowRefused: () => undefined,
  appendFailed: () => undefined,
};

/**
 * Names new custodians by the escrow quorum. For the operator, with the service stopped, configured like it: with the service's database
 * role, the root key of the people, the guard, and the log's key or its public half. It opens nothing. In this order:
 *
 * 1. nothing else runs on the database; the log holds, hash by hash, and is not older than what the guard holds;
 * 2. the quorum opens a fresh challenge to the recipient that custodians last approved *in the log*: the environment names nobody;
 * 3. everybody is paged, by the channels that custodians last approved, and one has accepted;
 * 4. the invitations are written down;
 * 5. one transaction changes everything, with its entry.
 *
 * @throws RootkeepError `NOT_FOUNDED`, `STATE_CONFLICT`, `MALFORMED`, `PAGE_UNACCEPTED`, `ROLLBACK_DETECTED` and as the log and the root key do; ConfigError.
 */
export async function recoverCustodians(form: RecoverForm): Promise<RecoverReport> {
  const config = loadConfig();
  const database = await openAlone(config);
  try {
    await checkDatabase(database.service, LOG_SCHEMA, SERVICE_ON_LOG);
    const others = await OtherClients.connect(database.service);
    try {
      await others.assertNone();
      return await recoverWith(config, database.service, form, others);
    } finally {
      await others.end();
    }
  } finally {
    await database.close();
  }
}

/** @throws RootkeepError `STATE_CONFLICT` while a service has the embedded database. */
async function openAlone({ database }: Config): Promise<OpenDatabase> {
  try {
    return await openDatabase(database, MIGRATIONS);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("another program uses the database")) throw conflict(RUNNING);
    throw error;
  }
}

async function recoverWith(config: Config, connection: PgConnection, form: RecoverForm, others: OtherClients): Promise<RecoverReport> {
  const log = new AuditLog(() => connectLog(connection), SILENT);
  const dataSource = await createDataSource(connection, { entities: [...ENTITIES], poolSize: 2, applicationName: NAME }).initialize();
  const keys = new KeyService({
    deployment: config.deployment,
    rootKeys: createRootKeys(config.rootKeys, config.awsKmsEndpoint === null ? {} : { awsEndpoint: config.awsKmsEndpoint }),
    clock: SYSTEM_CLOCK,
  });
  try {
    await log.open(config.logOrigin, config.deployment);
    if (log.lastOf("people.founded") === undefined) throw new RootkeepError("NOT_FOUNDED");
    await assertNotRolledBack(config, connection, log);
    await loadPeopleKeys(dataSource, keys, new DataKeys());
    const transactions = new Transactions(dataSource, log, keys.records);
    const certification = new Certification(transactions, log, keys.records, config.recertifyDays * 86_400);
    const current = { settings: trustedConfig(config) as unknown as JsonObject, digest: trustedConfigDigest(config) };
    const approved = approvedConfig(new TrustedConfiguration(log, keys.records, certification, current));
    assertAsApproved(approved, trustedConfig(config));
    const recipient = approvedRecipient(approved);
    const quorum = await quorumOf(form.shares, recipient);
    const recovering = new RecoverCustodians(transactions, keys.records);
    const invitations = recovering.prepare(form);
    const audience = await recovering.check(form);
    const paged = await pageBefore(config, new NoticeRecipients(transactions), audience);
    await form.keep(invitations);
    const recovery = await recovering.run({ ...form, quorum, paged }, invitations, () => others.assertNone());
    return {
      ...recovery,
      ...quorum,
      paged,
      isOtherConfigured: config.escrowRecipient !== recipient,
      isPasswordOffered: config.isPasswordOffered,
    };
  } finally {
    await log.close();
    await dataSource.destroy();
    keys.close();
  }
}

/** By which the server's activity view shows this act. */
const NAME = "rootkeep-recover";
const RUNNING = "a service is running: stop it first";
/** A connection that has just ended is shown for a moment longer. */
const LINGER_MS = 2_000;

/** Whoever else is connected as the service: it would go on with what ends here. */
class OtherClients {
  private constructor(private readonly client: Client) {}

  static async connect(connection: PgConnection): Promise<OtherClients> {
    const client = new Client(clientOptions(connection, NAME));
    client.on("error", () => undefined);
    await client.connect();
    return new OtherClients(client);
  }

  /** @throws RootkeepError `STATE_CONFLICT` */
  async assertNone(): Promise<void> {
    for (const end = performance.now() + LINGER_MS; ; ) {
      const { rows } = await this.client.query(
        `SELECT 1 FROM pg_catalog.pg_stat_activity
         WHERE datname = current_database() AND usename = current_user AND application_name <> $1 LIMIT 1`,
        [NAME],
      );
      if (rows.length === 0) return;
      if (performance.now() > end) throw conflict(RUNNING);
      await setTimeout(50);
    }
  }

  async end(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}

/** @throws RootkeepError `ROLLBACK_DETECTED`: in a log that was put back, other custodians may stand, or another quorum. */
async function assertNotRolledBack(config: Config, connection: PgConnection, log: AuditLog): Promise<void> {
  const guard = new LogGuard(log, {
    connect: () => connectLog(connection),
    origin: config.logOrigin,
    verifierKey: await verifierKeyOf(config),
    guard: createGuard(config.guard, config.awsS3Endpoint === null ? {} : { endpoint: config.awsS3Endpoint }),
  });
  try {
    await guard.compare();
  } finally {
    await guard.stop();
  }
}

async function verifierKeyOf({ logVerifierKey, logOrigin, logKey, awsKmsEndpoint }: Config): Promise<VerifierKey> {
  if (logVerifierKey !== null) return parseVerifierKey(logVerifierKey);
  const key = createLogKey(logKey, awsKmsEndpoint === null ? {} : { awsEndpoint: awsKmsEndpoint });
  return newVerifierKey(logOrigin, "ed25519", await key.publicKey());
}

function approvedConfig(trust: TrustedConfiguration): TrustedConfig {
  const settings = trust.approvedSettings;
  if (settings === null)
    throw conflict(
      "the log does not tell which configuration custodians approved last; of a founding it holds a digest: configure the same",
    );
  return settings as unknown as TrustedConfig;
}

/**
 * What this act rests on beside the quorum: by another guard or log key a log that was put back would look whole, and by other channels nobody
 * would hear of it. The operator, who writes the environment, is one of those against whom this guards.
 */
const MEMBERS_HELD: ReadonlySet<string> = new Set([
  "awsKmsEndpoint",
  "awsS3Endpoint",
  "deployment",
  "guard",
  "logKey",
  "logOrigin",
  "logVerifierKey",
  "notices",
]);

/** @throws RootkeepError `STATE_CONFLICT` */
function assertAsApproved(approved: TrustedConfig, current: TrustedConfig): void {
  const other = trustedDifferences(approved, current).filter((member) => MEMBERS_HELD.has(member));
  if (other.length > 0) throw conflict(`not as custodians last approved it: ${other.join(", ")}; configure it like the service`);
}

function approvedRecipient({ escrowRecipient }: TrustedConfig): string {
  if (typeof escrowRecipient !== "string") throw conflict("custodians have approved no escrow recipient: nobody can recover them");
  return escrowRecipient;
}

/** Long enough for everybody's mail, one after the other. */
const PAGE_DEADLINE_MS = 60_000;

/**
 * Pages everybody before anything is changed: the page that the act itself leaves is a row, which whoever owns the database can delete. The file
 * of a trial is no channel here: nobody has approved it, and whoever calls a deployment a trial would page into it.
 * @returns the channels that have accepted; null where custodians have approved none. @throws RootkeepError `PAGE_UNACCEPTED`
 */
async function pageBefore(config: Config, recipients: NoticeRecipients, audience: AudienceMember[]): Promise<readonly string[] | null> {
  const channels = createChannels({ ...config.notices, trialFile: null });
  if (channels.length === 0) return null;
  const { deployment, publicUrl } = config;
  const pager = new Pager(channels, recipients, { deployment, publicUrl }, PAGE_DEADLINE_MS);
  return await pager.pageAll({ topic: "custodians.recovering", facts: {}, audience });
}

/** @throws RootkeepError `MALFORMED` unless `shares` are a quorum of `recipient`. */
async function quorumOf(shares: readonly EscrowShare[], recipient: string): Promise<QuorumProof> {
  const identity = await combineShares(shares);
  const [share] = shares;
  if (share === undefined) throw new Error("a quorum of no shares");
  if (!(await provesQuorum(identity, recipient))) {
    const rule = `are of ${share.recipient}; custodians last approved ${recipient}`;
    throw new RootkeepError("MALFORMED", { fields: [{ field: "shares", rule }] });
  }
  return { recipient, set: share.set, threshold: share.threshold, shares: shares.length };
}

function conflict(reason: string): RootkeepError {
  return new RootkeepError("STATE_CONFLICT", { reason });
}
