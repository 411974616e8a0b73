import { isAbsolute, join, normalize } from "node:path";
import { Secret } from "../kernel/secret.js";
import { isBech32 } from "./bech32.js";
import type { Config, ConfigWarning, DatabaseConfig, StreamConfig, TrialConfig } from "./config.js";
import { ConfigError } from "./config.js";
import type { Environment, FileContents } from "./environment.js";
import { EnvironmentReader } from "./environment.js";
import { readNotices } from "./parse-notices.js";
import { readPosture } from "./parse-posture.js";
import { readRootMail } from "./parse-root-mail.js";
import { readSignIn } from "./parse-sign-in.js";
import { readTickets } from "./parse-tickets.js";
import type { DeliveryForm, NamesOf, RootKeyDomain, StreamFormat } from "./reference.js";
import { ROOT_KEY_DOMAINS, TRIAL_NAMES, VARIABLES } from "./reference.js";

/** What parsing needs to know of the world. */
export interface ConfigFacts {
  /** Absolute path of the working directory. */
  readonly cwd: string;
  readonly files?: FileContents;
}

const ROOT_KEY_NAMES = {
  password: "ROOTKEEP_ROOT_KEY_PASSWORD",
  mfa: "ROOTKEEP_ROOT_KEY_MFA",
  mail: "ROOTKEEP_ROOT_KEY_MAIL",
  people: "ROOTKEEP_ROOT_KEY_PEOPLE",
} as const satisfies Record<RootKeyDomain, NamesOf<"text">>;

// "127.0.0.1.example.com" begins like a loopback address and is none, so the whole address is matched.
const LOOPBACK = /^(?:localhost|::1|127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3})$/;
const CUSTODIANS_WANTED = 3;

/**
 * The configuration that `environment` describes.
 * @throws ConfigError with every problem at once, naming variables and rules and never a value.
 */
export function parseConfig(environment: Environment, facts: ConfigFacts): Config {
  const reader = new EnvironmentReader(environment, facts.files ?? {});
  const host = reader.text("ROOTKEEP_LISTEN_HOST") ?? VARIABLES.ROOTKEEP_LISTEN_HOST.fallback;
  const isLoopback = LOOPBACK.test(host);
  const dataDirectory = absolute(reader.text("ROOTKEEP_DATA_DIR") ?? VARIABLES.ROOTKEEP_DATA_DIR.fallback, facts.cwd);
  const database = readDatabase(reader, dataDirectory);
  const rootKeys = readRootKeys(reader, dataDirectory, facts.cwd);
  const isEverythingLocal = isLoopback && database.kind === "embedded";
  const isProduction = !isEverythingLocal || Object.values(rootKeys).some((uri) => !uri.startsWith("file:"));
  if (isProduction) refuseTrial(reader, rootKeys);
  const deployment = reader.text("ROOTKEEP_DEPLOYMENT") ?? VARIABLES.ROOTKEEP_DEPLOYMENT.fallback;
  const foundingCustodians = reader.number("ROOTKEEP_FOUNDING_CUSTODIANS");
  const ticketPattern = readTicketPattern(reader, "ROOTKEEP_TICKET_PATTERN");
  const glassTicketPattern = readTicketPattern(reader, "ROOTKEEP_GLASS_TICKET_PATTERN");
  const trial = readTrial(reader, isProduction);
  const log = readLog(reader, dataDirectory, facts.cwd);
  const stream = readStream(reader, facts.cwd);
  const notices = readNotices(reader, { isProduction, dataDirectory, isLoopback: (name) => LOOPBACK.test(name) });
  const tickets = readTickets(reader);
  const signIn = readSignIn(reader);
  const escrowRecipient = readEscrowRecipient(reader);
  const rootMail = readRootMail(reader);
  const secondStore = readSecondStore(reader, facts.cwd, apartFrom({ isProduction, database, dataDirectory }));
  if (Object.values(rootKeys).includes(log.logKey))
    reader.refuse("ROOTKEEP_LOG_KEY", "is a key that wraps secrets; the log is signed by its own");
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return freeze({
    deployment,
    listen: { host, port: reader.number("ROOTKEEP_LISTEN_PORT"), isLoopback },
    dataDirectory,
    database,
    poolSize: reader.number("ROOTKEEP_POOL_SIZE"),
    rootKeys,
    awsKmsEndpoint: reader.text("ROOTKEEP_AWS_KMS_ENDPOINT") ?? null,
    delivery: readDelivery(reader, isProduction),
    ticketPattern,
    glassTicketPattern,
    logOrigin: reader.text("ROOTKEEP_LOG_ORIGIN") ?? `rootkeep.local/audit/${deployment}/1`,
    ...log,
    posture: readPosture(reader),
    foundingCustodians,
    recertifyDays: reader.number("ROOTKEEP_RECERTIFY_DAYS"),
    refusedAccounts: refusedAccounts(reader.list("ROOTKEEP_REFUSED_ACCOUNTS"), rootKeys),
    rootMail,
    escrowRecipient,
    backupHorizonDays: readBackupHorizon(reader),
    secondStore,
    ...signIn,
    stream,
    notices,
    tickets,
    publicUrl: readPublicUrl(reader),
    brake: {
      person: reader.number("ROOTKEEP_BRAKE_PERSON"),
      deployment: reader.number("ROOTKEEP_BRAKE_DEPLOYMENT"),
      windowMinutes: reader.number("ROOTKEEP_BRAKE_MINUTES"),
    },
    trial,
    isProduction,
    warnings: warningsOf({ isProduction, foundingCustodians, database, trial, rootKeys, notices, escrowRecipient, secondStore, ...log }),
  });
}

