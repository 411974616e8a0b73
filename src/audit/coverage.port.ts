import type { ReceiptFacts } from "./receipt.js";

/** What an act waits for, beyond its entry being durable. */
export interface Coverage {
  /**
   * Asked before anything is claimed or burnt for an opening: can {@link cover} be expected to come true?
   * @throws RootkeepError `AUDIT_UNAVAILABLE` while nobody signs or the guard cannot be asked, `ROLLBACK_DETECTED`.
   */
  assertSigning(): Promise<void>;
  /**
   * Waits until a checkpoint that covers the entry is signed and held by the guard, outside the database.
   * @returns the receipt for the caller: a C2SP `.tlog-proof` of the entry; null where this deployment does not wait.
   * @throws RootkeepError `AUDIT_UNAVAILABLE` when that does not happen in time, `ROLLBACK_DETECTED`.
   */
  cover(entry: ReceiptFacts): Promise<string | null>;
}

/** For trying out: the entry is durable, and that is all. */
export const NO_COVERAGE: Coverage = { assertSigning: () => Promise.resolve(), cover: () => Promise.resolve(null) };
