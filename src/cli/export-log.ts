import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { BUNDLE_WIDTH, decodeBundle } from "../audit/bundle.js";
import { leafHash } from "../audit/chain.js";
import { parseEntry } from "../audit/entry.js";
import { isEarlierEpoch } from "../audit/epoch.js";
import {
  checkpointPath,
  EXPORT_FILES,
  EXPORT_FORMAT,
  type ExportManifest,
  manifestBytes,
  openingLine,
  parseManifest,
} from "../audit/export-format.js";
import { VERIFY_GUIDE } from "../audit/export-guide.js";
import { type Checkpoint, parseCheckpoint } from "../audit/tlog/checkpoint.js";
import { parseNote } from "../audit/tlog/note.js";
import { tileAt, tilesOf } from "../audit/tlog/tile.js";
import { entriesPath, parseEntriesPath, parseTilePath, TILE_WIDTH, tilePath } from "../audit/tlog/tile-path.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import { HASH_BYTES } from "../audit/tlog/tree.js";
import type { Answer } from "./answer.js";
import type { ApiClient } from "./api-client.js";
import { PART, readIfThere, writeIfOther, writeWhole } from "./export-files.js";
import { LocalError, UsageError } from "./failure.js";

/** What an export is to hold. */
export interface ExportOptions {
  readonly directory: string;
  /** Seq of the first entry, a multiple of 256. */
  readonly from: number;
  /** Whether openings of personal data are enclosed. */
  readonly hasDisclosures: boolean;
  /** The export ends at the newest checkpoint that has so many cosignatures; 0 unless told. */
  readonly cosignatures?: number;
  /** Program and version, for the manifest. */
  readonly tool: string;
  readonly created: Date;
  /** Told after each bundle: entries done, entries there are. */
  readonly onProgress: (done: number, total: number) => void;
}

/** What was written, and how many entries the log had that no checkpoint covered yet. */
export interface Exported extends ExportManifest {
  readonly uncovered: number;
}

/** The last entries are signed within a second or two, as long as a signer runs. */
const SIGNER_WAIT_MS = 10_000;
const LOOK_EVERY_MS = 200;

/**
 * Writes the log, up to its newest checkpoint, into a directory in the form of docs/spec/audit-export.md. Every file is written whole or not
 * at all; an export that was interrupted, or one of a shorter log, is completed: full tiles and bundles that are there and whole are not
 * fetched again.
 *
 * The manifest is taken away first and written last, so that a directory in between never passes for an export: it verifies as incomplete.
 * Whether the log holds is not judged here: an export of a broken log must be possible, it is the evidence.
 * @throws UsageError, LocalError (another log's export is there; the log has no such entry or checkpoint), RefusedError
 */
