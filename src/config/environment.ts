import type { ConfigProblem } from "./config.js";
import type { NamesOf, VariableName } from "./reference.js";
import { CLIENT_VARIABLES, SECRET_NAMES, VARIABLE_NAMES, VARIABLES, variable } from "./reference.js";

/** Environment variables as the operating system gives them. An empty one counts as not set, as compose files pass it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a file of a `<NAME>_FILE` variable held, by the variable's whole name; `null` when it could not be read. */
export type FileContents = Readonly<Record<string, string | null>>;

const FILE_VALUE_CHARS_MAX = 16_384;

/**
 * Reads typed values by the table of variables and collects every problem on the way instead of stopping at the first. A value that
 * breaks its rule reads as not set, so that the rest can still be judged.
 */
export class EnvironmentReader {
  readonly problems: ConfigProblem[] = [];
  readonly #values = new Map<VariableName, string>();

  constructor(environment: Environment, files: FileContents) {
    this.#refuseUnknown(environment);
    for (const name of VARIABLE_NAMES) {
      const value = this.#raw(name, environment, files);
      if (value !== undefined && this.#fits(name, value)) this.#values.set(name, value);
    }
  }

  /** Adds a problem that more than one variable makes together. */
  refuse(name: string, rule: string): void {
    this.problems.push({ variable: name, rule });
  }

  isSet(name: VariableName): boolean {
    return this.#values.has(name);
  }

  text(name: NamesOf<"text">): string | undefined {
    return this.#values.get(name);
  }

  /** The number set, else the default of the table. */
  number(name: NamesOf<"number">): number {
    return Number(this.#values.get(name) ?? VARIABLES[name].fallback);
  }

  yesNo(name: NamesOf<"yes-no">): boolean | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : value === "yes";
  }

  list(name: NamesOf<"list">): readonly string[] {
    return splitList(this.#values.get(name) ?? "");
  }

  #refuseUnknown(environment: Environment): void {
    const known = new Set<string>([...VARIABLE_NAMES, ...CLIENT_VARIABLES, ...SECRET_NAMES.map((name) => `${name}_FILE`)]);
    for (const name of Object.keys(environment).toSorted()) {
      if (!name.startsWith("ROOTKEEP_") || known.has(name)) continue;
      // A name is printed only if it looks like one: a whole "NAME=secret" pasted into one is not repeated.
      this.refuse(/^[A-Z0-9_]{1,80}$/.test(name) ? name : "a variable whose name is no plain name", "is not known here");
    }
  }

  #raw(name: VariableName, environment: Environment, files: FileContents): string | undefined {
    const direct = environment[name];
    const value = direct === "" ? undefined : direct;
    const fileName = `${name}_FILE`;
    if (!SECRET_NAMES.includes(name) || (environment[fileName] ?? "") === "") return value;
    if (value !== undefined) {
      this.refuse(fileName, `is set together with ${name}; set one of them`);
      return undefined;
    }
    const content = files[fileName];
    if (content === null || content === undefined) {
      this.refuse(fileName, "names a file that cannot be read");
      return undefined;
    }
    if (content.length > FILE_VALUE_CHARS_MAX) {
      this.refuse(fileName, `names a file of more than ${String(FILE_VALUE_CHARS_MAX)} characters`);
      return undefined;
    }
    // Editors and `echo` end a file with a line break, which is never part of a URL.
    const line = content.replace(/\r?\n$/, "");
    if (line !== "") return line;
    this.refuse(fileName, "names an empty file");
    return undefined;
  }

  #fits(name: VariableName, value: string): boolean {
    const { form } = variable(name);
    if (form.type === "text") return this.#judge(name, form.pattern.test(value), form.rule);
    if (form.type === "yes-no") return this.#judge(name, value === "yes" || value === "no", "must be yes or no");
    if (form.type === "list")
      return this.#judge(
        name,
        splitList(value).every((item) => form.pattern.test(item)),
        form.rule,
      );
    // No sign, no exponent, no leading zero: what a person reads is what is meant.
    const isWithin = /^(?:0|[1-9]\d{0,8})$/.test(value) && Number(value) >= form.min && Number(value) <= form.max;
    return this.#judge(name, isWithin, `must be a whole number from ${String(form.min)} to ${String(form.max)}`);
  }

  #judge(name: VariableName, isGood: boolean, rule: string): boolean {
    if (!isGood) this.refuse(name, rule);
    return isGood;
  }
}

function splitList(value: string): readonly string[] {
  return value === "" ? [] : value.split(",").map((item) => item.trim());
}
