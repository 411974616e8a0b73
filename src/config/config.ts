import type { Secret } from "../kernel/secret.js";
import type { DeliveryForm, RootKeyDomain, StreamFormat, VariableName } from "./reference.js";

/** Where the database is. URLs hold a password and therefore are secrets. */
export type DatabaseConfig =
  | { readonly kind: "embedded"; readonly directory: string }
  | {
      readonly kind: "external";
      /** Null where the process is only the signer. */
      readonly service: Secret<string> | null;
      readonly signer: Secret<string> | null;
      readonly migrate: Secret<string> | null;
    };

/** Settings that production refuses; in production they hold their defaults. */
export interface TrialConfig {
  readonly totpPeriodSeconds: number;
  readonly authenticatorWaitSeconds: number;
  readonly printsInvitations: boolean;
  /** Values leave before the guard covers their intent. */
  readonly opensBeforeGuard: boolean;
  /** Trial variables that were set, for the loud line at start. */
  readonly names: readonly VariableName[];
}

/** Where copies of the log go; null for a way that is not used. */
export interface StreamConfig {
  readonly format: StreamFormat;
  /** Absolute path. */
  readonly file: string | null;
  /** `tls://host:port` or `tcp://host:port`. */
  readonly syslog: string | null;
  readonly webhook: {
    readonly url: string;
    /** `whsec_` and base64. */
    readonly secret: Secret<string>;
  } | null;
}

/** A mail server that notices are handed to. */
export interface SmtpConfig {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; else STARTTLS is insisted on, but on loopback. */
  readonly isImplicitTls: boolean;
  readonly isLoopback: boolean;
  /** Null where nobody signs in. */
  readonly user: string | null;
  readonly password: Secret<string> | null;
  /** Sender's address. */
  readonly from: string;
}

/** By which ways people are told; null for a way that is not used. */
export interface NoticeConfig {
  readonly smtp: SmtpConfig | null;
  readonly webhook: { readonly url: string; readonly secret: Secret<string> } | null;
  /** The address of an incoming webhook without its last element, and that element. */
  readonly slack: { readonly url: string; readonly secret: Secret<string> } | null;
  /** Absolute path of the file that stands in for a channel in a trial; null in production. */
  readonly trialFile: string | null;
}

/** The ticket system that is connected. */
export type TicketConfig =
  | { readonly system: "none" }
  | { readonly system: "board" }
  | { readonly system: "webhook"; readonly url: string; readonly secret: Secret<string> };

/** Root e-mail addresses: `<before><random part><after>@<domain>`, in lower case. */
export interface RootMailConfig {
  readonly before: string;
  readonly after: string;
  readonly domain: string;
}

/** The company's OpenID Connect provider. */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Null for a public client. */
  readonly clientSecret: Secret<string> | null;
  readonly redirect: string;
  /** With one blank between. */
  readonly scopes: string;
}

/** How posture evidence of customers' accounts is read. */
export interface PostureConfig {
  /** Null where AWS is not asked. */
  readonly role: string | null;
  readonly everyHours: number;
  /** Profile by partition. */
  readonly profiles: Readonly<Record<string, string>>;
  readonly endpoint: string | null;
}

/** How long a session lasts. */
export interface SessionLimits {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

/** Things worth a loud line at start that do not stop it. */
export const CONFIG_WARNINGS = [
  "few-custodians",
  "file-root-key",
  "trial-settings",
  "migrate-role-present",
  "file-guard",
  "no-escrow",
  "no-second-store",
  "file-log-key",
  "no-notice-channel",
] as const;
export type ConfigWarning = (typeof CONFIG_WARNINGS)[number];

/** The whole configuration of a running service: validated, complete and frozen. */
export interface Config {
  readonly deployment: string;
  readonly listen: { readonly host: string; readonly port: number; readonly isLoopback: boolean };
  /** Absolute path. */
  readonly dataDirectory: string;
  readonly database: DatabaseConfig;
  readonly poolSize: number;
  /** Root key URI of each domain; the path of a `file:` one is absolute. */
  readonly rootKeys: Readonly<Record<RootKeyDomain, string>>;
  readonly awsKmsEndpoint: string | null;
  /** `jwe`: an opened value is sent enclosed for a key of the client's, or not at all. */
  readonly delivery: DeliveryForm;
  /** Source of a regular expression, not anchored. */
  readonly ticketPattern: string;
  /** As {@link ticketPattern}: what the ticket of a break-glass looks like, besides. */
  readonly glassTicketPattern: string;
  readonly logOrigin: string;
  /** URI of the key that signs the log; the path of a `file:` one is absolute. */
  readonly logKey: string;
  /** C2SP verifier key that was configured, or null. */
  readonly logVerifierKey: string | null;
  /** URI of the guard; the path of a `file:` one is absolute. */
  readonly guard: string;
  /** URIs of the buckets that checkpoints are anchored in. */
  readonly anchors: readonly string[];
  /** `<verifier key>@<URL>` of the witnesses that are asked to cosign. */
  readonly witnesses: readonly string[];
  readonly awsS3Endpoint: string | null;
  readonly posture: PostureConfig;
  readonly foundingCustodians: number;
  /** Days for which a grant or a certificate vouches for an entry of the allowlist. */
  readonly recertifyDays: number;
  /** AWS account ids that onboarding refuses, sorted, without repeats: the listed ones and those of our KMS keys. */
  readonly refusedAccounts: readonly string[];
  /** How root e-mail addresses are made here; null where none are. */
  readonly rootMail: RootMailConfig | null;
  /** age recipient of the escrow quorum, or null. */
  readonly escrowRecipient: string | null;
  /** Days for which backups are kept; null where nobody has said. */
  readonly backupHorizonDays: number | null;
  /** URI of the second store, the path of a `file:` one absolute; null where there is none. */
  readonly secondStore: string | null;
  /** Null where people sign in with password and authenticator alone. */
  readonly oidc: OidcConfig | null;
  readonly isPasswordOffered: boolean;
  readonly sessions: SessionLimits;
  readonly stream: StreamConfig;
  readonly notices: NoticeConfig;
  readonly tickets: TicketConfig;
  /** Openings that go through in any window: of one person, of all; and its length. */
  readonly brake: { readonly person: number; readonly deployment: number; readonly windowMinutes: number };
  /** Where people reach the service, for links in notices; without a slash at the end. */
  readonly publicUrl: string | null;
  readonly trial: TrialConfig;
  /** Listening beyond loopback, or an external database, or a root key that is not `file:` (design §11). */
  readonly isProduction: boolean;
  readonly warnings: readonly ConfigWarning[];
}

/** One broken rule. Neither part ever holds a value: it may be a password pasted into the wrong line. */
export interface ConfigProblem {
  readonly variable: string;
  readonly rule: string;
}

/** The configuration does not stand; `problems` lists everything that is wrong with it at once. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, rule }) => `  ${variable} ${rule}.`);
    super(`The configuration has ${problems.length === 1 ? "one problem" : `${String(problems.length)} problems`}:\n${lines.join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}
