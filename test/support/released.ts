// Accounts in a state of their life that a test is not about how they came to. How they do is tested in test/integration/lifecycle.
import type { AccountState } from "../../src/accounts/account.js";
import { setState } from "../../src/accounts/account-life.service.js";
import { lockAccount } from "../../src/accounts/account-registry.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import type { Transactions } from "../../src/audit/transactions.service.js";

/** Puts the account into `state`, whatever it was in. */
export async function putInState(transactions: Transactions, accountId: string, state: AccountState): Promise<void> {
  await transactions.run(async (tx) => {
    const account = await lockAccount(tx, accountId);
    if (account === null) throw new Error("there is no such account");
    setState(tx, account, state);
    const target = { type: "account", id: account.id };
    const details = { state };
    const draft = draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR, target, details, stream: account.id });
    return { result: undefined, entries: [{ draft, rows: [account] }] };
  });
}

/** The account's credentials are no longer ours. */
export async function release(transactions: Transactions, accountId: string): Promise<void> {
  await putInState(transactions, accountId, "released");
}
