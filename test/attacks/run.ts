// `npm run attacks [-- NAME]`: every attack at full counts, or those of one folder of this one: `log`, the attack matrix T1 to T25, or `access`,
// forged decisions F1 to F94. The last line is one JSON object: name, tried, violations, and how often each attack of a matrix was tried.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTestFile } from "../runner/file-run.js";
import { chosenFiles } from "../runner/suites.js";
import { TALLY_VARIABLE } from "../support/attack-tally.js";
import { startSharedServer } from "../support/postgres.js";

const FILE_TIMEOUT_MS = 900_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const compiled = join(dirname(fileURLToPath(import.meta.url)), "..");

async function main(name: string | undefined): Promise<number> {
  const { files, names } = await chosenFiles(compiled, join(compiled, "..", "..", "test"), "attacks", name);
  if (files.length === 0) {
    say(`no such attacks: ${String(name)}; there are ${names.join(" ")}`);
    return 2;
  }
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-attacks-"));
  const counts = join(directory, "counts");
  writeFileSync(counts, "");
  const server = await startSharedServer();
  let failed = 0;
  try {
    Object.assign(process.env, server.env, { [TALLY_VARIABLE]: counts });
    for (const file of files) {
      const result = await runTestFile(file.path, { timeoutMs: FILE_TIMEOUT_MS });
      failed += result.failed;
      say(`${result.failed > 0 ? "FAIL" : "ok  "}  ${file.name}  ${String(result.passed)} passed, ${String(result.failed)} failed`);
      for (const { name: test, text } of result.failures) say(`      x ${test}\n${text}`);
    }
    const { tried, violations, matrix } = sum(readFileSync(counts, "utf8"));
    say(JSON.stringify({ name: name ?? "attacks", tried, violations, failed, ...(Object.keys(matrix).length > 0 ? { matrix } : {}) }));
    // A test that failed otherwise is no proof either.
    return failed + violations === 0 ? 0 : 1;
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Counted {
  readonly tried: number;
  readonly violations: number;
  /** `T1` to `T25` or `F1` to `F91`, for attacks of a matrix. */
  readonly label?: string;
}

/** All counts together, and how often each attack of the matrix was tried. */
function sum(lines: string): { readonly tried: number; readonly violations: number; readonly matrix: Readonly<Record<string, number>> } {
  const matrix: Record<string, number> = {};
  let [tried, violations] = [0, 0];
  for (const line of lines.split("\n").slice(0, -1)) {
    const counted = JSON.parse(line) as Counted;
    tried += counted.tried;
    violations += counted.violations;
    if (counted.label !== undefined) matrix[counted.label] = (matrix[counted.label] ?? 0) + counted.tried;
  }
  const labels = Object.keys(matrix).sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  return { tried, violations, matrix: Object.fromEntries(labels.map((label) => [label, matrix[label] ?? 0])) };
}

const code = await main(process.argv[2]);
process.stdout.write("", () => process.exit(code));
