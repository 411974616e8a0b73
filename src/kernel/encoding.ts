/**
 * Injective encoding: a list of fields becomes one byte string, and two different lists never become the same one. Every field is
 * preceded by its length as an unsigned 32-bit big-endian number, and the list by its count (docs/spec/injective-encoding.md). Plain
 * concatenation would let `("ab","c")` pass for `("a","bc")`.
 */
export function encodeFields(fields: readonly (string | Uint8Array)[]): Buffer {
  const parts: Buffer[] = [uint32(fields.length)];
  for (const field of fields) {
    const bytes = typeof field === "string" ? utf8(field) : Buffer.from(field.buffer, field.byteOffset, field.byteLength);
    parts.push(uint32(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

/**
 * UTF-8 bytes of `text`.
 * @throws Error when it holds a lone surrogate, which UTF-8 would silently replace and so make two texts equal.
 */
export function utf8(text: string): Buffer {
  if (!text.isWellFormed()) throw new Error("text is not well-formed Unicode");
  return Buffer.from(text, "utf8");
}

/** `value` as four bytes, big-endian. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
