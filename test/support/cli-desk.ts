// People at their command lines, with pipes instead of a terminal; each has a session file of their own.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Member } from "./crew.js";
import type { Ended } from "./program.js";
import { runCli } from "./run-cli.js";

const TRIES = 5;

export class CliDesk {
  constructor(
    private readonly address: string,
    /** Where session files and passwords lie. */
    private readonly directory: string,
  ) {}

  async signIn(member: Member): Promise<void> {
    const file = join(this.directory, `${member.id}.password`);
    await writeFile(file, `${member.password}\n`, { mode: 0o600 });
    good(await this.withCode(member, ["login", "--email", member.email, "--password-file", file]));
  }

  /** Runs a command that asks for nothing, or for what `stdin` has. */
  async run(member: Member, argv: readonly string[], stdin = ""): Promise<Ended> {
    const session = join(this.directory, `${member.id}.session`);
    return await runCli(argv, { environment: { ROOTKEEP_ADDRESS: this.address, ROOTKEEP_SESSION_FILE: session }, stdin });
  }

  /** Runs a command that asks for a code of `member`; again where a busy machine was too late with it. */
  async withCode(member: Member, argv: readonly string[]): Promise<Ended> {
    for (let tries = 1; ; tries++) {
      const ended = await this.run(member, argv, `${await member.code()}\n`);
      if (!/STEP_UP_REQUIRED|UNAUTHENTICATED/.test(ended.stderr) || tries === TRIES) return ended;
    }
  }
}

/** What a command that went well has written to stdout. */
export function good({ status, stdout, stderr }: Ended): string {
  assert.equal(status, 0, stderr);
  return stdout;
}

/** The objects that a command has written with `--json`, one a line. */
export function objects(ended: Ended): Record<string, unknown>[] {
  const lines = good(ended)
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The code of the refusal with which a command ended. */
export function refusedAs({ status, stderr }: Ended): string | undefined {
  assert.equal(status, 2, stderr);
  return /^refused: (\w+)/m.exec(stderr)?.[1];
}
