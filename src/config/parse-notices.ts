import { join } from "node:path";
import { Secret } from "../kernel/secret.js";
import type { NoticeConfig, SmtpConfig } from "./config.js";
import type { EnvironmentReader } from "./environment.js";
import type { NamesOf } from "./reference.js";

/** What the ways of telling people need to know of the rest. */
interface Place {
  readonly isProduction: boolean;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly isLoopback: (host: string) => boolean;
}

/** The ways by which people are told, as the environment names them. */
export function readNotices(reader: EnvironmentReader, { isProduction, dataDirectory, isLoopback }: Place): NoticeConfig {
  return {
    smtp: readSmtp(reader, isLoopback),
    webhook: readPair(reader, "ROOTKEEP_NOTICE_WEBHOOK", "ROOTKEEP_NOTICE_WEBHOOK_SECRET"),
    slack: readPair(reader, "ROOTKEEP_NOTICE_SLACK", "ROOTKEEP_NOTICE_SLACK_SECRET"),
    trialFile: isProduction ? null : join(dataDirectory, "notices.jsonl"),
  };
}

/** An address and the secret that goes with it; null where neither is set. */
export function readPair(reader: EnvironmentReader, urlName: NamesOf<"text">, secretName: NamesOf<"text">): NoticeConfig["webhook"] {
  const [url, secret] = [reader.text(urlName), reader.text(secretName)];
  if (url !== undefined && !URL.canParse(url)) reader.refuse(urlName, "names no host or port");
  if ((url === undefined) !== (secret === undefined)) reader.refuse(secretName, `is set together with ${urlName}, or neither is`);
  return url === undefined || secret === undefined ? null : { url, secret: Secret.of(secret) };
}

function readSmtp(reader: EnvironmentReader, isLoopback: Place["isLoopback"]): SmtpConfig | null {
  const [text, from] = [reader.text("ROOTKEEP_NOTICE_SMTP"), reader.text("ROOTKEEP_NOTICE_FROM")];
  const secret = reader.text("ROOTKEEP_NOTICE_SMTP_PASSWORD");
  const url = text === undefined ? null : parsedUrl(text);
  const user = url === null ? null : userOf(url);
  const rules: readonly [isBroken: boolean, name: string, rule: string][] = [
    [text !== undefined && url === null, "ROOTKEEP_NOTICE_SMTP", "names no host or port"],
    [user === undefined, "ROOTKEEP_NOTICE_SMTP", "has a % that is no escape"],
    [(text === undefined) !== (from === undefined), "ROOTKEEP_NOTICE_FROM", "is set together with ROOTKEEP_NOTICE_SMTP, or neither is"],
    [
      (user === null) !== (secret === undefined),
      "ROOTKEEP_NOTICE_SMTP_PASSWORD",
      "is set together with a user in ROOTKEEP_NOTICE_SMTP, or neither is",
    ],
  ];
  for (const [isBroken, name, rule] of rules) if (isBroken) reader.refuse(name, rule);
  if (url === null || from === undefined || user === undefined) return null;
  const password = secret === undefined ? null : Secret.of(secret);
  return { ...serverOf(url, isLoopback), user, password, from };
}

function serverOf(url: URL, isLoopback: Place["isLoopback"]): Pick<SmtpConfig, "host" | "port" | "isImplicitTls" | "isLoopback"> {
  const isImplicitTls = url.protocol === "smtps:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const usual = isImplicitTls ? 465 : 587;
  return { host, port: url.port === "" ? usual : Number(url.port), isImplicitTls, isLoopback: isLoopback(host) };
}

function parsedUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

/** Undefined where the escapes are broken, null where nobody signs in. */
function userOf(url: URL): string | null | undefined {
  if (url.username === "") return null;
  try {
    return decodeURIComponent(url.username);
  } catch {
    return undefined;
  }
}
