import type { ExportManifest } from "../audit/export-format.js";
import { rightEdge } from "../audit/tlog/tile.js";
import { TileBuilder } from "../audit/tlog/tile-builder.js";
import { TILE_WIDTH, type Tile, tilePath } from "../audit/tlog/tile-path.js";
import { CompactRange, foldSubtrees, HASH_BYTES } from "../audit/tlog/tree.js";
import type { CheckpointCheck } from "./checkpoint-check.js";
import type { ExportSource } from "./export-source.js";
import type { ReportBuilder } from "./report.js";

/** Bytes of a full tile. */
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

/**
 * Builds the tree anew from the lowest tiles, leaf by leaf: one hash of a node for each. On the way it compares the root at every size that
 * was signed, and every higher tile with the one that it has built itself. Two ranges are kept, one within the tile and one over the tiles
 * before it, so that a tile's root, which is the next hash of the level above, comes for free.
 */
export class TreeCheck {
  #inner = new CompactRange();
  readonly #outer = new CompactRange();
  /** Builds the levels above the lowest: its leaves are roots of lowest tiles. */
  readonly #higher = new TileBuilder();
  #size = 0;

  constructor(
    private readonly source: ExportSource,
    private readonly manifest: ExportManifest,
    private readonly report: ReportBuilder,
    private readonly checkpoints: CheckpointCheck,
  ) {}

  /** Leaves so far. */
  get size(): number {
    return this.#size;
  }

  /** Takes the next lowest tile, whole. */
  async add(hashes: Buffer): Promise<void> {
    const { checkpoints } = this;
    for (let at = 0; at < hashes.length; at += HASH_BYTES) {
      this.#inner.append(hashes.subarray(at, at + HASH_BYTES));
      this.#size += 1;
      if (this.#size === checkpoints.nextSize) await checkpoints.compare(this.#size, this.#root());
    }
    if (this.#inner.size < TILE_WIDTH) return;
    const root = this.#inner.root();
    this.#inner = new CompactRange();
    this.#outer.append(root);
    this.#higher.append(root);
    for (const { level, n, bytes } of this.#higher.takeFull()) await this.#compareTile({ level: level + 1, n, width: TILE_WIDTH }, bytes);
  }

  /** Compares the higher tiles that did not get full. */
  async finish(): Promise<void> {
    const edge = this.#higher.edge();
    for (const [index, { level, n, width }] of rightEdge(this.#higher.size).entries()) {
      const bytes = edge[index];
      if (bytes !== undefined) await this.#compareTile({ level: level + 1, n, width }, bytes);
    }
    this.report.note("tree", "ok", `the hash tiles lead to the root of ${String(this.manifest.size)} entries`);
  }

  async #compareTile(tile: Tile, built: Buffer): Promise<void> {
    const path = tilePath(tile);
    const bytes = await this.source.read(path, TILE_BYTES);
    if (bytes?.equals(built) === true) return;
    const leaves = TILE_WIDTH ** tile.level;
    let first = 0;
    while (
      bytes !== null &&
      first < tile.width &&
      bytes.subarray(first * HASH_BYTES, (first + 1) * HASH_BYTES).equals(hashAt(built, first))
    )
      first += 1;
    const what = bytes === null ? "is missing" : "is not what the tiles below it lead to";
    this.report.tampered("tree", `${path} ${what}`, (tile.n * TILE_WIDTH + Math.min(first, tile.width - 1)) * leaves);
  }

  #root(): Buffer {
    const hashes = Buffer.concat([this.#outer.frontier(), this.#inner.frontier()]);
    return foldSubtrees(Array.from({ length: hashes.length / HASH_BYTES }, (_, index) => hashAt(hashes, index)));
  }
}

function hashAt(hashes: Buffer, index: number): Buffer {
  return hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}
