import { In, MoreThan } from "typeorm";
import type { Transactions } from "../audit/transactions.service.js";
import type { NewRow, WorkTransaction } from "../database/work-transaction.js";
import type { Grant } from "../kernel/grant.js";
import type { Id } from "../kernel/ids.js";
import { AccountRow } from "./account.entity.js";
import type { FactName } from "./account-facts.js";
import type { AccountFilter } from "./account-search.js";
import { reachedAccount, reachedAccounts } from "./reached-accounts.service.js";
import { ReaderReach } from "./reader-reach.port.js";

export type { AccountRow } from "./account.entity.js";

/** The registry of accounts: facts, no process. */
export class AccountRegistry {
  constructor(private readonly transactions: Transactions) {}

  /** Accounts that `readerId` may read of and `filter` finds, after `after`, in the order of their ids. */
  async listFor(readerId: Id<"person">, after: string, limit: number, filter: AccountFilter = {}): Promise<AccountRow[]> {
    return await this.transactions.peek(async (tx) =>
      reachedAccounts(tx, await tx.lent(ReaderReach).reachOf(tx, readerId, "account.list"), { after, limit, filter }),
    );
  }

  /** All accounts after `after`, whoever may read of them: for looks at the whole. */
  async list(after: string, limit: number): Promise<AccountRow[]> {
    return await this.transactions.peek((tx) => tx.readAll(AccountRow, { id: MoreThan(after) }, "read", limit));
  }

  /** @throws RootkeepError `NOT_FOUND`, also for one that is out of the reader's reach. */
  async readFor(readerId: Id<"person">, accountId: Id<"account">): Promise<AccountRow> {
    return await this.transactions.peek(async (tx) =>
      reachedAccount(tx, await tx.lent(ReaderReach).reachOf(tx, readerId, "account.read"), accountId),
    );
  }
}

/** The account's row, held as it is until the transaction ends. Null where there is none. */
export async function readAccount(tx: WorkTransaction, accountId: string): Promise<AccountRow | null> {
  return await tx.read(AccountRow, accountId);
}

/** Every account, for a look at what a change would reach. */
export async function allAccounts(tx: WorkTransaction): Promise<AccountRow[]> {
  return await tx.readAll(AccountRow, {});
}

/** The accounts of `ids`, those that there are. */
export async function accountsOf(tx: WorkTransaction, ids: readonly string[]): Promise<AccountRow[]> {
  return await tx.readAll(AccountRow, { id: In([...ids]) });
}

/** The account that AWS knows by `awsId` in `partition`, or null. */
export async function accountByAwsId(tx: WorkTransaction, partition: string, awsId: string): Promise<AccountRow | null> {
  return (await tx.readAll(AccountRow, { partition, awsId }))[0] ?? null;
}

/** The account's row, to be changed. Null where there is none. */
export async function lockAccount(tx: WorkTransaction, accountId: string): Promise<AccountRow | null> {
  return await tx.lock(AccountRow, accountId);
}

/** Notes which grant has the account checked out; null when it is back. */
export function setCheckOut(tx: WorkTransaction, account: AccountRow, grantId: Id<"grant"> | null): void {
  tx.change(AccountRow, account, { checkoutGrantId: grantId });
}

/** The approved act `account.change`: writes the facts that were approved into the row, which is locked. */
export function changeFacts(
  tx: WorkTransaction,
  grant: Grant<"account.change">,
  requestId: Id<"request">,
  account: AccountRow,
  columns: Pick<AccountRow, FactName>,
): void {
  grant.spend("account.change", requestId);
  tx.change(AccountRow, account, columns);
}

/** Registers an account. */
export function insertAccount(tx: WorkTransaction, account: NewRow<AccountRow>): AccountRow {
  return tx.insert(AccountRow, account);
}

/** Of `awsIds`, those that are registered in any partition. For an early answer: what decides is the table's own uniqueness. */
export async function knownAwsIds(tx: WorkTransaction, awsIds: readonly string[]): Promise<Set<string>> {
  const rows: { aws_id: string }[] = await tx.manager.query("SELECT aws_id FROM accounts.account WHERE aws_id = ANY($1)", [awsIds]);
  return new Set(rows.map((row) => row.aws_id));
}
