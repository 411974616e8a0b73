import { parseArgs } from "node:util";
import { UsageError } from "./failure.js";

/** What an option takes: a text, nothing, texts again and again, or a whole number. */
export type OptionKind = "text" | "flag" | "list" | "count";

/** One option of a command. */
export interface OptionRow {
  readonly kind: OptionKind;
  /** What stands for its value in the usage, in capitals; options of kind `flag` have none. */
  readonly value?: string;
  readonly meaning: string;
  readonly isRequired?: true;
}

/** What a command line may look like. */
export interface CommandForm {
  /** The words that name it: `login`, or `account` and `list`. */
  readonly words: readonly string[];
  /** One line for the overview. */
  readonly summary: string;
  /** Names of the arguments, all required, in order. */
  readonly positionals?: readonly string[];
  readonly options?: Readonly<Record<string, OptionRow>>;
  /** What else its help says, as whole lines. */
  readonly notes?: string;
}

/** Options that every command has. */
export const SHARED_OPTIONS = {
  address: { kind: "text", value: "URL", meaning: "the service (ROOTKEEP_ADDRESS; else that of the session; else http://127.0.0.1:8480)" },
  json: { kind: "flag", meaning: "JSON: one object, or for a list one object a line" },
  help: { kind: "flag", meaning: "this text" },
} as const satisfies Readonly<Record<string, OptionRow>>;

const NAME = /^[a-z][a-z-]{0,30}$/;
// Names under which people try to hand over what must not stand in a process list or a shell's history.
const SECRET_NAME = /pass|secret|code|token|key|otp/;

type Parsed = Readonly<Record<string, readonly string[]>>;

/** A command's arguments, checked. Asking for one that its form does not have is a bug. */
export class Arguments {
  constructor(
    private readonly form: CommandForm,
    private readonly options: Parsed,
    private readonly positionals: readonly string[],
  ) {}

  positional(name: string): string {
    const index = this.form.positionals?.indexOf(name) ?? -1;
    const value = this.positionals[index];
    if (value === undefined) throw new Error(`no positional ${name}`);
    return value;
  }

  text(name: string): string | undefined {
    return this.#values(name)[0];
  }

  /** Whether the form has the option at all. */
  has(name: string): boolean {
    return rowOf(this.form, name) !== undefined;
  }

  /** The value of an option that the form marks as required. */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new Error(`option ${name} is not required`);
    return value;
  }

  flag(name: string): boolean {
    return this.#values(name).length > 0;
  }

  list(name: string): readonly string[] {
    return this.#values(name);
  }

  count(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  #values(name: string): readonly string[] {
    if (rowOf(this.form, name) === undefined) throw new Error(`no option ${name}`);
    return this.options[name] ?? [];
  }
}

/**
 * Reads `argv`, the arguments behind the command's words.
 * @throws UsageError naming options and rules and no value: what stands in the wrong place may be a password.
 */
export function parseArguments(form: CommandForm, argv: readonly string[]): Arguments {
  const rows = { ...form.options, ...SHARED_OPTIONS };
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(Object.entries(rows).map(([name, { kind }]) => [name, { type: kind === "flag" ? "boolean" : "string" }])),
    allowPositionals: true,
    // The library's own errors repeat what was typed; ours do not.
    strict: false,
    tokens: true,
  });
  const options: Record<string, string[]> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const row = rowOf(form, token.name);
    if (row === undefined) throw unknownOption(token.name);
    const values = (options[token.name] ??= []);
    if (values.length > 0 && row.kind !== "list") throw new UsageError(`--${token.name} stands there twice`);
    values.push(valueOf(token.name, row, token.value, token.inlineValue === true));
  }
  // Whoever asks for help need not have got the rest right.
  if (options["help"] === undefined) assertComplete(form, options, positionals);
  return new Arguments(form, options, positionals);
}

/** The usage of one command. */
export function renderUsage(form: CommandForm): string {
  const all: Readonly<Record<string, OptionRow>> = { ...form.options, ...SHARED_OPTIONS };
  const rows = Object.entries(all);
  const optional = rows.filter(([, row]) => row.isRequired !== true);
  const required = rows.filter(([, row]) => row.isRequired === true).map(([name, row]) => spelling(name, row));
  const line = [
    "rootkeep",
    ...form.words,
    ...(form.positionals ?? []),
    ...required,
    ...optional.map(([name, row]) => `[${spelling(name, row)}]`),
  ];
  const width = Math.max(...rows.map(([name, row]) => spelling(name, row).length));
  const meanings = rows.map(([name, row]) => `  ${spelling(name, row).padEnd(width)}  ${row.meaning}`);
  return [`usage: ${line.join(" ")}`, "", form.summary, ...(form.notes === undefined ? [] : [form.notes]), "", ...meanings, ""].join("\n");
}

function assertComplete(form: CommandForm, options: Parsed, positionals: readonly string[]): void {
  const wanted = form.positionals ?? [];
  if (positionals.length < wanted.length) throw new UsageError(`${wanted.slice(positionals.length).join(" and ")} is missing`);
  if (positionals.length > wanted.length) throw new UsageError("there are too many arguments");
  for (const [name, { isRequired }] of Object.entries(form.options ?? {})) {
    if (isRequired === true && options[name] === undefined) throw new UsageError(`--${name} is missing`);
  }
}

function valueOf(name: string, row: OptionRow, value: string | undefined, isInline: boolean): string {
  if (row.kind === "flag") {
    if (value !== undefined) throw new UsageError(`--${name} takes no value`);
    return "";
  }
  // "--reason --json" is a forgotten value, not a reason; "--reason=--json" would be one.
  if (value === undefined || value === "" || (!isInline && value.startsWith("--"))) throw new UsageError(`--${name} needs a value`);
  if (row.kind === "count" && !/^(?:0|[1-9]\d{0,14})$/.test(value)) throw new UsageError(`--${name} is a whole number`);
  return value;
}

function unknownOption(name: string): UsageError {
  if (!NAME.test(name)) return new UsageError("there is an option that this command does not have");
  const advice = SECRET_NAME.test(name) ? "; secrets are typed at the prompt, or come from a file or stdin, never from an argument" : "";
  return new UsageError(`there is no option --${name}${advice}`);
}

function rowOf(form: CommandForm, name: string): OptionRow | undefined {
  const rows: Readonly<Record<string, OptionRow>> = { ...form.options, ...SHARED_OPTIONS };
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}

function spelling(name: string, { value }: OptionRow): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}
