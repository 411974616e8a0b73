import { BUNDLE_BYTES_MAX, BundleError, bundleEntries, encodeBundle } from "../audit/bundle.js";
import { ZERO_HASH_HEX } from "../audit/entry-form.js";
import {
  checkpointPath,
  EXPORT_FILES,
  EXPORT_FORMAT,
  MANIFEST_BYTES_MAX,
  manifestBytes,
  NOTE_FILE_BYTES_MAX,
  parseManifest,
} from "../audit/export-format.js";
import { parseCheckpoint } from "../audit/tlog/checkpoint.js";
import { parseNote } from "../audit/tlog/note.js";
import { tileAt } from "../audit/tlog/tile.js";
import { parseEntriesPath, parseTilePath, TILE_WIDTH, tilePath } from "../audit/tlog/tile-path.js";
import { HASH_BYTES } from "../audit/tlog/tree.js";
import { linesOf } from "./export-directory.js";
import type { ExportSource } from "./export-source.js";
import type { HttpReader } from "./http-reader.js";
import type { ServedAddress } from "./served-address.js";
import { canReadOpenings, checkpointPages, servedOpenings } from "./served-lists.js";

/** Openings of a copy on a web server are taken as one file, and so only up to here. */
const OPENINGS_BYTES_MAX = 2 ** 26;
/** A checkpoint can claim any number; behind this one nobody would wait. */
export const SERVED_ENTRIES_MAX = 1_000_000_000;

/** What is to be verified, as the first answers said. The log may grow meanwhile; this stays. */
interface Beginning {
  readonly manifest: Buffer | null;
  readonly checkpoint: Buffer | null;
  readonly size: number;
  readonly hasOpenings: boolean;
}

/**
 * A log that somebody serves: `/v1/audit/tlog/` of a Rootkeep, another log under the paths of C2SP tlog-tiles, or the files of an export on
 * a web server. Where there is no manifest, the checkpoint that was read first stands for one: from entry 0 to its size.
 */
export class ServedExport implements ExportSource {
  readonly isServed = true;
  #beginning: Promise<Beginning> | undefined;
  /** The checkpoint whose size was given last; a page of them is in memory, not all. */
  #older: { readonly size: number; readonly note: Buffer } | undefined;

  constructor(
    private readonly http: HttpReader,
    private readonly address: ServedAddress,
  ) {}

  async read(path: string, bytesMax: number): Promise<Buffer | null> {
    const { api, base } = this.address;
    if (path === EXPORT_FILES.manifest) return (await this.#begun()).manifest;
    if (path === EXPORT_FILES.checkpoint) return (await this.#begun()).checkpoint;
    if (path === EXPORT_FILES.keys && api !== null) return await this.http.get(new URL("verifier-key", api), bytesMax);
    if (this.#older !== undefined && path === checkpointPath(this.#older.size)) return this.#older.note;
    return (await this.http.get(new URL(path, base), bytesMax)) ?? (await this.#widened(path));
  }

  async *paths(): AsyncGenerator<{ readonly path: string; readonly isFile: boolean }, void, void> {
    // A web server lists nothing.
  }

  async *checkpointSizes(): AsyncGenerator<number, void, void> {
    const { api } = this.address;
    if (api === null) return;
    const { size } = await this.#begun();
    for await (const issued of checkpointPages(this.http, api)) {
      // What was signed meanwhile is of another day.
      if (issued.size > size) return;
      this.#older = issued;
      yield issued.size;
    }
  }

  async openingLines(): Promise<AsyncIterator<Uint8Array> | null> {
    const { api, base } = this.address;
    const { hasOpenings, size } = await this.#begun();
    if (!hasOpenings) return null;
    if (api !== null) return servedOpenings(this.http, api, size);
    const bytes = await this.http.get(new URL(EXPORT_FILES.disclosures, base), OPENINGS_BYTES_MAX);
    return bytes === null ? null : linesOf([bytes]);
  }

  async #begun(): Promise<Beginning> {
    this.#beginning ??= this.#begin();
    return await this.#beginning;
  }

  async #begin(): Promise<Beginning> {
    const { api, base } = this.address;
    const manifest = api === null ? await this.http.get(new URL(EXPORT_FILES.manifest, base), MANIFEST_BYTES_MAX) : null;
    const checkpoint = await this.http.get(new URL(EXPORT_FILES.checkpoint, base), NOTE_FILE_BYTES_MAX);
    if (manifest !== null) {
      const { size, disclosures } = parseManifest(manifest);
      assertReadable(size);
      return { manifest, checkpoint, size, hasOpenings: disclosures };
    }
    if (checkpoint === null) throw new Error("is missing, and so is a checkpoint: no log is served there");
    const { origin, size } = parseCheckpoint(parseNote(checkpoint).text);
    assertReadable(size);
    const hasOpenings = api !== null && (await canReadOpenings(this.http, api));
    const made = manifestBytes({
      format: EXPORT_FORMAT,
      origin,
      from: 0,
      to: size,
      size,
      head: await this.#lastLeaf(size),
      created: new Date().toISOString().replace("Z", "000Z"),
      tool: "this verifier out of the checkpoint that was served",
      disclosures: hasOpenings,
    });
    return { manifest: made, checkpoint, size, hasOpenings };
  }

  /** As the tree says. Of a tile that is missing or torn the tree's own check tells; then no entry is the last one. */
  async #lastLeaf(size: number): Promise<string> {
    const tile = tileAt(0, Math.floor((size - 1) / TILE_WIDTH), size);
    const hashes = tile === null ? null : await this.read(tilePath(tile), TILE_WIDTH * HASH_BYTES);
    const last = hashes?.subarray(-HASH_BYTES);
    return last?.length === HASH_BYTES ? last.toString("hex") : ZERO_HASH_HEX;
  }

  /** C2SP tlog-tiles lets a server drop a narrow tile once the full one is there: the beginning of that one is the same. */
  async #widened(path: string): Promise<Buffer | null> {
    const bundle = parseEntriesPath(path);
    const tile = parseTilePath(path);
    const width = bundle?.width ?? tile?.width ?? TILE_WIDTH;
    if (width === TILE_WIDTH) return null;
    const full = new URL(path.replace(/\.p\/\d+$/, ""), this.address.base);
    if (bundle === null) return (await this.http.get(full, TILE_WIDTH * HASH_BYTES))?.subarray(0, width * HASH_BYTES) ?? null;
    const bytes = await this.http.get(full, BUNDLE_BYTES_MAX);
    return bytes === null ? null : firstOf(bytes, width);
  }
}

function firstOf(bundle: Buffer, width: number): Buffer {
  const entries: Buffer[] = [];
  try {
    for (const entry of bundleEntries(bundle)) if (entries.push(entry) === width) return encodeBundle(entries);
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
  }
  // Too short or torn: as it is, so that it is found to be just that.
  return bundle;
}

function assertReadable(size: number): void {
  if (size > SERVED_ENTRIES_MAX) throw new Error(`claims more than ${String(SERVED_ENTRIES_MAX)} entries: make an export of it`);
}
