import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";

/** All suites in the order in which they run: what is quick and pure first, so that a plain mistake shows at once. */
export const SUITES = [
  "unit",
  "property",
  "conformance",
  "static",
  "policy",
  "integration",
  "attacks",
  "e2e",
  "fault",
  "model",
  "canary",
] as const;
export type Suite = (typeof SUITES)[number];

/** Suites whose files share one PostgreSQL server. */
export const DATABASE_SUITES: ReadonlySet<Suite> = new Set<Suite>(["policy", "integration", "attacks", "e2e", "fault", "model", "canary"]);

export interface TestFile {
  readonly suite: Suite;
  /** Absolute path of the compiled file. */
  readonly path: string;
  /** Path below the test folder, for people. */
  readonly name: string;
}

export function isSuite(name: string): name is Suite {
  return (SUITES as readonly string[]).includes(name);
}

/**
 * The compiled test files of `suites`. One whose source is gone is left out: the compiler does not remove what it once wrote.
 * @param compiled absolute path of the compiled test folder
 * @param source absolute path of the test folder in the tree
 */
export async function findTestFiles(compiled: string, source: string, suites: readonly Suite[]): Promise<TestFile[]> {
  const files: TestFile[] = [];
  for (const suite of SUITES.filter((name) => suites.includes(name))) {
    const folder = join(compiled, suite);
    if (!existsSync(folder)) continue;
    const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(".test.js")).toSorted();
    for (const path of paths) {
      const absolute = join(folder, path);
      const name = relative(compiled, absolute);
      if (existsSync(join(source, name.replace(/\.js$/, ".ts")))) files.push({ suite, path: absolute, name });
    }
  }
  return files;
}

/** Files of one suite that a person asked for, and what could be asked for. */
export interface ChosenFiles {
  readonly files: readonly TestFile[];
  readonly names: readonly string[];
}

/** The files of `suite` that `name` names: a file without its ending, or a folder; all of them without a name, none for a name that is no file's. */
export async function chosenFiles(compiled: string, source: string, suite: Suite, name: string | undefined): Promise<ChosenFiles> {
  const files = await findTestFiles(compiled, source, [suite]);
  const nameOf = (file: TestFile): string => file.name.slice(suite.length + 1).replace(/(?:\.test\.js|[\\/].*)$/, "");
  const names = [...new Set(files.map(nameOf))].sort();
  return { files: name === undefined ? files : files.filter((file) => nameOf(file) === name), names };
}
