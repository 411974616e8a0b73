import type { WorkTransaction } from "../database/work-transaction.js";

/**
 * Which policies are in force. They decide beside the allowlist and are known to a module above, so they are lent to every transaction and
 * certified with it: a log that was reopened may have lost a stricter policy, and the older, laxer one would count again without a word.
 */
export abstract class CertifiedPolicies {
  /** The version of the policy book, which names its number and its content; of a book that stays so until the transaction ends. */
  abstract versionIn(tx: WorkTransaction): Promise<string>;
}
