/** Hashes of a full tile, and entries of a full bundle (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;
/** The highest level that a path may name. */
const LEVEL_MAX = 63;

/** What a path of a hash tile names. */
export interface Tile {
  /** Each hash of the tile is that of `256^level` leaves. */
  readonly level: number;
  /** Place among the tiles of its level: its first hash is number `256 · n`. */
  readonly n: number;
  /** Hashes in it, 1 to 256; 256 is a full one. */
  readonly width: number;
}

/**
 * Path of bundle `n` (entries `256·n` on) of `width` entries, `tile/entries/<N>[.p/<W>]`; 256 is a full one.
 * @throws Error when n is no count or width not between 1 and 256.
 */
export function entriesPath(n: number, width: number): string {
  return `tile/entries/${numberedPath(n, width)}`;
}

/**
 * Path of a hash tile, `tile/<L>/<N>[.p/<W>]`.
 * @throws Error when level is not between 0 and 63, n is no count or width not between 1 and 256.
 */
export function tilePath({ level, n, width }: Tile): string {
  if (!Number.isInteger(level) || level < 0 || level > LEVEL_MAX) throw new Error("a level is between 0 and 63");
  return `tile/${level}/${numberedPath(n, width)}`;
}

function numberedPath(n: number, width: number): string {
  if (!Number.isSafeInteger(n) || n < 0) throw new Error("a tile's number is a count");
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH) throw new Error("a width is between 1 and 256");
  const digits = String(n);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  const groups = padded.match(/\d{3}/g) ?? [];
  const path = groups.map((group, index) => (index < groups.length - 1 ? `x${group}` : group)).join("/");
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
}

/** Number and width that `path` names, if it is exactly what {@link entriesPath} writes for them, else null. */
export function parseEntriesPath(path: string): { readonly n: number; readonly width: number } | null {
  const place = parseNumberedPath(/^tile\/entries\/(.*)$/s.exec(path)?.[1]);
  return place !== null && entriesPath(place.n, place.width) === path ? place : null;
}

/** The tile that `path` names, if it is exactly what {@link tilePath} writes for it, else null. */
export function parseTilePath(path: string): Tile | null {
  const match = /^tile\/(0|[1-9]\d?)\/(.*)$/s.exec(path);
  const place = parseNumberedPath(match?.[2]);
  const level = Number(match?.[1]);
  return place !== null && level <= LEVEL_MAX && tilePath({ level, ...place }) === path ? { level, ...place } : null;
}

function parseNumberedPath(path: string | undefined): { readonly n: number; readonly width: number } | null {
  const match = /^((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path ?? "");
  if (match?.[1] === undefined) return null;
  const n = Number(match[1].replaceAll(/[x/]/g, ""));
  const width = match[2] === undefined ? TILE_WIDTH : Number(match[2]);
  return Number.isSafeInteger(n) && width <= TILE_WIDTH ? { n, width } : null;
}
