import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Config, PostureConfig, TicketConfig } from "./config.js";
import type { DeliveryForm, RootKeyDomain } from "./reference.js";
import { ROOT_KEY_DOMAINS, VARIABLES } from "./reference.js";

/** The settings that work only as two custodians last approved them (design §4, "Trusted configuration"). */
export interface TrustedConfig {
  readonly anchors: readonly string[];
  readonly awsKmsEndpoint: string | null;
  readonly awsS3Endpoint: string | null;
  /** In decimal. Left out where nobody has said: so what was approved before there was one stays approved. */
  readonly backupHorizonDays?: string;
  /** In decimal. */
  readonly brake: Readonly<Record<"deployment" | "minutes" | "person", string>>;
  readonly delivery: DeliveryForm;
  readonly deployment: string;
  /** Left out where there is none: so what was approved before there was an escrow stays approved. */
  readonly escrowRecipient?: string;
  readonly glassTicketPattern: string;
  readonly guard: string;
  readonly logKey: string;
  readonly logOrigin: string;
  readonly logVerifierKey: string | null;
  /** Where notices go; no secret, and no password of a mail server, is part of it. */
  readonly notices: Readonly<Record<"publicUrl" | "slack" | "smtp" | "webhook", string | null>>;
  readonly oidcClientId: string | null;
  readonly oidcIssuer: string | null;
  readonly oidcRedirect: string | null;
  /** `yes` or `no`. */
  readonly passwordSignIn: string;
  /** Left out while nothing of it is set. */
  readonly posture?: Readonly<Record<"endpoint" | "hours" | "role", string | null>>;
  /** In decimal. */
  readonly recertifyDays: string;
  readonly refusedAccounts: readonly string[];
  readonly rootKeys: Readonly<Record<RootKeyDomain, string>>;
  /** Where root addresses are made. Left out where none are: so what was approved before there were any stays approved. */
  readonly rootMail?: string;
  /** Left out where there is none: so what was approved before there were any stays approved. */
  readonly secondStore?: string;
  readonly ticketPattern: string;
  /** The connected ticket system and where it is; no secret. Left out where none is: so what was approved before there were any stays approved. */
  readonly tickets?: Readonly<Record<"address" | "system", string | null>>;
  readonly witnesses: readonly string[];
}

/**
 * The trusted part of `config`, with keys in the order of canonical JSON. A `file:` place below the data directory is named relative
 * to it, so that moving a trial's directory is no change of trust.
 */
export function trustedConfig(config: Config): TrustedConfig {
  const place = (uri: string): string => {
    const below = `file:${join(config.dataDirectory, "/")}`;
    return uri.startsWith(below) ? `file:<data>/${uri.slice(below.length)}` : uri;
  };
  const { mail, mfa, password, people } = config.rootKeys;
  return {
    anchors: config.anchors,
    awsKmsEndpoint: config.awsKmsEndpoint,
    awsS3Endpoint: config.awsS3Endpoint,
    ...backupHorizon(config.backupHorizonDays),
    brake: {
      deployment: String(config.brake.deployment),
      minutes: String(config.brake.windowMinutes),
      person: String(config.brake.person),
    },
    delivery: config.delivery,
    deployment: config.deployment,
    ...escrowQuorum(config.escrowRecipient),
    glassTicketPattern: config.glassTicketPattern,
    guard: place(config.guard),
    logKey: place(config.logKey),
    logOrigin: config.logOrigin,
    logVerifierKey: config.logVerifierKey,
    notices: {
      publicUrl: config.publicUrl,
      slack: config.notices.slack?.url ?? null,
      smtp: smtpText(config.notices.smtp),
      webhook: config.notices.webhook?.url ?? null,
    },
    oidcClientId: config.oidc?.clientId ?? null,
    oidcIssuer: config.oidc?.issuer ?? null,
    oidcRedirect: config.oidc?.redirect ?? null,
    passwordSignIn: config.isPasswordOffered ? "yes" : "no",
    ...postureSource(config.posture),
    recertifyDays: String(config.recertifyDays),
    refusedAccounts: config.refusedAccounts,
    rootKeys: { mail: place(mail), mfa: place(mfa), password: place(password), people: place(people) },
    ...rootMail(config.rootMail),
    ...copiesPlace(config.secondStore, place),
    ticketPattern: config.ticketPattern,
    ...ticketSystem(config.tickets),
    witnesses: config.witnesses,
  };
}

