// `npm run attacks [-- PATTERN]`: the suite `attacks` at full counts. The last line is one JSON object: name, tried, violations.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTestFile } from "../runner/file-run.js";
import { findTestFiles } from "../runner/suites.js";
import { TALLY_VARIABLE } from "../support/attack-tally.js";
import { startSharedServer } from "../support/postgres.js";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const FILE_TIMEOUT_MS = 900_000;

const compiled = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(compiled, "..", "..", "test");
const pattern = new RegExp(process.argv[2] ?? "");
const directory = mkdtempSync(join(tmpdir(), "rootkeep-attacks-"));
const counts = join(directory, "counts");
writeFileSync(counts, "");
const server = await startSharedServer();
let failed = 0;
try {
  Object.assign(process.env, server.env, { [TALLY_VARIABLE]: counts });
  const files = (await findTestFiles(compiled, source, ["attacks"])).filter(({ name }) => pattern.test(name));
  for (const file of files) {
    const result = await runTestFile(file.path, { timeoutMs: FILE_TIMEOUT_MS });
    failed += result.failed;
    say(`${result.failed > 0 ? "FAIL" : "ok  "}  ${file.name}  ${String(result.passed)} passed, ${String(result.failed)} failed`);
    for (const { name, text } of result.failures) say(`      x ${name}\n${text}`);
  }
  if (files.length === 0) failed++;
} finally {
  await server.stop();
}
const totals = { tried: 0, violations: 0 };
for (const line of readFileSync(counts, "utf8").split("\n").slice(0, -1)) {
  const { tried, violations } = JSON.parse(line) as typeof totals;
  totals.tried += tried;
  totals.violations += violations;
}
rmSync(directory, { recursive: true, force: true });
// A test that failed otherwise is no proof either.
process.exitCode = failed + totals.violations === 0 ? 0 : 1;
say(JSON.stringify({ name: "attacks", ...totals, failed }));
