import { ConfigError } from "../config/config.js";
import { isRootkeepError } from "../kernel/errors.js";
import { VERSION } from "../version.js";
import { type CommandForm, parseArguments, renderUsage } from "./arguments.js";
import { Call, type Command, type RawCommand, type Shell } from "./command.js";
import { COMMANDS } from "./commands.js";
import { EXIT, LocalError, RefusedError, renderRefusal, UsageError } from "./failure.js";
import { printable } from "./output.js";

const HEAD = `usage: rootkeep COMMAND [--address URL] [--json] [--help]

Exit status: 0 done, 1 failed here, 2 refused by the service, 3 wrong usage.
`;

/**
 * Runs one command line.
 * @param argv the arguments behind the program's name.
 * @returns the exit status: 0 done, 1 failed here, 2 refused by the service, 3 wrong usage (`audit verify` has its own).
 */
export async function runRootkeep(argv: readonly string[], shell: Shell): Promise<number> {
  const { stdout, stderr } = shell;
  if (argv.length === 1 && argv[0] === "--version") return print(`rootkeep ${VERSION}\n`, shell);
  const firstOption = argv.findIndex((word) => word.startsWith("-"));
  const words = firstOption === -1 ? argv : argv.slice(0, firstOption);
  if (words.length === 0 || words[0] === "help") {
    const asked = words.slice(1);
    const isAskedFor = words[0] === "help" || argv.includes("--help");
    (isAskedFor ? stdout : stderr).write(renderOverview(asked));
    return isAskedFor ? EXIT.ok : EXIT.usage;
  }
  const command = COMMANDS.find((row) => row.words.every((word, index) => words[index] === word));
  if (command === undefined) return unknownCommand(words, argv.includes("--help"), shell);
  const rest = argv.slice(command.words.length);
  try {
    return await runCommand(command, rest, shell);
  } catch (error) {
    return report(error, command, rest.includes("--json"), shell);
  }
}

async function runCommand(command: Command | RawCommand, argv: readonly string[], shell: Shell): Promise<number> {
  const isRaw = "runRaw" in command;
  if (isRaw && !argv.includes("--help")) return await command.runRaw(argv, shell);
  const given = parseArguments(command, argv);
  if (isRaw || given.flag("help")) return print(renderUsage(command), shell);
  return (await command.run(new Call(shell, given))) ?? EXIT.ok;
}

function report(error: unknown, command: CommandForm, isJson: boolean, { stderr }: Shell): number {
  if (error instanceof UsageError) {
    stderr.write(`${error.message}\n\n${renderUsage(command)}`);
    return EXIT.usage;
  }
  if (error instanceof RefusedError) {
    stderr.write(isJson ? `${JSON.stringify(error.refusal)}\n` : renderRefusal(error.refusal));
    return EXIT.refused;
  }
  stderr.write(`${messageOf(error)}\n`);
  return EXIT.local;
}

/** What may be shown of an error. Of one that nobody foresaw only kind and place: its message may quote what was being read. */
function messageOf(error: unknown): string {
  if (error instanceof LocalError) return printable(error.message);
  // Several lines, each a variable and its rule, never a value.
  if (error instanceof ConfigError) return error.message;
  if (isRootkeepError(error)) {
    const rules = error.fields.map(({ field, rule }) => `\n  ${field} ${rule}`).join("");
    return `${error.code}: ${error.message}${error.reason === undefined ? "" : ` (${printable(error.reason)})`}${rules}`;
  }
  if (!(error instanceof Error)) return "failed for an unknown reason";
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (code !== undefined && syscall !== undefined) return printable(`${syscall} ${path ?? ""} failed (${code})`);
  const place = error.stack?.split("\n").find((line) => line.trimStart().startsWith("at ")) ?? "";
  return printable(`failed: ${error.name} ${place.trim()}`);
}

function unknownCommand(words: readonly string[], isHelp: boolean, { stdout, stderr }: Shell): number {
  const isGroup = COMMANDS.some((row) => row.words.length > 1 && row.words[0] === words[0]);
  if (isGroup && words.length === 1) {
    (isHelp ? stdout : stderr).write(renderOverview(words));
    return isHelp ? EXIT.ok : EXIT.usage;
  }
  stderr.write("there is no such command; rootkeep help lists them\n");
  return EXIT.usage;
}

/** The commands whose words begin with `asked`, or all of them. */
function renderOverview(asked: readonly string[]): string {
  const found = COMMANDS.filter((row) => asked.every((word, index) => row.words[index] === word));
  const [only] = found;
  if (found.length === 1 && only !== undefined) return renderUsage(only);
  const rows = (found.length === 0 ? COMMANDS : found).map((row) => ({ name: [...row.words, ...(row.positionals ?? [])].join(" "), row }));
  const width = Math.max(...rows.map(({ name }) => name.length));
  return [HEAD, ...rows.map(({ name, row }) => `  ${name.padEnd(width)}  ${row.summary}`), ""].join("\n");
}

function print(text: string, { stdout }: Shell): number {
  stdout.write(text);
  return EXIT.ok;
}
