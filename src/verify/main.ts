import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ExportDirectory, readRegularFile } from "./export-directory.js";
import { renderReport } from "./report.js";
import { parseTrust, TRUST_BYTES_MAX, type Trust } from "./trust.js";
import { isAccountExport, verifyAccountExport } from "./verify-account-export.js";
import { verifyExport } from "./verify-export.js";

/** Where text goes; the program's own streams, or a test's. */
export interface TextSink {
  write(text: string): unknown;
}

/** Exit status of wrong usage. */
export const EXIT_USAGE = 3;

const PROGRESS_ENTRIES = 100_000;

const USAGE = `usage: rootkeep audit verify DIR [--trust FILE] [--json] [--quiet]

Checks an export of the audit log, offline. DIR holds manifest.json.
  --trust FILE  what you know from elsewhere, JSON: "origin", "keys", "policy", "receipts", "genesis", "head", "foundingFingerprints"
  --json        the report as one JSON object
  --quiet       no progress
Exit status: 0 intact, 1 tampered, 2 incomplete, 3 wrong usage.
`;

class UsageError extends Error {}

/**
 * `rootkeep audit verify`. The report goes to `stdout`; progress and mistakes in the call go to `stderr`.
 * @param argv the arguments behind `audit verify`.
 * @returns the exit status: 0 intact, 1 tampered, 2 incomplete, 3 wrong usage.
 */
export async function runVerify(argv: readonly string[], stdout: TextSink, stderr: TextSink): Promise<number> {
  try {
    const { directory, trust, isJson, isQuiet } = await readArguments(argv);
    let shown = 0;
    const source = new ExportDirectory(directory);
    const verify = (await isAccountExport(source)) ? verifyAccountExport : verifyExport;
    const report = await verify(source, {
      ...(trust === undefined ? {} : { trust }),
      onProgress: (done, total) => {
        if (isQuiet || done - shown < PROGRESS_ENTRIES) return;
        shown = done;
        stderr.write(`verified ${String(done)} of ${String(total)} entries\n`);
      },
    });
    stdout.write(isJson ? `${JSON.stringify(report)}\n` : renderReport(report));
    return report.exitCode;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`${error.message}\n\n${USAGE}`);
    return EXIT_USAGE;
  }
}

async function readArguments(
  argv: readonly string[],
): Promise<{ directory: string; trust: Trust | undefined; isJson: boolean; isQuiet: boolean }> {
  const { values, positionals } = parse(argv);
  const [directory] = positionals;
  if (directory === undefined || positionals.length !== 1) throw new UsageError("name one directory");
  const isDirectory = await stat(directory).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isDirectory) throw new UsageError(`${directory} is no directory`);
  const trust = values.trust === undefined ? undefined : await readTrust(values.trust);
  return { directory, trust, isJson: values.json ?? false, isQuiet: values.quiet ?? false };
}

function parse(argv: readonly string[]): { values: { trust?: string; json?: boolean; quiet?: boolean }; positionals: string[] } {
  try {
    return parseArgs({
      args: [...argv],
      options: { trust: { type: "string" }, json: { type: "boolean" }, quiet: { type: "boolean" } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "wrong usage");
  }
}

async function readTrust(path: string): Promise<Trust> {
  try {
    const bytes = await readRegularFile(path, TRUST_BYTES_MAX);
    if (bytes === null) throw new Error("does not exist");
    return await parseTrust(bytes.toString("utf8"), (name) => readTrusted(join(dirname(path), name), name));
  } catch (error) {
    throw new UsageError(`trust file ${error instanceof Error ? error.message : "cannot be read"}`);
  }
}

/** Policy and receipts stand beside the trust file, or where it says from there. */
async function readTrusted(path: string, name: string): Promise<Buffer> {
  const bytes = await readRegularFile(path, TRUST_BYTES_MAX);
  if (bytes === null) throw new Error(`names ${name}, which does not exist`);
  return bytes;
}
