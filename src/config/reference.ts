/** Security domains that have a root key of their own (design §4). */
export const ROOT_KEY_DOMAINS = ["password", "mfa", "mail", "people"] as const;
export type RootKeyDomain = (typeof ROOT_KEY_DOMAINS)[number];

/** Where copies of the log can be sent. */
export const STREAM_SINKS = ["file", "syslog", "webhook"] as const;
export type StreamSinkName = (typeof STREAM_SINKS)[number];

/** Ways by which people are told. `file` is the trial's. */
export const NOTICE_CHANNELS = ["smtp", "webhook", "slack", "file"] as const;
export type NoticeChannelName = (typeof NOTICE_CHANNELS)[number];

/** Ticket systems that can be connected; `board` is the built-in one. */
export const TICKET_SYSTEMS = ["board", "webhook"] as const;
export type TicketSystemName = (typeof TICKET_SYSTEMS)[number];

/** How a copied entry is written (docs/spec/log-stream.md). */
export const STREAM_FORMATS = ["plain", "ocsf"] as const;
export type StreamFormat = (typeof STREAM_FORMATS)[number];

/** How an opened value is sent: in the clear where the client sends no key, or only enclosed for one (docs/spec/delivery.md). */
export const DELIVERY_FORMS = ["any", "jwe"] as const;
export type DeliveryForm = (typeof DELIVERY_FORMS)[number];

/** What a variable's text must look like. `rule` completes "NAME …" in an error and never quotes the value. */
export type VariableForm =
  | { readonly type: "text"; readonly pattern: RegExp; readonly rule: string }
  | { readonly type: "number"; readonly min: number; readonly max: number }
  | { readonly type: "yes-no" }
  | { readonly type: "list"; readonly pattern: RegExp; readonly rule: string };

/** One row of the reference. */
export interface Variable {
  readonly form: VariableForm;
  /** What an unset variable means, as an operator reads it. Parsed defaults stand here too; computed ones are said in words. */
  readonly fallback: string;
  /** True when `fallback` is words about a computed default, not a value one could set. */
  readonly isFallbackComputed?: true;
  readonly meaning: string;
  /** Part of the trusted configuration: it works only as two custodians approved it (design §4). */
  readonly isTrusted: boolean;
  /** Carries a password: kept in a `Secret`, and `<NAME>_FILE` may name a file that holds it. */
  readonly isSecret?: true;
}

const text = (pattern: RegExp, rule: string): VariableForm => ({ type: "text", pattern, rule });
const number = (min: number, max: number): VariableForm => ({ type: "number", min, max });

// Printable ASCII without blanks and quotes: such text is the same in JSON, in a shell and in a unit file, and hides nothing.
const PATH = text(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,1024}$/u, "must be a path of 1 to 1024 characters without control characters");
const DATABASE_URL = text(/^postgres(?:ql)?:\/\/[!-~]{1,2000}$/, "must be a postgres:// URL without blanks");
const ROOT_KEY = text(
  /^(?:file:[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,1024}|aws-kms:arn:aws(?:-us-gov|-cn)?:kms:[a-z0-9-]{1,32}:\d{12}:key\/(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}))$/u,
  "must be file:<path> or aws-kms:<ARN of a key, not of an alias>; pkcs11: is planned",
);

