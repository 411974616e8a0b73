import type { AccountTags } from "../accounts/account.js";
import type { AccountRow } from "../accounts/account-registry.service.js";
import type { ScopedAccount } from "./scope.js";

/** The facts of `account` that a scope looks at. */
export function scopedAccountOf(account: Pick<AccountRow, "id" | "customer" | "tags">): ScopedAccount {
  return { id: account.id, customer: account.customer, tags: JSON.parse(account.tags) as AccountTags };
}
