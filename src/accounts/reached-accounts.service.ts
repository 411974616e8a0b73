import { In, MoreThan } from "typeorm";
import { readFound } from "../database/found-rows.js";
import { RowRefused, rowKey, type WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { AccountRow } from "./account.entity.js";
import type { AccountReach } from "./account-reach.js";
import { type AccountFilter, isFound, searchQuery } from "./account-search.js";

/** Accounts read at once. */
const CHUNK = 500;

/** Which page of a list, and of what. */
export interface AccountPage {
  /** Id behind which it begins; empty for the beginning. */
  readonly after: string;
  readonly limit: number;
  readonly filter: AccountFilter;
}

/**
 * Accounts of `reach` that a filter finds, in the order of their ids.
 * @throws RowRefused for a row that answers another question: whoever owns the database says what it finds [DR-15].
 */
export async function reachedAccounts(
  tx: WorkTransaction,
  reach: AccountReach,
  { after, limit, filter }: AccountPage,
): Promise<AccountRow[]> {
  if (reach.isAll && Object.keys(filter).length === 0) return await tx.readAll(AccountRow, { id: MoreThan(after) }, "read", limit);
  return await readFound(tx, AccountRow, {
    after,
    limit,
    find: async (from, most) => {
      const { sql, parameters } = searchQuery(filter, from, most, reach);
      return await tx.manager.query(sql, [...parameters]);
    },
    keep: (rows) => {
      for (const row of rows) if (!isFound(row, filter)) throw new RowRefused(rowKey("account", row.id), "answer");
      return Promise.resolve(rows.filter((row) => reach.covers(row)));
    },
  });
}

/**
 * One account of `reach`.
 * @throws RootkeepError `NOT_FOUND`, for one that is out of reach as for one that there is not.
 */
export async function reachedAccount(tx: WorkTransaction, reach: AccountReach, accountId: string): Promise<AccountRow> {
  const account = await tx.read(AccountRow, accountId);
  if (account === null || !reach.covers(account)) throw new RootkeepError("NOT_FOUND");
  return account;
}

/** Of the accounts with these ids, those of `reach`. */
export async function reachedOf(tx: WorkTransaction, reach: AccountReach, accountIds: Iterable<string>): Promise<ReadonlySet<string>> {
  const ids = [...new Set(accountIds)];
  if (reach.isAll) return new Set(ids);
  const reached = new Set<string>();
  for (let from = 0; from < ids.length; from += CHUNK) {
    const rows = await tx.readAll(AccountRow, { id: In(ids.slice(from, from + CHUNK)) });
    for (const row of rows) if (reach.covers(row)) reached.add(row.id);
  }
  return reached;
}
