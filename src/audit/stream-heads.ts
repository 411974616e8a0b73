import { canonicalBytes } from "./canonical-json.js";
import { leafHash } from "./chain.js";
import { verifyInclusion } from "./tlog/proof.js";
import { inclusionProof } from "./tlog/proof-plan.js";
import { CompactRange, HASH_BYTES, nodeHash } from "./tlog/tree.js";

/** Where a stream stands: a leaf of the tree of heads. */
export interface StreamTip {
  /** Our id of an account, or `global`. */
  readonly stream: string;
  /** Number of its entries. */
  readonly size: number;
  /** 32 bytes: the leaf hash of an account's last entry; of `global`, the root of the tree over the leaf hashes of its entries. */
  readonly leaf: Buffer;
}

/** A tip with its place in a tree of heads. */
export interface TipProof {
  readonly tip: StreamTip;
  readonly index: number;
  /** Inclusion proof, from the leaf's sibling upwards. */
  readonly hashes: readonly Buffer[];
}

/** Tips hashed in one go, before others get their turn: about two milliseconds. */
const SLICE = 1_000;

/** Gives way to others between two slices; throws to give up. */
export type Pause = () => Promise<void>;

const PLAIN_ID = /^[0-9a-z_]+$/;

/** Hash of a leaf of the tree of heads, 32 bytes: SHA-256(0x00 ‖ canonical `{leaf, size, stream}`) [AC-2]. */
export function tipHash({ stream, size, leaf }: StreamTip): Buffer {
  const hex = leaf.toString("hex");
  // Nothing in an id is escaped, so its canonical form can be written down as it is.
  if (!PLAIN_ID.test(stream)) return leafHash(canonicalBytes({ leaf: hex, size, stream }));
  return leafHash(Buffer.from(`{"leaf":"${hex}","size":${String(size)},"stream":"${stream}"}`, "latin1"));
}

/**
 * Root of the tree over `tips` (RFC 6962 §2.1), 32 bytes [AC-3].
 * @throws Error when they do not stand in the order of their streams, each once; what `pause` throws.
 */
export async function headsRoot(tips: readonly StreamTip[], pause?: Pause): Promise<Buffer> {
  const range = new CompactRange();
  for await (const hash of hashesOf(tips, pause)) range.append(hash);
  return range.root();
}

async function* hashesOf(tips: readonly StreamTip[], pause?: Pause): AsyncGenerator<Buffer, void, void> {
  let last = "";
  for (let at = 0; at < tips.length; at += SLICE) {
    if (at > 0) await pause?.();
    for (const tip of tips.slice(at, at + SLICE)) {
      // Ids are ASCII, where the order of code units is that of bytes.
      if (tip.stream <= last) throw new Error("tips stand in the order of their streams, each once");
      last = tip.stream;
      yield tipHash(tip);
    }
  }
}

/** The tree of heads with all its nodes, to prove one tip after the other from: 64 bytes for each, and the tips. */
export class HeadsTree {
  private constructor(
    private readonly tips: readonly StreamTip[],
    /** Hashes of the complete subtrees, level by level, one after the other. */
    private readonly levels: readonly Buffer[],
  ) {}

  /** @throws Error as {@link headsRoot}. */
  static async of(tips: readonly StreamTip[], pause?: Pause): Promise<HeadsTree> {
    const leaves = Buffer.alloc(tips.length * HASH_BYTES);
    let at = 0;
    for await (const hash of hashesOf(tips, pause)) at += hash.copy(leaves, at);
    const levels: Buffer[] = [leaves];
    for (let below: Buffer = leaves; below.length >= 2 * HASH_BYTES; ) {
      below = await levelAbove(below, pause);
      levels.push(below);
    }
    return new HeadsTree(tips, levels);
  }

  /** Number of tips. */
  get size(): number {
    return this.tips.length;
  }

  /** The proof of `stream`, or undefined if it has no tip. */
  async prove(stream: string): Promise<TipProof | undefined> {
    const index = this.#find(stream);
    const tip = this.tips[index];
    if (tip?.stream !== stream) return undefined;
    const hashes = await inclusionProof(index, this.size, ({ level, index: node }) => {
      const hash = this.levels[level]?.subarray(node * HASH_BYTES, (node + 1) * HASH_BYTES);
      if (hash?.length !== HASH_BYTES) throw new Error("no such subtree");
      return hash;
    });
    return { tip, index, hashes };
  }

  /** Number of the first tip whose stream is not before `stream`. */
  #find(stream: string): number {
    let [from, to] = [0, this.tips.length];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if ((this.tips[middle]?.stream ?? "") < stream) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

async function levelAbove(below: Buffer, pause?: Pause): Promise<Buffer> {
  const above = Buffer.alloc(Math.floor(below.length / (2 * HASH_BYTES)) * HASH_BYTES);
  for (let at = 0; at < above.length; at += HASH_BYTES) {
    if (at > 0 && at % (SLICE * HASH_BYTES) === 0) await pause?.();
    const left = below.subarray(2 * at, 2 * at + HASH_BYTES);
    nodeHash(left, below.subarray(2 * at + HASH_BYTES, 2 * (at + HASH_BYTES))).copy(above, at);
  }
  return above;
}

/**
 * Checks that a tip is in the tree of `streams` tips under `root` [AC-4].
 * @throws TlogError when the proof does not show it.
 */
export function verifyTip({ tip, index, hashes }: TipProof, streams: number, root: Uint8Array): void {
  verifyInclusion(index, streams, tipHash(tip), hashes, root);
}
