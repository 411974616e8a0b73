import { isUtf8 } from "node:buffer";
import { TlogError } from "./tlog-error.js";
import { HASH_BYTES } from "./tree.js";

// The formats of C2SP are lines of text. There must be one way only to write a thing down, or a text could be changed without its meaning,
// so whatever this build would not have written itself is refused.

const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/** True for well-formed Unicode without control characters below U+0020 but line feeds. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !CONTROL.test(text);
}

/**
 * The text that `bytes` are.
 * @param what names the thing in errors.
 * @throws TlogError when they are more than `bytesMax`, are no UTF-8 or hold a control character other than a line feed.
 */
export function decodeText(bytes: Uint8Array, bytesMax: number, what: string): string {
  if (bytes.length > bytesMax) throw new TlogError(`${what} is larger than ${bytesMax} bytes`);
  if (!isUtf8(bytes)) throw new TlogError(`${what} is not valid UTF-8`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (CONTROL.test(text)) throw new TlogError(`${what} holds a control character`);
  return text;
}

/**
 * The number that `text` is: ASCII digits without leading zeros, 0 to 2^53 − 1.
 * @throws TlogError when it is none.
 */
export function parseDecimal(text: string, what: string): number {
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TlogError(`${what} is no decimal number below 2^53`);
  return value;
}

/**
 * The bytes that `text` is the standard base64 (RFC 4648 §4) of, padded, with zeros in the bits that do not count.
 * @throws TlogError when it is none.
 */
export function parseBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) throw new TlogError(`${what} is not base64`);
  return bytes;
}

/**
 * The hash, 32 bytes, that `text` is the base64 of.
 * @throws TlogError when it is none.
 */
export function parseHash(text: string, what: string): Buffer {
  const bytes = parseBase64(text, what);
  if (bytes.length !== HASH_BYTES) throw new TlogError(`${what} is not a hash of 32 bytes`);
  return bytes;
}
