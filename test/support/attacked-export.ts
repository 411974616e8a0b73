// A signed export of a sample log, ways to bend it, and what the verifier says then.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leafHash } from "../../src/audit/chain.js";
import type { ExportManifest, SeqOpening } from "../../src/audit/export-format.js";
import { runVerify } from "../../src/verify/main.js";
import type { Report } from "../../src/verify/report.js";
import { type Bend, sampleLog, sampleManifest, writeExport, writeFiles } from "./sample-log.js";

/** Entries of the attacked log. */
export const SIZE = 300;

export interface Exported {
  entries: Buffer[];
  openings: SeqOpening[];
  manifest: ExportManifest;
  /** Leaf hashes as the log signed them. */
  leaves: Buffer[];
}

/** A good export of a log that was perhaps bent before it was written; all hashes and signatures are right. */
export function exported(bend?: Bend, size = SIZE): Exported {
  const { entries, openings } = sampleLog(size, bend);
  return { entries, openings, manifest: sampleManifest(headOf(entries), size), leaves: leavesOf(entries) };
}

export function leavesOf(entries: readonly Buffer[]): Buffer[] {
  return entries.map((entry) => leafHash(entry));
}

export function headOf(entries: readonly Buffer[]): string {
  return leafHash(entries.at(-1) ?? Buffer.alloc(0)).toString("hex");
}

/** Entry `seq` with its text changed; no hash is put right. */
export function edited(log: Exported, seq: number, change: (text: string) => string): Exported {
  const text = log.entries[seq]?.toString("utf8") ?? "";
  assert.notEqual(change(text), text, "the edit must change something");
  return { ...log, entries: log.entries.with(seq, Buffer.from(change(text), "utf8")) };
}

/** What a reader has from elsewhere: the trust file, and files beside it that it names. */
export interface Elsewhere {
  readonly trust: object;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** Writes the export, bends it further with `extra`, and verifies it with what is known from elsewhere. */
export async function verify(log: Exported, extra?: (folder: string) => Promise<void>, elsewhere?: Elsewhere): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), "rootkeep-export-"));
  try {
    const directory = join(folder, "export");
    await writeExport(directory, log.manifest, log.entries, log.openings, log.leaves);
    await extra?.(directory);
    if (elsewhere !== undefined) await writeFiles(folder, { ...elsewhere.files, "trust.json": JSON.stringify(elsewhere.trust) });
    let [out, err] = ["", ""];
    const args = elsewhere === undefined ? [] : ["--trust", join(folder, "trust.json")];
    const argv = [directory, "--json", "--quiet", ...args];
    const exitCode = await runVerify(argv, { write: (text) => (out += text) }, { write: (text) => (err += text) });
    assert.notEqual(out, "", err);
    const report = JSON.parse(out) as Report;
    assert.equal(exitCode, report.exitCode);
    return report;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The checks that failed; asserts that the export was found to be tampered with at `seq`. */
export function failedAt(report: Report, seq: number): string[] {
  assert.equal(report.exitCode, 1, report.statement);
  assert.equal(report.firstBadSeq, seq, JSON.stringify(report.checks.filter(({ status }) => status === "failed")));
  return report.checks.filter(({ status }) => status === "failed").map(({ check }) => check);
}

/** What the report says of a check. */
export function saidOf(report: Report, check: string): string {
  return report.checks.find((result) => result.check === check)?.message ?? "";
}
