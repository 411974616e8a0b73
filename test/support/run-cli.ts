import { spawn } from "node:child_process";
import { type Ended, PROGRAMS } from "./program.js";

/** How a command line is run. */
export interface CliOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** What is piped in; nothing means an empty pipe. */
  readonly stdin?: string;
}

/** Runs `rootkeep` as a program of its own, with pipes instead of a terminal, and an environment that holds nothing else of ours. */
export async function runCli(argv: readonly string[], { environment = {}, stdin = "" }: CliOptions = {}): Promise<Ended> {
  const env = { PATH: process.env["PATH"] ?? "", ...environment };
  const child = spawn(process.execPath, [PROGRAMS.cli, ...argv], { cwd: "/", env, stdio: ["pipe", "pipe", "pipe"] });
  const out = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (out.stdout += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (out.stderr += chunk.toString("utf8")));
  // A command that asks for nothing ends without reading.
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { status, ...out };
}
