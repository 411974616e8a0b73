// The command line at a terminal, as a person has it: prompts are shown, secrets are printed, and what is typed is not echoed.
import { spawn, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROGRAMS } from "./program.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const TERMINAL = join(root, "test", "support", "terminal.py");
const PROMPT = /(?:^|\n)([A-Z][A-Za-z ]+): $/;

/** Why there is no terminal on this machine; false where there is one. */
export const NO_TERMINAL = spawnSync("python3", ["--version"]).status === 0 ? false : "python3 is not installed";

/** What a command wrote and how it ended. */
export interface Shown {
  readonly status: number | null;
  /** Both streams, as the screen has them. */
  readonly text: string;
}

/**
 * Runs `rootkeep` at a terminal, in the folder `cwd`.
 * @param answer what the person types when asked for `label`.
 */
export async function runAtTerminal(
  argv: readonly string[],
  { cwd, environment }: { readonly cwd: string; readonly environment: Readonly<Record<string, string>> },
  answer: (label: string) => Promise<string>,
): Promise<Shown> {
  const env = { PATH: process.env["PATH"] ?? "", ...environment };
  const child = spawn("python3", [TERMINAL, process.execPath, PROGRAMS.cli, ...argv], { cwd, env, stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  let answered = 0;
  let failure: Error | undefined;
  child.stdin.on("error", () => undefined);
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk.replaceAll("\r\n", "\n");
    const label = PROMPT.exec(text.slice(answered))?.[1];
    if (label === undefined) return;
    answered = text.length;
    void answer(label).then(
      (typed) => child.stdin.write(`${typed}\n`),
      (error: unknown) => {
        failure = error instanceof Error ? error : new Error(String(error));
        child.stdin.end("\u0003");
      },
    );
  });
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (failure !== undefined) throw failure;
  return { status, text };
}
