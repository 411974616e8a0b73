import type { DataSource } from "typeorm";
import type { AccountKind, Partition } from "../accounts/account.js";
import { accountByAwsId, readAccount } from "../accounts/account-registry.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { activeSince } from "../secrets/secrets.service.js";
import type { AccountTarget } from "./aws-account.port.js";
import type { PostureExpectation } from "./posture.js";
import { PostureDue } from "./posture-due.repository.js";

/** First turns of accounts that come together are spread over this time. */
export const FIRST_SPREAD_SECONDS = 3_600;

/** An account on the eve of a visit. */
export interface VisitedAccount {
  readonly id: Id<"account">;
  readonly target: AccountTarget;
  readonly expectation: PostureExpectation;
  /** By the database's clock. */
  readonly takenAt: Date;
}

/** Finds what AWS is asked about: registered facts, held against the log, and the external id. */
export class AccountFinder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
  ) {}

  /** @throws RootkeepError `NOT_FOUND` */
  async find(accountId: Id<"account">): Promise<VisitedAccount> {
    const { externalId } = await this.#dueOf(accountId);
    return await this.transactions.peek(async (tx) => {
      const account = await readAccount(tx, accountId);
      if (account === null) throw new RootkeepError("NOT_FOUND");
      return {
        id: accountId,
        target: { partition: account.partition as Partition, awsId: account.awsId, externalId },
        expectation: { kind: account.kind as AccountKind, passwordSince: await activeSince(tx, accountId, "root-password") },
        takenAt: await tx.clock(),
      };
    });
  }

  /** The role in a management account that is kept here; null where it is not. */
  async management(partition: Partition, awsId: string): Promise<AccountTarget | null> {
    const account = await this.transactions.peek((tx) => accountByAwsId(tx, partition, awsId));
    if (account === null) return null;
    const { externalId } = await this.#dueOf(account.id as Id<"account">);
    return { partition, awsId, externalId };
  }

  async #dueOf(accountId: Id<"account">): Promise<{ readonly externalId: string }> {
    await this.transactions.peek(async (tx) => {
      if ((await readAccount(tx, accountId)) === null) throw new RootkeepError("NOT_FOUND");
    });
    return await PostureDue.of(this.dataSource, accountId, FIRST_SPREAD_SECONDS);
  }
}
