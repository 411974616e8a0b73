import type { AccountKind, Partition } from "../accounts/account.js";
import { type AccountRow, allAccounts } from "../accounts/account-registry.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Id } from "../kernel/ids.js";
import { assertReadsAll } from "../people/reading.service.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { compareBooks, type PolicedAccount, type PurposeChange } from "./compare-terms.js";
import { currentBook } from "./policies.service.js";
import { changeOf } from "./policy-acts.service.js";
import { changedBook, type PolicyBook } from "./policy-book.js";
import { type Catalogue, purposeScopeOf } from "./purpose.js";

/** What a change of a policy would do. */
export interface Preview {
  readonly before: PolicyBook;
  readonly after: PolicyBook;
  readonly purposes: readonly PurposeChange[];
}

/** `policy change --dry-run`: which purposes become stricter or looser, on which accounts, by the terms that openings would meet. */
export class PreviewPolicy {
  constructor(
    private readonly transactions: Transactions,
    private readonly catalogue: Catalogue,
  ) {}

  /**
   * Changes nothing.
   * @param subject what `policy.change` takes.
   * @throws RootkeepError `NOT_ALLOWLISTED` for who does not read of all accounts; `MALFORMED`, `STATE_CONFLICT` as the change itself.
   */
  async preview(readerId: Id<"person">, subject: Readonly<Record<string, unknown>>): Promise<Preview> {
    const change = changeOf(this.catalogue, subject);
    return await this.transactions.peek(async (tx) => {
      await assertReadsAll(tx, readerId, "policy.preview");
      const before = await currentBook(tx);
      const after = changedBook(before, change);
      const accounts = (await allAccounts(tx)).map(policedAccount);
      return { before, after, purposes: compareBooks(this.catalogue, before.policies, after.policies, accounts) };
    });
  }
}

function policedAccount(row: AccountRow): PolicedAccount {
  return { kind: purposeScopeOf({ partition: row.partition as Partition, kind: row.kind as AccountKind }), scoped: scopedAccountOf(row) };
}
