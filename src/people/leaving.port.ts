import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";

/** Grants are kept by the module above; whoever loses their standing here loses them there, in the same transaction. */
export interface LeavingPort {
  /** Ends every grant that the person holds. @returns the entries that tell of it. */
  revokeGrantsOf(tx: WorkTransaction, personId: Id<"person">): Promise<readonly Drafted<EntryDraft>[]>;
}
