// The log as an export, read straight from the database: nothing between the tables and the verifier repairs or refuses anything.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Client } from "pg";
import { BUNDLE_WIDTH } from "../../src/audit/bundle.js";
import { CheckpointRepository } from "../../src/audit/checkpoint.repository.js";
import {
  checkpointPath,
  EXPORT_FILES,
  EXPORT_FORMAT,
  manifestBytes,
  openingLine,
  parseCheckpointPath,
} from "../../src/audit/export-format.js";
import { formatKeyLine } from "../../src/audit/key-lines.js";
import { TileReader } from "../../src/audit/tile-reader.service.js";
import { tilesOf } from "../../src/audit/tlog/tile.js";
import { entriesPath, parseEntriesPath, parseTilePath, tilePath } from "../../src/audit/tlog/tile-path.js";
import { TlogError } from "../../src/audit/tlog/tlog-error.js";
import type { VerifierKey } from "../../src/audit/tlog/verifier-key.js";
import type { ExportSource } from "../../src/verify/export-source.js";

// One value for each bundle: the server lays the entries out as a bundle holds them, and nothing is decoded twice on the way.
const BUNDLE = `SELECT string_agg(int2send(octet_length(entry)::smallint) || entry, '' ORDER BY seq) AS bytes
  FROM audit.entry WHERE seq >= $1 AND seq < $2`;
const OPENINGS_PAGE = 1_000;

/** An export that its verifier reads from the tables of the log, up to the newest checkpoint. `key` is what the file `log.vkey` would say. */
export class DatabaseExport implements ExportSource {
  readonly isServed = false;

  private constructor(
    private readonly client: Client,
    private readonly key: VerifierKey,
    private readonly size: number,
    private readonly head: Buffer,
    private readonly note: string,
  ) {}

  /** @throws Error when the log has no checkpoint. */
  static async open(client: Client, key: VerifierKey): Promise<DatabaseExport> {
    const newest = await CheckpointRepository.newest(client, key.name);
    if (newest === undefined) throw new Error("the log has no checkpoint");
    const { size, note } = newest;
    const { rows } = await client.query<{ leaf_hash: Buffer }>(
      "SELECT coalesce((SELECT leaf_hash FROM audit.entry WHERE seq = $1), (SELECT last_leaf FROM audit.head)) AS leaf_hash",
      [size - 1],
    );
    const lines = await CheckpointRepository.cosignatures(client, key.name, size);
    return new DatabaseExport(client, key, size, rows[0]?.leaf_hash ?? Buffer.alloc(32), note + lines.join(""));
  }

  async read(path: string): Promise<Buffer | null> {
    const fixed = this.#fixed(path);
    if (fixed !== null) return fixed;
    const size = parseCheckpointPath(path);
    if (size !== null) return await this.#checkpoint(size);
    const bundle = parseEntriesPath(path);
    if (bundle !== null) return await this.#bundle(bundle.n * BUNDLE_WIDTH, bundle.width);
    const tile = parseTilePath(path);
    if (tile === null) return null;
    try {
      return await new TileReader(this.client, this.key.name).read(tile);
    } catch (error) {
      if (error instanceof TlogError) return null;
      throw error;
    }
  }

  async *checkpointSizes(): AsyncGenerator<number, void, void> {
    // They are told among the paths.
  }

  async *paths(): AsyncGenerator<{ readonly path: string; readonly isFile: boolean }, void, void> {
    for (const path of [EXPORT_FILES.manifest, EXPORT_FILES.keys, EXPORT_FILES.checkpoint, EXPORT_FILES.disclosures])
      yield { path, isFile: true };
    for (const tile of tilesOf(this.size)) yield { path: tilePath(tile), isFile: true };
    for (let first = 0; first < this.size; first += BUNDLE_WIDTH)
      yield { path: entriesPath(first / BUNDLE_WIDTH, Math.min(BUNDLE_WIDTH, this.size - first)), isFile: true };
    const { rows } = await this.client.query<{ size: string }>("SELECT size FROM audit.checkpoint WHERE origin = $1", [this.key.name]);
    for (const { size } of rows) yield { path: checkpointPath(Number(size)), isFile: true };
  }

  openingLines(): Promise<AsyncIterator<Uint8Array>> {
    return Promise.resolve(this.#openings());
  }

  /** Writes everything into `directory`, for a verifier that reads files. */
  async write(directory: string): Promise<void> {
    for await (const { path } of this.paths()) {
      const bytes = path === EXPORT_FILES.disclosures ? await this.#disclosed() : await this.read(path);
      if (bytes === null) continue;
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), bytes);
    }
  }

  #fixed(path: string): Buffer | null {
    const { size, head, note, key } = this;
    if (path === EXPORT_FILES.keys) return Buffer.from(`${formatKeyLine({ key, lastSize: null })}\n`);
    if (path === EXPORT_FILES.checkpoint) return Buffer.from(note);
    if (path !== EXPORT_FILES.manifest) return null;
    return manifestBytes({
      format: EXPORT_FORMAT,
      origin: key.name,
      from: 0,
      to: size,
      size,
      head: head.toString("hex"),
      created: "2026-01-01T00:00:00.000000Z",
      tool: "database",
      disclosures: true,
    });
  }

  async #checkpoint(size: number): Promise<Buffer | null> {
    const [row] = await CheckpointRepository.list(this.client, [{ origin: this.key.name, size }], size - 1, 1);
    return row?.size === size ? Buffer.from(row.note) : null;
  }

  async #bundle(first: number, width: number): Promise<Buffer | null> {
    const query = { name: "bundle", text: BUNDLE, values: [first, first + width] };
    const { rows } = await this.client.query<{ bytes: Buffer | null }>(query);
    return rows[0]?.bytes ?? null;
  }

  async #disclosed(): Promise<Buffer> {
    const lines: Uint8Array[] = [];
    for await (const line of this.#openings()) lines.push(line, Buffer.from("\n"));
    return Buffer.concat(lines);
  }

  async *#openings(): AsyncGenerator<Uint8Array, void, void> {
    let [seq, field] = [-1, ""];
    for (;;) {
      const { rows } = await this.client.query<{ seq: string; field: string; salt: Buffer; value: string }>(
        `SELECT seq, field, salt, value FROM audit.disclosure WHERE (seq, field COLLATE "C") > ($1, $2)
         ORDER BY seq, field COLLATE "C" LIMIT ${String(OPENINGS_PAGE)}`,
        [seq, field],
      );
      for (const row of rows) yield Buffer.from(openingLine({ ...row, seq: Number(row.seq) }).slice(0, -1));
      const last = rows.at(-1);
      if (last === undefined) return;
      [seq, field] = [Number(last.seq), last.field];
    }
  }
}
