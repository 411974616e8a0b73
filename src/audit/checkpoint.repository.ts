import type { ClientBase } from "pg";
import { byteaArray } from "../database/binary-array.js";
import type { FullTile } from "./tlog/tile-builder.js";

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

  /** The smallest checkpoint that covers entry `seq`. */
  async firstCovering(client: ClientBase, origin: string, seq: number): Promise<CheckpointRow | undefined> {
    const { rows } = await client.query<CheckpointRecord>(
      `SELECT ${COLUMNS} FROM audit.checkpoint WHERE origin = $1 AND size > $2 ORDER BY size LIMIT 1`,
      [origin, seq],
    );
    return rows.map(toRow)[0];
  },

  /** Sizes of the checkpoints behind `after`, in order. */
  async list(client: ClientBase, origin: string, after: number, limit: number): Promise<CheckpointRow[]> {
    const { rows } = await client.query<CheckpointRecord>(
      `SELECT ${COLUMNS} FROM audit.checkpoint WHERE origin = $1 AND size > $2 ORDER BY size LIMIT $3`,
      [origin, after, limit],
    );
    return rows.map(toRow);
  },

  /** Cosignature lines of a checkpoint, each with its line feed. */
  async cosignatures(client: ClientBase, origin: string, size: number): Promise<string[]> {
    const { rows } = await client.query<{ line: string }>(
      'SELECT line FROM audit.cosignature WHERE origin = $1 AND size = $2 ORDER BY line COLLATE "C"',
      [origin, size],
    );
    return rows.map(({ line }) => line);
  },

  /** A checkpoint and the tiles that got full since the one before it, in one transaction. */
  async insert(client: ClientBase, origin: string, checkpoint: CheckpointRow, tiles: readonly FullTile[]): Promise<void> {
    const { size, root, note, frontier } = checkpoint;
    try {
      // Sent one behind the other: a connection that pipelines waits once.
      await Promise.all([
        client.query("BEGIN"),
        tiles.length === 0
          ? undefined
          : client.query(
              `INSERT INTO audit.tile (origin, level, idx, hashes, root) SELECT $1, level, idx, hashes, root
               FROM unnest($2::smallint[], $3::bigint[], $4::bytea[], $5::bytea[]) AS t(level, idx, hashes, root)`,
              [
                origin,
                tiles.map(({ level }) => level),
                tiles.map(({ n }) => n),
                byteaArray(tiles.map(({ bytes }) => bytes)),
                byteaArray(tiles.map(({ root: tileRoot }) => tileRoot)),
              ],
            ),
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

  /** Lines that are there already stay. */
  async insertCosignatures(client: ClientBase, origin: string, size: number, lines: readonly string[]): Promise<void> {
    await client.query(
      "INSERT INTO audit.cosignature (origin, size, line) SELECT $1, $2, line FROM unnest($3::text[]) AS t(line) ON CONFLICT DO NOTHING",
      [origin, size, [...lines]],
    );
  },

  /** Entries of `[from, to)` with the hashes that the database has of them, in order. */
  async leaves(client: ClientBase, from: number, to: number): Promise<StoredLeaf[]> {
    const { rows } = await client.query<{ entry: Buffer; leaf_hash: Buffer }>(
      "SELECT entry, leaf_hash FROM audit.entry WHERE seq >= $1 AND seq < $2 ORDER BY seq",
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

function toRow({ size, root, note, frontier }: CheckpointRecord): CheckpointRow {
  return { size: Number(size), root, note, frontier };
}
