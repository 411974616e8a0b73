// What a log signs and serves beside its entries, made of leaf hashes alone: notes, tiles, receipts.
import { checkpointPath, EXPORT_FILES } from "../../src/audit/export-format.js";
import { formatKeyLine } from "../../src/audit/key-lines.js";
import { formatCheckpoint } from "../../src/audit/tlog/checkpoint.js";
import { cosignNote, formatNote, signNote } from "../../src/audit/tlog/note.js";
import { inclusionProof } from "../../src/audit/tlog/proof-plan.js";
import { tilesOf } from "../../src/audit/tlog/tile.js";
import { tilePath } from "../../src/audit/tlog/tile-path.js";
import { formatTlogProof } from "../../src/audit/tlog/tlog-proof.js";
import { CompactRange } from "../../src/audit/tlog/tree.js";
import type { NoteSigner } from "./tlog-keys.js";
import { MemoryTree } from "./tlog-tree.js";

/** Seconds since 1970 of every cosignature. */
const COSIGNED_AT = 1_767_225_600;

export interface Signers {
  readonly log: NoteSigner;
  readonly witnesses?: readonly NoteSigner[];
}

/** The signed note over the first `size` leaves, or over `root`. */
export async function noteOf(leaves: readonly Buffer[], size: number, { log, witnesses = [] }: Signers, root?: Buffer): Promise<Buffer> {
  const text = formatCheckpoint({ origin: log.key.name, size, root: root ?? rootOf(leaves.slice(0, size)), extensions: [] });
  const signatures = [await signNote(text, log.key, log.sign)];
  for (const { key, sign } of witnesses) signatures.push(await cosignNote(text, key, COSIGNED_AT, sign));
  return formatNote({ text, signatures });
}

/** The receipt of entry `index`, in the tree of `size` leaves. */
export async function receiptOf(leaves: readonly Buffer[], index: number, size: number, signers: Signers): Promise<Buffer> {
  const hashes = await inclusionProof(index, size, new MemoryTree(leaves.slice(0, size)).read);
  return formatTlogProof({ extra: null, index, hashes, note: await noteOf(leaves, size, signers) });
}

/** Keys and notes of an export: the newest checkpoint, and one file for each size. */
export async function noteFiles(leaves: readonly Buffer[], sizes: readonly number[], signers: Signers): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {
    [EXPORT_FILES.keys]: Buffer.from(`${formatKeyLine({ key: signers.log.key, lastSize: null })}\n`),
    [EXPORT_FILES.checkpoint]: await noteOf(leaves, leaves.length, signers),
  };
  for (const size of sizes) files[checkpointPath(size)] = await noteOf(leaves, size, signers);
  return files;
}

/** Every hash tile of a log. */
export function tileFiles(leaves: readonly Buffer[]): Record<string, Buffer> {
  const tree = new MemoryTree(leaves);
  return Object.fromEntries([...tilesOf(leaves.length)].map((tile) => [tilePath(tile), tree.tile(tile)]));
}

export function rootOf(leaves: readonly Buffer[]): Buffer {
  const range = new CompactRange();
  for (const leaf of leaves) range.append(leaf);
  return range.root();
}
