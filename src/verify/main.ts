import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { isId } from "../kernel/ids.js";
import type { Secret } from "../kernel/secret.js";
import { ExportDirectory, readRegularFile } from "./export-directory.js";
import type { ExportSource } from "./export-source.js";
import { HttpReader, PATIENCE } from "./http-reader.js";
import { renderReport } from "./report.js";
import { isAddress, parseServedAddress, type ServedAddress } from "./served-address.js";
import { ServedExport } from "./served-export.js";
import { readTokenFile } from "./token-file.js";
import { parseTrust, TRUST_BYTES_MAX, type Trust } from "./trust.js";
import { verifyAccountExport } from "./verify-account-export.js";
import { verifyExport } from "./verify-export.js";

/** Where text goes; the program's own streams, or a test's. */
export interface TextSink {
  write(text: string): unknown;
}

/** Exit status of wrong usage. */
export const EXIT_USAGE = 3;

const PROGRESS_ENTRIES = 100_000;
/** Over the network it goes slower; somebody who waits wants to see that it goes. */
const PROGRESS_MS = 5_000;
const SECONDS_MAX = 3_600;

const USAGE = `usage: rootkeep audit verify DIR|URL [--trust FILE] [--account ID | --from N] [--token-file FILE] [--timeout SECONDS] [--json] [--quiet]

Checks an export of the audit log, offline: DIR holds manifest.json. Or a log that is served: URL is .../v1/audit/tlog/ of a Rootkeep, a log
under the paths of C2SP tlog-tiles, or where the files of an export are.
  --trust FILE       what you know from elsewhere, JSON: "origin", "keys", "policy", "receipts", "genesis", "head", "foundingFingerprints"
  --account ID       DIR is the export of one account, which is this one
  --from N           you have checked the entries before N already: an export may begin there (otherwise it must begin with entry 0)
  --token-file FILE  bearer token, alone or as the session of rootkeep login; it is sent to the URL's host alone
  --timeout SECONDS  for one answer of the server (default 30)
  --json             the report as one JSON object
  --quiet            no progress
Exit status: 0 intact, 1 tampered, 2 incomplete, 3 wrong usage.
`;

/** What is to be verified, and how. */
interface VerifyCall {
  readonly source: ExportSource;
  /** Lets go of what the source holds. */
  readonly close: () => void;
  readonly trust: Trust | undefined;
  /** Of an account's export; undefined for one of the log. */
  readonly account: string | undefined;
  readonly from: number;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
}

interface Options {
  readonly trust?: string;
  readonly account?: string;
  readonly from?: string;
  readonly "token-file"?: string;
  readonly timeout?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** A mistake in the call. */
export class UsageError extends Error {}

/**
 * `rootkeep audit verify`. The report goes to `stdout`; progress and mistakes in the call go to `stderr`.
 * @param argv the arguments behind `audit verify`.
 * @returns the exit status: 0 intact, 1 tampered, 2 incomplete, 3 wrong usage.
 */
export async function runVerify(argv: readonly string[], stdout: TextSink, stderr: TextSink): Promise<number> {
  let call: VerifyCall;
  try {
    call = await readArguments(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`${error.message}\n\n${USAGE}`);
    return EXIT_USAGE;
  }
  const { source, trust, account, from, isJson } = call;
  const known = trust === undefined ? {} : { trust };
  try {
    const report =
      account === undefined
        ? await verifyExport(source, { ...known, from, onProgress: progressTo(stderr, call) })
        : await verifyAccountExport(source, { ...known, account });
    stdout.write(isJson ? `${JSON.stringify(report)}\n` : renderReport(report));
    return report.exitCode;
  } finally {
    call.close();
  }
}

function progressTo(stderr: TextSink, { isQuiet, source }: VerifyCall): (done: number, total: number) => void {
  let [shown, shownAt] = [0, performance.now()];
  return (done, total) => {
    const isDue = done - shown >= PROGRESS_ENTRIES || (source.isServed && performance.now() - shownAt >= PROGRESS_MS);
    if (isQuiet || !isDue) return;
    [shown, shownAt] = [done, performance.now()];
    stderr.write(`verified ${String(done)} of ${String(total)} entries\n`);
  };
}

async function readArguments(argv: readonly string[]): Promise<VerifyCall> {
  const { values, positionals } = parse(argv);
  const [place] = positionals;
  if (place === undefined || positionals.length !== 1) throw new UsageError("name one directory, or one address");
  if (values.account !== undefined) assertAccount(values.account, place, values);
  const opened = isAddress(place) ? await openServed(place, values) : await openDirectory(place, values);
  const trust = values.trust === undefined ? undefined : await readTrust(values.trust);
  const from = values.from === undefined ? 0 : placeOf(values.from);
  return { ...opened, trust, account: values.account, from, isJson: values.json ?? false, isQuiet: values.quiet ?? false };
}

/** The files of a directory. @throws UsageError when there is none. */
export async function openDirectory(directory: string, values: Options): Promise<Pick<VerifyCall, "source" | "close">> {
  if (values["token-file"] !== undefined || values.timeout !== undefined)
    throw new UsageError("--token-file and --timeout are for an address");
  const isDirectory = await stat(directory).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isDirectory) throw new UsageError(`${directory} is no directory`);
  return { source: new ExportDirectory(directory), close: () => undefined };
}

async function openServed(text: string, values: Options): Promise<Pick<VerifyCall, "source" | "close">> {
  const path = values["token-file"];
  const requestMs = values.timeout === undefined ? PATIENCE.requestMs : secondsOf(values.timeout) * 1_000;
  const address = addressOf(text, path !== undefined);
  const token = path === undefined ? null : await tokenFor(address.base.origin, path);
  const http = new HttpReader(address.base.origin, token, { ...PATIENCE, requestMs });
  return { source: new ServedExport(http, address), close: () => http.close() };
}

function assertAccount(account: string, place: string, { from }: Options): void {
  if (!isId("account", account)) throw new UsageError("--account is the id of an account");
  if (isAddress(place) || from !== undefined) throw new UsageError("--account is for a directory, and goes without --from");
}

function placeOf(text: string): number {
  if (/^(0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  throw new UsageError("--from is the number of an entry");
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= SECONDS_MAX) return seconds;
  throw new UsageError(`--timeout is a number of seconds, 1 to ${String(SECONDS_MAX)}`);
}

function addressOf(text: string, hasToken: boolean): ServedAddress {
  try {
    return parseServedAddress(text, hasToken);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "wrong usage");
  }
}

async function tokenFor(origin: string, path: string): Promise<Secret<string>> {
  try {
    const { token, origin: itsOrigin } = await readTokenFile(path);
    // The token of one service is no other's business.
    if (itsOrigin !== null && itsOrigin !== origin) throw new Error("holds the token of another service");
    return token;
  } catch (error) {
    throw new UsageError(`token file ${error instanceof Error ? error.message : "cannot be read"}`);
  }
}

function parse(argv: readonly string[]): { values: Options; positionals: string[] } {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        trust: { type: "string" },
        account: { type: "string" },
        from: { type: "string" },
        "token-file": { type: "string" },
        timeout: { type: "string" },
        json: { type: "boolean" },
        quiet: { type: "boolean" },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "wrong usage");
  }
}

/** The trust file, with the files that it names. @throws UsageError */
export async function readTrust(path: string): Promise<Trust> {
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
