import { writeFile } from "node:fs/promises";
import { type ClientEnvironment, DEFAULT_ADDRESS } from "../config/client-environment.js";
import type { Secret } from "../kernel/secret.js";
import { parseAddress } from "./address.js";
import type { Answer } from "./answer.js";
import { ApiClient, type Released } from "./api-client.js";
import type { Arguments, CommandForm, OptionRow } from "./arguments.js";
import { LocalError } from "./failure.js";
import { renderMembers, renderTable, type TextStream } from "./output.js";
import type { Prompt } from "./prompt.js";
import { delivering } from "./secret-sink.js";
import { readSession } from "./session-file.js";

/** What a command meets of the world. */
export interface Shell {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly prompt: Prompt;
  readonly environment: ClientEnvironment;
}

/** One command: its form, and what it does. */
export interface Command extends CommandForm {
  /** Does it. @returns the exit status; nothing for success. */
  run(call: Call): Promise<number | undefined>;
}

/** A command that reads its arguments itself. */
export interface RawCommand extends CommandForm {
  runRaw(argv: readonly string[], shell: Shell): Promise<number>;
}

/** Where the receipt of an opening is kept. */
export const RECEIPT_OPTION = {
  kind: "text",
  value: "FILE",
  meaning: "write the receipt (C2SP tlog-proof) to this new file: it proves to anybody that the log has the opening",
} as const satisfies OptionRow;

/** The options of a command whose answer holds a secret. */
export const OUT_OPTION = {
  kind: "text",
  value: "FILE",
  meaning: "write the secret to this new file (mode 0600) instead",
} as const satisfies OptionRow;

/** A command as it was called. */
export class Call {
  constructor(
    readonly shell: Shell,
    readonly given: Arguments,
  ) {}

  /** The service, as the person who signed in. @throws LocalError when nobody is, or the session is of another service. */
  async client(): Promise<ApiClient> {
    const session = await readSession(this.shell.environment.sessionFile);
    if (session === null) throw new LocalError("nobody is signed in: rootkeep login --email you@example.com, or rootkeep login --oidc");
    const asked = this.#address();
    // The token of one service is no other's business, whatever an argument or a variable says.
    if (asked !== null && asked !== session.address)
      throw new LocalError(`the session is of ${session.address}; sign in at ${asked} first`);
    return new ApiClient(parseAddress(session.address), session.token);
  }

  /** The service, as nobody. */
  visitor(): ApiClient {
    return new ApiClient(this.#address() ?? DEFAULT_ADDRESS, null);
  }

  /** Asks for a secret at the prompt, in stdin or in `file`. */
  async ask(label: string, file?: string): Promise<Secret<string>> {
    return await this.shell.prompt.secret(label, file);
  }

  /** Prints one answer. */
  show(answer: Answer): void {
    this.shell.stdout.write(this.given.flag("json") ? `${JSON.stringify(answer.members)}\n` : renderMembers(answer.members));
  }

  /** Prints a sentence for a person, and `members` for a program. */
  say(sentence: string, members: Readonly<Record<string, unknown>> = {}): void {
    this.shell.stdout.write(this.given.flag("json") ? `${JSON.stringify(members)}\n` : `${sentence}\n`);
  }

  /** Prints a list: a table, or one object a line as they come. `row` picks a table's cells. */
  async list(
    items: AsyncIterable<Answer> | Iterable<Answer>,
    heads: readonly string[],
    row: (item: Answer) => readonly unknown[],
  ): Promise<void> {
    const rows: (readonly unknown[])[] = [];
    for await (const item of items) {
      if (this.given.flag("json")) this.shell.stdout.write(`${JSON.stringify(item.members)}\n`);
      else rows.push(row(item));
    }
    if (!this.given.flag("json")) this.shell.stdout.write(renderTable(heads, rows));
  }

  /** Makes a call that releases a secret, and puts that where it may go; facts go to stderr unless a program wants them. */
  async deliver(release: () => Promise<Released>): Promise<Released> {
    const { stdout, stderr } = this.shell;
    const released = await delivering(stdout, this.given.text("out"), release);
    const { members } = released.answer;
    if (this.given.flag("json")) stdout.write(`${JSON.stringify(members)}\n`);
    // Of many lines: it is asked for as a file, or as JSON.
    else stderr.write(renderMembers(Object.fromEntries(Object.entries(members).filter(([name]) => name !== "receipt"))));
    await this.#keepReceipt(released.answer);
    return released;
  }

  /** After the secret is where it belongs: whatever is wrong with this file must not cost the value. */
  async #keepReceipt(answer: Answer): Promise<void> {
    const path = this.given.has("receipt") ? this.given.text("receipt") : undefined;
    if (path === undefined) return;
    const receipt = answer.textOrNull("receipt");
    if (receipt === null) throw new LocalError("this deployment gives no receipts: it is a trial that does not wait for signatures");
    await writeFile(path, receipt, { flag: "wx", mode: 0o600 }).catch((error: unknown) => {
      throw new LocalError(`the receipt was not written to ${path} (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
    });
  }

  #address(): string | null {
    const text = this.given.text("address") ?? this.shell.environment.address;
    return text === null ? null : parseAddress(text);
  }
}
