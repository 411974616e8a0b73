import { hash } from "node:crypto";
import type { ReadSubtree } from "../../src/audit/tlog/proof-plan.js";
import { fullTiles, partialWidth } from "../../src/audit/tlog/tile.js";
import type { Tile } from "../../src/audit/tlog/tile-path.js";

/** SHA-256(0x01 ‖ left ‖ right), written down a second time. */
function node(left: Buffer, right: Buffer): Buffer {
  return hash("sha256", Buffer.concat([Buffer.of(1), left, right]), "buffer");
}

/** Leaf hashes that differ, `count` of them. */
export function sampleLeaves(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => hash("sha256", `\0leaf ${index}`, "buffer"));
}

/** MTH of RFC 6962 §2.1, word by word: what everything cleverer is compared with. */
export function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return hash("sha256", "", "buffer");
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return node(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

/** A tree in memory: every complete subtree's hash by level and index, and every tile. */
export class MemoryTree {
  readonly #levels: Buffer[][];

  constructor(leaves: readonly Buffer[]) {
    this.#levels = [[...leaves]];
    for (let below = this.#levels[0]!; below.length > 1; below = this.#levels.at(-1)!) {
      const level: Buffer[] = [];
      for (let index = 0; index + 1 < below.length; index += 2) level.push(node(below[index]!, below[index + 1]!));
      this.#levels.push(level);
    }
  }

  readonly read: ReadSubtree = ({ level, index }) => {
    const found = this.#levels[level]?.[index];
    if (found === undefined) throw new Error("no such subtree");
    return found;
  };

  /** Bytes of a tile, made of the subtrees that it stands for. */
  tile({ level, n, width }: Tile): Buffer {
    const hashes = this.#levels[8 * level]?.slice(256 * n, 256 * n + width) ?? [];
    return Buffer.concat(hashes);
  }

  /** Every tile of a log of `size` entries. */
  static tilesOf(size: number): Tile[] {
    const tiles: Tile[] = [];
    for (let level = 0; level < 7; level++) {
      const full = fullTiles(level, size);
      for (let n = 0; n < full; n++) tiles.push({ level, n, width: 256 });
      const width = partialWidth(level, size);
      if (width > 0) tiles.push({ level, n: full, width });
    }
    return tiles;
  }
}
