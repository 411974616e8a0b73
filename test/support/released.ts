// An account whose credentials are no longer ours. Nothing in the program comes to that state yet: hand-back and closure will.
import { AccountRow } from "../../src/accounts/account.entity.js";
import { lockAccount, releaseAccount } from "../../src/accounts/account-registry.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import type { Transactions } from "../../src/audit/transactions.service.js";
import type { WorkTransaction } from "../../src/database/work-transaction.js";

/** Brings the account to `releasing`, and from there to `released`, as its hand-back would. */
export async function release(transactions: Transactions, accountId: string): Promise<void> {
  await step(transactions, accountId, (tx, account) => {
    tx.change(AccountRow, account, { state: "releasing" });
  });
  await step(transactions, accountId, releaseAccount);
}

async function step(
  transactions: Transactions,
  accountId: string,
  change: (tx: WorkTransaction, account: AccountRow) => void,
): Promise<void> {
  await transactions.run(async (tx) => {
    const account = await lockAccount(tx, accountId);
    if (account === null) throw new Error("there is no such account");
    change(tx, account);
    const target = { type: "account", id: account.id };
    const details = { state: account.state };
    const draft = draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR, target, details, stream: account.id });
    return { result: undefined, entries: [{ draft, rows: [account] }] };
  });
}
