import type { NewRow, WorkTransaction } from "../database/work-transaction.js";
import { AccountRow } from "./account.entity.js";
import type { AccountState } from "./account.js";
import { AccountLife, type Takeover } from "./account-life.entity.js";

export type { AccountLife, Takeover } from "./account-life.entity.js";

/** The account's life, held as it is; null for one that has had no checklist yet. */
export async function readLife(tx: WorkTransaction, accountId: string): Promise<AccountLife | null> {
  return await tx.read(AccountLife, accountId);
}

/** The account's life, to be changed; null for one that has had no checklist yet. */
export async function lockLife(tx: WorkTransaction, accountId: string): Promise<AccountLife | null> {
  return await tx.lock(AccountLife, accountId);
}

/**
 * How the account came to us. An account that is `assuming` and has had no checklist was imported: it is declared in use
 * (docs/decisions/0037-an-account-has-a-life.md).
 */
export function takeoverOf(state: string, life: AccountLife | null): Takeover {
  if (life !== null) return life.takeover;
  return state === "assuming" ? "DECLARED" : "OPEN";
}

/** Begins the account's life. */
export function insertLife(tx: WorkTransaction, life: NewRow<AccountLife>): AccountLife {
  return tx.insert(AccountLife, life);
}

/** Changes what is noted of the account's life. */
export function changeLife(tx: WorkTransaction, life: AccountLife, patch: Partial<NewRow<AccountLife>>): void {
  tx.change(AccountLife, life, patch);
}

/** Moves the account, which is locked, into `state`. Whether it may be moved is judged in `src/lifecycle/account-states.ts`, and nowhere else asked for. */
export function setState(tx: WorkTransaction, account: AccountRow, state: AccountState): void {
  tx.change(AccountRow, account, { state });
}
