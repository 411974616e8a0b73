// Runs the tests: `node dist/test/run.js [suite ...] [--grep PATTERN]`. The last line is always "N passed, N failed, N skipped".
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { FileResult, Skip } from "./runner/file-run.js";
import { runTestFile } from "./runner/file-run.js";
import type { TestFile } from "./runner/suites.js";
import { DATABASE_SUITES, findTestFiles, isSuite, SUITES } from "./runner/suites.js";

const FILES_AT_ONCE = 2;
const FILE_TIMEOUT_MS = 300_000;
// Skips that mean "this machine lacks a program". CI has them all, so there such a skip would hide a test that nobody runs any more.
const TOOL_MISSING =
  /not installed|\b(?:tool|program|command|module|package|python3?|moto_server)\b.*\b(?:missing|absent|not found)\b|\bmissing tool\b/i;

const compiled = dirname(fileURLToPath(import.meta.url));
const source = join(compiled, "..", "..", "test");

interface Totals {
  passed: number;
  failed: number;
  readonly skips: Skip[];
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { grep: { type: "string" } } });
  const unknown = positionals.filter((name) => !isSuite(name));
  if (unknown.length > 0) return say(`no such suite: ${unknown.join(", ")}; there are ${SUITES.join(" ")}`, 2);
  const suites = positionals.length === 0 ? [...SUITES] : positionals.filter(isSuite);
  const grep = values.grep === undefined ? undefined : new RegExp(values.grep);
  const files = await findTestFiles(compiled, source, suites);
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  const totals: Totals = { passed: 0, failed: 0, skips: [] };
  let server: SharedServer | undefined;
  try {
    if (files.some(({ suite }) => DATABASE_SUITES.has(suite))) server = await startSharedServer();
    const queue = [...files];
    const work = async (): Promise<void> => {
      for (let file = queue.shift(); file !== undefined && !stopping.signal.aborted; file = queue.shift()) {
        const startedAt = performance.now();
        const result = await runTestFile(file.path, { grep, timeoutMs: FILE_TIMEOUT_MS, signal: stopping.signal });
        report(file, result, performance.now() - startedAt, totals);
      }
    };
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));
  } catch (error) {
    totals.failed++;
    console.log("FAIL  the test run itself", error);
  } finally {
    await server?.stop();
  }
  return conclude(totals, stopping.signal.aborted);
}

/** What test/support/postgres.ts may offer: a running server and the variables by which test processes find it. */
interface SharedServer {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** One line for the file, and below it everything about what failed. */
function report(file: TestFile, result: FileResult, milliseconds: number, totals: Totals): void {
  totals.passed += result.passed;
  totals.failed += result.failed;
  totals.skips.push(...result.skips.map((skip) => ({ name: `${file.name}: ${skip.name}`, reason: skip.reason })));
  const count = result.passed + result.failed + result.skips.length;
  if (count === 0) return;
  const parts = [`${String(result.passed)} passed`];
  if (result.failed > 0) parts.push(`${String(result.failed)} failed`);
  if (result.skips.length > 0) parts.push(`${String(result.skips.length)} skipped`);
  console.log(
    `${result.failed > 0 ? "FAIL" : "ok  "}  ${file.name.padEnd(64)} ${parts.join(", ")}  (${(milliseconds / 1000).toFixed(1)} s)`,
  );
  for (const failure of result.failures) console.log(indent(`x ${failure.name}\n${indent(failure.text)}`));
  if (result.failures.length > 0 && result.output.trim() !== "") console.log(indent(`It wrote:\n${indent(result.output.trimEnd())}`));
}

function conclude(totals: Totals, wasStopped: boolean): number {
  if (totals.skips.length > 0) console.log("\nSkipped:");
  for (const { name, reason } of totals.skips) console.log(`  ${name}: ${reason}`);
  const isCi = (process.env["CI"] ?? "") !== "" && process.env["CI"] !== "false";
  const lacking = isCi ? totals.skips.filter(({ reason }) => TOOL_MISSING.test(reason)) : [];
  if (lacking.length > 0) console.log(`\nCI lacks a tool that ${String(lacking.length)} skipped tests need: that is a failure here.`);
  const hasRun = totals.passed + totals.failed > 0;
  if (!hasRun) console.log("\nNothing ran.");
  if (wasStopped) console.log("\nStopped before the end.");
  const code = totals.failed > 0 || lacking.length > 0 || !hasRun || wasStopped ? 1 : 0;
  return say(`${String(totals.passed)} passed, ${String(totals.failed)} failed, ${String(totals.skips.length)} skipped`, code);
}

/** One PostgreSQL for the whole run, where test/support/postgres.ts offers it. The test processes find it through the environment. */
async function startSharedServer(): Promise<SharedServer | undefined> {
  const path = join(compiled, "support", "postgres.js");
  if (!existsSync(path)) return undefined;
  const support = (await import(pathToFileURL(path).href)) as { startSharedServer?: () => Promise<SharedServer> };
  const server = await support.startSharedServer?.();
  // run() of Node 20 hands its own environment to the test processes and has no option for another one.
  Object.assign(process.env, server?.env ?? {});
  return server;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "      ");
}

function say(line: string, code: number): number {
  console.log(line);
  return code;
}

const code = await main();
// A test server's leftover socket must not keep a finished run alive; the last line is flushed first.
process.stdout.write("", () => process.exit(code));
