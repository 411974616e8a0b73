import { mkdir, open, readdir, readFile, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BUNDLE_WIDTH, decodeBundle, encodeBundle, entriesPath, parseEntriesPath } from "../audit/bundle.js";
import { leafHash } from "../audit/chain.js";
import { parseEntry } from "../audit/entry.js";
import { EXPORT_FILES, EXPORT_FORMAT, type ExportManifest, manifestBytes, openingLine, parseManifest } from "../audit/export-format.js";
import { VERIFY_GUIDE } from "../audit/export-guide.js";
import type { Answer } from "./answer.js";
import type { ApiClient } from "./api-client.js";
import { LocalError, UsageError } from "./failure.js";

/** What an export is to hold. */
export interface ExportOptions {
  readonly directory: string;
  /** Seq of the first entry, a multiple of 256. */
  readonly from: number;
  /** Whether openings of personal data are enclosed. */
  readonly hasDisclosures: boolean;
  /** Program and version, for the manifest. */
  readonly tool: string;
  readonly created: Date;
  /** Told after each bundle: entries done, entries there are. */
  readonly onProgress: (done: number, total: number) => void;
}

const PART = ".part";

/**
 * Writes the log, up to the head it has now, into a directory in the form of docs/spec/audit-export.md. Every file is written whole or not at
 * all; an export that was interrupted, or one of a shorter log, is completed: full bundles that are there and whole are not fetched again.
 *
 * The manifest is taken away first and written last, so that a directory in between never passes for an export: it verifies as incomplete.
 * Whether the chain holds is not judged here: an export of a broken log must be possible, it is the evidence.
 * @throws UsageError, LocalError (another log's export is there; the log has no such entry), RefusedError
 */
export async function exportLog(client: ApiClient, options: ExportOptions): Promise<ExportManifest> {
  const { directory, from } = options;
  if (from % BUNDLE_WIDTH !== 0) throw new UsageError("--from is a multiple of 256");
  const head = await client.get("/v1/audit/head");
  const manifest: ExportManifest = {
    format: EXPORT_FORMAT,
    origin: head.text("origin"),
    from,
    to: head.count("size"),
    size: head.count("size"),
    head: head.text("head"),
    created: options.created.toISOString().replace("Z", "000Z"),
    tool: options.tool,
    disclosures: options.hasDisclosures,
  };
  if (from >= manifest.to) throw new LocalError(`the log has ${String(manifest.to)} entries, none from ${String(from)} on`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await assertSameLog(directory, manifest);
  await rm(join(directory, EXPORT_FILES.manifest), { force: true });
  for (let n = from / BUNDLE_WIDTH; n * BUNDLE_WIDTH < manifest.to; n++) {
    await placeBundle(client, directory, n, manifest);
    options.onProgress(Math.min((n + 1) * BUNDLE_WIDTH, manifest.to) - from, manifest.to - from);
  }
  await removeStale(directory, "", manifest);
  await placeOpenings(client, directory, manifest);
  await writeWhole(join(directory, EXPORT_FILES.guide), VERIFY_GUIDE);
  await writeWhole(join(directory, EXPORT_FILES.manifest), manifestBytes(manifest));
  return manifest;
}

/** Two logs in one directory would make an export of neither. */
async function assertSameLog(directory: string, manifest: ExportManifest): Promise<void> {
  const bytes = await readIfThere(join(directory, EXPORT_FILES.manifest));
  if (bytes === null) return;
  let known: ExportManifest;
  try {
    known = parseManifest(bytes);
  } catch {
    throw new LocalError(`${directory} holds a manifest that is none of ours; name another directory`);
  }
  if (known.origin !== manifest.origin || known.from !== manifest.from || known.to > manifest.to) {
    throw new LocalError(`${directory} holds an export of another log, or of more of it; name another directory`);
  }
}

async function placeBundle(client: ApiClient, directory: string, n: number, manifest: ExportManifest): Promise<void> {
  const first = n * BUNDLE_WIDTH;
  const width = Math.min(BUNDLE_WIDTH, manifest.to - first);
  const path = join(directory, entriesPath(n, width));
  // A narrower bundle is cheap and may be of another head: it is always fetched.
  if (width === BUNDLE_WIDTH && isWhole(await readIfThere(path), first, manifest.origin)) return;
  const entries = entriesOf(await client.bytes(`/v1/audit/bundles/${String(n)}`)).slice(0, width);
  if (entries.length < width)
    throw new LocalError(`the service sent ${String(entries.length)} entries of bundle ${String(n)}, not ${String(width)}`);
  const last = entries[width - 1];
  if (last !== undefined && first + width === manifest.to && leafHash(last).toString("hex") !== manifest.head) {
    throw new LocalError("the last entry is not the head that the service named");
  }
  await writeWhole(path, encodeBundle(entries));
}

/** True for a bundle of 256 entries of this log at this place; a torn or foreign one is fetched again. */
function isWhole(bytes: Buffer | null, first: number, origin: string): boolean {
  if (bytes === null) return false;
  try {
    const entries = decodeBundle(bytes).map((entry) => parseEntry(entry));
    return entries.length === BUNDLE_WIDTH && entries.every(({ seq, log }, index) => seq === first + index && log === origin);
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

/** Takes away what an earlier, shorter export left: its last, narrow bundle holds entries that now stand in a wider one. */
async function removeStale(directory: string, folder: string, manifest: ExportManifest): Promise<void> {
  const inside = folder === "" ? "tile/entries" : folder;
  for (const item of await readdir(join(directory, inside), { withFileTypes: true })) {
    const path = `${inside}/${item.name}`;
    if (item.isDirectory()) {
      await removeStale(directory, path, manifest);
      // Only an empty directory goes; another one refuses, and stays.
      await rmdir(join(directory, path)).catch(() => undefined);
    } else if (item.isFile() && isStale(path, manifest)) await rm(join(directory, path), { force: true });
  }
}

/** Only files that this program makes are ever deleted. */
function isStale(path: string, { to }: ExportManifest): boolean {
  if (path.endsWith(PART)) return parseEntriesPath(path.slice(0, -PART.length)) !== null;
  const bundle = parseEntriesPath(path);
  return bundle !== null && bundle.width < BUNDLE_WIDTH && bundle.width !== to - bundle.n * BUNDLE_WIDTH;
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Writes a file whole or not at all, for its owner only: an export names people. */
async function writeWhole(path: string, content: Uint8Array | string | AsyncIterable<string>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(`${path}${PART}`, { force: true });
  const file = await open(`${path}${PART}`, "wx", 0o600);
  try {
    if (typeof content === "string" || content instanceof Uint8Array) await file.writeFile(content);
    else for await (const text of content) await file.appendFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}${PART}`, path);
}
