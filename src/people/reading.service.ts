import type { AccountReach } from "../accounts/account-reach.js";
import { reachedAccount, reachedOf } from "../accounts/reached-accounts.service.js";
import { ReaderReach } from "../accounts/reader-reach.port.js";
import type { LogReading } from "../audit/log-reading.port.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { type Operation, type Role, ruleOf } from "../kernel/operations.js";
import { reachOfScopes } from "./reach.js";
import { parseScope } from "./scope.js";
import { standingOf } from "./standing.service.js";

/** Who looks after people and settings; an auditor of some accounts only does not. */
const KEEPING: readonly Role[] = ["custodian", "auditor"];

/** Somebody who reads, and how far (decision 0036). */
export interface Reader {
  readonly personId: Id<"person">;
  readonly reach: AccountReach;
  /** Reads also what is of no account: acts about people, the allowlist, policies, the configuration. */
  readonly readsPeople: boolean;
}

/**
 * How far `personId` reads by `operation` now: over the scopes of all entries in force whose role the operation is open to. One rule for every
 * role; a scope that comes with another role, to which the operation is closed, widens nothing.
 * @throws RootkeepError `NOT_ALLOWLISTED` when the person is unknown or not active.
 */
export async function readerOf(tx: WorkTransaction, personId: Id<"person">, operation: Operation): Promise<Reader> {
  const { access } = ruleOf(operation);
  const { entries } = await standingOf(tx, personId, await tx.clock());
  const counting = typeof access === "string" ? entries : entries.filter(({ role }) => access.includes(role));
  const scopes = counting.map(({ role, scope }) => ({ role, scope: parseScope(scope) }));
  return {
    personId,
    reach: reachOfScopes(scopes.map(({ scope }) => scope)),
    readsPeople: scopes.some(({ role, scope }) => scope.kind === "all" && KEEPING.includes(role)),
  };
}

/**
 * What tells of all accounts together is for those whose entries are over all of them.
 * @throws RootkeepError `NOT_ALLOWLISTED`
 */
export async function assertReadsAll(tx: WorkTransaction, personId: Id<"person">, operation: Operation): Promise<void> {
  const { reach } = await readerOf(tx, personId, operation);
  if (!reach.isAll) throw new RootkeepError("NOT_ALLOWLISTED", { reason: "no entry over all accounts" });
}

/** Lends the rule of reading to the modules below, which keep accounts and the log and know no allowlist. */
export class Reading extends ReaderReach implements LogReading {
  constructor(private readonly transactions: Transactions) {
    super();
    transactions.lend(ReaderReach, this);
  }

  async reachOf(tx: WorkTransaction, personId: Id<"person">, operation: Operation): Promise<AccountReach> {
    return (await readerOf(tx, personId, operation)).reach;
  }

  async assertAll(personId: Id<"person">, operation: Operation): Promise<void> {
    await this.transactions.peek((tx) => assertReadsAll(tx, personId, operation));
  }

  async assertAccount(personId: Id<"person">, operation: Operation, accountId: Id<"account">): Promise<void> {
    await this.transactions.peek(async (tx) => {
      const { reach } = await readerOf(tx, personId, operation);
      if (!reach.isAll) await reachedAccount(tx, reach, accountId);
    });
  }

  async sieve(
    personId: Id<"person">,
    operation: Operation,
  ): Promise<((accountIds: Iterable<string>) => Promise<ReadonlySet<string>>) | null> {
    const isAll = await this.transactions.peek(async (tx) => (await readerOf(tx, personId, operation)).reach.isAll);
    if (isAll) return null;
    return async (accountIds) =>
      await this.transactions.peek(async (tx) => reachedOf(tx, (await readerOf(tx, personId, operation)).reach, accountIds));
  }
}
