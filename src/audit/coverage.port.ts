import type { ReceiptFacts } from "./receipt.js";

/** What an act waits for, beyond its entry being durable. */
export interface Coverage {
  /**
   * Waits until a checkpoint that covers the entry is signed and held by the guard, outside the database.
   * @returns the receipt for the caller: a C2SP `.tlog-proof` of the entry; null where this deployment does not wait.
   * @throws RootkeepError `AUDIT_UNAVAILABLE` when that does not happen in time, `ROLLBACK_DETECTED`.
   */
  cover(entry: ReceiptFacts): Promise<string | null>;
}

/** For trying out: the entry is durable, and that is all. */
export const NO_COVERAGE: Coverage = { cover: () => Promise.resolve(null) };