const LOG_KEY = text(
  /^(?:file:[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,1024}|aws-kms:arn:aws(?:-us-gov|-cn)?:kms:[a-z0-9-]{1,32}:\d{12}:key\/(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}))$/u,
  "must be file:<path> or aws-kms:<ARN of an Ed25519 signing key, not of an alias>; pkcs11: is planned",
);
// Loopback alone may be reached without TLS; a user or a fragment is part of no address here.
const POST_URL = text(
  /^(?:https:\/\/(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::[1-9]\d{0,4})?(?:[/?][!-"$-~]{0,1024})?$/,
  "must be https://host[:port][/path] without user and fragment, or http:// on loopback",
);
const WEBHOOK_SECRET = text(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/, "must be whsec_ and 24 to 64 bytes in base64");
const GUARD = text(
  /^(?:file:[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,1024}|s3:\/\/[!-~]{1,1024})$/u,
  "must be file:<path> or s3://<bucket>/<key>?region=<region>",
);

const SECOND_STORE = text(
  /^(?:none|file:[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,1024}|s3:\/\/[!-~]{1,1024})$/u,
  "must be none, file:<directory> or s3://<bucket>[/<prefix>]?region=<region>",
);

const OIDC_ADDRESS = text(
  /^(?:https:\/\/[A-Za-z0-9.-]{1,253}|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::[1-9]\d{0,4})?(?:\/[A-Za-z0-9._~/-]{0,512})?$/,
  "must be https://host[:port][/path] without query and fragment, or http:// on loopback",
);

function rootKeyOf(domain: RootKeyDomain): Variable {
  return {
    form: ROOT_KEY,
    fallback: "the value of ROOTKEEP_ROOT_KEY",
    isFallbackComputed: true,
    meaning: `Root key of the ${domain} domain.`,
    isTrusted: true,
  };
}

/**
 * Every variable that the service reads: the one source from which values are parsed and `.env.example` and `docs/configuration.md` are
 * written. A `ROOTKEEP_` variable that does not stand here refuses the start, so a misspelt safety setting cannot be silently off.
 */
export const VARIABLES = {
  ROOTKEEP_DEPLOYMENT: {
    form: text(/^[a-z0-9-]{1,32}$/, "must be 1 to 32 of a-z, 0-9 and -"),
    fallback: "trial",
    meaning: "Name of this deployment. Every sealed value and every wrapped key is bound to it: it cannot be changed later.",
    isTrusted: true,
  },
  ROOTKEEP_LISTEN_HOST: {
    form: text(/^[A-Za-z0-9.:-]{1,253}$/, "must be an IP address or a host name"),
    fallback: "127.0.0.1",
    meaning: "Address to listen on. Anything but a loopback address makes this a production deployment.",
    isTrusted: false,
  },
  ROOTKEEP_LISTEN_PORT: {
    form: number(0, 65_535),
    fallback: "8480",
    meaning: "TCP port to listen on; 0 takes a free one.",
    isTrusted: false,
  },
  ROOTKEEP_DATA_DIR: {
    form: PATH,
    fallback: ".rootkeep",
    meaning: "Directory of the embedded database, the file root key and invitations. A relative path counts from the working directory.",
    isTrusted: false,
  },
  DATABASE_URL: {
    form: DATABASE_URL,
    fallback: "the embedded PostgreSQL",
    isFallbackComputed: true,
    meaning: "External PostgreSQL 16 or later, as role rootkeep_service. Makes this a production deployment.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_MIGRATE_DATABASE_URL: {
    form: DATABASE_URL,
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "The same database as role rootkeep_migrate; used by `rootkeep migrate`, and by a start or `rootkeep doctor` that finds it. Keep it out of the service's environment.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_POOL_SIZE: {
    form: number(2, 200),
    fallback: "10",
    meaning: "Database connections of one replica.",
    isTrusted: false,
  },
  ROOTKEEP_ROOT_KEY: {
    form: ROOT_KEY,
    fallback: "file:root-key.json in the data directory",
    isFallbackComputed: true,
    meaning: "Root key of every domain that has none of its own: aws-kms:<key ARN> or, to try things out, file:<path>.",
    isTrusted: true,
  },
  ROOTKEEP_ROOT_KEY_PASSWORD: rootKeyOf("password"),
  ROOTKEEP_ROOT_KEY_MFA: rootKeyOf("mfa"),
  ROOTKEEP_ROOT_KEY_MAIL: rootKeyOf("mail"),
  ROOTKEEP_ROOT_KEY_PEOPLE: rootKeyOf("people"),
  ROOTKEEP_AWS_KMS_ENDPOINT: {
    form: text(
      /^(?:https:\/\/[A-Za-z0-9.-]{1,253}|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::\d{1,5})?\/?$/,
      "must be https://host[:port], or http:// on loopback",
    ),
    fallback: "the region's own endpoint",
    isFallbackComputed: true,
    meaning: "Where AWS KMS is called, for a VPC endpoint or a test double.",
    isTrusted: true,
  },
  ROOTKEEP_DELIVERY: {
    form: text(/^(?:any|jwe)$/, "must be any or jwe"),
    fallback: "jwe in production, any in a trial",
    isFallbackComputed: true,
    meaning:
      "How an opened value is sent: jwe, only enclosed for a key that the client sends with the call; any, in the clear where it sends none.",
    isTrusted: true,
  },
  ROOTKEEP_TICKET_PATTERN: {
    form: text(/^[!-~]{1,200}$/, "must be a regular expression of 1 to 200 printable ASCII characters"),
    fallback: "[A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,9}",
    meaning: "Regular expression that a whole ticket reference must match.",
    isTrusted: true,
  },
  ROOTKEEP_LOG_ORIGIN: {
    form: text(/^[a-z0-9][a-z0-9.-]{0,99}(?:\/[a-z0-9._-]{1,64}){1,8}$/, "must be a schema-less URL like example.com/audit/prod/1"),
    fallback: "rootkeep.local/audit/<deployment>/1",
    isFallbackComputed: true,
    meaning:
      "Origin line of the audit log; its last element counts epochs. It stands in every entry, and changes only when a log that was put back is reopened.",
    isTrusted: true,
  },
  ROOTKEEP_LOG_KEY: {
    form: LOG_KEY,
    fallback: "file:log-key.json in the data directory",
    isFallbackComputed: true,
    meaning:
      "Key that signs the log's checkpoints: file:<path> or aws-kms:<key ARN> (ECC_NIST_EDWARDS25519). Never a key that wraps secrets. Used by the roles all and sign.",
    isTrusted: true,
  },
  ROOTKEEP_LOG_VERIFIER_KEY: {
    form: text(
      /^[^+\s]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/u,
      "must be a C2SP verifier key like example.com/audit/prod/1+0ffd7bf3+AQOh…",
    ),
    fallback: "the public half of ROOTKEEP_LOG_KEY",
    isFallbackComputed: true,
    meaning: "Verifier key of the log, for the role api, which holds no signing key. The signer prints it when it starts.",
    isTrusted: true,
  },
  ROOTKEEP_SIGNER_DATABASE_URL: {
    form: DATABASE_URL,
    fallback: "the embedded PostgreSQL",
    isFallbackComputed: true,
    meaning: "The same database as role rootkeep_signer; for the roles all and sign beside DATABASE_URL. The role sign needs no other.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_GUARD: {
    form: GUARD,
    fallback: "file:guard in the data directory",
    isFallbackComputed: true,
    meaning:
      "Where the newest signed checkpoint is kept outside the database: file:<directory> on another volume (one replica only) or s3://<bucket>/<key>?region=<region>. It is what a restored backup is found by.",
    isTrusted: true,
  },
  ROOTKEEP_ANCHORS: {
    form: {
      type: "list",
      pattern: /^s3:\/\/[!-~]{1,1024}$/,
      rule: "must be s3://<bucket>[/<prefix>]?region=<region>&days=<days>, with commas between",
    },
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Buckets with Object Lock, best in another account, to which every checkpoint is written.",
    isTrusted: true,
  },
  ROOTKEEP_WITNESSES: {
    form: {
      type: "list",
      pattern: /^[^+@\s]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}@https?:\/\/[!-~]{1,1024}$/,
      rule: "must be <C2SP verifier key>@<URL>, with commas between",
    },
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "C2SP witnesses that are asked to cosign every checkpoint, each by its verifier key and its address (https, or http on loopback).",
    isTrusted: true,
  },
  ROOTKEEP_AWS_S3_ENDPOINT: {
    form: text(
      /^(?:https:\/\/[A-Za-z0-9.-]{1,253}|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::\d{1,5})?\/?$/,
      "must be https://host[:port], or http:// on loopback",
    ),
    fallback: "the region's own endpoint",
    isFallbackComputed: true,
    meaning: "Where AWS S3 is called, for a VPC endpoint or a test double.",
    isTrusted: true,
  },
  ROOTKEEP_POSTURE_ROLE: {
    form: text(/^(?:[A-Za-z0-9_+=,.@-]{1,64}\/){0,4}[A-Za-z0-9_+=,.@-]{1,64}$/, "must be the name of an IAM role, with its path"),
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Role in each customer's account by which posture evidence is read (docs/posture.md). Without it AWS is not asked.",
    isTrusted: true,
  },
  ROOTKEEP_POSTURE_HOURS: {
    form: number(1, 168),
    fallback: "24",
    meaning: "How often each account is asked. Evidence that is older than twice that is stale.",
    isTrusted: true,
  },
  ROOTKEEP_POSTURE_PROFILES: {
    form: {
      type: "list",
      pattern: /^(?:aws|aws-us-gov|aws-cn)=[A-Za-z0-9_.-]{1,64}$/,
      rule: "must be a list of partition=profile",
    },
    fallback: "the SDK's default credentials",
    isFallbackComputed: true,
    meaning: "Profiles of AWS's shared configuration files by which the vault signs in to partitions; no credential works in two of them.",
    isTrusted: false,
  },
  ROOTKEEP_AWS_POSTURE_ENDPOINT: {
    form: text(
      /^(?:https:\/\/[A-Za-z0-9.-]{1,253}|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::\d{1,5})?\/?$/,
      "must be https://host[:port], or http:// on loopback",
    ),
    fallback: "AWS's own endpoints",
    isFallbackComputed: true,
    meaning: "Where STS, IAM, Organizations and Account are called for posture evidence, for a test double.",
    isTrusted: true,
  },
  ROOTKEEP_FOUNDING_CUSTODIANS: {
    form: number(2, 9),
    fallback: "2",
    meaning: "Custodians that the founding invites. Production wants three; fewer is warned about.",
    isTrusted: false,
  },
  ROOTKEEP_RECERTIFY_DAYS: {
    form: number(1, 366),
    fallback: "92",
    meaning:
      "How long a grant, or a certificate of two custodians, vouches for an entry of the allowlist. Not certified anew in time, the entry lapses: " +
      "it gives no rights until it is. A quarter unless told.",
    isTrusted: true,
  },
  ROOTKEEP_REFUSED_ACCOUNTS: {
    form: { type: "list", pattern: /^(?!0{12})\d{12}$/, rule: "must be AWS account ids of 12 digits, with commas between" },
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "AWS accounts that host our own mail domain, DNS or machines: onboarding refuses them, lest we lock our key in our own safe. " +
      "Accounts of the KMS keys above are always refused.",
    isTrusted: true,
  },
  ROOTKEEP_ROOT_MAIL_DOMAIN: {
    form: text(
      /^(?:[a-z0-9._+-]{0,16}\*[a-z0-9._+-]{0,16}@)?(?=.{4,43}$)(?:[a-z0-9](?:[a-z0-9-]{0,41}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,20}[a-z0-9]$/,
      "must be a domain in lower case, or an address in it with * for the random part, such as root+*@aws.example.com",
    ),
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "Domain whose mail is ours, for the root e-mail addresses that are made here; or an address with * where 20 random characters go. " +
      "The whole has 64 characters at most, as AWS wants it. List the AWS accounts that host the domain in ROOTKEEP_REFUSED_ACCOUNTS.",
    isTrusted: true,
  },
  ROOTKEEP_ESCROW_RECIPIENT: {
    form: text(/^age1[02-9ac-hj-np-z]{58}$/, "must be an X25519 recipient of age: age1 and 58 characters"),
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "Recipient of the escrow quorum, as `rootkeep key escrow create` prints it. Every data key is wrapped to it besides, so that enough holders of " +
      "shares open every secret without the root key, and recover the custodians. Production without one is warned of.",
    isTrusted: true,
  },
  ROOTKEEP_BACKUP_HORIZON_DAYS: {
    form: text(/^[1-9]\d{0,3}$/, "must be a number of days, 1 to 9999"),
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "How many days any backup of the database is kept, the second store's copies among them. A certificate of destruction is provisional for so " +
      "long: a backup of before opens as long as it is there. Where nobody says, the certificate names no date.",
    isTrusted: true,
  },
  ROOTKEEP_SECOND_STORE: {
    form: SECOND_STORE,
    fallback: "none",
    meaning:
      "Where every sealed credential is copied to with its wraps, so that it survives the loss of the database: file:<directory> on another volume, which " +
      "must be there, or s3://<bucket>[/<prefix>]?region=<region> without default retention. A new password is shown only once its copy is there. With none " +
      "the database's last backup is all that is left: production is warned of it.",
    isTrusted: true,
  },
  ROOTKEEP_OIDC_ISSUER: {
    form: OIDC_ADDRESS,
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "Issuer of the company's OpenID Connect provider, exactly as its discovery document says it. An identity is this issuer and a subject, never an e-mail address. Goes with ROOTKEEP_OIDC_CLIENT_ID.",
    isTrusted: true,
  },
  ROOTKEEP_OIDC_CLIENT_ID: {
    form: text(/^[!-~]{1,255}$/, "must be 1 to 255 printable ASCII characters without blanks"),
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Client id of this deployment at the provider.",
    isTrusted: true,
  },
  ROOTKEEP_OIDC_CLIENT_SECRET: {
    form: text(/^[ -~]{8,512}$/, "must be 8 to 512 printable ASCII characters"),
    fallback: "none: a public client, which PKCE alone protects",
    isFallbackComputed: true,
    meaning: "Client secret at the provider; best as a file.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_OIDC_REDIRECT: {
    form: OIDC_ADDRESS,
    fallback: "http://127.0.0.1:8479/rootkeep",
    meaning:
      "Redirect address, registered at the provider exactly like this. On loopback the command line listens there (RFC 8252); else the address that the browser ends at is pasted.",
    isTrusted: true,
  },
  ROOTKEEP_OIDC_SCOPES: {
    form: text(/^openid(?: [!#-[\]-~]{1,64}){0,8}$/, "must be scopes with one blank between, openid first"),
    fallback: "openid offline_access",
    meaning:
      "Scopes that are asked for. With offline_access the provider gives a refresh token, by which a session's standing is looked at again; without one the session ends with its access token.",
    isTrusted: false,
  },
  ROOTKEEP_PASSWORD_SIGN_IN: {
    form: { type: "yes-no" },
    fallback: "yes",
    meaning:
      "Whether people may also sign in with password and authenticator. No takes a provider, and people who have been linked to it: the founders begin with passwords.",
    isTrusted: true,
  },
  ROOTKEEP_SESSION_IDLE_MINUTES: {
    form: number(1, 60),
    fallback: "15",
    meaning: "A session that is not used for so long has ended.",
    isTrusted: false,
  },
  ROOTKEEP_SESSION_MAX_MINUTES: {
    form: number(5, 1440),
    fallback: "480",
    meaning: "A session ends after so long, used or not.",
    isTrusted: false,
  },
  ROOTKEEP_STREAM_FILE: {
    form: PATH,
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "File to which every entry of the log is appended, for a SIEM to collect. No stream is trusted configuration: a copy decides nothing, holds no secret and no personal data, and must be repaired without custodians while its receiver is away.",
    isTrusted: false,
  },
  ROOTKEEP_STREAM_SYSLOG: {
    form: text(
      /^(?:tls:\/\/(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])|tcp:\/\/(?:127\.0\.0\.1|localhost|\[::1\])):[1-9]\d{0,4}$/,
      "must be tls://host:port, or tcp://host:port on loopback",
    ),
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Syslog receiver (RFC 5424) to which every entry of the log is sent: over TLS, or over TCP on loopback.",
    isTrusted: false,
  },
  ROOTKEEP_STREAM_WEBHOOK: {
    form: POST_URL,
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Address to which every entry of the log is posted, in signed batches.",
    isTrusted: false,
  },
  ROOTKEEP_STREAM_WEBHOOK_SECRET: {
    form: WEBHOOK_SECRET,
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "Key of the webhook's signatures, as Standard Webhooks writes it: whsec_ and the output of `openssl rand -base64 32`. Goes with ROOTKEEP_STREAM_WEBHOOK.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_STREAM_FORMAT: {
    form: text(/^(?:plain|ocsf)$/, "must be plain or ocsf"),
    fallback: "plain",
    meaning:
      "How entries are sent: plain, which keeps their exact bytes, or ocsf, events of the Open Cybersecurity Schema Framework 1.5.0.",
    isTrusted: false,
  },
  ROOTKEEP_GLASS_TICKET_PATTERN: {
    form: text(/^[\x20-\x7e]{1,200}$/, "must be a regular expression of 1 to 200 printable ASCII characters"),
    fallback: "(?:INC|P1)-[1-9][0-9]{0,9}",
    meaning:
      "What the ticket of a break-glass must look like, whole, besides ROOTKEEP_TICKET_PATTERN: the reference of an incident of the highest class.",
    isTrusted: true,
  },
  ROOTKEEP_TICKETS: {
    form: text(/^(?:none|board|webhook)$/, "must be none, board or webhook"),
    fallback: "none",
    meaning:
      "The ticket system that is connected: tickets must exist there, be open and name the account, and every change of a request is written to them. board is the built-in one; with none only the form of a reference is checked.",
    isTrusted: true,
  },
  ROOTKEEP_TICKET_WEBHOOK: {
    form: POST_URL,
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Address of the ticket system, as docs/spec/ticket-webhook.md has it. Goes with ROOTKEEP_TICKETS=webhook.",
    isTrusted: true,
  },
  ROOTKEEP_TICKET_WEBHOOK_SECRET: {
    form: WEBHOOK_SECRET,
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Key of the signatures of ROOTKEEP_TICKET_WEBHOOK: whsec_ and the output of `openssl rand -base64 32`.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_BRAKE_PERSON: {
    form: number(1, 10_000),
    fallback: "20",
    meaning: "Openings (values and codes) of one person that go through in any window of ROOTKEEP_BRAKE_MINUTES; more are refused.",
    isTrusted: true,
  },
  ROOTKEEP_BRAKE_DEPLOYMENT: {
    form: number(1, 100_000),
    fallback: "100",
    meaning: "Openings of all people together that go through in any window of ROOTKEEP_BRAKE_MINUTES; more are refused.",
    isTrusted: true,
  },
  ROOTKEEP_BRAKE_MINUTES: {
    form: number(1, 1_440),
    fallback: "60",
    meaning: "Length of the window in which openings are counted, in the log and over all replicas.",
    isTrusted: true,
  },
  ROOTKEEP_PUBLIC_URL: {
    form: text(
      /^(?:https:\/\/[A-Za-z0-9.-]{1,253}|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::[1-9]\d{0,4})?(?:\/[A-Za-z0-9._~-]{1,64}){0,4}$/,
      "must be https://host[:port][/path] without a slash at the end, or http:// on loopback",
    ),
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Where people reach the service: notices link there. Without it they name the command instead.",
    isTrusted: true,
  },
  ROOTKEEP_NOTICE_SMTP: {
    form: text(
      /^smtps?:\/\/(?:[A-Za-z0-9._%+-]{1,254}@)?(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::[1-9]\d{0,4})?$/,
      "must be smtps://[user@]host[:port] or smtp://[user@]host[:port], an @ in the user as %40, and no password",
    ),
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "Mail server for notices to people: smtps is TLS from the start (port 465), smtp insists on STARTTLS (port 587), but on loopback.",
    isTrusted: true,
  },
  ROOTKEEP_NOTICE_SMTP_PASSWORD: {
    form: text(/^[!-~]{1,512}$/, "must be 1 to 512 printable ASCII characters without blanks"),
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Password of the user of ROOTKEEP_NOTICE_SMTP.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_NOTICE_FROM: {
    form: text(/^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+$/, "must be an e-mail address"),
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Sender of notices by e-mail; an address of the service, no person's. Goes with ROOTKEEP_NOTICE_SMTP.",
    isTrusted: true,
  },
  ROOTKEEP_NOTICE_WEBHOOK: {
    form: POST_URL,
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Address to which every notice is posted as JSON, signed.",
    isTrusted: true,
  },
  ROOTKEEP_NOTICE_WEBHOOK_SECRET: {
    form: WEBHOOK_SECRET,
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Key of the signatures of ROOTKEEP_NOTICE_WEBHOOK: whsec_ and the output of `openssl rand -base64 32`.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_NOTICE_SLACK: {
    form: POST_URL,
    fallback: "none",
    isFallbackComputed: true,
    meaning:
      "Address of an incoming webhook of Slack, Mattermost or their like, without its last element, which is its password: https://hooks.slack.com/services/T…/B…",
    isTrusted: true,
  },
  ROOTKEEP_NOTICE_SLACK_SECRET: {
    form: text(/^[A-Za-z0-9_-]{8,128}$/, "must be 8 to 128 letters, digits, _ and -"),
    fallback: "none",
    isFallbackComputed: true,
    meaning: "Last element of the address of ROOTKEEP_NOTICE_SLACK.",
    isTrusted: false,
    isSecret: true,
  },
  ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: {
    form: number(1, 300),
    fallback: "30",
    meaning: "Length of a time step of employees' authenticators. Trial only.",
    isTrusted: false,
  },
  ROOTKEEP_TRIAL_AUTHENTICATOR_WAIT_SECONDS: {
    form: number(0, 604_800),
    fallback: "86400",
    meaning: "How long a new authenticator does not yet count for approving and opening. Trial only.",
    isTrusted: false,
  },
  ROOTKEEP_TRIAL_OPEN_BEFORE_GUARD: {
    form: { type: "yes-no" },
    fallback: "no",
    meaning:
      "Sends a value when its intent is durable, without waiting until the guard holds a checkpoint that covers it; no receipt then. Trial only.",
    isTrusted: false,
  },
  ROOTKEEP_TRIAL_PRINT_INVITATIONS: {
    form: { type: "yes-no" },
    fallback: "yes in a trial, no in production",
    isFallbackComputed: true,
    meaning: "Whether the founding prints its invitations instead of only writing each to a file of its own. Trial only.",
    isTrusted: false,
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof VARIABLES;
export const VARIABLE_NAMES = Object.keys(VARIABLES) as readonly VariableName[];

/** Names of the variables whose form is `Type`. */
export type NamesOf<Type extends VariableForm["type"]> = {
  [Name in VariableName]: Extract<(typeof VARIABLES)[Name]["form"], { type: Type }> extends never ? never : Name;
}[VariableName];

/** Variables that may also come as `<NAME>_FILE`, a path to a file that holds the value. */
export const SECRET_NAMES: readonly VariableName[] = VARIABLE_NAMES.filter((name) => variable(name).isSecret === true);

/** Settings that only a trial may use; production refuses to start with any of them, also with one set to its default. */
export const TRIAL_NAMES: readonly VariableName[] = VARIABLE_NAMES.filter((name) => name.startsWith("ROOTKEEP_TRIAL_"));

/** The row of `name`. */
export function variable(name: VariableName): Variable {
  return VARIABLES[name];
}

/** Variables of the command line as a client. The service does not read them and must not refuse to start because of them. */
export const CLIENT_VARIABLES = ["ROOTKEEP_ADDRESS", "ROOTKEEP_SESSION_FILE"] as const;
export type ClientVariable = (typeof CLIENT_VARIABLES)[number];