function readPublicUrl(reader: EnvironmentReader): string | null {
  return reader.text("ROOTKEEP_PUBLIC_URL") ?? null;
}

function readBackupHorizon(reader: EnvironmentReader): number | null {
  const days = reader.text("ROOTKEEP_BACKUP_HORIZON_DAYS");
  return days === undefined ? null : Number(days);
}

/** A recipient with a slip of the pen would take every key and open for nobody: its checksum is looked at before anything is wrapped. */
function readEscrowRecipient(reader: EnvironmentReader): string | null {
  const recipient = reader.text("ROOTKEEP_ESCROW_RECIPIENT");
  if (recipient === undefined) return null;
  if (!isBech32(recipient)) reader.refuse("ROOTKEEP_ESCROW_RECIPIENT", "is no recipient of age: its checksum does not hold");
  return recipient;
}

/** Where the second store must not lie: by the embedded database, whose loss it is to survive. A trial may: all that it has lies in one directory. */
export function apartFrom({
  isProduction,
  database,
  dataDirectory,
}: Pick<Config, "isProduction" | "database" | "dataDirectory">): string | null {
  return isProduction && database.kind === "embedded" ? dataDirectory : null;
}

function readSecondStore(reader: EnvironmentReader, cwd: string, apart: string | null): string | null {
  const uri = reader.text("ROOTKEEP_SECOND_STORE") ?? VARIABLES.ROOTKEEP_SECOND_STORE.fallback;
  if (uri === "none") return null;
  const placed = placedUri(uri, cwd);
  const path = placed.startsWith("file:") ? placed.slice("file:".length) : null;
  if (path !== null && apart !== null && (isWithin(path, apart) || isWithin(apart, path)))
    reader.refuse("ROOTKEEP_SECOND_STORE", "lies beside the database, whose loss it is to survive");
  return placed;
}

/** Both absolute and normal. */
function isWithin(path: string, directory: string): boolean {
  return `${path.replace(/\/+$/, "")}/`.startsWith(`${directory.replace(/\/+$/, "")}/`);
}

function readDatabase(reader: EnvironmentReader, dataDirectory: string): DatabaseConfig {
  const service = reader.text("DATABASE_URL");
  const signer = reader.text("ROOTKEEP_SIGNER_DATABASE_URL");
  const migrate = reader.text("ROOTKEEP_MIGRATE_DATABASE_URL");
  if (service === undefined) {
    if (migrate !== undefined) reader.refuse("ROOTKEEP_MIGRATE_DATABASE_URL", "is set without DATABASE_URL");
    if (signer !== undefined) return { kind: "external", service: null, signer: Secret.of(signer), migrate: null };
    return { kind: "embedded", directory: join(dataDirectory, "postgres") };
  }
  // The service's role must not own what it writes, or it could edit the log (design §6, §7).
  if (migrate !== undefined && userOf(migrate) === userOf(service))
    reader.refuse("ROOTKEEP_MIGRATE_DATABASE_URL", "names the same role as DATABASE_URL");
  // Who signs the log must not be able to append to it (audit-log spec, roles).
  if (signer !== undefined && userOf(signer) === userOf(service))
    reader.refuse("ROOTKEEP_SIGNER_DATABASE_URL", "names the same role as DATABASE_URL");
  const secret = (url: string | undefined): Secret<string> | null => (url === undefined ? null : Secret.of(url));
  return { kind: "external", service: Secret.of(service), signer: secret(signer), migrate: secret(migrate) };
}

