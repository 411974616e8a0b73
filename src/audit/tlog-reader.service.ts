import type { PoolClient } from "pg";
import type { DataSource } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { AuditRepository } from "./audit.repository.js";
import type { AuditLog } from "./audit-log.service.js";
import { BUNDLE_WIDTH, encodeBundle } from "./bundle.js";
import { leafHash } from "./chain.js";
import { CheckpointRepository, type CheckpointRow } from "./checkpoint.repository.js";
import { sizeOfNote } from "./epoch.js";
import { formatKeyLine } from "./key-lines.js";
import { hasTile, TileReader } from "./tile-reader.service.js";
import { parseCheckpoint } from "./tlog/checkpoint.js";
import { parseNote } from "./tlog/note.js";
import { verifyInclusion } from "./tlog/proof.js";
import { rightEdge, rootFromRightEdge } from "./tlog/tile.js";
import { parseEntriesPath, parseTilePath, TILE_WIDTH } from "./tlog/tile-path.js";
import { TlogError } from "./tlog/tlog-error.js";
import { formatTlogProof } from "./tlog/tlog-proof.js";
import { newVerifierKey, type VerifierKey } from "./tlog/verifier-key.js";

/** A checkpoint that was issued, with what witnesses have added so far. */
export interface IssuedCheckpoint {
  /** Entries that it covers. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
  /** The signed note, cosignature lines last. */
  readonly note: string;
}

/** Bytes of a file of C2SP tlog-tiles. */
export interface TileFile {
  readonly bytes: Buffer;
  /** True for a full one: its bytes never change again. */
  readonly isFull: boolean;
}

/** A proof with the roots that it joins; hashes and roots are 32 bytes each. */
export interface ReadProof {
  readonly hashes: readonly Buffer[];
  readonly root: Buffer;
}

/**
 * The signed tree for those who check it: checkpoints, tiles, bundles and proofs, as far as the newest checkpoint goes and no further. It
 * hands out what the database holds; whether that is what was logged, is the reader's to verify.
 */
export class TlogReader {
  constructor(
    private readonly dataSource: DataSource,
    private readonly origin: string,
    private readonly verifierKey: VerifierKey,
    private readonly log: Pick<AuditLog, "epochStarts">,
  ) {}

  /** The keys by which checkpoints are checked, as the file `log.vkey` has them: that of this epoch, then those of the epochs before it. */
  keyLines(): string {
    const { publicKey } = this.verifierKey;
    const earlier = this.#earlier().map(({ origin, size }) => ({ key: newVerifierKey(origin, "ed25519", publicKey), lastSize: size }));
    return [{ key: this.verifierKey, lastSize: null }, ...earlier].map((line) => `${formatKeyLine(line)}\n`).join("");
  }

  /** The newest checkpoint. @throws RootkeepError `NOT_FOUND` before the first. */
  async newest(): Promise<IssuedCheckpoint> {
    return await this.#with(async (client) => await this.#issued(client, await this.#newestRow(client)));
  }

  /** Checkpoints larger than `after`, in order. */
  async checkpoints(after: number, limit: number): Promise<readonly IssuedCheckpoint[]> {
    return await this.#with(async (client) => {
      const epochs = [...this.#earlier(), { origin: this.origin, size: Number.MAX_SAFE_INTEGER }];
      const rows = await CheckpointRepository.list(client, epochs, after, limit);
      const issued: IssuedCheckpoint[] = [];
      for (const row of rows) issued.push(await this.#issued(client, row, row.origin));
      return issued;
    });
  }

