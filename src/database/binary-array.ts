/** PostgreSQL's type number of `bytea`. */
const BYTEA = 17;

/**
 * A `bytea[]` of one dimension as PostgreSQL's binary protocol has it (`array_recv`). pg sends a Buffer as it is; of a JavaScript array it
 * would make text with two hex digits for each byte, which costs both sides more than the insert.
 */
export function byteaArray(items: readonly Buffer[]): Buffer {
  const bytes = Buffer.allocUnsafe(items.reduce((sum, item) => sum + 4 + item.length, 20));
  // Dimensions, "has nulls", element type; then the one dimension's length and where it counts from.
  [1, 0, BYTEA, items.length, 1].forEach((word, index) => bytes.writeInt32BE(word, index * 4));
  let offset = 20;
  for (const item of items) {
    offset = bytes.writeInt32BE(item.length, offset);
    offset += item.copy(bytes, offset);
  }
  return bytes;
}
