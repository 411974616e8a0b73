import type { DecidingRow } from "../database/deciding-row.entity.js";
import type { WorkTransaction } from "../database/work-transaction.js";

/**
 * Where what was before ended: a log that was reopened, custodians who were recovered. Lent to every transaction, so that what stood open then
 * counts for nothing at use, whether or not anybody has swept it: a row that was hidden during the sweep comes back worth nothing.
 */
export abstract class CutRule {
  /** Place of the entry that cut; null where none has. */
  abstract readonly cutSeq: number | null;
}

/** True if the newest entry about `row` is older than the cut: a session, an invitation, a request, an approval or a grant that it ended. */
export function isCut(tx: WorkTransaction, { seq }: Pick<DecidingRow, "seq">): boolean {
  const { cutSeq } = tx.lent(CutRule);
  return cutSeq !== null && Number(seq) < cutSeq;
}
