// The service as a process of its own, the way an operator runs it: compiled program, clean environment, signals, exit status.
import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PgConnection } from "../../src/database/connection.js";
import { isPostgresProcess } from "../../src/database/embedded-program.adapter.js";
import { superuserConnection } from "../../src/database/embedded-server.adapter.js";
import { isRunDirectory, type PostmasterFile, parsePostmasterFile, type UnprivilegedUser } from "../../src/database/embedded-state.js";
import { Secret } from "../../src/kernel/secret.js";

const compiled = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** The compiled service and the compiled command line. */
export const PROGRAMS = { service: join(compiled, "src", "main.js"), cli: join(compiled, "src", "cli", "rootkeep.js") } as const;

const START_MS = 120_000;
const STOP_MS = 40_000;
const LISTENS = /^Rootkeep listens on (http:\/\/\S+)\n/m;
const SIGNS = /^Verifier key: (\S+)\n/m;
const INVITATION = /^Founding invitation \d+ of (\d+): (?:(rkf_\S+)|in (.+) \(mode 0600\))\n/gm;

/** How the service is started. */
export interface ProgramOptions {
  /** `ROOTKEEP_DATA_DIR`; also the working directory if it is there already. */
  readonly directory: string;
  /** On top of a trial with three founders and short steps; `null` takes a variable away. */
  readonly environment?: Readonly<Record<string, string | null>>;
  /** `all` unless told. */
  readonly role?: "api" | "sign";
  readonly user?: UnprivilegedUser;
}

/** How a program ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of a trial whose people need not wait: steps of one second, and an authenticator counts at once. */
const TRIAL = {
  ROOTKEEP_LISTEN_PORT: "0",
  ROOTKEEP_FOUNDING_CUSTODIANS: "3",
  // Bad days open more in an hour than people do.
  ROOTKEEP_BRAKE_PERSON: "10000",
  ROOTKEEP_BRAKE_DEPLOYMENT: "100000",
  ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: "1",
  ROOTKEEP_TRIAL_AUTHENTICATOR_WAIT_SECONDS: "0",
} as const;

