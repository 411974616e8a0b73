import { Secret } from "../kernel/secret.js";

/** How the server's certificate is checked. There is no mode that speaks TLS without checking: it would stop nobody who can redirect. */
export interface PgTls {
  readonly verify: "ca" | "full";
  /** PEM file of the certificate authorities; without it the ones that Node trusts. */
  readonly caFile?: string;
  /** PEM files of a client certificate and its key, both or none. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
}

/** Where a database is and who we are there. Printing it shows no password. */
export interface PgConnection {
  /** A host name, an address, or the absolute directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: Secret<string>;
  readonly tls?: PgTls;
}

const PARAMETERS = ["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"];
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * Reads `postgres://user:password@host:port/database?host=/socket/dir&sslmode=verify-full&sslrootcert=ca.pem`. The user must be named,
 * because the four roles must not mix. TLS is `verify-full` wherever the address leaves this machine and nothing else is said.
 * @throws Error that names the rule that is broken and never the value: it holds a password.
 */
export function parseDatabaseUrl(text: string): PgConnection {
  const url = parseUrl(text);
  const parameters = new Map(url.searchParams);
  if ([...parameters.keys()].some((name) => !PARAMETERS.includes(name))) {
    throw new Error(`DATABASE_URL: the only parameters are ${PARAMETERS.join(", ")}`);
  }
  const host = parseHost(url, parameters);
  const port = parsePort(url, parameters);
  const database = unescape("database", url.pathname.slice(1));
  if (database === "") throw new Error("DATABASE_URL: the database is not named");
  const user = unescape("user", url.username);
  if (user === "") throw new Error("DATABASE_URL: the user is not named");
  const tls = parseTls(host, parameters);
  return {
    host,
    port,
    database,
    user,
    ...(url.password === "" ? {} : { password: Secret.of(unescape("password", url.password)) }),
    ...(tls === undefined ? {} : { tls }),
  };
}

// The URL standard allows no empty host beside a user, the way a socket address is usually written; `.invalid` can be no real name.
const NO_HOST = "socket.invalid";

function parseUrl(text: string): URL {
  const filled = text.replace(/^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)(?=[/?#]|$)/, `$1${NO_HOST}`);
  // The error that URL throws carries its input, password and all, so neither it nor a cause made of it leaves here.
  if (!URL.canParse(filled)) throw new Error("DATABASE_URL: is not a URL");
  const url = new URL(filled);
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") throw new Error("DATABASE_URL: begins with postgres://");
  if (url.hash !== "") throw new Error("DATABASE_URL: has a fragment; write # in a password as %23");
  return url;
}

function parseHost(url: URL, parameters: ReadonlyMap<string, string>): string {
  const written = url.hostname === NO_HOST ? "" : unescape("host", url.hostname);
  const host = parameters.get("host") ?? written.replace(/^\[(.*)\]$/, "$1");
  if (host === "" || host.includes(",")) throw new Error("DATABASE_URL: one host or socket directory is required");
  return host;
}

function parsePort(url: URL, parameters: ReadonlyMap<string, string>): number {
  const port = Number(parameters.get("port") ?? (url.port === "" ? "5432" : url.port));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error("DATABASE_URL: the port is not a number from 1 to 65535");
  return port;
}

function unescape(part: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`DATABASE_URL: the ${part} is not well percent-encoded`);
  }
}

function parseTls(host: string, parameters: ReadonlyMap<string, string>): PgTls | undefined {
  const isLocal = host.startsWith("/") || LOOPBACK.test(host);
  const mode = parameters.get("sslmode") ?? (isLocal ? "disable" : "verify-full");
  if (mode === "disable") return undefined;
  if (mode !== "verify-full" && mode !== "verify-ca") {
    throw new Error("DATABASE_URL: sslmode is disable, verify-ca or verify-full; the others do not check who answers");
  }
  const [caFile, certificateFile, keyFile] = ["sslrootcert", "sslcert", "sslkey"].map((name) => parameters.get(name));
  if ((certificateFile === undefined) !== (keyFile === undefined)) throw new Error("DATABASE_URL: sslcert and sslkey come together");
  return {
    verify: mode === "verify-full" ? "full" : "ca",
    ...(caFile === undefined ? {} : { caFile }),
    ...(certificateFile === undefined || keyFile === undefined ? {} : { certificateFile, keyFile }),
  };
}
