import type { DataSource } from "typeorm";
import { In } from "typeorm";
import { type AccountRow, accountsOf, readAccount } from "../accounts/account-registry.service.js";
import { reachedAccount } from "../accounts/reached-accounts.service.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { type ActingPerson, actingStanding } from "../people/acting-person.service.js";
import { readerOf } from "../people/reading.service.js";
import { hasRole } from "../people/standing.service.js";
import { FIRST_SPREAD_SECONDS } from "./account-finder.service.js";
import { PostureRow } from "./posture.entity.js";
import { type DueRow, PostureDue, type WorstCursor } from "./posture-due.repository.js";
import { staleSeconds } from "./posture-rounds.service.js";
import { type PostureSnapshot, parseSnapshot } from "./posture-snapshot.js";

/** The role that is asked, and how often. */
export interface PostureSettings {
  /** Null where posture is off. */
  readonly role: string | null;
  readonly everySeconds: number;
}

/** The newest snapshot of an account, and its age. */
export interface TakenSnapshot {
  readonly snapshot: PostureSnapshot;
  readonly sha256: string;
  /** Position of its entry in the log. */
  readonly seq: number;
  readonly ageSeconds: number;
  /** Nobody should rest on it any more. */
  readonly isStale: boolean;
}

/** An account in the list. */
export interface PostureLine {
  readonly account: Pick<AccountRow, "id" | "awsId" | "customer">;
  readonly taken: TakenSnapshot | null;
  readonly cursor: WorstCursor;
}

/** What is known of one account, and how it comes to be known. */
export interface PostureView {
  readonly account: Pick<AccountRow, "id" | "awsId" | "partition">;
  readonly roleArn: string | null;
  readonly due: DueRow;
  readonly taken: TakenSnapshot | null;
}

/** True only for fresh evidence by which every item is ok. */
export function isSecured(taken: TakenSnapshot | null): boolean {
  return taken !== null && !taken.isStale && taken.snapshot.posture.verdict === "secured";
}

/** Posture as people see it, and ask for it. */
export class PostureService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly settings: PostureSettings,
  ) {}

  /** @throws RootkeepError `NOT_FOUND`, also for an account that `readerId` may not read of. */
  async readFor(readerId: Id<"person">, accountId: Id<"account">): Promise<PostureView> {
    const { account, taken } = await this.transactions.peek(async (tx) => {
      const { reach } = await readerOf(tx, readerId, "posture.read");
      const found = await reachedAccount(tx, reach, accountId);
      return { account: found, taken: this.#shown(await tx.read(PostureRow, accountId), await tx.clock()) };
    });
    const { role } = this.settings;
    const roleArn = role === null ? null : `arn:${account.partition}:iam::${account.awsId}:role/${role}`;
    return { account, roleArn, due: await PostureDue.of(this.dataSource, accountId, FIRST_SPREAD_SECONDS), taken };
  }

  /** Accounts that `readerId` may read of, worst first and among these the oldest evidence first, after `after`. */
  async listFor(readerId: Id<"person">, after: WorstCursor | null, limit: number): Promise<readonly PostureLine[]> {
    return await this.transactions.peek(async (tx) => {
      const { reach } = await readerOf(tx, readerId, "posture.list");
      const places = await PostureDue.worst(tx.manager, after, limit, reach);
      const ids = places.map(({ id }) => id);
      // The order came from a search; what each line says is read as deciding rows are.
      const now = await tx.clock();
      const accounts = new Map((await accountsOf(tx, ids)).map((account) => [account.id, account]));
      const rows = new Map((await tx.readAll(PostureRow, { id: In(ids as Id<"account">[]) })).map((row) => [row.id as string, row]));
      return places.flatMap((cursor) => {
        const account = accounts.get(cursor.id);
        return account === undefined || !reach.covers(account)
          ? []
          : [{ account, taken: this.#shown(rows.get(cursor.id) ?? null, now), cursor }];
      });
    });
  }

  /**
   * Puts the account first in line; its snapshot comes with the next round.
   * @returns position of the entry that says who asked.
   * @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED`, `UNAUTHENTICATED`; `STATE_CONFLICT` where posture is off.
   */
  async hurry(acting: ActingPerson, accountId: Id<"account">): Promise<number> {
    const { receipts } = await this.transactions.run(async (tx) => {
      const standing = await actingStanding(tx, acting, await tx.clock());
      if (!hasRole(standing, "custodian")) throw new RootkeepError("NOT_ALLOWLISTED");
      if ((await readAccount(tx, accountId)) === null) throw new RootkeepError("NOT_FOUND");
      if (this.settings.role === null) throw new RootkeepError("STATE_CONFLICT", { facts: { state: "posture-is-off" } });
      await PostureDue.of(tx.manager, accountId, FIRST_SPREAD_SECONDS);
      await PostureDue.hurry(tx.manager, accountId);
      const draft = draftEntry({
        action: "posture.take",
        outcome: "committed",
        actor: personActor(acting.personId),
        target: { type: "account", id: accountId },
        stream: accountId,
      });
      return { result: undefined, entries: [{ draft }] };
    });
    return receipts[0]?.facts.seq ?? -1;
  }

  #shown(row: PostureRow | null, now: Date): TakenSnapshot | null {
    if (row === null) return null;
    const ageSeconds = Math.max(0, Math.floor((now.getTime() - row.takenAt.getTime()) / 1_000));
    return {
      snapshot: parseSnapshot(row.snapshot),
      sha256: row.snapshotSha256.toString("hex"),
      seq: Number(row.seq),
      ageSeconds,
      isStale: ageSeconds > staleSeconds(this.settings.everySeconds),
    };
  }
}
