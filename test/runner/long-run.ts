// A suite at full counts, and what it counted: the last line is one JSON object.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TALLY_VARIABLE, type Tally } from "../fault/tally.js";
import { startSharedServer } from "../support/postgres.js";
import { runTestFile } from "./file-run.js";
import { chosenFiles, type Suite } from "./suites.js";

export interface LongRun {
  readonly suite: Suite;
  /** What the suite tries, for people: `faults`. */
  readonly called: string;
  readonly fileTimeoutMs: number;
}

const compiled = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(compiled, "..", "..", "test");

/**
 * Runs a suite's files, or those that `name` names, one after the other.
 * @returns the exit code: 0 where nothing was violated, 2 for a name of nothing.
 */
export async function longRun({ suite, called, fileTimeoutMs }: LongRun, name: string | undefined): Promise<number> {
  const { files, names } = await chosenFiles(compiled, source, suite, name);
  if (files.length === 0) {
    say(`no such ${called}: ${String(name)}; there are ${names.join(" ")}`);
    return 2;
  }
  const directory = await mkdtemp(join(tmpdir(), `rootkeep-${called}-`));
  const path = join(directory, "tally");
  const server = await startSharedServer();
  const totals = { passed: 0, failed: 0 };
  try {
    // The test processes inherit this program's environment.
    Object.assign(process.env, server.env, { ROOTKEEP_FAULTS: "full", [TALLY_VARIABLE]: path });
    for (const file of files) {
      const result = await runTestFile(file.path, { timeoutMs: fileTimeoutMs });
      totals.passed += result.passed;
      totals.failed += result.failed;
      say(`${result.failed > 0 ? "FAIL" : "ok  "}  ${file.name}  ${String(result.passed)} passed, ${String(result.failed)} failed`);
      for (const { name: test, text } of result.failures) say(`      x ${test}\n${text.replaceAll(/^/gm, "        ")}`);
    }
    const sums = sum(await readFile(path, "utf8").catch(() => ""));
    say(JSON.stringify({ name: name ?? called, ...sums, violations: totals.failed, properties: totals.passed + totals.failed }));
    return totals.failed === 0 && totals.passed > 0 ? 0 : 1;
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function sum(lines: string): Required<Tally> & { readonly scenarios: Readonly<Record<string, number>> } {
  const sums = { tried: 0, calls: 0, opened: 0, scenarios: {} as Record<string, number>, counts: {} as Record<string, number> };
  for (const line of lines.split("\n").filter((text) => text !== "")) {
    const { scenario, tried, calls = 0, opened = 0, counts = {} } = JSON.parse(line) as Tally & { scenario: string };
    sums.tried += tried;
    sums.calls += calls;
    sums.opened += opened;
    sums.scenarios[scenario] = (sums.scenarios[scenario] ?? 0) + tried;
    for (const [name, count] of Object.entries(counts)) sums.counts[name] = (sums.counts[name] ?? 0) + count;
  }
  return sums;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
