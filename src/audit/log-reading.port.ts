import type { Id } from "../kernel/ids.js";
import type { Operation } from "../kernel/operations.js";

/**
 * How far somebody reads in the log. `people` knows, from the allowlist. The log only grows and is never changed, so what is read after the
 * answer is what could have been read with it.
 */
export abstract class LogReading {
  /**
   * For what tells of all accounts together.
   * @throws RootkeepError `NOT_ALLOWLISTED` unless the person's entries are over all accounts.
   */
  abstract assertAll(personId: Id<"person">, operation: Operation): Promise<void>;

  /**
   * For what tells of one account.
   * @throws RootkeepError `NOT_FOUND` for one that is out of the person's reach, as for one that there is not.
   */
  abstract assertAccount(personId: Id<"person">, operation: Operation, accountId: Id<"account">): Promise<void>;

  /** What says of some accounts which the person may read of; null where that is every one. */
  abstract sieve(
    personId: Id<"person">,
    operation: Operation,
  ): Promise<((accountIds: Iterable<string>) => Promise<ReadonlySet<string>>) | null>;
}