export async function exportLog(client: ApiClient, options: ExportOptions): Promise<Exported> {
  const { directory, from } = options;
  if (from % BUNDLE_WIDTH !== 0) throw new UsageError("--from is a multiple of 256");
  const { note, checkpoint, uncovered } = await lastCheckpoint(client, options.cosignatures ?? 0);
  const { origin, size } = checkpoint;
  if (from >= size) throw new LocalError(`${String(size)} entries are signed, none from ${String(from)} on`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await assertSameLog(directory, { origin, from, to: size });
  await rm(join(directory, EXPORT_FILES.manifest), { force: true });
  let head: Buffer = Buffer.alloc(0);
  for (let n = from / BUNDLE_WIDTH; n * BUNDLE_WIDTH < size; n++) {
    head = await placeBundle(client, directory, n, { origin, size });
    options.onProgress(Math.min((n + 1) * BUNDLE_WIDTH, size) - from, size - from);
  }
  await placeTree(client, directory, from, size);
  await writeIfOther(join(directory, EXPORT_FILES.checkpoint), note);
  await writeIfOther(join(directory, EXPORT_FILES.keys), (await client.bytes("/v1/audit/verifier-key")).toString("utf8"));
  await removeStale(directory, "tile", size);
  const manifest: ExportManifest = {
    format: EXPORT_FORMAT,
    origin,
    from,
    to: size,
    size,
    head: head.toString("hex"),
    created: options.created.toISOString().replace("Z", "000Z"),
    tool: options.tool,
    disclosures: options.hasDisclosures,
  };
  await placeOpenings(client, directory, manifest);
  await writeWhole(join(directory, EXPORT_FILES.guide), VERIFY_GUIDE);
  await writeWhole(join(directory, EXPORT_FILES.manifest), manifestBytes(manifest));
  return { ...manifest, uncovered };
}

interface NewestCheckpoint {
  readonly note: string;
  readonly checkpoint: Checkpoint;
  readonly uncovered: number;
}

/** The checkpoint to end at. The log's last entries are waited for, a while: who exports wants to see what just happened. */
async function lastCheckpoint(client: ApiClient, cosignatures: number): Promise<NewestCheckpoint> {
  const wanted = (await client.get("/v1/audit/head")).count("size");
  if (cosignatures > 0) return await lastCosigned(client, cosignatures, wanted);
  for (const deadline = performance.now() + SIGNER_WAIT_MS; ; ) {
    const newest = readNote((await client.bytes("/v1/audit/tlog/checkpoint")).toString("utf8"));
    if (newest.checkpoint.size >= wanted || performance.now() > deadline) return withUncovered(newest, wanted);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function lastCosigned(client: ApiClient, cosignatures: number, wanted: number): Promise<NewestCheckpoint> {
  let last: string | undefined;
  for await (const item of client.items("/v1/audit/checkpoints")) {
    const note = item.text("note");
    // The log's own line stands there, too.
    if (readNote(note).signatures - 1 >= cosignatures) last = note;
  }
  if (last === undefined) throw new LocalError(`no checkpoint has ${String(cosignatures)} cosignatures yet`);
  return withUncovered(readNote(last), wanted);
}

function withUncovered({ note, checkpoint }: { note: string; checkpoint: Checkpoint }, wanted: number): NewestCheckpoint {
  return { note, checkpoint, uncovered: Math.max(0, wanted - checkpoint.size) };
}

function readNote(note: string): { note: string; checkpoint: Checkpoint; signatures: number } {
  try {
    const { text, signatures } = parseNote(Buffer.from(note, "utf8"));
    return { note, checkpoint: parseCheckpoint(text), signatures: signatures.length };
  } catch (error) {
    if (error instanceof TlogError) throw new LocalError(`the service sent no checkpoint: ${error.message}`);
    throw error;
  }
}

/** Two logs in one directory would make an export of neither. */
async function assertSameLog(directory: string, { origin, from, to }: Pick<ExportManifest, "origin" | "from" | "to">): Promise<void> {
  const bytes = await readIfThere(join(directory, EXPORT_FILES.manifest));
  if (bytes === null) return;
  let known: ExportManifest;
  try {
    known = parseManifest(bytes);
  } catch {
    throw new LocalError(`${directory} holds a manifest that is none of ours; name another directory`);
  }
  if (known.origin !== origin || known.from !== from || known.to > to) {
    throw new LocalError(`${directory} holds an export of another log, or of more of it; name another directory`);
  }
}

/** @returns the leaf hash of the bundle's last entry. */
async function placeBundle(
  client: ApiClient,
  directory: string,
  n: number,
  { origin, size }: { readonly origin: string; readonly size: number },
): Promise<Buffer> {
  const first = n * BUNDLE_WIDTH;
  const width = Math.min(BUNDLE_WIDTH, size - first);
  const path = join(directory, entriesPath(n, width));
  const there = await readIfThere(path);
  if (there !== null && isWhole(there, first, width, origin)) return lastLeaf(there);
  const bytes = await client.bytes(`/v1/audit/tlog/${entriesPath(n, width)}`);
  const count = entriesOf(bytes).length;
  if (count !== width) throw new LocalError(`the service sent ${String(count)} entries of bundle ${String(n)}, not ${String(width)}`);
  await writeWhole(path, bytes);
  return lastLeaf(bytes);
}

function lastLeaf(bundle: Buffer): Buffer {
  return leafHash(entriesOf(bundle).at(-1) ?? Buffer.alloc(0));
}

/** True for a bundle of so many entries of this log at this place; a torn or foreign one is fetched again. */
function isWhole(bytes: Buffer, first: number, width: number, origin: string): boolean {
  try {
    const entries = decodeBundle(bytes).map((entry) => parseEntry(entry));
    return (
      entries.length === width &&
      entries.every(({ seq, log }, index) => seq === first + index && (log === origin || isEarlierEpoch(log, origin)))
    );
  } catch {
    return false;
  }
}

function entriesOf(bytes: Buffer): readonly Buffer[] {
  try {
    return decodeBundle(bytes);
  } catch {
    throw new LocalError("the service sent a bundle that is not whole");
  }
}

/** All tiles of the tree, and the checkpoints that were issued from `from` on. */
async function placeTree(client: ApiClient, directory: string, from: number, size: number): Promise<void> {
  for (const tile of tilesOf(size)) {
    const path = join(directory, tilePath(tile));
    const isFull = tile.width === TILE_WIDTH;
    // A narrow tile is cheap, and its length says nothing of what is in it.
    if (isFull && (await readIfThere(path))?.length === TILE_WIDTH * HASH_BYTES) continue;
    await writeWhole(path, await client.bytes(`/v1/audit/tlog/${tilePath(tile)}`));
  }
  for await (const item of client.items("/v1/audit/checkpoints", { after: from })) {
    if (item.count("size") > size) return;
    await writeIfOther(join(directory, checkpointPath(item.count("size"))), item.text("note"));
  }
}

/** Openings are always written anew: some may have been erased since, and an erased one must not live on in a directory that was caught up. */
async function placeOpenings(client: ApiClient, directory: string, manifest: ExportManifest): Promise<void> {
  const path = join(directory, EXPORT_FILES.disclosures);
  if (manifest.disclosures) await writeWhole(path, openingLines(client, manifest));
  else await rm(path, { force: true });
}

async function* openingLines(client: ApiClient, { from, to }: ExportManifest): AsyncGenerator<string, void, void> {
  // One bundle's entries at a time: memory stays flat, however long the log is.
  for (let start = from; start < to; start += BUNDLE_WIDTH) {
    const items: Answer[] = [];
    for await (const item of client.items("/v1/audit/disclosures", {
      from: start,
      to: Math.min(start + BUNDLE_WIDTH, to),
      limit: undefined,
    }))
      items.push(item);
    const openings = items.map((item) => ({
      seq: item.count("seq"),
      field: item.text("field"),
      salt: Buffer.from(item.text("salt"), "base64"),
      value: item.text("value"),
    }));
    // By seq, then by field in the order of code units, which the verifier expects.
    openings.sort((one, other) => one.seq - other.seq || (one.field < other.field ? -1 : 1));
    yield openings.map(openingLine).join("");
  }
}

/** Takes away what an earlier, shorter export left: narrow tiles and bundles whose content now stands in wider ones. */
async function removeStale(directory: string, folder: string, size: number): Promise<void> {
  for (const item of await readdir(join(directory, folder), { withFileTypes: true })) {
    const path = `${folder}/${item.name}`;
    if (item.isDirectory()) {
      await removeStale(directory, path, size);
      // Only an empty directory goes; another one refuses, and stays.
      await rmdir(join(directory, path)).catch(() => undefined);
    } else if (item.isFile() && isStale(path, size)) await rm(join(directory, path), { force: true });
  }
}

/** Only files that this program makes are ever deleted. */
function isStale(path: string, size: number): boolean {
  const name = path.endsWith(PART) ? path.slice(0, -PART.length) : path;
  const bundle = parseEntriesPath(name);
  const tile = bundle === null ? parseTilePath(name) : { level: 0, ...bundle };
  if (tile === null) return false;
  return path.endsWith(PART) || (tile.width < TILE_WIDTH && tileAt(tile.level, tile.n, size)?.width !== tile.width);
}
