import { parseNote, type VerifiedSignature, verifyNote } from "./note.js";
import { isPlainText, parseDecimal, parseHash } from "./text-fields.js";
import { TlogError } from "./tlog-error.js";
import { emptyRoot } from "./tree.js";
import { SIGNATURE_TYPE, type VerifierKey } from "./verifier-key.js";

/** What a log says of itself (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** Name of the log; that of the key that signs for it. */
  readonly origin: string;
  /** Number of entries. */
  readonly size: number;
  /** Root of the tree over them, 32 bytes. */
  readonly root: Buffer;
  /** Further lines, whose meaning is not ours; none in a checkpoint that we make. */
  readonly extensions: readonly string[];
}

/** A checkpoint that its log has signed. */
export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** The text that was signed. */
  readonly text: string;
  /** Signatures of the log's keys, one at least. */
  readonly logSignatures: readonly VerifiedSignature[];
  /** Signatures of the witnesses that were asked for. */
  readonly cosignatures: readonly VerifiedSignature[];
}

/** Whose signatures on a checkpoint count. */
export interface CheckpointKeys {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly VerifierKey[];
}

/**
 * The text of a checkpoint, which is what gets signed.
 * @throws TlogError when {@link parseCheckpoint} would not take it.
 */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  const text = `${[origin, String(size), root.toString("base64"), ...extensions].join("\n")}\n`;
  const isSame = parseCheckpoint(text).extensions.length === extensions.length;
  if (!isSame) throw new TlogError("a checkpoint's field holds a line feed");
  return text;
}

/**
 * The checkpoint that `text` is.
 * @throws TlogError when it is malformed, its size is beyond 2^53 − 1, or an empty log has another root than that of no entry.
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith("\n") || !isPlainText(text)) throw new TlogError("a checkpoint is not plain or does not end in a line feed");
  const lines = text.slice(0, -1).split("\n");
  if (lines.includes("")) throw new TlogError("a checkpoint has an empty line");
  const [origin, sizeLine, rootLine, ...extensions] = lines;
  if (origin === undefined || sizeLine === undefined || rootLine === undefined)
    throw new TlogError("a checkpoint has fewer than three lines");
  const size = parseDecimal(sizeLine, "a checkpoint's size");
  const root = parseHash(rootLine, "a checkpoint's root");
  if (size === 0 && !root.equals(emptyRoot())) throw new TlogError("an empty log has a root of something");
  return { origin, size, root, extensions };
}

/**
 * The checkpoint that a note is, if one of the log's keys has signed it. A key signs for the log of its own name only.
 * @param keys several keys of a log while it changes its key; witnesses whose cosignatures are wanted.
 * @throws TlogError when it is malformed, no key of its log has signed it, or a signature of one of the keys does not verify.
 */
export function openCheckpoint(note: Uint8Array, keys: CheckpointKeys): SignedCheckpoint {
  if (keys.logs.some(({ type }) => type !== SIGNATURE_TYPE.ed25519)) throw new TlogError("a log's key is no plain Ed25519 key");
  if (keys.witnesses.some(({ type }) => type !== SIGNATURE_TYPE.cosignature))
    throw new TlogError("a witness's key is none for cosignatures");
  const parsed = parseNote(note);
  const verified = verifyNote(parsed, [...keys.logs, ...keys.witnesses]);
  const checkpoint = parseCheckpoint(parsed.text);
  const logSignatures = verified.filter(({ key, time }) => time === null && key.name === checkpoint.origin);
  if (logSignatures.length === 0) throw new TlogError("no key of the checkpoint's log has signed it");
  return { checkpoint, text: parsed.text, logSignatures, cosignatures: verified.filter(({ time }) => time !== null) };
}
