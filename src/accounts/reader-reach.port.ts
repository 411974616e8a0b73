import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import type { Operation } from "../kernel/operations.js";
import type { AccountReach } from "./account-reach.js";

/** How far somebody reads. `people` knows, from the allowlist, and lends it to every transaction. */
export abstract class ReaderReach {
  /**
   * The accounts that `personId` may read of by `operation`, at this moment and in this snapshot.
   * @throws RootkeepError `NOT_ALLOWLISTED` for nobody, and for who is not active.
   */
  abstract reachOf(tx: WorkTransaction, personId: Id<"person">, operation: Operation): Promise<AccountReach>;
}
