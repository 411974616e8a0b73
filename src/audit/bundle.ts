/** Entries of a full bundle (C2SP tlog-tiles). */
export const BUNDLE_WIDTH = 256;
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
 * Path of bundle `n` (entries `256·n` on) of `width` entries, `tile/entries/<N>[.p/<W>]`; 256 is a full one.
 * @throws Error when n is no count or width not between 1 and 256.
 */
export function entriesPath(n: number, width: number): string {
  return `tile/entries/${numberedPath(n, width)}`;
}

/**
 * Path of the hash tile `n` of `level`, `tile/<L>/<N>[.p/<W>]`.
 * @throws Error when level is not between 0 and 63, n is no count or width not between 1 and 256.
 */
export function tilePath(level: number, n: number, width: number): string {
  if (!Number.isInteger(level) || level < 0 || level > 63) throw new Error("a level is between 0 and 63");
  return `tile/${String(level)}/${numberedPath(n, width)}`;
}

function numberedPath(n: number, width: number): string {
  if (!Number.isSafeInteger(n) || n < 0) throw new Error("a bundle's number is a count");
  if (!Number.isInteger(width) || width < 1 || width > BUNDLE_WIDTH) throw new Error("a width is between 1 and 256");
  const digits = String(n);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  const groups = padded.match(/\d{3}/g) ?? [];
  const path = groups.map((group, index) => (index < groups.length - 1 ? `x${group}` : group)).join("/");
  return width === BUNDLE_WIDTH ? path : `${path}.p/${String(width)}`;
}

/** Number and width that `path` names, if it is exactly what {@link entriesPath} writes for them, else null. */
export function parseEntriesPath(path: string): { readonly n: number; readonly width: number } | null {
  const match = /^tile\/entries\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path);
  if (match?.[1] === undefined) return null;
  const n = Number(match[1].replaceAll(/[x/]/g, ""));
  const width = match[2] === undefined ? BUNDLE_WIDTH : Number(match[2]);
  if (!Number.isSafeInteger(n) || width > BUNDLE_WIDTH || entriesPath(n, width) !== path) return null;
  return { n, width };
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
