import { entriesPath, TILE_WIDTH } from "./tlog/tile-path.js";

/** Entries of a full bundle: those under a tile of level 0. */
export const BUNDLE_WIDTH = TILE_WIDTH;
/** Bytes of the largest bundle that can exist. */
export const BUNDLE_BYTES_MAX = BUNDLE_WIDTH * (2 + 65_535);

/** A bundle that is not whole; the message names the fault. */
export class BundleError extends Error {}

/**
 * Entries as a C2SP entry bundle: each one's length in two bytes, big-endian, then its bytes.
 * @throws Error when there are none, more than 256, or one is beyond 65,535 bytes.
 */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  if (entries.length < 1 || entries.length > BUNDLE_WIDTH) throw new Error("a bundle holds 1 to 256 entries");
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > 65_535) throw new Error("an entry is too long for a bundle");
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/**
 * The entries of a bundle, one after the other; views of `bundle`, not copies.
 * @throws BundleError, after the good ones, when the bundle ends inside an entry or holds more than 256.
 */
export function* bundleEntries(bundle: Buffer): Generator<Buffer, void, void> {
  let offset = 0;
  for (let count = 0; offset < bundle.length; count++) {
    if (count === BUNDLE_WIDTH) throw new BundleError("bundle holds more than 256 entries");
    const start = offset + 2;
    if (start > bundle.length) throw new BundleError("bundle ends inside a length");
    offset = start + bundle.readUInt16BE(offset);
    if (offset > bundle.length) throw new BundleError("bundle ends inside an entry");
    yield bundle.subarray(start, offset);
  }
}

/**
 * All entries of a bundle.
 * @throws BundleError as {@link bundleEntries}.
 */
export function decodeBundle(bundle: Buffer): readonly Buffer[] {
  return [...bundleEntries(bundle)];
}

/**
 * Entries from `from` on, as the bundle files of an export; only the last may be narrower than 256. Holds one bundle at a time.
 * @param from seq of the first entry, a multiple of 256.
 * @throws Error when `from` is none.
 */
export async function* bundles(
  entries: AsyncIterable<Uint8Array>,
  from: number,
): AsyncGenerator<{ readonly path: string; readonly bytes: Buffer }, void, void> {
  if (!Number.isSafeInteger(from) || from < 0 || from % BUNDLE_WIDTH !== 0) throw new Error("an export begins at a multiple of 256");
  let n = from / BUNDLE_WIDTH;
  let waiting: Uint8Array[] = [];
  for await (const entry of entries) {
    waiting.push(entry);
    if (waiting.length < BUNDLE_WIDTH) continue;
    yield { path: entriesPath(n, BUNDLE_WIDTH), bytes: encodeBundle(waiting) };
    n += 1;
    waiting = [];
  }
  if (waiting.length > 0) yield { path: entriesPath(n, waiting.length), bytes: encodeBundle(waiting) };
}
