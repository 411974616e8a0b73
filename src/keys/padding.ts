import type { SealedKind } from "./domain.js";

/** Credentials are padded to a multiple of this many bytes, so that a ciphertext does not tell a short password from a long one. */
const CREDENTIAL_BLOCK_BYTES = 256;
/** Bodies are padded to this many bytes times a power of two: coarse, at most twice the size. */
const BODY_BUCKET_BYTES = 1024;
/** The largest padded sizes in bytes. A body holds the largest message that Amazon SES accepts (40 MB). */
const CREDENTIAL_PADDED_BYTES_MAX = 64 * 1024;
const BODY_PADDED_BYTES_MAX = 64 * 1024 * 1024;

const MARK = 0x80;

/** Size of `plaintextBytes` bytes of `kind` after padding, or null when the kind does not hold that much. There is always a mark byte. */
export function paddedSize(kind: SealedKind, plaintextBytes: number): number | null {
  if (kind !== "mail-body") {
    const size = Math.ceil((plaintextBytes + 1) / CREDENTIAL_BLOCK_BYTES) * CREDENTIAL_BLOCK_BYTES;
    return size <= CREDENTIAL_PADDED_BYTES_MAX ? size : null;
  }
  let size = BODY_BUCKET_BYTES;
  while (size < plaintextBytes + 1) size *= 2;
  return size <= BODY_PADDED_BYTES_MAX ? size : null;
}

/**
 * `plaintext` with ISO/IEC 7816-4 padding: one byte 0x80, then zeros. The result is a new buffer that the caller wipes.
 * @throws Error when the kind does not hold that much; limits are checked where the value comes in.
 */
export function pad(kind: SealedKind, plaintext: Buffer): Buffer {
  const size = paddedSize(kind, plaintext.length);
  if (size === null) throw new Error("plaintext is too long for its kind");
  // Buffer.alloc takes memory of its own; a buffer from the shared pool would leave the secret lying in a slab that others read.
  const padded = Buffer.alloc(size);
  plaintext.copy(padded);
  padded.writeUInt8(MARK, plaintext.length);
  return padded;
}

/** The plaintext before padding as a new buffer, or null when this is not the one padding that {@link pad} gives. */
export function unpad(kind: SealedKind, padded: Buffer): Buffer | null {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  if (end < 0 || padded[end] !== MARK || paddedSize(kind, end) !== padded.length) return null;
  const plaintext = Buffer.alloc(end);
  padded.copy(plaintext, 0, 0, end);
  return plaintext;
}