/** The role that a database URL signs in as, or the whole URL if it names none. */
function userOf(url: string): string {
  return /^[^:]+:\/\/([^:@/?]+)/.exec(url)?.[1] ?? url;
}

function readRootKeys(reader: EnvironmentReader, dataDirectory: string, cwd: string): Readonly<Record<RootKeyDomain, string>> {
  const shared = reader.text("ROOTKEEP_ROOT_KEY") ?? `file:${join(dataDirectory, "root-key.json")}`;
  const uriOf = (domain: RootKeyDomain): string => {
    return placedUri(reader.text(ROOT_KEY_NAMES[domain]) ?? shared, cwd);
  };
  return { password: uriOf("password"), mfa: uriOf("mfa"), mail: uriOf("mail"), people: uriOf("people") };
}

type LogConfig = Pick<Config, "logKey" | "logVerifierKey" | "guard" | "anchors" | "witnesses" | "awsS3Endpoint">;

function readLog(reader: EnvironmentReader, dataDirectory: string, cwd: string): LogConfig {
  return {
    logKey: placedUri(reader.text("ROOTKEEP_LOG_KEY") ?? `file:${join(dataDirectory, "log-key.json")}`, cwd),
    logVerifierKey: reader.text("ROOTKEEP_LOG_VERIFIER_KEY") ?? null,
    guard: placedUri(reader.text("ROOTKEEP_GUARD") ?? `file:${join(dataDirectory, "guard")}`, cwd),
    anchors: reader.list("ROOTKEEP_ANCHORS"),
    witnesses: reader.list("ROOTKEEP_WITNESSES"),
    awsS3Endpoint: reader.text("ROOTKEEP_AWS_S3_ENDPOINT") ?? null,
  };
}

function readStream(reader: EnvironmentReader, cwd: string): StreamConfig {
  const [file, syslog] = [reader.text("ROOTKEEP_STREAM_FILE"), reader.text("ROOTKEEP_STREAM_SYSLOG")];
  const [url, secret] = [reader.text("ROOTKEEP_STREAM_WEBHOOK"), reader.text("ROOTKEEP_STREAM_WEBHOOK_SECRET")];
  if (syslog !== undefined && !URL.canParse(syslog)) reader.refuse("ROOTKEEP_STREAM_SYSLOG", "names no host or port");
  if (url !== undefined && !URL.canParse(url)) reader.refuse("ROOTKEEP_STREAM_WEBHOOK", "names no host or port");
  // A receiver that cannot tell our batches from somebody else's is no evidence.
  if ((url === undefined) !== (secret === undefined))
    reader.refuse("ROOTKEEP_STREAM_WEBHOOK_SECRET", "is set together with ROOTKEEP_STREAM_WEBHOOK, or neither is");
  return {
    format: (reader.text("ROOTKEEP_STREAM_FORMAT") ?? VARIABLES.ROOTKEEP_STREAM_FORMAT.fallback) as StreamFormat,
    file: file === undefined ? null : absolute(file, cwd),
    syslog: syslog ?? null,
    webhook: url === undefined || secret === undefined ? null : { url, secret: Secret.of(secret) },
  };
}

function refuseTrial(reader: EnvironmentReader, rootKeys: Readonly<Record<RootKeyDomain, string>>): void {
  for (const name of TRIAL_NAMES) if (reader.isSet(name)) reader.refuse(name, "is a trial setting, and this is production");
  const clear = ROOT_KEY_DOMAINS.filter((domain) => rootKeys[domain].startsWith("file:"));
  if (clear.length === ROOT_KEY_DOMAINS.length) return reader.refuse("ROOTKEEP_ROOT_KEY", FILE_KEY_RULE);
  for (const domain of clear) reader.refuse(ROOT_KEY_NAMES[domain], FILE_KEY_RULE);
}

// A root key in the clear beside the data it guards makes every other control a matter of one file copy (design §4).
const FILE_KEY_RULE = "is a file: root key, and production (beyond loopback, external database, or any other root key) refuses one";

