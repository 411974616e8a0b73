import type { ProofPlan, ReadSubtree } from "./proof-plan.js";
import { TILE_WIDTH, type Tile, tilePath } from "./tile-path.js";
import { TlogError } from "./tlog-error.js";
import { checkedCount, emptyRoot, HASH_BYTES, nodeHash, type Subtree } from "./tree.js";

/** Levels of the tree in a tile: 256 = 2^8. */
const LEVELS_PER_TILE = 8;

// Powers of two divide a double without rounding as long as what is divided is a safe integer, so floor() of them is exact.

/** Tiles of `level` that are full in a log of `size` entries. */
export function fullTiles(level: number, size: number): number {
  return Math.floor(checkedCount(size) / TILE_WIDTH ** (level + 1));
}

/** Hashes of the partial tile of `level` at the right edge of a log of `size` entries; 0 when there is none. */
export function partialWidth(level: number, size: number): number {
  return Math.floor(checkedCount(size) / TILE_WIDTH ** level) % TILE_WIDTH;
}

/** The tile `n` of `level` as it is in a log of `size` entries; null when it is not there yet. */
export function tileAt(level: number, n: number, size: number): Tile | null {
  const full = fullTiles(level, size);
  if (checkedCount(n) < full) return { level, n, width: TILE_WIDTH };
  const width = partialWidth(level, size);
  return n === full && width > 0 ? { level, n, width } : null;
}

/** The partial tiles of a log of `size` entries, level 0 first; their hashes together cover every entry but once. */
export function rightEdge(size: number): readonly Tile[] {
  const edge: Tile[] = [];
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    const width = partialWidth(level, size);
    if (width > 0) edge.push({ level, n: fullTiles(level, size), width });
  }
  return edge;
}

/** Every tile of a log of `size` entries, level by level, each in its order. */
export function* tilesOf(size: number): Generator<Tile, void, void> {
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    for (let n = 0; ; n++) {
      const tile = tileAt(level, n, size);
      if (tile === null) break;
      yield tile;
    }
  }
}

/**
 * Root of a log of `size` entries out of its partial tiles. It is the second way to the root, taken before one is signed, so it shares
 * nothing with `CompactRange` but the hash of a node.
 * @param edge bytes of the tiles that {@link rightEdge} names, in its order.
 * @throws TlogError when one is missing or has not its width.
 */
export function rootFromRightEdge(size: number, edge: readonly Uint8Array[]): Buffer {
  const tiles = rightEdge(size);
  if (tiles.length !== edge.length) throw new TlogError("the right edge has another number of tiles");
  let root: Buffer | undefined;
  tiles.forEach((tile, index) => {
    const hashes = hashesIn(edge[index] ?? Buffer.alloc(0), tile.width);
    // What the lower levels hold is the last child here, smaller than the others, as RFC 6962 §2.1 has it.
    root = merkleRoot(root === undefined ? hashes : [...hashes, root]);
  });
  return root ?? emptyRoot();
}

/**
 * The hash that the level above holds for a full tile.
 * @throws TlogError when it is not full.
 */
export function tileRoot(bytes: Uint8Array): Buffer {
  return merkleRoot(hashesIn(bytes, TILE_WIDTH));
}

/** The tile that holds a complete subtree, without its width, which depends on the log's size. */
export function tileOfSubtree({ level, index }: Subtree): { readonly level: number; readonly n: number } {
  const within = level % LEVELS_PER_TILE;
  return { level: (level - within) / LEVELS_PER_TILE, n: Math.floor((checkedCount(index) * 2 ** within) / TILE_WIDTH) };
}

/**
 * Hash of a complete subtree out of the tile that holds it ({@link tileOfSubtree}).
 * @throws TlogError when the tile is too narrow for it.
 */
export function subtreeFromTile(subtree: Subtree, bytes: Uint8Array): Buffer {
  const count = 2 ** (subtree.level % LEVELS_PER_TILE);
  const first = (checkedCount(subtree.index) * count) % TILE_WIDTH;
  const part = bytes.subarray(first * HASH_BYTES, (first + count) * HASH_BYTES);
  return merkleRoot(hashesIn(part, count));
}

/**
 * Every tile that a planned proof needs from a log of `size` entries, each once.
 * @throws RangeError when the plan is for a larger log.
 */
export function tilesForPlan(plan: ProofPlan, size: number): readonly Tile[] {
  const tiles = new Map<string, Tile>();
  for (const subtree of plan.flat()) {
    const tile = tileForSubtree(subtree, size);
    tiles.set(tilePath(tile), tile);
  }
  return [...tiles.values()];
}

/**
 * Reads subtrees out of tiles that were fetched before.
 * @param tiles bytes by the path of the tile at this size, as {@link tilesForPlan} names them.
 * @returns a reader that throws TlogError when a tile is missing or has not its width, and RangeError beyond the log's end.
 */
export function subtreesFromTiles(size: number, tiles: ReadonlyMap<string, Uint8Array>): ReadSubtree {
  return (subtree) => {
    const tile = tileForSubtree(subtree, size);
    const bytes = tiles.get(tilePath(tile));
    if (bytes?.length !== tile.width * HASH_BYTES) throw new TlogError("a tile is missing or has not its width");
    return subtreeFromTile(subtree, bytes);
  };
}

function tileForSubtree(subtree: Subtree, size: number): Tile {
  const { level, n } = tileOfSubtree(subtree);
  const tile = tileAt(level, n, size);
  if (tile === null) throw new RangeError("a subtree reaches beyond the log's end");
  return tile;
}

function hashesIn(bytes: Uint8Array, count: number): readonly Buffer[] {
  if (bytes.length !== count * HASH_BYTES) throw new TlogError("a tile has not its width");
  return Array.from({ length: count }, (_, index) => Buffer.from(bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)));
}

/** MTH of RFC 6962 §2.1 by its own words, over hashes of which all but the last stand for equally many leaves. */
function merkleRoot(hashes: readonly Buffer[]): Buffer {
  const [first] = hashes;
  if (first === undefined) throw new Error("a root needs something to be made of");
  if (hashes.length === 1) return first;
  let half = 1;
  while (half * 2 < hashes.length) half *= 2;
  return nodeHash(merkleRoot(hashes.slice(0, half)), merkleRoot(hashes.slice(half)));
}
