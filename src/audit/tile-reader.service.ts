import type { ClientBase } from "pg";
import { CheckpointRepository } from "./checkpoint.repository.js";
import { consistencyPlan, inclusionPlan, type ProofPlan, proofHashes } from "./tlog/proof-plan.js";
import { subtreesFromTiles, tilesForPlan } from "./tlog/tile.js";
import { TILE_WIDTH, type Tile, tilePath } from "./tlog/tile-path.js";
import { TlogError } from "./tlog/tlog-error.js";
import { HASH_BYTES } from "./tlog/tree.js";

/**
 * Tiles of the log as the database has them, full ones stored, narrower ones cut when asked for: the lowest level from the entries' leaf
 * hashes, those above from the roots of the full tiles below. Nothing of it is believed before it leads to a signed root.
 */
export class TileReader {
  constructor(
    private readonly client: ClientBase,
    private readonly origin: string,
  ) {}

  /**
   * Bytes of a tile.
   * @throws TlogError when the database does not hold all of it.
   */
  async read({ level, n, width }: Tile): Promise<Buffer> {
    const bytes = await this.#cut({ level, n, width });
    if (bytes.length !== width * HASH_BYTES) throw new TlogError("the log holds no such tile");
    return bytes;
  }

  /** Inclusion proof of leaf `index` in the tree of `size` leaves. @throws RangeError, TlogError */
  async inclusion(index: number, size: number): Promise<readonly Buffer[]> {
    return await this.#proof(inclusionPlan(index, size), size);
  }

  /** Consistency proof between the trees of `oldSize` and `size` leaves. @throws RangeError, TlogError */
  async consistency(oldSize: number, size: number): Promise<readonly Buffer[]> {
    return await this.#proof(consistencyPlan(oldSize, size), size);
  }

  async #proof(plan: ProofPlan, size: number): Promise<readonly Buffer[]> {
    const tiles = new Map<string, Buffer>();
    const wanted = tilesForPlan(plan, size);
    // Sent one behind the other: a connection that pipelines waits only once.
    await Promise.all(wanted.map(async (tile) => tiles.set(tilePath(tile), await this.read(tile))));
    return await proofHashes(plan, subtreesFromTiles(size, tiles));
  }

  async #cut({ level, n, width }: Tile): Promise<Buffer> {
    const first = n * TILE_WIDTH;
    if (level === 0) return await CheckpointRepository.leafHashes(this.client, first, first + width);
    if (width === TILE_WIDTH) {
      const full = await CheckpointRepository.fullTile(this.client, this.origin, level, n);
      if (full !== undefined) return full;
    }
    return await CheckpointRepository.tileRoots(this.client, this.origin, level - 1, first, first + width);
  }
}

/** Whether a log of `size` entries can give this tile. A narrow tile of a smaller log is one too: its hashes never change. */
export function hasTile({ level, n, width }: Tile, size: number): boolean {
  return n * TILE_WIDTH + width <= Math.floor(size / TILE_WIDTH ** level);
}
