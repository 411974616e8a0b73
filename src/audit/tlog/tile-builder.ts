import { rightEdge, tileRoot } from "./tile.js";
import { TILE_WIDTH } from "./tile-path.js";
import { TlogError } from "./tlog-error.js";
import { checkedCount, HASH_BYTES } from "./tree.js";

/** A tile that will never change again. */
export interface FullTile {
  readonly level: number;
  readonly n: number;
  /** 8,192 bytes. */
  readonly bytes: Buffer;
  /** The hash that the level above holds for it, 32 bytes. */
  readonly root: Buffer;
}

/**
 * Cuts a growing log into tiles. It keeps the right edge, the tiles that are not full yet, and hands out each tile when it gets full; a full
 * tile's root is the next hash of the level above (C2SP tlog-tiles).
 */
export class TileBuilder {
  #size = 0;
  readonly #edge: Buffer[][] = [];
  #full: FullTile[] = [];

  /**
   * The builder of a log of `size` entries.
   * @param edge bytes of the tiles that `rightEdge(size)` names, in its order.
   * @throws TlogError when they do not fit it.
   */
  static fromEdge(size: number, edge: readonly Uint8Array[]): TileBuilder {
    const tiles = rightEdge(size);
    if (tiles.length !== edge.length) throw new TlogError("the right edge has another number of tiles");
    const builder = new TileBuilder();
    builder.#size = checkedCount(size);
    tiles.forEach(({ level, width }, index) => {
      const bytes = edge[index];
      if (bytes?.length !== width * HASH_BYTES) throw new TlogError("a tile has not its width");
      builder
        .#level(level)
        .push(...Array.from({ length: width }, (_, at) => Buffer.from(bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))));
    });
    return builder;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf by its hash, 32 bytes. */
  append(leafHash: Uint8Array): void {
    this.#size = checkedCount(this.#size + 1);
    let hash: Buffer = Buffer.from(leafHash);
    for (let level = 0; ; level++) {
      const hashes = this.#level(level);
      hashes.push(hash);
      if (hashes.length < TILE_WIDTH) return;
      const bytes = Buffer.concat(hashes.splice(0));
      hash = tileRoot(bytes);
      this.#full.push({ level, n: this.#size / TILE_WIDTH ** (level + 1) - 1, bytes, root: hash });
    }
  }

  /** The tiles that got full since they were taken last. */
  takeFull(): readonly FullTile[] {
    const taken = this.#full;
    this.#full = [];
    return taken;
  }

  /** Bytes of the tiles that `rightEdge(size)` names, in its order. */
  edge(): readonly Buffer[] {
    return rightEdge(this.#size).map(({ level }) => Buffer.concat(this.#level(level)));
  }

  #level(level: number): Buffer[] {
    return (this.#edge[level] ??= []);
  }
}