function backupHorizon(days: number | null): Pick<TrustedConfig, "backupHorizonDays"> {
  return days === null ? {} : { backupHorizonDays: String(days) };
}

function escrowQuorum(escrowRecipient: string | null): Pick<TrustedConfig, "escrowRecipient"> {
  return escrowRecipient === null ? {} : { escrowRecipient };
}

function rootMail(form: Config["rootMail"]): Pick<TrustedConfig, "rootMail"> {
  return form === null ? {} : { rootMail: `${form.before}*${form.after}@${form.domain}` };
}

function copiesPlace(secondStore: string | null, place: (uri: string) => string): Pick<TrustedConfig, "secondStore"> {
  return secondStore === null ? {} : { secondStore: place(secondStore) };
}

function postureSource({ endpoint, everyHours, role }: PostureConfig): Pick<TrustedConfig, "posture"> {
  const hours = String(everyHours);
  if (role === null && endpoint === null && hours === VARIABLES.ROOTKEEP_POSTURE_HOURS.fallback) return {};
  return { posture: { endpoint, hours, role } };
}

function ticketSystem(tickets: TicketConfig): Pick<TrustedConfig, "tickets"> {
  if (tickets.system === "none") return {};
  return { tickets: { address: "url" in tickets ? tickets.url : null, system: tickets.system } };
}

/** Server, user and sender in one line: `smtps://user@host:465 from rootkeep@example.com`. */
function smtpText(smtp: Config["notices"]["smtp"]): string | null {
  if (smtp === null) return null;
  const user = smtp.user === null ? "" : `${encodeURIComponent(smtp.user)}@`;
  return `${smtp.isImplicitTls ? "smtps" : "smtp"}://${user}${smtp.host}:${String(smtp.port)} from ${smtp.from}`;
}

/** Lower-case hex of SHA-256 over `bytes`. */
export type HexHash = (bytes: Buffer) => string;

const sha256: HexHash = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** `hash` (SHA-256 unless told) over the canonical JSON of {@link trustedConfig}: what the log's approval names. */
export function trustedConfigDigest(config: Config, hash: HexHash = sha256): string {
  return hash(Buffer.from(canonical(trustedConfig(config)), "utf8"));
}

type Json = string | null | readonly string[] | { readonly [key: string]: Json };

// The folder order keeps audit's canonical JSON above this one. For strings, lists of strings and sorted keys, JSON.stringify already is
// the form of RFC 8785; numbers, where the two differ, do not occur here.
function canonical(value: Json | TrustedConfig): string {
  if (value === null || typeof value === "string" || Array.isArray(value)) return JSON.stringify(value);
  const members = Object.entries(value as Readonly<Record<string, Json>>).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}

/** Names of the trusted settings in which `approved` and `current` differ, for showing the difference to a custodian. */
export function trustedDifferences(approved: TrustedConfig, current: TrustedConfig): readonly string[] {
  const plain = [
    ...(["anchors", "awsKmsEndpoint", "awsS3Endpoint", "delivery", "deployment", "guard", "logKey", "logOrigin"] as const),
    ...([
      "backupHorizonDays",
      "brake",
      "escrowRecipient",
      "glassTicketPattern",
      "logVerifierKey",
      "notices",
      "posture",
      "recertifyDays",
      "refusedAccounts",
      "rootMail",
      "secondStore",
      "ticketPattern",
      "tickets",
      "witnesses",
    ] as const),
    ...(["oidcClientId", "oidcIssuer", "oidcRedirect", "passwordSignIn"] as const),
  ];
  const settings = plain.filter((name) => JSON.stringify(approved[name]) !== JSON.stringify(current[name]));
  return [
    ...settings,
    ...ROOT_KEY_DOMAINS.filter((domain) => approved.rootKeys[domain] !== current.rootKeys[domain]).map((domain) => `rootKeys.${domain}`),
  ];
}
