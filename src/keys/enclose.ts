import { isUtf8 } from "node:buffer";
import { CompactEncrypt, importJWK } from "jose";
import type { Secret } from "../kernel/secret.js";
import type { DeliveryKey } from "./delivery-key.js";

/** The plaintext of a delivery is a multiple of this many bytes, so that a JWE does not tell a short password from a long one. */
const BLOCK_BYTES = 512;

const HEAD = Buffer.from('{"pad":"');
const MIDDLE = Buffer.from('","value":"');
const TAIL = Buffer.from('"}');
const ZERO = 0x30;
const HEX = Buffer.from("0123456789abcdef");

/**
 * `{"pad":"000…","value":"…"}` as bytes, a multiple of 512, for `value` in UTF-8 [DL-7] [DL-8]. It is written byte by byte: made by
 * `JSON.stringify`, the value would stand in a string that nobody can erase. The caller wipes what it gets.
 * @throws Error for bytes that are no UTF-8: they are no JSON either. What is sealed here was checked as it came in.
 */
export function deliveryPlaintext(value: Buffer): Buffer {
  if (!isUtf8(value)) throw new Error("a value that is delivered is text");
  const unpadded = HEAD.length + MIDDLE.length + TAIL.length + value.reduce((sum, byte) => sum + escapedLength(byte), 0);
  const padded = Math.ceil(unpadded / BLOCK_BYTES) * BLOCK_BYTES;
  // Buffer.alloc takes memory of its own; a buffer from the shared pool would leave the secret lying in a slab that others read.
  const text = Buffer.alloc(padded, ZERO);
  HEAD.copy(text);
  let at = MIDDLE.copy(text, HEAD.length + padded - unpadded) + HEAD.length + padded - unpadded;
  for (const byte of value) at = writeEscaped(text, at, byte);
  TAIL.copy(text, at);
  return text;
}

function escapedLength(byte: number): number {
  if (byte < 0x20) return 6;
  return byte === 0x22 || byte === 0x5c ? 2 : 1;
}

/** Only what JSON demands is escaped; bytes of a longer UTF-8 sequence are all above these. @returns where the next byte goes. */
function writeEscaped(text: Buffer, at: number, byte: number): number {
  const length = escapedLength(byte);
  if (length === 6) {
    text.write("\\u00", at, "latin1");
    text[at + 4] = HEX[byte >> 4] ?? 0;
    text[at + 5] = HEX[byte & 15] ?? 0;
  } else {
    if (length === 2) text[at] = 0x5c;
    text[at + length - 1] = byte;
  }
  return at + length;
}

/**
 * `value` as a compact JWE that only the holder of `key`'s private half can open [DL-6]: ECDH-ES with a key pair of this one message,
 * A256GCM, nothing compressed, since a length after compression tells of the content. The value stays the caller's to wipe.
 *
 * The content key belongs to this message alone, so its random nonce cannot come twice under it. jose gives our buffer to Web
 * Cryptography as it is; Node copies it once more for the thread that encrypts, out of our reach (docs/threat-model.md).
 */
export async function enclose(value: Secret<Buffer>, key: DeliveryKey): Promise<string> {
  const publicKey = await importJWK(key.jwk, "ECDH-ES");
  const plaintext = value.expose(deliveryPlaintext);
  try {
    return await new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", kid: key.thumbprint })
      .encrypt(publicKey);
  } finally {
    plaintext.fill(0);
  }
}
