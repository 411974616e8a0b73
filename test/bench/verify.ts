import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bundles } from "../../src/audit/bundle.js";
import { ZERO_HASH } from "../../src/audit/chain.js";
import { buildEntry } from "../../src/audit/entry.js";
import { checkpointPath, EXPORT_FILES, manifestBytes } from "../../src/audit/export-format.js";
import { CompactRange } from "../../src/audit/tlog/tree.js";
import { deriveEventId, newEventId } from "../../src/kernel/ids.js";
import { SAMPLE_ORIGIN, SAMPLE_SIGNER, sampleManifest, sampleTime, writeFiles } from "../support/sample-log.js";
import { noteFiles, noteOf, tileFiles } from "../support/signed-export.js";
import { type Benchmark, type Figures, machine, setting } from "./measure.js";
import { sampleEntry } from "./sample-entry.js";

const RUNS = 3;
/** A busy log is signed twice a second; so many entries came in between. */
const ENTRIES_PER_CHECKPOINT = 500;

/** How fast, and in how much memory, an export is verified offline: every check, one thread, a process of its own for each run. */
export const verifyBenchmark: Benchmark = {
  name: "verify",
  async run(say): Promise<Figures> {
    const entries = setting("ROOTKEEP_BENCH_ENTRIES", 200_000);
    const directory = await mkdtemp(join(tmpdir(), "rootkeep-bench-"));
    try {
      say(`verify: writing ${String(entries)} entries`);
      const bytes = await writeSample(directory, entries);
      const runs: VerifyRun[] = [];
      for (let run = 0; run < RUNS; run++) runs.push(await verifyOnce([directory]));
      const best = runs.reduce((one, other) => (other.seconds < one.seconds ? other : one));
      return {
        name: "verify",
        machine: await machine(),
        entries,
        entryBytes: Math.round(bytes / entries),
        perSecond: Math.round(entries / best.seconds),
        floorPerSecond: Math.round(entries / Math.min(...runs.map(({ floorSeconds }) => floorSeconds))),
        sha256PerSecond: Math.round(entries / Math.min(...runs.map(({ hashSeconds }) => hashSeconds))),
        perCpuSecond: Math.round(entries / Math.min(...runs.map(({ cpuSeconds }) => cpuSeconds))),
        rssMaxMiB: Math.max(...runs.map(({ rssMaxMiB }) => rssMaxMiB)),
        runs: RUNS,
      };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

/** What `verify-once.ts` prints. */
export interface VerifyRun {
  readonly exitCode: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMaxMiB: number;
  /** Reading, `JSON.parse` and SHA-256 of the same bytes, nothing checked. */
  readonly floorSeconds: number;
  /** Reading and SHA-256 alone. */
  readonly hashSeconds: number;
}

/** @param source a directory, or a database of the test server and a verifier key. */
export async function verifyOnce(source: readonly string[]): Promise<VerifyRun> {
  const program = fileURLToPath(new URL("verify-once.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...source]);
  const run = JSON.parse(stdout) as VerifyRun;
  if (run.exitCode !== 0) throw new Error(`the sample does not verify: ${stdout}`);
  return run;
}

/** Writes the export and returns the bytes of its entries. Half of the entries have derived ids, as openings do. */
async function writeSample(directory: string, size: number): Promise<number> {
  let prev = ZERO_HASH;
  let bytes = 0;
  const leaves: Buffer[] = [];
  async function* entries(): AsyncGenerator<Buffer, void, void> {
    const streams = new Map<string, { sseq: number; sprev: Buffer }>();
    for (let seq = 0; seq < size; seq++) {
      const draft = sampleEntry(seq, seq % 2 === 0 ? newEventId() : deriveEventId(Buffer.from(String(seq))));
      const place = streams.get(draft.stream ?? "") ?? { sseq: 0, sprev: ZERO_HASH };
      const built = buildEntry(draft, { log: SAMPLE_ORIGIN, seq, prev, time: sampleTime(seq), ...place });
      streams.set(draft.stream ?? "", { sseq: place.sseq + 1, sprev: built.leafHash });
      prev = built.leafHash;
      leaves.push(prev);
      bytes += built.bytes.length;
      yield built.bytes;
    }
  }
  for await (const bundle of bundles(entries(), 0)) await writeFiles(directory, { [bundle.path]: bundle.bytes });
  const manifest = sampleManifest(prev.toString("hex"), size, { disclosures: false });
  const sizes = Array.from({ length: Math.floor(size / ENTRIES_PER_CHECKPOINT) }, (_, index) => (index + 1) * ENTRIES_PER_CHECKPOINT);
  await writeFiles(directory, {
    ...tileFiles(leaves),
    ...(await noteFiles(leaves, [], { log: SAMPLE_SIGNER })),
    [EXPORT_FILES.manifest]: manifestBytes(manifest),
  });
  await writeCheckpoints(directory, leaves, sizes);
  return bytes;
}

/** As {@link noteFiles}, but in one pass over the leaves. */
async function writeCheckpoints(directory: string, leaves: readonly Buffer[], sizes: readonly number[]): Promise<void> {
  const range = new CompactRange();
  const wanted = new Set(sizes);
  for (const leaf of leaves) {
    range.append(leaf);
    if (!wanted.has(range.size)) continue;
    const note = await noteOf(leaves, range.size, { log: SAMPLE_SIGNER }, range.root());
    await writeFiles(directory, { [checkpointPath(range.size)]: note });
  }
}
