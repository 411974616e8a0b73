import { NOTE_BYTES_MAX, type NoteSignature, parseNote, parseSignatureLines, signatureLine } from "./note.js";
import { decodeText, parseDecimal, parseHash } from "./text-fields.js";
import { TlogError } from "./tlog-error.js";
import { PROOF_HASHES_MAX } from "./tlog-proof.js";
import { checkedCount } from "./tree.js";

/** Bytes of the longest answer with a size: 16 digits and a line feed. */
const SIZE_BYTES_MAX = 17;

/** What a log asks a witness to cosign (C2SP tlog-witness, `POST add-checkpoint`). */
export interface AddCheckpoint {
  /** Size of the last checkpoint that the witness cosigned; 0 when there is none. */
  readonly oldSize: number;
  /** Consistency proof from there; empty when `oldSize` is 0. */
  readonly proof: readonly Buffer[];
  /** The signed checkpoint, byte for byte. */
  readonly note: Buffer;
}

/**
 * The body of the request.
 * @throws TlogError when {@link parseAddCheckpoint} would not take it, or it proves something from nothing.
 */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): Buffer {
  if (oldSize === 0 && proof.length > 0) throw new TlogError("a proof from an empty log has no hashes");
  const lines = [`old ${oldSize}`, ...proof.map((hash) => hash.toString("base64"))];
  const bytes = Buffer.concat([Buffer.from(`${lines.join("\n")}\n\n`, "utf8"), note]);
  parseAddCheckpoint(bytes);
  return bytes;
}

/**
 * The request that a body is. Whether the proof holds is the witness's to check.
 * @throws TlogError when it is malformed.
 */
export function parseAddCheckpoint(bytes: Uint8Array): AddCheckpoint {
  const content = decodeText(bytes, 2 * NOTE_BYTES_MAX, "a request");
  const end = content.indexOf("\n\n");
  if (end < 0) throw new TlogError("a request has no empty line before its checkpoint");
  const [first = "", ...lines] = content.slice(0, end).split("\n");
  if (!first.startsWith("old ")) throw new TlogError("a request has no old size");
  const oldSize = parseDecimal(first.slice("old ".length), "an old size");
  if (lines.length > PROOF_HASHES_MAX) throw new TlogError("a proof has more than 63 hashes");
  const proof = lines.map((line) => parseHash(line, "a line of a proof"));
  const note = Buffer.from(content.slice(end + 2), "utf8");
  parseNote(note);
  return { oldSize, proof, note };
}

/** The body of a witness's answer: its cosignatures, one or more lines. */
export function formatCosignatures(signatures: readonly NoteSignature[]): Buffer {
  return Buffer.from(signatures.map(signatureLine).join(""), "utf8");
}

/**
 * The cosignatures that a witness answered. They count once `verifyNote` finds them right under the checkpoint's text.
 * @throws TlogError when the body is malformed.
 */
export function parseCosignatures(bytes: Uint8Array): readonly NoteSignature[] {
  return parseSignatureLines(decodeText(bytes, NOTE_BYTES_MAX, "a witness's answer"));
}

/**
 * The body of the answer 409: the size of the last checkpoint that the witness cosigned.
 * @throws RangeError when it is no size.
 */
export function formatWitnessSize(size: number): Buffer {
  return Buffer.from(`${checkedCount(size)}\n`, "utf8");
}

/**
 * The size that a witness answered with 409. One larger than the log's own means that the log lost entries.
 * @throws TlogError when the body is malformed.
 */
export function parseWitnessSize(bytes: Uint8Array): number {
  const text = decodeText(bytes, SIZE_BYTES_MAX, "a witness's size");
  if (!text.endsWith("\n")) throw new TlogError("a witness's size does not end in a line feed");
  return parseDecimal(text.slice(0, -1), "a witness's size");
}
