// Posture of a vault: the real services over the double of AWS.

import { Leadership } from "../../src/audit/leadership.service.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { AccountFinder } from "../../src/aws/account-finder.service.js";
import { type PostureLine, PostureService, type PostureView } from "../../src/aws/posture.service.js";
import type { DueCounts, WorstCursor } from "../../src/aws/posture-due.repository.js";
import { PostureRounds, type RoundProgress } from "../../src/aws/posture-rounds.service.js";
import { TakePosture } from "../../src/aws/take-posture.service.js";
import type { Id } from "../../src/kernel/ids.js";
import { emulatedAccounts } from "./aws-accounts.js";
import { AwsDouble, type DoubleAccount } from "./aws-double.js";
import { withClient } from "./postgres.js";
import type { Vault } from "./vault.js";

export const EVERY_SECONDS = 86_400;

/** An account as we know it and as AWS does. */
export interface DeskAccount {
  readonly id: Id<"account">;
  readonly aws: DoubleAccount;
}

/** An entry, as far as it tells of posture. */
export interface PostureEntry {
  readonly action: string;
  readonly outcome: string;
  readonly seq: number;
  readonly stream?: string;
  readonly rows?: readonly string[];
  readonly details?: {
    readonly snapshot?: unknown;
    readonly sha256?: string;
    readonly change?: string;
    readonly reason?: string;
    readonly commitments?: Readonly<Record<string, string>>;
  };
}

export class PostureDesk {
  readonly service: PostureService;
  readonly taker: TakePosture;
  /** Accounts whose change was told to operators. */
  readonly changed: string[] = [];
  readonly failures: string[] = [];
  readonly faults: unknown[] = [];
  readonly progress: RoundProgress[] = [];
  counts: DueCounts | undefined;

  private constructor(
    readonly vault: Vault,
    readonly double: AwsDouble,
    private readonly isFirst: boolean,
  ) {
    const { dataSource, transactions, keys, trust } = vault;
    const finder = new AccountFinder(dataSource, transactions);
    this.service = new PostureService(dataSource, transactions, { role: "RootkeepPosture", everySeconds: EVERY_SECONDS });
    this.taker = new TakePosture(transactions, finder, emulatedAccounts(double.endpoint), keys.records, trust);
  }

  static async open(vault: Vault): Promise<PostureDesk> {
    return new PostureDesk(vault, await AwsDouble.start(), true);
  }

  /** The desk of another replica over the same double. */
  replica(vault: Vault): PostureDesk {
    return new PostureDesk(vault, this.double, false);
  }

  /** What a custodian reads of an account. */
  async read(id: Id<"account">): Promise<PostureView> {
    return await this.service.readFor(this.#custodian(), id);
  }

  /** The list as a custodian reads it. */
  async list(after: WorstCursor | null, limit: number): Promise<readonly PostureLine[]> {
    return await this.service.listFor(this.#custodian(), after, limit);
  }

  #custodian(): Id<"person"> {
    const [ada] = this.vault.custodians ?? [];
    if (ada === undefined) throw new Error("found() first");
    return ada.personId;
  }

  /** An account that is as it should be at AWS, but for `changes`, and whose role trusts us. */
  async account(awsId: string, kind = "standalone", changes: Partial<DoubleAccount> = {}): Promise<DeskAccount> {
    const id = await this.vault.import(awsId, { kind });
    const { due } = await this.read(id);
    return {
      id,
      aws: this.double.account(awsId, { externalId: due.externalId, passwordChanged: new Date(Date.now() + 1_000), ...changes }),
    };
  }

  rounds(): PostureRounds {
    const { dataSource, log, trust, database } = this.vault;
    return new PostureRounds({
      dataSource,
      taker: this.taker,
      audit: log,
      trust,
      leadership: new Leadership({ connect: () => connectLog(database.connections.rootkeep_service), turn: "posture_turn" }),
      everySeconds: EVERY_SECONDS,
      counted: (counts) => (this.counts = counts),
      progress: (progress) => void this.progress.push(progress),
      changed: (id) => void this.changed.push(id),
      visitFailed: (id, reason) => void this.failures.push(`${id} ${reason}`),
      failed: (error) => void this.faults.push(error),
      gapMs: 1,
    });
  }

  /** Everything that the log tells of posture, oldest first. */
  async entries(accountId?: string): Promise<PostureEntry[]> {
    const rows: { entry: Buffer }[] = await this.vault.dataSource.query("SELECT entry FROM audit.entry ORDER BY seq");
    const entries = rows.map(({ entry }) => JSON.parse(entry.toString("utf8")) as PostureEntry);
    return entries.filter(({ action, stream }) => action.startsWith("posture.") && (accountId === undefined || stream === accountId));
  }

  /** Changes that people were told of. */
  async notices(accountId: string): Promise<string[]> {
    const rows: { facts: string }[] = await this.sql(
      "SELECT facts FROM notices.notice WHERE topic = 'posture.changed' ORDER BY created_at, id",
    );
    const facts = rows.map((row) => JSON.parse(row.facts) as Record<string, string>);
    return facts.filter(({ account }) => account === accountId).map(({ event }) => String(event));
  }

  /** As whoever owns the database. */
  async sql<Row>(statement: string, values: unknown[] = []): Promise<Row[]> {
    return await withClient(this.vault.database.superuser, async (client) => (await client.query(statement, values)).rows as Row[]);
  }

  /** Makes everybody due. */
  async allDue(): Promise<void> {
    await this.sql("UPDATE aws.posture_due SET next_at = clock_timestamp() - interval '1 hour'");
  }

  async close(): Promise<void> {
    if (this.isFirst) await this.double.stop();
  }
}
