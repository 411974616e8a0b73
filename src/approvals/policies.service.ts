import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { CertifiedPolicies } from "../people/certified-policies.port.js";
import { PolicyBookRow } from "./policy-book.entity.js";
import { EMPTY_BOOK, type PolicyBook, parseBook } from "./policy-book.js";

/** Id of the book of `number`: known without asking, so that a missing one is missed by name. */
export function bookId(number: number): Id<"policies"> {
  return `pol_${String(number).padStart(26, "0")}`;
}

/**
 * The policies in force. The database is asked for the newest number, but not believed: the book of that number must be the one that the
 * log knows, and that there is none after it is proven like any absence (law L11). So an older book that was put back, a newer one that
 * was deleted and one that nobody approved all refuse.
 * @param mode `lock` to change it: whoever opens under it is waited for, and whoever wants to waits.
 * @throws RootkeepError `ROW_REFUSED` for a book that this build does not understand.
 */
export async function currentBook(tx: WorkTransaction, mode: "read" | "lock" = "read"): Promise<PolicyBook> {
  const rows: { id: string | null }[] = await tx.manager.query("SELECT max(id) AS id FROM approvals.policy_book");
  const newest = (rows[0]?.id ?? bookId(0)) as Id<"policies">;
  let number = Number(newest.slice("pol_".length));
  // No id of ours: the row's own HMAC says so, with an alarm.
  if (bookId(number) !== newest) await tx.read(PolicyBookRow, newest);
  let row = await bookRow(tx, number, mode);
  for (;;) {
    const next = await bookRow(tx, number + 1, mode);
    if (next === null) break;
    // Somebody changed it while we waited for the lock.
    number += 1;
    row = next;
  }
  if (number === 0) return EMPTY_BOOK;
  if (row === null) throw new RootkeepError("ROW_REFUSED", { reason: "policy book is missing" });
  return parseBook(number, row.text);
}

async function bookRow(tx: WorkTransaction, number: number, mode: "read" | "lock"): Promise<PolicyBookRow | null> {
  if (number === 0) return null;
  return mode === "lock" ? await tx.lock(PolicyBookRow, bookId(number)) : await tx.read(PolicyBookRow, bookId(number));
}

/** A book as its change left it. */
export interface BookRecord {
  readonly id: Id<"policies">;
  readonly book: PolicyBook;
  readonly requestId: Id<"request">;
  readonly changedAt: Date;
}

/** Policies, for those who watch. */
export class Policies implements CertifiedPolicies {
  constructor(private readonly transactions: Transactions) {
    transactions.lend(CertifiedPolicies, this);
  }

  async versionIn(tx: WorkTransaction): Promise<string> {
    return (await currentBook(tx)).version;
  }

  /** Those in force. */
  async current(): Promise<PolicyBook> {
    return await this.transactions.peek((tx) => currentBook(tx));
  }

  /** Every book there was, oldest first; refused unless they are all there. */
  async history(): Promise<readonly BookRecord[]> {
    const rows = await this.transactions.peek((tx) => tx.readProven(PolicyBookRow));
    return rows.map(({ id, text, requestId, changedAt }) => ({
      id,
      book: parseBook(Number(id.slice("pol_".length)), text),
      requestId,
      changedAt,
    }));
  }
}
