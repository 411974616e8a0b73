import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { UnprivilegedUser } from "./embedded-state.js";

const OUTPUT_CHARS_MAX = 64 * 1024;

export interface ProgramOptions {
  readonly cwd: string;
  readonly user: UnprivilegedUser | undefined;
}

/** How a program ended. `status` is null when it could not be started or was killed; the output says why. */
export interface ProgramResult {
  readonly status: number | null;
  readonly output: string;
}

/**
 * Options of every program started here. The environment is not inherited: ours may hold credentials, and the environment of a process can
 * be read by whoever runs under the same user. The current directory is entered before root's rights are dropped.
 */
export function programOptions({ cwd, user }: ProgramOptions): SpawnOptions {
  return {
    cwd,
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  };
}

/** Runs a program to its end. Never throws: a program that cannot be started is one that failed. */
export async function runProgram(file: string, parameters: readonly string[], options: ProgramOptions): Promise<ProgramResult> {
  return await new Promise((resolve) => {
    let output = "";
    let child: ChildProcess;
    try {
      child = spawn(file, parameters, { ...programOptions(options), stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      resolve({ status: null, output: String(error) });
      return;
    }
    const take = (chunk: Buffer): void => {
      if (output.length < OUTPUT_CHARS_MAX) output += chunk.toString("utf8");
    };
    child.stdout?.on("data", take);
    child.stderr?.on("data", take);
    child.once("error", (error) => resolve({ status: null, output: error.message }));
    child.once("close", (status) => resolve({ status, output }));
  });
}

/**
 * Whether `pid` is a running PostgreSQL. A process id comes back after a restart of the machine or container and can belong to anybody.
 * A process that ended and waits for its parent to notice counts as gone.
 */
export async function isPostgresProcess(pid: number): Promise<boolean> {
  if (process.platform === "linux") {
    const line = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    // "pid (name) state …"; the name may hold anything, so it is taken up to the last bracket.
    const name = line.slice(line.indexOf("(") + 1, line.lastIndexOf(")"));
    const state = line.slice(line.lastIndexOf(")") + 2, line.lastIndexOf(")") + 3);
    return name === "postgres" && state !== "Z" && state !== "X";
  }
  const { status, output } = await runProgram("/bin/ps", ["-p", String(pid), "-o", "stat=,comm="], { cwd: "/", user: undefined });
  return status === 0 && /postgres\s*$/.test(output) && !output.trimStart().startsWith("Z");
}

/** Waits `ms` milliseconds. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** The system's name of an error, such as `EEXIST`. */
export function systemCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : undefined;
}
