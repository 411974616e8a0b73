import { BUNDLE_WIDTH } from "../audit/bundle.js";
import { isObject } from "../audit/entry-form.js";
import { NOTE_FILE_BYTES_MAX, openingLine } from "../audit/export-format.js";
import { type HttpReader, RefusedAnswer } from "./http-reader.js";

const PAGE_ITEMS = 100;
const CHECKPOINTS_BYTES_MAX = PAGE_ITEMS * 2 * NOTE_FILE_BYTES_MAX;
const OPENINGS_BYTES_MAX = 2 ** 25;
/** A line that opens nothing. */
const NO_OPENING = Buffer.from("{}");

/** A checkpoint that a service lists. */
export interface ListedCheckpoint {
  readonly size: number;
  readonly note: Buffer;
}

/**
 * Every checkpoint that a Rootkeep lists, smallest first, a page at a time.
 * @param api its `/v1/audit/`.
 * @throws Error when the list is none, or does not ascend: it would never end.
 */
export async function* checkpointPages(http: HttpReader, api: URL): AsyncGenerator<ListedCheckpoint, void, void> {
  let last = 0;
  for (;;) {
    const page = await getJson(http, new URL(`checkpoints?after=${String(last)}&limit=${String(PAGE_ITEMS)}`, api), CHECKPOINTS_BYTES_MAX);
    const items = itemsOf(page);
    if (items === null) throw new Error("the list of checkpoints is none");
    for (const { size, note } of items) {
      if (!Number.isSafeInteger(size) || (size as number) <= last || typeof note !== "string")
        throw new Error("the list of checkpoints is not in order");
      last = size as number;
      yield { size: last, note: Buffer.from(note, "utf8") };
    }
    if (items.length === 0 || (page as { next?: unknown }).next === null) return;
  }
}

/** Whether a Rootkeep gives openings to whoever has our token. */
export async function canReadOpenings(http: HttpReader, api: URL): Promise<boolean> {
  try {
    return (await http.get(new URL("disclosures?from=0&to=1", api), OPENINGS_BYTES_MAX)) !== null;
  } catch (error) {
    // The log itself can be checked without.
    if (error instanceof RefusedAnswer) return false;
    throw error;
  }
}

/**
 * The openings that a Rootkeep has of entries 0 to `size − 1`, as lines of an export, one bundle's at a time.
 * An answer that holds none is given as a line that opens nothing: it is to be found false, not missing.
 */
export async function* servedOpenings(http: HttpReader, api: URL, size: number): AsyncGenerator<Uint8Array, void, void> {
  for (let from = 0; from < size; from += BUNDLE_WIDTH) {
    const to = Math.min(from + BUNDLE_WIDTH, size);
    const url = new URL(`disclosures?from=${String(from)}&to=${String(to)}`, api);
    const items = itemsOf(await getJson(http, url, OPENINGS_BYTES_MAX));
    for (const item of items ?? [{}]) yield lineOf(item);
  }
}

function lineOf({ seq, field, salt, value }: Readonly<Record<string, unknown>>): Uint8Array {
  if (typeof seq !== "number" || typeof field !== "string" || typeof salt !== "string" || typeof value !== "string") return NO_OPENING;
  try {
    return Buffer.from(openingLine({ seq, field, salt: Buffer.from(salt, "base64"), value }).trimEnd(), "utf8");
  } catch {
    return NO_OPENING;
  }
}

function itemsOf(page: unknown): readonly Readonly<Record<string, unknown>>[] | null {
  const items: unknown = isObject(page) ? page["items"] : null;
  return Array.isArray(items) && items.every(isObject) ? items : null;
}

/** The value that was served, or undefined for what is no JSON. @throws Error as {@link HttpReader.get}, and when there is nothing. */
async function getJson(http: HttpReader, url: URL, bytesMax: number): Promise<unknown> {
  const bytes = await http.get(url, bytesMax);
  if (bytes === null) throw new Error(`${url.pathname}: the server has no such list`);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