  /**
   * The hash tile or entry bundle at `path`, `tile/…`. A narrow one of an earlier, smaller size is there as well.
   * @throws RootkeepError `NOT_FOUND` when the path is not exactly one of C2SP tlog-tiles or reaches beyond the newest checkpoint;
   *   `CHAIN_BROKEN` when the database has lost what the checkpoint covers.
   */
  async tile(path: string): Promise<TileFile> {
    const bundle = parseEntriesPath(path);
    const tile = bundle === null ? parseTilePath(path) : { level: 0, ...bundle };
    if (tile === null) throw new RootkeepError("NOT_FOUND");
    return await this.#with(async (client) => {
      const { size } = await this.#newestRow(client);
      if (!hasTile(tile, size)) throw new RootkeepError("NOT_FOUND");
      const isFull = tile.width === TILE_WIDTH;
      if (bundle !== null) return { bytes: await bundleOf(client, bundle), isFull };
      return { bytes: await this.#reading(tile.n, () => new TileReader(client, this.origin).read(tile)), isFull };
    });
  }

  /**
   * The `.tlog-proof` of entry `seq` under the newest checkpoint, cosignatures and all.
   * @throws RootkeepError `NOT_FOUND` for an entry that no checkpoint covers yet, `CHAIN_BROKEN` when the proof does not hold.
   */
  async entryProof(seq: number): Promise<Buffer> {
    return await this.#with(async (client) => {
      const { size, note } = await this.#issued(client, await this.#newestRow(client));
      if (seq >= size) throw new RootkeepError("NOT_FOUND");
      const [entry] = await AuditRepository.range(client, seq, 1);
      if (entry === undefined) throw broken(seq);
      return await this.#reading(seq, async () => {
        const hashes = await new TileReader(client, this.origin).inclusion(seq, size);
        const { root } = parseCheckpoint(parseNote(Buffer.from(note, "utf8")).text);
        // A receipt that proves nothing would be kept for years before somebody noticed.
        verifyInclusion(seq, size, leafHash(entry), hashes, root);
        return formatTlogProof({ extra: null, index: seq, hashes, note: Buffer.from(note, "utf8") });
      });
    });
  }

  /**
   * Inclusion proof of leaf `index` in the tree of `size` leaves, which need not be a checkpoint's.
   * @throws RootkeepError `NOT_FOUND` beyond the newest checkpoint, `CHAIN_BROKEN`.
   */
  async inclusion(index: number, size: number): Promise<ReadProof> {
    return await this.#proof(size, index < size, (reader) => reader.inclusion(index, size));
  }

  /**
   * Consistency proof from the tree of `from` leaves to that of `to`.
   * @throws RootkeepError `NOT_FOUND` beyond the newest checkpoint, `CHAIN_BROKEN`.
   */
  async consistency(from: number, to: number): Promise<ReadProof & { readonly oldRoot: Buffer }> {
    const { hashes, root } = await this.#proof(to, from > 0 && from <= to, (reader) => reader.consistency(from, to));
    const { root: oldRoot } = await this.#proof(from, true, () => Promise.resolve([]));
    return { hashes, root, oldRoot };
  }

  async #proof(size: number, isProvable: boolean, prove: (reader: TileReader) => Promise<readonly Buffer[]>): Promise<ReadProof> {
    return await this.#with(async (client) => {
      const newest = await this.#newestRow(client);
      if (!isProvable || size > newest.size) throw new RootkeepError("NOT_FOUND");
      const reader = new TileReader(client, this.origin);
      return await this.#reading(size, async () => {
        const edge: Buffer[] = [];
        for (const tile of rightEdge(size)) edge.push(await reader.read(tile));
        return { hashes: await prove(reader), root: rootFromRightEdge(size, edge) };
      });
    });
  }

  async #reading<T>(seq: number, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      if (cause instanceof TlogError) throw broken(seq, cause);
      throw cause;
    }
  }

  async #newestRow(client: PoolClient): Promise<CheckpointRow> {
    const row = await CheckpointRepository.newest(client, this.origin);
    if (row === undefined) throw new RootkeepError("NOT_FOUND");
    return row;
  }

  /** The epochs before this one of which something was signed, each with the last size that still holds. */
  #earlier(): readonly { readonly origin: string; readonly size: number }[] {
    const sizes = this.log.epochStarts.map(({ previous, signed }) => ({ origin: previous, size: sizeOfNote(signed) }));
    return sizes.filter(({ size }) => size > 0).reverse();
  }

  async #issued(client: PoolClient, { size, root, note }: CheckpointRow, origin = this.origin): Promise<IssuedCheckpoint> {
    const lines = await CheckpointRepository.cosignatures(client, origin, size);
    return { size, root, note: note + lines.join("") };
  }

  async #with<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      return await use((await runner.connect()) as PoolClient);
    } finally {
      await runner.release();
    }
  }
}

async function bundleOf(client: PoolClient, { n, width }: { readonly n: number; readonly width: number }): Promise<Buffer> {
  const first = n * BUNDLE_WIDTH;
  const entries = await AuditRepository.range(client, first, width);
  if (entries.length !== width) throw broken(first);
  return encodeBundle(entries);
}

function broken(seq: number, cause?: unknown): RootkeepError {
  return new RootkeepError("CHAIN_BROKEN", { facts: { seq }, ...(cause === undefined ? {} : { cause }) });
}
