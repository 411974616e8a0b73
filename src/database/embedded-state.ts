import { basename } from "node:path";

/** What the live, or the last, postmaster wrote into `postmaster.pid`. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  readonly socketDirectory: string;
}

/** An account of this machine that a server can be started as. */
export interface UnprivilegedUser {
  readonly uid: number;
  readonly gid: number;
}

/** Name of the directory of one server run; nothing of another name is ever removed. */
export const RUN_PREFIX = "rootkeep-pg-";

/** The port of a server that listens on no network: only a part of the socket's name. */
export const SOCKET_PORT = 5432;

/** Settings that make the ground we stand on; a caller may not change them. */
const RESERVED =
  /^(listen_addresses|port|unix_socket_.*|data_directory|hba_file|ident_file|config_file|external_pid_file|password_encryption|ssl.*|log_.*|logging_collector|shared_preload_libraries)$/;

/** Reads `postmaster.pid`: line 1 the process id, 4 the port, 5 the socket directory. Undefined while it is being written. */
export function parsePostmasterFile(text: string): PostmasterFile | undefined {
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  const socketDirectory = lines[4] ?? "";
  // A negative number stands for a stand-alone backend.
  if (!Number.isInteger(pid) || pid < 2 || !Number.isInteger(port) || !socketDirectory.startsWith("/")) return undefined;
  return { pid, port, socketDirectory };
}

/**
 * Why a postmaster did not start. `lock-file`: another one lives, or its process id does. `lingering`: what a killed one left will be gone
 * in a moment. `permanent`: trying again changes nothing.
 */
export function classifyStartFailure(log: string): "lock-file" | "lingering" | "permanent" {
  if (/lock file "postmaster\.pid" (already exists|is empty)/.test(log)) return "lock-file";
  if (/pre-existing shared memory block .* is still in use|\.s\.PGSQL\.\d+\.lock" already exists|Address already in use/.test(log)) {
    return "lingering";
  }
  return "permanent";
}

/** Finds `name` in the text of `/etc/passwd`; never an account with root's number. */
export function findUser(passwd: string, name: string): UnprivilegedUser | undefined {
  for (const line of passwd.split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user !== name || uid === undefined || gid === undefined) continue;
    // macOS writes -2 for 4294967294.
    const found = { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
    return found.uid === 0 ? undefined : found;
  }
  return undefined;
}

/** True when the socket's full path fits into `sockaddr_un`: 107 bytes and a NUL on Linux, 103 on macOS. */
export function fitsSocketPath(directory: string, platform: NodeJS.Platform): boolean {
  const path = `${directory}/.s.PGSQL.${SOCKET_PORT}`;
  return Buffer.byteLength(path) <= (platform === "linux" ? 107 : 103);
}

/** True for a path that this launcher made for one server run. */
export function isRunDirectory(path: string): boolean {
  return path.startsWith("/") && basename(path).startsWith(RUN_PREFIX) && !path.includes("/../");
}

/**
 * The server's arguments. Whatever can be set on the command line is set there, because it beats the files in the data directory.
 * @param settings further settings of the caller.
 * @throws Error when one is reserved for the launcher or badly named.
 */
export function serverArguments(dataDirectory: string, socketDirectory: string, settings: Readonly<Record<string, string>>): string[] {
  for (const name of Object.keys(settings)) {
    if (!/^[a-z][a-z0-9_.]*$/.test(name) || RESERVED.test(name)) throw new Error(`PostgreSQL setting ${name} is not for callers`);
  }
  const all: Record<string, string> = {
    jit: "off",
    max_connections: "100",
    shared_buffers: "64MB",
    timezone: "UTC",
    ...settings,
    listen_addresses: "",
    port: String(SOCKET_PORT),
    unix_socket_directories: socketDirectory,
    unix_socket_permissions: "0700",
    password_encryption: "scram-sha-256",
    ssl: "off",
    logging_collector: "off",
    log_destination: "stderr",
    log_timezone: "UTC",
    // "log" is above "error" in the server's log: a failed statement's message can quote a value, so none is written (law L8).
    log_min_messages: "log",
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_statement: "none",
    log_min_duration_statement: "-1",
    log_parameter_max_length: "0",
    log_parameter_max_length_on_error: "0",
    log_checkpoints: "off",
    log_autovacuum_min_duration: "-1",
  };
  return ["-D", dataDirectory, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** The last lines of a server's or initdb's output, for an operator. Neither program prints a password. */
export function outputTail(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const telling = lines.filter((line) => /FATAL|PANIC|ERROR|HINT|error:|detail:|hint:|cannot|not found/i.test(line));
  return (telling.length > 0 ? telling : lines).slice(-5).join(" | ").slice(0, 1_000);
}