export class Program {
  #stdout = "";
  #stderr = "";
  #hasClosed = false;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString("utf8")));
    child.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString("utf8")));
    child.once("close", () => (this.#hasClosed = true));
  }

  /** Starts it and does not wait. */
  static spawn({ directory, environment = {}, user, role }: ProgramOptions): Program {
    const named = { ...TRIAL, ROOTKEEP_DATA_DIR: directory, ...environment };
    const child = spawn(process.execPath, role === undefined ? [PROGRAMS.service] : [PROGRAMS.cli, "serve", "--role", role], {
      // Not the project's folder: nothing may depend on where the operator stands.
      cwd: "/",
      env: { ...inherited(), ...withoutNull(named) },
      stdio: ["ignore", "pipe", "pipe"],
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    });
    return new Program(child);
  }

  /** Starts it and waits until it listens. @throws Error with what it wrote when it does not. */
  static async start(options: ProgramOptions): Promise<Program> {
    const program = Program.spawn(options);
    try {
      await program.until("listen", START_MS, () => (options.role === "sign" ? SIGNS : LISTENS).test(program.#stdout));
    } catch (error) {
      await program.kill();
      throw error;
    }
    return program;
  }

  /** Starts it where it cannot start. @returns how it ended. */
  static async fail(options: ProgramOptions): Promise<Ended> {
    const program = Program.spawn(options);
    try {
      return await program.ended(START_MS);
    } finally {
      await program.kill();
    }
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get address(): string {
    return LISTENS.exec(this.#stdout)?.[1] ?? "";
  }

  /** What a signer says that its checkpoints are checked with. */
  get verifierKey(): string {
    return SIGNS.exec(this.#stdout)?.[1] ?? "";
  }

  /** All that it wrote, on both streams. */
  get output(): string {
    return `${this.#stdout}\n${this.#stderr}`;
  }

  /** The founding invitations, printed or in files of their own. */
  async invitations(): Promise<readonly string[]> {
    const found = (): RegExpExecArray[] => [...this.#stdout.matchAll(INVITATION)];
    await this.until("invite", STOP_MS, () => found().length > 0 && found().length === Number(found()[0]?.[1]));
    return await Promise.all(found().map(async ([, , token, file]) => token ?? (await readFile(file ?? "", "utf8")).trim()));
  }

  /** The lines of the operators' log with this name. */
  events(name: string): readonly Readonly<Record<string, unknown>>[] {
    const lines = this.#stderr.split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ event }) => event === name);
  }

  /** Asks it to end and waits until it has. @throws Error when it ends otherwise than with status 0. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    const { status, stderr } = await this.ended();
    if (status !== 0) throw new Error(`the service ended with status ${String(status)}:\n${stderr.slice(-2_000)}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async ended(patienceMs: number = STOP_MS): Promise<Ended> {
    await this.until("end", patienceMs, () => this.#hasClosed, false);
    return { status: this.child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  /** Ends it at once; its database, if it has one, goes on. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }

  /** Waits until `holds`. @throws Error naming `what` when it does not come to that. */
  async until(what: string, patienceMs: number, holds: () => boolean, mustLive = true): Promise<void> {
    const end = performance.now() + patienceMs;
    while (!holds()) {
      const isLost = (mustLive && this.#hasClosed) || performance.now() > end;
      if (isLost && !holds()) throw new Error(`the service does not ${what}:\n${this.output.slice(-3_000)}`);
      await pause(20);
    }
  }
}

/** What the embedded server below `directory` has noted of itself, or undefined when there is none. */
export async function postmasterOf(directory: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(directory, "postgres", "pgdata", "postmaster.pid"), "utf8").catch(() => "");
  return parsePostmasterFile(text);
}

/** The running embedded server below `directory`, as its superuser. */
export async function superuserOf(directory: string): Promise<PgConnection> {
  const file = await postmasterOf(directory);
  if (file === undefined) throw new Error("no embedded server runs here");
  const passwords = JSON.parse(await readFile(join(directory, "postgres", "passwords.json"), "utf8")) as Record<string, string>;
  return superuserConnection(file, Secret.of(passwords["superuser"] ?? ""), "rootkeep");
}

/** The process ids of the embedded server below `directory` and of its children. */
export async function serverProcesses(directory: string): Promise<readonly number[]> {
  const file = await postmasterOf(directory);
  if (file === undefined) return [];
  const children: number[] = [];
  for (const name of await readdir("/proc").catch(() => [])) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, "utf8").catch(() => "") : "";
    if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === file.pid) children.push(Number(name));
  }
  return [file.pid, ...children];
}

/** Those of `pids` that still run. */
export async function stillRunning(pids: readonly number[]): Promise<readonly number[]> {
  const states = await Promise.all(pids.map(async (pid) => ((await isPostgresProcess(pid)) ? [pid] : [])));
  return states.flat();
}

/** Kills an embedded server and all its processes at once, as a loss of power does. */
export async function killServer(directory: string): Promise<void> {
  const pids = await serverProcesses(directory);
  for (const pid of pids) signalled(pid, "SIGKILL");
  while ((await stillRunning(pids)).length > 0) await pause(20);
}

/** Removes a data directory, with whatever a failed test has left running or lying there. */
export async function removeHome(directory: string): Promise<void> {
  const file = await postmasterOf(directory);
  if (file !== undefined && (await isPostgresProcess(file.pid))) await killServer(directory);
  const home = join(directory, "postgres");
  for (const name of await readdir(home).catch(() => [])) {
    const path = name.startsWith("run-") ? await readFile(join(home, name), "utf8").catch(() => "") : "";
    if (isRunDirectory(path)) await rm(path, { recursive: true, force: true });
  }
  await rm(directory, { recursive: true, force: true });
}

export async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

/** Whatever the tests' environment says of us must not reach the service under test. */
function inherited(): Record<string, string> {
  return withoutNull(Object.fromEntries(["PATH", "LANG", "TMPDIR"].map((name) => [name, process.env[name] ?? null])));
}

function withoutNull(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== null));
}
