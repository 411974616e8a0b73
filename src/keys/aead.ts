import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

/** Length of the nonce in bytes: 96 bits, the only length for which GCM uses the nonce as it is. */
export const NONCE_BYTES = 12;
/** Length of the authentication tag in bytes. A shorter tag would be easier to guess; the length is fixed on both sides. */
export const TAG_BYTES = 16;

const CIPHER = "aes-256-gcm";

/**
 * AES-256-GCM: the one file of the program that calls a cipher. Gives ciphertext ‖ tag. The caller must never use a nonce twice with a
 * key: that would give away the authentication key. Sealed values have a key per version, root keys wrap far fewer than 2^32 times.
 */
export function encryptAead(key: Buffer | KeyObject, nonce: Buffer, associated: Buffer, plaintext: Buffer): Buffer {
  if (nonce.length !== NONCE_BYTES) throw new Error("nonce has the wrong length");
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/**
 * The reverse of {@link encryptAead}. Null when key, nonce, associated data or any byte is not the one that was sealed; it does not say
 * which. GCM hands out plaintext before the tag is checked, so a refused plaintext is overwritten and never returned.
 */
export function decryptAead(key: Buffer | KeyObject, nonce: Buffer, associated: Buffer, sealed: Buffer): Buffer | null {
  if (nonce.length !== NONCE_BYTES || sealed.length < TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  // GCM is a stream mode: update() gives every byte and final() only the verdict. So there is no second buffer to join or to wipe.
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0);
    return null;
  }
}
