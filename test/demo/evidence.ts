import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUNDLE_WIDTH, decodeBundle, encodeBundle } from "../../src/audit/bundle.js";
import { EXPORT_FILES, type ExportManifest } from "../../src/audit/export-format.js";
import { entriesPath } from "../../src/audit/tlog/tile-path.js";
import { exportLog } from "../../src/cli/export-log.js";
import { runVerify } from "../../src/verify/main.js";
import type { Report } from "../../src/verify/report.js";
import { VERSION } from "../../src/version.js";
import type { Receipt } from "./acts.js";
import type { Person } from "./person.js";
import { check, DemoFailure, ok } from "./say.js";

/** Exports the log as the auditor, and writes beside it what the demo knows from elsewhere: the receipts of the openings. */
export async function exportAndVerify(
  auditor: Person,
  directory: string,
  trustFile: string,
  receipts: readonly Receipt[],
): Promise<ExportManifest> {
  const manifest = await exportLog(auditor.client, {
    directory,
    from: 0,
    hasDisclosures: true,
    tool: `rootkeep ${VERSION}`,
    created: new Date(),
    onProgress: () => undefined,
  });
  ok(`${auditor.firstName} exports the log: ${String(manifest.to)} entries of ${manifest.origin}`);
  const head = receipts.map(({ seq, leaf }) => ({ size: seq + 1, leaf }));
  const keys = [(await auditor.client.bytes("/v1/audit/verifier-key")).toString("utf8").trimEnd()];
  await writeFile(trustFile, `${JSON.stringify({ origin: manifest.origin, keys, head })}\n`);
  const report = await verify([directory, "--trust", trustFile]);
  if (report.exitCode !== 0)
    throw new DemoFailure(`the export does not verify: ${JSON.stringify(report.checks.filter(({ status }) => status === "failed"))}`);
  ok(`verified offline, against the log's key and the receipts that Cleo got with the openings: ${report.verdict}, ${report.statement}`);
  return manifest;
}

/** Changes one byte of one entry in the middle, in a copy; the verifier must name that entry. */
export async function tamper(directory: string, manifest: ExportManifest): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), "rootkeep-demo-tampered-"));
  try {
    await cp(directory, copy, { recursive: true });
    const seq = Math.floor(manifest.to / 2);
    const n = Math.floor(seq / BUNDLE_WIDTH);
    const path = join(copy, entriesPath(n, Math.min(BUNDLE_WIDTH, manifest.to - n * BUNDLE_WIDTH)));
    const entries = decodeBundle(await readFile(path));
    const entry = entries[seq % BUNDLE_WIDTH];
    const at = entry?.indexOf('"id":"') ?? -1;
    if (entry === undefined || at === -1) throw new DemoFailure("the entry in the middle has no id to change");
    // A hex digit of the event id: the entry stays a well-formed one, so nothing but its hash gives the change away.
    const digit = at + '"id":"'.length;
    entry[digit] = entry[digit] === 0x30 ? 0x31 : 0x30;
    await writeFile(path, encodeBundle(entries));
    const report = await verify([copy]);
    check("the verifier calls the changed copy tampered", report.verdict === "tampered" && report.exitCode === 1);
    check("the verifier names the changed entry", report.firstBadSeq === seq);
    ok(`a copy with one byte of entry ${String(seq)} changed is called tampered, first bad entry: seq ${String(report.firstBadSeq)}`);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** No secret may stand in what the service wrote about itself, nor in the export, in no usual encoding; nor, as it is, in its files. */
export async function searchMarks(
  secrets: readonly string[],
  output: string,
  exportDirectory: string,
  dataDirectory: string,
): Promise<void> {
  const plain = secrets.map((text) => Buffer.from(text, "utf8"));
  const encoded = plain.flatMap((bytes) => [
    bytes,
    ...(["base64", "base64url", "hex"] as const).map((form) => Buffer.from(bytes.toString(form))),
  ]);
  check("no secret stands in the service's output", !holdsAny(Buffer.from(output, "utf8"), encoded));
  const exported = await filesOf(exportDirectory);
  // A search that finds nothing must be one that can find.
  const [manifest] = await Promise.all(exported.filter((path) => path.endsWith(EXPORT_FILES.manifest)).map((path) => readFile(path)));
  check("the search finds what is there", manifest !== undefined && holdsAny(manifest, [Buffer.from(`rootkeep ${VERSION}`)]));
  for (const path of exported) check("no secret stands in the export", !holdsAny(await readFile(path), encoded));
  const kept = (await filesOf(dataDirectory)).filter((path) => !path.startsWith(exportDirectory));
  for (const path of kept) check(`no secret stands in clear in the data directory`, !holdsAny(await readFile(path), plain));
  const places = `the service's output, ${String(exported.length)} files of the export and ${String(kept.length)} of the data directory`;
  ok(`none of ${String(secrets.length)} passwords, seeds and tokens stands in ${places}`);
}

/** The database's own note of its process must be gone with it. */
export async function assertStopped(dataDirectory: string, processId: number): Promise<void> {
  check("the service's process is gone", !isAlive(processId));
  const names = (await filesOf(dataDirectory)).map((path) => path.split("/").at(-1));
  check("the embedded database is shut down", !names.includes("postmaster.pid"));
  ok("the service ended on SIGTERM, and its database with it");
}

async function verify(argv: readonly string[]): Promise<Report> {
  let text = "";
  const status = await runVerify([...argv, "--json", "--quiet"], { write: (part) => (text += part) }, { write: () => undefined });
  const report = JSON.parse(text) as Report;
  check("the verifier's exit status is that of its report", status === report.exitCode);
  return report;
}

function holdsAny(bytes: Buffer, marks: readonly Buffer[]): boolean {
  return marks.some((mark) => bytes.includes(mark));
}

async function filesOf(directory: string): Promise<string[]> {
  const items = await readdir(directory, { recursive: true, withFileTypes: true });
  return items.filter((item) => item.isFile()).map((item) => join(item.parentPath, item.name));
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}
