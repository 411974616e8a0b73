import type { ClientBase } from "pg";
import { byteaArray } from "../database/binary-array.js";
import type { FullTile } from "./tlog/tile-builder.js";
import type { VerifierKey } from "./tlog/verifier-key.js";

/** A row of `audit.checkpoint`: a claim of the database's, until its note is verified. */
export interface CheckpointRow {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
  /** The signed note, without cosignatures. */
  readonly note: string;
  /** Hashes of the compact range of `size` leaves. */
  readonly frontier: Buffer;
}

/** A checkpoint's note and a witness's line under it. */
export interface CosignedRow {
  readonly note: string;
  readonly line: string;
}

/** An entry's bytes beside the hash that the database keeps of it. */
export interface StoredLeaf {
  readonly entry: Buffer;
  readonly leafHash: Buffer;
}

interface CheckpointRecord {
  size: string;
  root: Buffer;
  note: string;
  frontier: Buffer;
}

const COLUMNS = "size, root, note, frontier";
/** Eight megabytes. */
const TILES_AT_ONCE = 1_024;

/** The statements about tree and checkpoints. Only the signer's role may run those that insert. */
export const CheckpointRepository = {
  /** The newest checkpoint, or of at most `sizeMax` entries. */
  async newest(client: ClientBase, origin: string, sizeMax = Number.MAX_SAFE_INTEGER): Promise<CheckpointRow | undefined> {
    const { rows } = await client.query<CheckpointRecord>(
      `SELECT ${COLUMNS} FROM audit.checkpoint WHERE origin = $1 AND size <= $2 ORDER BY size DESC LIMIT 1`,
      [origin, sizeMax],
    );
    return rows.map(toRow)[0];
  },

  /** Whether anything was ever signed, under whichever name. */
  async hasAny(client: ClientBase): Promise<boolean> {
    const { rows } = await client.query("SELECT 1 FROM audit.checkpoint LIMIT 1");
    return rows.length > 0;
  },

  /** The smallest checkpoint that covers entry `seq`. */
  async firstCovering(client: ClientBase, origin: string, seq: number): Promise<CheckpointRow | undefined> {
    const { rows } = await client.query<CheckpointRecord>(
      `SELECT ${COLUMNS} FROM audit.checkpoint WHERE origin = $1 AND size > $2 ORDER BY size LIMIT 1`,
      [origin, seq],
    );
    return rows.map(toRow)[0];
  },

  /** The checkpoints of some epochs, of each up to a size, that are larger than `after`: in the order of their sizes. */
  async list(
    client: ClientBase,
    epochs: readonly { readonly origin: string; readonly size: number }[],
    after: number,
    limit: number,
  ): Promise<(CheckpointRow & { readonly origin: string })[]> {
    const { rows } = await client.query<CheckpointRecord & { origin: string }>(
      `SELECT c.origin, ${COLUMNS} FROM unnest($1::text[], $2::bigint[]) AS e(origin, last)
       JOIN audit.checkpoint c ON c.origin = e.origin AND c.size <= e.last WHERE c.size > $3 ORDER BY c.size LIMIT $4`,
      [epochs.map(({ origin }) => origin), epochs.map(({ size }) => size), after, limit],
    );
    return rows.map((row) => ({ ...toRow(row), origin: row.origin }));
  },

  /** Cosignature lines of a checkpoint, each with its line feed; one of each key at most. */
  async cosignatures(client: ClientBase, origin: string, size: number): Promise<string[]> {
    const { rows } = await client.query<{ line: string }>(
      'SELECT line FROM audit.cosignature WHERE origin = $1 AND size = $2 ORDER BY line COLLATE "C"',
      [origin, size],
    );
    return rows.map(({ line }) => line);
  },

  /** The largest checkpoint with a line that names `key`, and the line: a claim until it is verified. */
  async newestCosigned(client: ClientBase, origin: string, key: VerifierKey): Promise<CosignedRow | undefined> {
    const { rows } = await client.query<CosignedRow>(
      `SELECT c.note, s.line FROM audit.cosignature s JOIN audit.checkpoint c USING (origin, size)
       WHERE s.origin = $1 AND s.key = $2 ORDER BY s.size DESC LIMIT 1`,
      [origin, `${key.name}+${key.keyId.toString(16).padStart(8, "0")}`],
    );
    return rows[0];
  },

  /** A checkpoint and the tiles that got full since the one before it, in one transaction. */
  async insert(client: ClientBase, origin: string, checkpoint: CheckpointRow, tiles: readonly FullTile[]): Promise<void> {
    const { size, root, note, frontier } = checkpoint;
    try {
      // Sent one behind the other: a connection that pipelines waits once.
      await Promise.all([
        client.query("BEGIN"),
        ...insertTiles(client, origin, tiles),
        client.query("INSERT INTO audit.checkpoint (origin, size, root, note, frontier) VALUES ($1, $2, $3, $4, $5)", [
          origin,
          size,
          root,
          note,
          frontier,
        ]),
      ]);
      const { command } = await client.query("COMMIT");
      if (command !== "COMMIT") throw new Error("the checkpoint was rolled back");
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  },

  /** The first line of a key stays (migration `one-cosignature-for-each-witness`). */
  async insertCosignatures(client: ClientBase, origin: string, size: number, lines: readonly string[]): Promise<void> {
    await client.query(
      "INSERT INTO audit.cosignature (origin, size, line) SELECT $1, $2, line FROM unnest($3::text[]) AS t(line) ON CONFLICT DO NOTHING",
      [origin, size, [...lines]],
    );
  },

  /** Entries of `[from, to)` with the hashes that the database has of them, in order. */
  async leaves(client: ClientBase, from: number, to: number): Promise<StoredLeaf[]> {
    const { rows } = await client.query<{ entry: Buffer; leaf_hash: Buffer }>(
      "SELECT entry, leaf_hash FROM audit.entry WHERE seq >= $1 AND seq < $2 AND entry IS NOT NULL ORDER BY seq",
      [from, to],
    );
    return rows.map(({ entry, leaf_hash }) => ({ entry, leafHash: leaf_hash }));
  },

  /** The leaf hashes of `[from, to)` as the database has them, one after the other. */
  async leafHashes(client: ClientBase, from: number, to: number): Promise<Buffer> {
    const { rows } = await client.query<{ leaf_hash: Buffer }>(
      "SELECT leaf_hash FROM audit.entry WHERE seq >= $1 AND seq < $2 ORDER BY seq",
      [from, to],
    );
    return Buffer.concat(rows.map(({ leaf_hash }) => leaf_hash));
  },

  /** A full tile, or undefined. */
  async fullTile(client: ClientBase, origin: string, level: number, n: number): Promise<Buffer | undefined> {
    const { rows } = await client.query<{ hashes: Buffer }>("SELECT hashes FROM audit.tile WHERE origin = $1 AND level = $2 AND idx = $3", [
      origin,
      level,
      n,
    ]);
    return rows[0]?.hashes;
  },

  /** Roots of the full tiles `[from, to)` of a level, one after the other. */
  async tileRoots(client: ClientBase, origin: string, level: number, from: number, to: number): Promise<Buffer> {
    const { rows } = await client.query<{ root: Buffer }>(
      "SELECT root FROM audit.tile WHERE origin = $1 AND level = $2 AND idx >= $3 AND idx < $4 ORDER BY idx",
      [origin, level, from, to],
    );
    return Buffer.concat(rows.map(({ root }) => root));
  },
} as const;

/** A log that is signed anew from its first entry fills thousands of tiles at once; one message to the database has a bound. */
function insertTiles(client: ClientBase, origin: string, tiles: readonly FullTile[]): Promise<unknown>[] {
  const inserts: Promise<unknown>[] = [];
  for (let from = 0; from < tiles.length; from += TILES_AT_ONCE) {
    const some = tiles.slice(from, from + TILES_AT_ONCE);
    inserts.push(
      client.query(
        `INSERT INTO audit.tile (origin, level, idx, hashes, root) SELECT $1, level, idx, hashes, root
         FROM unnest($2::smallint[], $3::bigint[], $4::bytea[], $5::bytea[]) AS t(level, idx, hashes, root)`,
        [
          origin,
          some.map(({ level }) => level),
          some.map(({ n }) => n),
          byteaArray(some.map(({ bytes }) => bytes)),
          byteaArray(some.map(({ root }) => root)),
        ],
      ),
    );
  }
  return inserts;
}

function toRow({ size, root, note, frontier }: CheckpointRecord): CheckpointRow {
  return { size: Number(size), root, note, frontier };
}
