import type { ClientBase } from "pg";
import type { LogHead } from "../database/log.port.js";
import { RootkeepError } from "../kernel/errors.js";
import { leafHash, ZERO_HASH } from "./chain.js";
import { CheckpointRepository, type CheckpointRow } from "./checkpoint.repository.js";
import { type Entry, parseEntry } from "./entry.js";
import { isEarlierEpoch, joinsEpoch } from "./epoch.js";
import { TileReader } from "./tile-reader.service.js";
import { verifyConsistency } from "./tlog/proof.js";
import { consistencyPlan, proofHashes } from "./tlog/proof-plan.js";
import { rightEdge, rootFromRightEdge, subtreesFromTiles, tilesForPlan } from "./tlog/tile.js";
import { type FullTile, TileBuilder } from "./tlog/tile-builder.js";
import { tilePath } from "./tlog/tile-path.js";
import { CompactRange } from "./tlog/tree.js";

/** Entries read at once. */
const PAGE = 2_560;

/** A root that was computed twice, in two ways, from two sources. */
export interface ComputedRoot {
  readonly size: number;
  readonly root: Buffer;
  readonly frontier: Buffer;
  /** Tiles that got full since the last checkpoint. */
  readonly tiles: readonly FullTile[];
}

/**
 * The tree as its signer sees it. It follows the entries from the last checkpoint on: each must be in form, follow the one before it, and
 * belong to this log. The root is computed twice before anybody may sign it: by a compact range over the hashes of the entries' bytes, and
 * from the tiles' right edge over the hashes that the database keeps; and the new tree is proven to begin with the old one by the same
 * function that a stranger would use. A bit that flips in one of them is not signed.
 */
export class SignedTree {
  readonly #reader: TileReader;
  #lastLeaf: Buffer = ZERO_HASH;
  /** Origin that the last entry names; undefined before the first. */
  #log: string | undefined;

  private constructor(
    private readonly client: ClientBase,
    private readonly origin: string,
    private readonly range: CompactRange,
    private readonly tiles: TileBuilder,
  ) {
    this.#reader = new TileReader(client, origin);
  }

  /**
   * The tree at `checkpoint`, or the empty one. Frontier and tiles are the database's claims: they must lead to the checkpoint's root, which
   * the caller has from a verified note.
   * @throws RootkeepError `ROLLBACK_DETECTED` when they do not.
   */
  static async at(client: ClientBase, origin: string, checkpoint: CheckpointRow | undefined): Promise<SignedTree> {
    if (checkpoint === undefined) return new SignedTree(client, origin, new CompactRange(), new TileBuilder());
    const { size, root, frontier } = checkpoint;
    const reader = new TileReader(client, origin);
    try {
      const range = CompactRange.fromFrontier(size, frontier);
      const edge = await Promise.all(rightEdge(size).map((tile) => reader.read(tile)));
      if (!range.root().equals(root) || !rootFromRightEdge(size, edge).equals(root)) throw new Error("another root");
      const tree = new SignedTree(client, origin, range, TileBuilder.fromEdge(size, edge));
      const [last] = await CheckpointRepository.leaves(client, size - 1, size);
      if (last === undefined) throw new Error("the last entry is missing");
      tree.#lastLeaf = leafHash(last.entry);
      tree.#log = origin;
      return tree;
    } catch (cause) {
      throw new RootkeepError("ROLLBACK_DETECTED", { facts: { seq: size }, reason: "the tree no longer leads to its checkpoint", cause });
    }
  }

  get size(): number {
    return this.range.size;
  }

  get lastLeaf(): Buffer {
    return this.#lastLeaf;
  }

  get root(): Buffer {
    return this.range.root();
  }

  /**
   * Takes the entries up to `size` in. After an error this object is of no more use.
   * @throws RootkeepError `CHAIN_BROKEN` when an entry is not what follows, or the two roots differ.
   */
  async extend({ size }: Pick<LogHead, "size">): Promise<ComputedRoot> {
    const before = { size: this.size, root: this.root };
    while (this.size < size) {
      const page = await CheckpointRepository.leaves(this.client, this.size, Math.min(this.size + PAGE, size));
      if (page.length === 0) throw broken(this.size);
      for (const leaf of page) this.#take(leaf.entry, leaf.leafHash);
    }
    // Entries of an ended epoch are signed under the next one's name only together with the entry that says why.
    if (this.#log !== this.origin) throw broken(size);
    const full = this.tiles.takeFull();
    const edge = this.tiles.edge();
    const root = this.root;
    if (!rootFromRightEdge(size, edge).equals(root)) throw broken(before.size);
    if (before.size > 0) await this.#proveConsistent(before, { size, root }, full, edge);
    return { size, root, frontier: this.range.frontier(), tiles: full };
  }

  #take(entry: Buffer, stored: Buffer): void {
    const seq = this.size;
    let parsed: Entry;
    try {
      parsed = parseEntry(entry);
    } catch {
      throw broken(seq);
    }
    if (parsed.seq !== seq || parsed.prev !== this.#lastLeaf.toString("hex") || !this.#isOfThisLog(parsed)) throw broken(seq);
    this.#log = parsed.log;
    this.#lastLeaf = leafHash(entry);
    this.range.append(this.#lastLeaf);
    this.tiles.append(stored);
  }

  /** A tree that is built from the first entry on passes through earlier epochs of its log; one that goes on from its own checkpoint does not. */
  #isOfThisLog(entry: Entry): boolean {
    const isOfLog = entry.log === this.origin || isEarlierEpoch(entry.log, this.origin);
    return isOfLog && (this.#log === undefined || joinsEpoch(entry, this.#log));
  }

  async #proveConsistent(
    before: { readonly size: number; readonly root: Buffer },
    after: { readonly size: number; readonly root: Buffer },
    full: readonly FullTile[],
    edge: readonly Buffer[],
  ): Promise<void> {
    const plan = consistencyPlan(before.size, after.size);
    const tiles = new Map<string, Buffer>(full.map(({ level, n, bytes }) => [tilePath({ level, n, width: 256 }), bytes]));
    rightEdge(after.size).forEach((tile, index) => {
      const bytes = edge[index];
      if (bytes !== undefined) tiles.set(tilePath(tile), bytes);
    });
    try {
      for (const tile of tilesForPlan(plan, after.size)) {
        if (!tiles.has(tilePath(tile))) tiles.set(tilePath(tile), await this.#reader.read(tile));
      }
      verifyConsistency(before.size, after.size, await proofHashes(plan, subtreesFromTiles(after.size, tiles)), before.root, after.root);
    } catch (cause) {
      throw broken(before.size, cause);
    }
  }
}

function broken(seq: number, cause?: unknown): RootkeepError {
  return new RootkeepError("CHAIN_BROKEN", { facts: { seq }, ...(cause === undefined ? {} : { cause }) });
}
