import { LIMITS } from "../kernel/limits.js";

/** What a receipt proves: this entry, about this subject, is durable in the log. */
export interface ReceiptFacts {
  readonly seq: number;
  /** Lower-case hex of the entry's leaf hash. */
  readonly leafHash: string;
  readonly eventId: string;
  readonly action: string;
  /** Only an intent opens something: the outcome of the same act is an entry about the same subject. */
  readonly outcome: string;
  /** What the entry is about: for an opening the secret version's id. */
  readonly subjectId: string;
}

/**
 * Proof that an entry was committed. Only the writer of the log makes one, after PostgreSQL acknowledged the COMMIT; it is bound to one
 * action on one subject, is used once and grows stale (law L1). `open()` takes no plaintext step without it.
 */
export class AuditReceipt {
  private static readonly unspent = new WeakSet<AuditReceipt>();
  readonly #mintedAt = performance.now();

  private constructor(readonly facts: ReceiptFacts) {
    Object.freeze(this);
  }

  /** Makes a receipt. Lint-forbidden outside the writer of the log. */
  static mint(facts: ReceiptFacts): AuditReceipt {
    const receipt = new AuditReceipt(Object.freeze({ ...facts }));
    AuditReceipt.unspent.add(receipt);
    return receipt;
  }

  /**
   * Uses the receipt of an intent up for `action` on `subjectId`.
   * @throws Error when forged, spent, stale or of something else: bugs all, and nothing is opened.
   */
  spend(action: string, subjectId: string): ReceiptFacts {
    if (!AuditReceipt.unspent.delete(this)) throw new Error("audit receipt was spent or forged");
    if (this.facts.outcome !== "intent") throw new Error("audit receipt is of no intent");
    if (this.facts.action !== action || this.facts.subjectId !== subjectId) throw new Error("audit receipt is for another act");
    if (performance.now() - this.#mintedAt > LIMITS.receiptMsMax) throw new Error("audit receipt is stale");
    return this.facts;
  }
}