/** Production's TLS ends at a proxy, which would see a value in the clear (docs/decisions/0015). */
function readDelivery(reader: EnvironmentReader, isProduction: boolean): DeliveryForm {
  return (reader.text("ROOTKEEP_DELIVERY") as DeliveryForm | undefined) ?? (isProduction ? "jwe" : "any");
}

function readTicketPattern(reader: EnvironmentReader, name: "ROOTKEEP_TICKET_PATTERN" | "ROOTKEEP_GLASS_TICKET_PATTERN"): string {
  const source = reader.text(name) ?? VARIABLES[name].fallback;
  // Group brackets that only balance once we anchor it ("A)|(B") would escape the anchors, so it must stand alone first.
  if (!isRegularExpression(source)) reader.refuse(name, "is not a regular expression");
  else if (new RegExp(`^(?:${source})$`, "u").test("")) reader.refuse(name, "matches the empty text");
  return source;
}

function isRegularExpression(source: string): boolean {
  try {
    return new RegExp(source, "u").unicode;
  } catch {
    // The engine's message repeats the source; the caller names the variable and the rule instead.
    return false;
  }
}

function readTrial(reader: EnvironmentReader, isProduction: boolean): TrialConfig {
  return {
    totpPeriodSeconds: reader.number("ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS"),
    authenticatorWaitSeconds: reader.number("ROOTKEEP_TRIAL_AUTHENTICATOR_WAIT_SECONDS"),
    printsInvitations: reader.yesNo("ROOTKEEP_TRIAL_PRINT_INVITATIONS") ?? !isProduction,
    opensBeforeGuard: reader.yesNo("ROOTKEEP_TRIAL_OPEN_BEFORE_GUARD") ?? false,
    names: TRIAL_NAMES.filter((name) => reader.isSet(name)),
  };
}

/** The listed accounts and those that hold our KMS keys: root of the latter opens everything, so it may not be kept here (design §4). */
function refusedAccounts(listed: readonly string[], rootKeys: Readonly<Record<RootKeyDomain, string>>): readonly string[] {
  const ours = Object.values(rootKeys).flatMap((uri) => /^aws-kms:arn:[^:]+:kms:[^:]+:(\d{12}):/.exec(uri)?.[1] ?? []);
  return [...new Set([...listed, ...ours])].toSorted();
}

function warningsOf(
  config: Pick<
    Config,
    "isProduction" | "foundingCustodians" | "database" | "trial" | "rootKeys" | "guard" | "notices" | "escrowRecipient" | "secondStore"
  >,
): ConfigWarning[] {
  const warnings: ConfigWarning[] = [];
  if (config.isProduction && config.foundingCustodians < CUSTODIANS_WANTED) warnings.push("few-custodians");
  if (Object.values(config.rootKeys).some((uri) => uri.startsWith("file:"))) warnings.push("file-root-key");
  // A file is shared by no second replica, and lies on a disk that is restored together with the database's.
  if (config.isProduction && config.guard.startsWith("file:")) warnings.push("file-guard");
  if (config.isProduction) warnings.push(...missingIn(config));
  if (config.trial.names.length > 0) warnings.push("trial-settings");
  if (Object.values(config.notices).every((channel) => channel === null)) warnings.push("no-notice-channel");
  if (config.database.kind === "external" && config.database.migrate !== null) warnings.push("migrate-role-present");
  return warnings;
}

/** What production can do without, at a price. */
function missingIn({ escrowRecipient, secondStore }: Pick<Config, "escrowRecipient" | "secondStore">): ConfigWarning[] {
  return [
    // Then the root key is the only way to every secret, and two custodians the only way to another custodian (law L10).
    ...(escrowRecipient === null ? (["no-escrow"] as const) : []),
    // Then the database's last backup is all that a new password is kept in besides it (law L5).
    ...(secondStore === null ? (["no-second-store"] as const) : []),
  ];
}

/** `uri` with the path of a `file:` one absolute. */
function placedUri(uri: string, cwd: string): string {
  return uri.startsWith("file:") ? `file:${absolute(uri.slice("file:".length), cwd)}` : uri;
}

function absolute(path: string, cwd: string): string {
  return normalize(isAbsolute(path) ? path : join(cwd, path));
}

/** Freezes `value` and the plain objects and arrays in it: a setting that changes while the service runs was never validated. */
function freeze<T extends object>(value: T): Readonly<T> {
  for (const part of Object.values(value) as unknown[])
    if (typeof part === "object" && part !== null && !Object.isFrozen(part)) freeze(part);
  return Object.freeze(value);
}
