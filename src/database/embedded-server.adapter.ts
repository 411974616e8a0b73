import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import type { Secret } from "../kernel/secret.js";
import type { PgConnection } from "./connection.js";
import { clientOptions } from "./data-source.service.js";
import { locateBinaries, prepareBinaries } from "./embedded-binaries.adapter.js";
import {
  createInitialDirectory,
  createRunDirectory,
  type EmbeddedHome,
  exists,
  type RunDirectory,
  removeRunDirectory,
  syncDirectory,
} from "./embedded-home.adapter.js";
import { isPostgresProcess, programOptions, runProgram, systemCode } from "./embedded-program.adapter.js";
import { outputTail, type PostmasterFile, parsePostmasterFile, serverArguments } from "./embedded-state.js";
import { sqlState } from "./sql-error.js";

/** The name of the server's superuser. Only the launcher signs in as it. */
export const SUPERUSER = "postgres";

/** What a look at the data directory found. `busy`: a server that starts, recovers or shuts down and takes nobody in. */
export type Contact =
  | { readonly kind: "open"; readonly client: Client; readonly file: PostmasterFile }
  | { readonly kind: "absent" }
  | { readonly kind: "busy" };

/** A server that was started and has not been proven to answer. */
export interface Launch {
  readonly run: RunDirectory;
  readonly pid: number | undefined;
  /** True once it ended, for whatever reason. */
  hasEnded(): boolean;
  /** What it wrote to its log, or why it could not be started. */
  output(): Promise<string>;
}

/**
 * Connects to the server that is said to run on this data directory. SCRAM is mutual: one that does not know our password's verifier
 * cannot finish the handshake, so whoever answers has this data directory.
 * @throws Error when a server answers and refuses our password.
 */
export async function contact(home: EmbeddedHome, password: Secret<string>): Promise<Contact> {
  const text = await readFile(join(home.dataDirectory, "postmaster.pid"), "utf8").catch(() => "");
  const file = parsePostmasterFile(text);
  if (file === undefined) return { kind: "absent" };
  const client = new Client(clientOptions(superuserConnection(file, password, "postgres"), "rootkeep-launcher"));
  client.on("error", () => undefined);
  try {
    await client.connect();
    return { kind: "open", client, file };
  } catch (error) {
    await client.end().catch(() => undefined);
    const state = sqlState(error);
    if (state === "ENOENT" || state === "ECONNREFUSED" || state === "ENOTSOCK") return { kind: "absent" };
    if (state === "28P01" || state === "28000") {
      throw new Error(`a server runs on ${home.dataDirectory} and refuses the password in passwords.json`, { cause: error });
    }
    // 57P03: it takes nobody in now; else the connection was cut, which a server that shuts down does too.
    return { kind: "busy" };
  }
}

/** How the superuser reaches the server of `file`. */
export function superuserConnection(file: PostmasterFile, password: Secret<string>, database: string): PgConnection {
  return { host: file.socketDirectory, port: file.port, database, user: SUPERUSER, password };
}

/**
 * Makes the data directory, whole or not at all: initdb works beside it and the result gets its name in one step, so that a kill leaves
 * nothing that looks like a database, and of two first starts one wins.
 * @throws Error with initdb's own words when it fails.
 */
async function initialise(home: EmbeddedHome, native: string, password: Secret<string>): Promise<void> {
  const work = await createInitialDirectory(home, password);
  const fresh = join(work, "pgdata");
  try {
    const { status, output } = await runProgram(
      join(native, "bin", "initdb"),
      [
        ...["-D", dataArgument(home, fresh), "--pwfile=../password", "-U", SUPERUSER, "--no-instructions"],
        ...["--auth-local=scram-sha-256", "--auth-host=reject"],
        // The built-in locale comes with the server and never changes under an index; the host's and ICU's do.
        ...["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"],
      ],
      { cwd: fresh, user: home.user },
    );
    if (status === 0) {
      await rename(fresh, home.dataDirectory).catch((error: unknown) => {
        if (!["ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "")) throw error;
      });
      await syncDirectory(home.directory);
    }
    if (!(await exists(home.dataDirectory))) throw new Error(`initdb failed: ${outputTail(output)}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Starts a server on the data directory, which it makes first if there is none. It gets a process group of its own, so that a signal to our
 * group (a terminal's Ctrl-C) does not take the database from under us before we have drained.
 * @throws Error when the programs cannot be run here.
 */
export async function launch(home: EmbeddedHome, password: Secret<string>, settings: Readonly<Record<string, string>>): Promise<Launch> {
  const run = await createRunDirectory(home);
  try {
    const native = await prepareBinaries(locateBinaries(), home.user, run.path);
    if (native === undefined) throw new Error("the embedded PostgreSQL does not run on this machine (it needs glibc), or not from here");
    if (!(await exists(home.dataDirectory))) await initialise(home, native, password);
    const log = await open(run.logFile, "ax", 0o600);
    try {
      const parameters = serverArguments(dataArgument(home, home.dataDirectory), run.socketDirectory, settings);
      const options = programOptions({ cwd: home.dataDirectory, user: home.user });
      const child = spawn(join(native, "bin", "postgres"), parameters, { ...options, detached: true, stdio: ["ignore", log.fd, log.fd] });
      return observe(child, run);
    } finally {
      await log.close();
    }
  } catch (error) {
    await removeRunDirectory(home, run.path);
    throw error;
  }
}

function observe(child: ChildProcess, run: RunDirectory): Launch {
  let ended: string | undefined;
  child.once("error", (error) => {
    ended = `FATAL: ${error.message}`;
  });
  child.once("exit", (status, signal) => {
    ended ??= `ended with ${signal ?? status ?? "nothing"}`;
  });
  child.unref();
  return {
    run,
    pid: child.pid,
    hasEnded: () => ended !== undefined,
    output: async () => `${await readFile(run.logFile, "utf8").catch(() => "")}\n${ended ?? ""}`,
  };
}

/**
 * A process id comes back: after a restart of the machine or the container the id in `postmaster.pid` may be that of any program, and
 * PostgreSQL then refuses to start. Where it is no PostgreSQL, our own id is put in its place, which the server takes for stale because it
 * is its parent's. The file stays, and with it the server's check of the shared memory that orphans of a killed one may still use.
 */
export async function disownLockFile(home: EmbeddedHome): Promise<void> {
  const path = join(home.dataDirectory, "postmaster.pid");
  const text = await readFile(path, "utf8").catch(() => "");
  const pid = parsePostmasterFile(text)?.pid;
  if (pid === undefined || (await isPostgresProcess(pid))) return;
  await writeFile(path, text.replace(/^\d+/, String(process.pid)));
}

/**
 * As root the server's user cannot enter the private home, so the server gets its data directory as its current one: that was entered with
 * root's rights, and `/proc/self/cwd` leads there without a walk through the directories above.
 */
function dataArgument(home: EmbeddedHome, path: string): string {
  return home.user === undefined ? path : "/proc/self/cwd";
}
