import { type EntityTarget, In } from "typeorm";
import type { DecidingRow } from "./deciding-row.entity.js";
import type { WorkTransaction } from "./work-transaction.js";

/** However the database orders what it finds, a list ends. */
const BATCHES_MAX = 100;

/** How the rows of a list are found, and who decides. */
export interface Finding<R> {
  /** Id behind which the list begins; empty for its beginning. */
  readonly after: string;
  readonly limit: number;
  /** Ids of rows that may be of the list, behind `after`, in their order, `limit` at most. */
  readonly find: (after: string, limit: number) => Promise<readonly { readonly id: string }[]>;
  /** Of rows that were checked, those that are of the list. */
  readonly keep: (rows: readonly R[]) => Promise<readonly R[]>;
}

/**
 * Rows of a list that a plain condition on one table cannot say. The database only finds ids; each row is then read as every deciding row is,
 * and `keep` decides by it. The list is full unless it is at its end: where `keep` drops what was found, more is looked for.
 */
export async function readFound<R extends DecidingRow>(
  tx: WorkTransaction,
  entity: EntityTarget<R>,
  { after, limit, find, keep }: Finding<R>,
): Promise<R[]> {
  const kept: R[] = [];
  let from = after;
  for (let batch = 0; kept.length < limit && batch < BATCHES_MAX; batch++) {
    const ids = (await find(from, limit)).map(({ id }) => id);
    if (ids.length > 0) kept.push(...(await keep(await tx.readAll(entity, { id: In(ids) } as never))));
    const last = ids.at(-1);
    if (last === undefined || ids.length < limit) break;
    from = last;
  }
  return kept.slice(0, limit);
}
