import { cosignedMessage, formatCosignature, verifyCosignature } from "./cosignature.js";
import { decodeText, isPlainText, parseBase64 } from "./text-fields.js";
import { TlogError } from "./tlog-error.js";
import { isKeyName, isSignedBy, SIGNATURE_TYPE, type VerifierKey } from "./verifier-key.js";

/** Bytes of the largest note that is read. */
export const NOTE_BYTES_MAX = 1_000_000;
/** Signatures of a note at most. */
const SIGNATURES_MAX = 100;
const KEY_ID_BYTES = 4;
const LINE_START = "\u2014 ";

/** One signature line of a note. */
export interface NoteSignature {
  readonly name: string;
  /** Unsigned, 32 bits. */
  readonly keyId: number;
  /** What the key's type makes of it: 64 bytes of Ed25519, or a cosignature's time and 64 bytes. */
  readonly signature: Buffer;
}

/** A signed note (C2SP signed-note) as it was read. Its text means nothing before {@link verifyNote}. */
export interface Note {
  /** With its last line feed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A signature that verified. */
export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** Seconds since 1970, of a cosignature; null of a plain signature. */
  readonly time: number | null;
}

/** Signs bytes with Ed25519 (pure), 64 bytes; the private key stands behind it. */
export type SignBytes = (message: Buffer) => Promise<Buffer> | Buffer;

/**
 * Takes a note apart.
 * @throws TlogError when it is malformed, has none or more than 100 signatures, or more than 1,000,000 bytes.
 */
export function parseNote(bytes: Uint8Array): Note {
  const content = decodeText(bytes, NOTE_BYTES_MAX, "a note");
  // The text may hold empty lines itself: the last one ends it.
  const end = content.lastIndexOf("\n\n");
  if (end < 0) throw new TlogError("a note has no empty line before its signatures");
  return { text: content.slice(0, end + 1), signatures: parseSignatureLines(content.slice(end + 2)) };
}

/**
 * The signatures of lines such as `— name base64(key id ‖ signature)`, each ended by a line feed: the end of a note, or a witness's answer.
 * @throws TlogError when one is malformed or there are none or more than 100.
 */
export function parseSignatureLines(lines: string): readonly NoteSignature[] {
  if (!lines.endsWith("\n")) throw new TlogError("signature lines do not end in a line feed");
  const parts = lines.slice(0, -1).split("\n");
  if (parts.length > SIGNATURES_MAX) throw new TlogError("a note has more than 100 signatures");
  return parts.map(parseSignatureLine);
}

function parseSignatureLine(line: string): NoteSignature {
  const [, name = "", encoded = ""] = /^\u2014 ([^ ]*) ([^ ]*)$/u.exec(line) ?? [];
  if (!isKeyName(name)) throw new TlogError("a signature line is malformed");
  const bytes = parseBase64(encoded, "a signature");
  if (bytes.length <= KEY_ID_BYTES) throw new TlogError("a signature is empty");
  return { name, keyId: bytes.readUInt32BE(), signature: bytes.subarray(KEY_ID_BYTES) };
}

/** The line of a signature, with its line feed. */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  const id = Buffer.alloc(KEY_ID_BYTES);
  id.writeUInt32BE(keyId);
  return `${LINE_START}${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
}

/**
 * The bytes of a note.
 * @throws TlogError when {@link parseNote} would not take it.
 */
export function formatNote({ text, signatures }: Note): Buffer {
  if (!isSignableText(text)) throw new TlogError("a note's text is not plain or does not end in a line feed");
  const bytes = Buffer.from(`${text}\n${signatures.map(signatureLine).join("")}`, "utf8");
  parseNote(bytes);
  return bytes;
}

/**
 * Which of `keys` have signed the note. Signatures of other keys are passed over, as are those of keys whose type this build does not check.
 * @returns every signature that verified, in the order of the note; one key may stand there more than once.
 * @throws TlogError when a signature of one of the keys does not verify, when none of them has signed, or when two keys share name and id.
 */
export function verifyNote({ text, signatures }: Note, keys: readonly VerifierKey[]): readonly VerifiedSignature[] {
  const known = new Map(keys.map((key) => [labelOf(key), key]));
  if (known.size !== keys.length) throw new TlogError("two verifier keys have the same name and id");
  const verified = signatures.flatMap((signature) => {
    const key = known.get(labelOf(signature));
    return key === undefined ? [] : verifySignature(key, text, signature.signature);
  });
  if (verified.length === 0) throw new TlogError("no known key has signed the note");
  return verified;
}

function verifySignature(key: VerifierKey, text: string, signature: Buffer): readonly VerifiedSignature[] {
  switch (key.type) {
    case SIGNATURE_TYPE.ed25519:
      if (!isSignedBy(key, Buffer.from(text, "utf8"), signature)) throw new TlogError("a signature of a known key does not verify");
      return [{ key, time: null }];
    case SIGNATURE_TYPE.cosignature:
      return [{ key, time: verifyCosignature(key, text, signature) }];
    default:
      return [];
  }
}

function labelOf({ name, keyId }: { readonly name: string; readonly keyId: number }): string {
  return `${name}+${keyId}`;
}

/**
 * Signs a note's text as a log does.
 * @throws Error when the key is no plain Ed25519 key, the text is none of a note, or what `sign` returned is not the key's signature: an error
 * in the signer must not get out.
 */
export async function signNote(text: string, key: VerifierKey, sign: SignBytes): Promise<NoteSignature> {
  if (key.type !== SIGNATURE_TYPE.ed25519) throw new Error("a log signs with a plain Ed25519 key");
  const signature = await signChecked(Buffer.from(text, "utf8"), text, key, sign);
  return { name: key.name, keyId: key.keyId, signature };
}

/**
 * Signs a checkpoint's text as a witness does.
 * @param time seconds since 1970.
 * @throws Error as {@link signNote}, of a witness's key; RangeError when time is no count of seconds.
 */
export async function cosignNote(text: string, key: VerifierKey, time: number, sign: SignBytes): Promise<NoteSignature> {
  if (key.type !== SIGNATURE_TYPE.cosignature) throw new Error("a witness signs with a key for cosignatures");
  const signature = await signChecked(cosignedMessage(time, text), text, key, sign);
  return { name: key.name, keyId: key.keyId, signature: formatCosignature({ time, signature }) };
}

async function signChecked(message: Buffer, text: string, key: VerifierKey, sign: SignBytes): Promise<Buffer> {
  if (!isSignableText(text)) throw new Error("a note's text is not plain or does not end in a line feed");
  const signature = await sign(message);
  if (!isSignedBy(key, message, signature)) throw new Error("a signer returned what is not its key's signature");
  return signature;
}

function isSignableText(text: string): boolean {
  return text.endsWith("\n") && isPlainText(text);
}
