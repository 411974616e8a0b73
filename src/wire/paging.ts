import type { FieldError } from "../kernel/errors.js";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";

/** Where a page starts and how long it may be. */
export interface PageRequest {
  /** The last id of the page before, exclusive; `null` for the first page. */
  readonly after: string | null;
  readonly limit: number;
}

/** One page of a list; `next` is the cursor of the following one, or `null` at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const CURSOR = /^[A-Za-z0-9_-]{1,172}$/;
// What ids, sequence numbers and AWS account ids are made of. Anything else in a cursor was not written by us.
const LAST_ID = /^[A-Za-z0-9_.:-]{1,128}$/;

/**
 * Reads `?after=&limit=`. A repeated parameter arrives as a list and is refused like any other odd value.
 * @throws RootkeepError `MALFORMED` naming the fields.
 */
export function parsePage(query: { readonly after?: unknown; readonly limit?: unknown }): PageRequest {
  const fields: FieldError[] = [];
  const after = query.after === undefined ? null : openCursor(query.after);
  if (after === undefined) fields.push({ field: "after", rule: "must be a cursor of this list" });
  const limit = parseLimit(query.limit);
  if (limit === undefined) fields.push({ field: "limit", rule: `must be a whole number from 1 to ${String(LIMITS.pageSizeMax)}` });
  if (after === undefined || limit === undefined) throw new RootkeepError("MALFORMED", { fields });
  return { after, limit };
}

/** The opaque cursor that stands for `lastId`. */
export function cursorOf(lastId: string): string {
  if (!LAST_ID.test(lastId)) throw new Error("a cursor is made of an id");
  return Buffer.from(lastId, "utf8").toString("base64url");
}

/**
 * A page out of `rows`, which the query fetched with `limit + 1`: the row too many only says that there is more and is not shown.
 */
export function pageOf<T>(rows: readonly T[], limit: number, idOf: (row: T) => string): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? cursorOf(idOf(last)) : null };
}

function openCursor(value: unknown): string | undefined {
  if (typeof value !== "string" || !CURSOR.test(value)) return undefined;
  const lastId = Buffer.from(value, "base64url").toString("utf8");
  // Base64url has several spellings of one text; only ours passes.
  return LAST_ID.test(lastId) && cursorOf(lastId) === value ? lastId : undefined;
}

function parseLimit(value: unknown): number | undefined {
  if (value === undefined) return LIMITS.pageSizeDefault;
  if (typeof value !== "string" || !/^[1-9]\d{0,5}$/.test(value)) return undefined;
  const limit = Number(value);
  return limit <= LIMITS.pageSizeMax ? limit : undefined;
}
