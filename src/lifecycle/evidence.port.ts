import type { AccountRow } from "../accounts/account-registry.service.js";
import type { JsonObject } from "../audit/canonical-json.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Evidence, EvidenceKind } from "./checklist.js";

/** What somebody names as the proof that a step is done. */
export interface EvidenceQuestion {
  readonly account: AccountRow;
  readonly step: string;
  /** The step's own terms for this kind. */
  readonly accepted: Evidence;
  /** Since when the step could be done. */
  readonly openSince: Date;
  readonly reference: string;
  readonly now: Date;
}

/** Evidence that the program checks by itself; who makes it registers its source with the checklists. */
export interface EvidenceSource {
  readonly kind: EvidenceKind;
  /**
   * Looks whether `reference` proves the step, of this account and not from before it was open.
   * @returns what the entry says of it: ids, hashes, times; nothing personal.
   * @throws RootkeepError `STATE_CONFLICT` or `NOT_FOUND` for what proves nothing.
   */
  check(tx: WorkTransaction, question: EvidenceQuestion): Promise<JsonObject>;
  /** False once something newer says otherwise; left out where evidence of this kind is never overtaken. */
  stillHolds?(tx: WorkTransaction, account: AccountRow, reference: string, accepted: Evidence): Promise<boolean>;
}
