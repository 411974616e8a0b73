import { parseArgs } from "node:util";
import { EXIT_USAGE, openDirectory, readTrust, type TextSink, UsageError } from "./main.js";
import { renderReport } from "./report.js";
import { verifyCertificate } from "./verify-certificate.js";

const USAGE = `usage: rootkeep audit verify-certificate DIR [--trust FILE] [--json]

Checks a certificate of destruction, offline: DIR holds certificate.json.
  --trust FILE       what you know from elsewhere, JSON: "origin", "keys", "policy"
  --json             the report as one JSON object
Exit status: 0 intact, 1 tampered, 2 incomplete, 3 wrong usage.
`;

/**
 * `rootkeep audit verify-certificate`. @param argv the arguments behind it.
 * @returns the exit status, as `runVerify` does.
 */
export async function runVerifyCertificate(argv: readonly string[], stdout: TextSink, stderr: TextSink): Promise<number> {
  try {
    const { values, positionals } = parse(argv);
    const [directory] = positionals;
    if (directory === undefined || positionals.length !== 1) throw new UsageError("name one directory");
    const { source } = await openDirectory(directory, {});
    const report = await verifyCertificate(source, values.trust === undefined ? undefined : await readTrust(values.trust));
    stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : renderReport(report));
    return report.exitCode;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`${error.message}\n\n${USAGE}`);
    return EXIT_USAGE;
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: { trust: { type: "string" }, json: { type: "boolean" } }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "wrong usage");
  }
}
