// Pages whose commands are run: what stands in a `console` block is typed, and what it shows is compared with what then comes.

/** One command of a page, and what it is said to show. */
export interface PageStep {
  /** Line of the page. */
  readonly line: number;
  /** Who types it: the word before the `$`. */
  readonly who: string;
  readonly words: readonly string[];
  /** 2 where a refusal is shown, else 0, unless a comment behind the command says otherwise. */
  readonly status: number;
  readonly shown: readonly string[];
}

/** A page, read. */
export interface ConsolePage {
  /** Words in capitals that stand for what a command has shown. */
  readonly names: ReadonlySet<string>;
  readonly steps: readonly PageStep[];
  /** Commands that the text names outside its blocks. */
  readonly mentioned: readonly string[];
}

/** Prefixes of ids, by the name that stands for one. */
const PREFIXES: Readonly<Record<string, string>> = {
  ACCOUNT: "acc",
  ENTRY: "alw",
  GRANT: "grt",
  PERSON: "per",
  REQUEST: "req",
  SESSION: "ses",
  USE: "gls",
  VERSION: "ver",
};
const COMMAND = /^([a-z-]+)\$ (rootkeep .*?)(?: +# exit status (\d+))?$/;
const LEFT_OUT = "…";

/** Reads a page. @throws Error for a block that shows something before any command, or runs another program than `rootkeep`. */
export function readConsolePage(text: string): ConsolePage {
  const steps: { line: number; who: string; words: string[]; stated: string | undefined; shown: string[] }[] = [];
  const lines = text.split("\n");
  let block: "console" | "other" | undefined;
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("```")) {
      block = block !== undefined ? undefined : line === "```console" ? "console" : "other";
      continue;
    }
    if (block === "other") throw new Error(`line ${String(index + 1)}: only console blocks are run`);
    if (block !== "console") continue;
    const [, who, command, stated] = COMMAND.exec(line) ?? [];
    if (who !== undefined && command !== undefined) steps.push({ line: index + 1, who, words: shellWords(command), stated, shown: [] });
    else if (/^\S*\$ /.test(line) || steps.length === 0) throw new Error(`line ${String(index + 1)}: no command of rootkeep`);
    else steps.at(-1)?.shown.push(line);
  }
  const prose = text.replaceAll(/```[\s\S]*?```/g, "");
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
  return {
    names: new Set(spans.filter((span) => /^[A-Z][A-Z_0-9]+$/.test(span))),
    steps: steps.map(({ stated, ...step }) => ({
      ...step,
      status: Number(stated ?? (step.shown.some((line) => line.startsWith("refused: ")) ? 2 : 0)),
    })),
    mentioned: spans.filter((span) => span.startsWith("rootkeep ")),
  };
}

/** The words of a command line: separated by blanks, or within double quotes. */
function shellWords(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

/** What a page's names stand for, as its commands go along: each time a command shows one, it stands for that from then on. */
export class PageNames {
  readonly #values = new Map<string, string>();

  constructor(private readonly names: ReadonlySet<string>) {}

  /** @throws Error when nothing has shown it yet. */
  valueOf(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`nothing has shown ${name} yet`);
    return value;
  }

  /** `words` with values for names. */
  filled(words: readonly string[]): string[] {
    return words.map((word) => word.replaceAll(/[A-Z][A-Z_0-9]+/g, (name) => (this.names.has(name) ? this.valueOf(name) : name)));
  }

  /**
   * Compares what the page shows with what came, but for `…` and runs of blanks, and takes the names' values.
   * @throws Error with both when they differ.
   */
  take(shown: readonly string[], text: string): void {
    const found = new Set<string>();
    const pattern = shown.map((line) => (line.trim() === LEFT_OUT ? "(?:.*\\n)*?" : `${this.#patternOf(tidy(line), found)}\\n`)).join("");
    const actual = text.trimEnd() === "" ? "" : `${text.trimEnd().split("\n").map(tidy).join("\n")}\n`;
    const groups = new RegExp(`^${pattern}$`, "u").exec(actual)?.groups;
    if (groups === undefined && !new RegExp(`^${pattern}$`, "u").test(actual)) {
      throw new Error(`the page shows\n${shown.join("\n")}\n\nand what came is\n${text}`);
    }
    for (const [name, value] of Object.entries(groups ?? {})) this.#values.set(name, value);
  }

  #patternOf(line: string, found: Set<string>): string {
    const parts = line.split(/(…|[A-Z][A-Z_0-9]+)/);
    return parts
      .map((part) => {
        if (part === LEFT_OUT) return ".*";
        if (!this.names.has(part)) return part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
        if (found.has(part)) return `\\k<${part}>`;
        found.add(part);
        const prefix = PREFIXES[part.replace(/_\d+$/, "")];
        return `(?<${part}>${prefix === undefined ? "\\S+" : `${prefix}_[0-9a-z]{26}`})`;
      })
      .join("");
  }
}

function tidy(line: string): string {
  return line.replaceAll(/ +/g, " ").trim();
}
