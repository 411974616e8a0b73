import type { Operation } from "./operations.js";

/**
 * The proof, handed down to a low module, that a decision was taken above: "operation Op on subject, for this person". It cannot be
 * forged (the private constructor is reached through {@link Grant.mint} only, and that name is lint-forbidden outside `people/` and
 * `approvals/`), copied (a copy is not in the WeakSet) or used twice.
 *
 * It is the in-process shadow of a decision; what makes an opening single across processes is the log's unique event id.
 */
export class Grant<Op extends Operation = Operation> {
  private static readonly unspent = new WeakSet<Grant>();

  private constructor(
    readonly operation: Op,
    readonly subjectId: string,
    readonly personId: string,
  ) {
    Object.freeze(this);
  }

  /** Makes a proof. Called only by the code that has just taken the decision. */
  static mint<Op extends Operation>(operation: Op, subjectId: string, personId: string): Grant<Op> {
    const grant = new Grant(operation, subjectId, personId);
    Grant.unspent.add(grant);
    return grant;
  }

  /**
   * Uses the proof up.
   * @throws Error when it is a forgery, was spent before, or is for something else: all three are bugs, not answers to a caller.
   */
  spend(operation: Op, subjectId: string): void {
    if (!Grant.unspent.delete(this)) throw new Error("grant was spent or forged");
    if (this.operation !== operation || this.subjectId !== subjectId) throw new Error("grant is for another act");
  }
}
