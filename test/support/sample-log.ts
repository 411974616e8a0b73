import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bundles } from "../../src/audit/bundle.js";
import { leafHash, ZERO_HASH } from "../../src/audit/chain.js";
import { type BuiltEntry, buildEntry, type EntryDraft, type EntryPosition } from "../../src/audit/entry.js";
import {
  EXPORT_FILES,
  EXPORT_FORMAT,
  type ExportManifest,
  manifestBytes,
  openingLine,
  type SeqOpening,
} from "../../src/audit/export-format.js";
import { VERIFY_GUIDE } from "../../src/audit/export-guide.js";
import { noteFiles, tileFiles } from "./signed-export.js";
import { noteSigner } from "./tlog-keys.js";

export const SAMPLE_ORIGIN = "rootkeep.example/audit/sample/1";
/** The sample log's own key. */
export const SAMPLE_SIGNER = noteSigner(SAMPLE_ORIGIN, "ed25519", Buffer.alloc(32, 7));
export const ACCOUNTS = ["acc_0123456789abcdefghjkmnpqrs", "acc_1123456789abcdefghjkmnpqrs", "acc_2123456789abcdefghjkmnpqrs"] as const;

/** What a test may bend before the entry is built: the result is a log whose hashes are right and whose content is not. */
export type Bend = (seq: number, draft: EntryDraft, position: EntryPosition) => { draft?: EntryDraft; position?: EntryPosition };

export interface SampleLog {
  readonly entries: Buffer[];
  readonly openings: SeqOpening[];
}

/** A log of `size` entries as the service would write it: genesis, founding, then acts on three accounts, some with personal data. */
export function sampleLog(size: number, bend?: Bend): SampleLog {
  const log: SampleLog = { entries: [], openings: [] };
  const streams = new Map<string, { size: number; lastLeaf: Buffer }>();
  let prev = ZERO_HASH;
  for (let seq = 0; seq < size; seq++) {
    const draft = sampleDraft(seq);
    const chain = draft.stream === undefined ? undefined : (streams.get(draft.stream) ?? { size: 0, lastLeaf: ZERO_HASH });
    const position = {
      log: SAMPLE_ORIGIN,
      seq,
      prev,
      time: sampleTime(seq),
      ...(chain === undefined ? {} : { sseq: chain.size, sprev: chain.lastLeaf }),
    };
    const bent = bend?.(seq, draft, position) ?? {};
    const built: BuiltEntry = buildEntry(bent.draft ?? draft, bent.position ?? position, () => Buffer.alloc(16, seq));
    const { stream } = bent.draft ?? draft;
    if (stream !== undefined) streams.set(stream, { size: ((bent.position ?? position).sseq ?? 0) + 1, lastLeaf: built.leafHash });
    prev = built.leafHash;
    log.entries.push(built.bytes);
    log.openings.push(...built.disclosures.map((opening) => ({ ...opening, seq })));
  }
  return log;
}

/** Fingerprint of a founding custodian's authenticator, by a person's name. */
export function fingerprintOf(name: string): string {
  return leafHash(Buffer.from(name)).toString("hex");
}

export function sampleTime(seq: number): string {
  return new Date(Date.UTC(2026, 0, 1) + seq * 1000).toISOString().replace("Z", "000Z");
}

/** An event id that is the same at every run; version 4 unless another one is asked for. */
export function sampleId(seq: number, version = 4): string {
  return `01980000-0000-${String(version)}000-8000-${seq.toString(16).padStart(12, "0")}`;
}

export function sampleDraft(seq: number): EntryDraft {
  if (seq === 0) return { id: sampleId(0), action: "log.genesis", outcome: "committed", actor: { type: "system" } };
  if (seq === 1) {
    const details = {
      custodians: ["alice", "bob"].map((name) => ({
        person: `per_${name}`,
        authenticator: `aut_${name}`,
        fingerprint: fingerprintOf(name),
      })),
    };
    return { id: sampleId(1), action: "people.founded", outcome: "committed", actor: { type: "system" }, details };
  }
  const stream = ACCOUNTS[seq % ACCOUNTS.length] ?? ACCOUNTS[0];
  return {
    id: sampleId(seq, seq % 4 === 0 ? 8 : 4),
    action: "secret.reveal",
    outcome: seq % 2 === 0 ? "intent" : "committed",
    actor: { type: "person", id: "per_0123456789abcdefghjkmnpqrs" },
    target: { type: "secret-version", id: "ver_0123456789abcdefghjkmnpqrs", version: 3 },
    request: { purpose: "close-account", note: 'Grüße\n"quoted" \\ \u0001' },
    details: { grant: "grt_0123456789abcdefghjkmnpqrs" },
    stream,
    rows: [`request/req_${String(seq)}`, `grant/grt_${String(seq)}`],
    ...(seq % 5 === 0 ? { disclosures: [{ field: "request.reason", value: `INC-${String(seq)}: Änderung` }] } : {}),
  };
}

/** The manifest of an export of `entries` from `from` on. */
export function sampleManifest(head: string, to: number, changes: Partial<ExportManifest> = {}): ExportManifest {
  return {
    format: EXPORT_FORMAT,
    origin: SAMPLE_ORIGIN,
    from: 0,
    to,
    size: to,
    head,
    created: "2026-02-01T00:00:00.000000Z",
    tool: "rootkeep 0.1.0",
    disclosures: true,
    ...changes,
  };
}

/** Sizes at which the sample log was signed. */
export function sampleSizes(size: number): number[] {
  return [1, 100, 256, 280, 500, size].filter((signed, index, all) => signed <= size && all.indexOf(signed) === index);
}

/**
 * Writes an export: what the service's writer does, without a database.
 * @param leaves of the whole log as it was signed; by default the hashes of `entries`.
 */
export async function writeExport(
  directory: string,
  manifest: ExportManifest,
  entries: readonly Uint8Array[],
  openings: readonly SeqOpening[],
  leaves: readonly Buffer[] = entries.map((entry) => leafHash(entry)),
): Promise<void> {
  await writeFiles(directory, await exportFiles(manifest, entries, openings, leaves));
}

/** The files of {@link writeExport}, by their path. */
export async function exportFiles(
  manifest: ExportManifest,
  entries: readonly Uint8Array[],
  openings: readonly SeqOpening[],
  leaves: readonly Buffer[] = entries.map((entry) => leafHash(entry)),
): Promise<Record<string, string | Uint8Array>> {
  const signer = manifest.origin === SAMPLE_ORIGIN ? SAMPLE_SIGNER : noteSigner(manifest.origin, "ed25519", Buffer.alloc(32, 8));
  const files: Record<string, string | Uint8Array> = {
    ...(await noteFiles(leaves, sampleSizes(leaves.length), { log: signer })),
    ...tileFiles(leaves),
    [EXPORT_FILES.manifest]: manifestBytes(manifest),
    [EXPORT_FILES.guide]: VERIFY_GUIDE,
    ...(manifest.disclosures ? { [EXPORT_FILES.disclosures]: openings.map(openingLine).join("") } : {}),
  };
  for await (const { path, bytes } of bundles(stream(entries), manifest.from)) files[path] = bytes;
  return files;
}

export async function writeFiles(directory: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

async function* stream(entries: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  for (const entry of entries) {
    await Promise.resolve();
    yield entry;
  }
}
