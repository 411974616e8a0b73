import { type Page, pageOf, parsePage } from "./paging.js";

/** A page out of a list that a service gives whole, in the order of its ids. */
export function pageOfWhole<T>(
  all: readonly T[],
  query: { readonly after?: unknown; readonly limit?: unknown },
  idOf: (item: T) => string,
): Page<T> {
  const { after, limit } = parsePage(query);
  const rows = all
    .filter((item) => after === null || idOf(item) > after)
    .sort((one, other) => (idOf(one) < idOf(other) ? -1 : 1))
    .slice(0, limit + 1);
  return pageOf(rows, limit, idOf);
}
