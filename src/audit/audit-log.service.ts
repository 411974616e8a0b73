import type { Client, ClientBase, PoolClient } from "pg";
import type { EntityManager } from "typeorm";
import type { LogHead, LogPort, RefusedRowReason, SentEntry } from "../database/log.port.js";
import { RootkeepError } from "../kernel/errors.js";
import { newEventId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { AppendQueue } from "./append-queue.service.js";
import { AuditRepository } from "./audit.repository.js";
import { leafHashHex } from "./chain.js";
import type { BuiltEntry, EntryDraft } from "./entry.js";
import { appendEntries, sentEntries } from "./entry-appender.service.js";
import { LogIndex, type OpenIntent, type RememberedEntry } from "./log-index.js";
import { AuditReceipt, type ReceiptFacts } from "./receipt.js";

/** Actions whose newest entry this service remembers: what the log itself says about the deployment. */
const REMEMBERED = new Set(["people.founded", "config.approve"]);

/** Entries read at once while following the log. */
const PAGE = 2_000;

/** What someone must look at now; `telemetry` turns it into log events. */
export interface AuditAlarms {
  chainBroken(seq: number): void;
  /** The log in the database is shorter than what this process has read. */
  rolledBack(seq: number): void;
  /** The database's clock cannot be believed: it disagrees with the service's, or the log is ahead of it. */
  clockRefused(reason: "database" | "log-ahead"): void;
  rowRefused(rowKey: string, reason: RefusedRowReason): void;
  appendFailed(reason: string): void;
}

/**
 * The audit log of this process: follows it by bytes, appends to it, and mints the receipts that prove an entry durable. The adapter of
 * the transaction runner's {@link LogPort}.
 */
export class AuditLog implements LogPort<EntryDraft, AuditReceipt> {
  readonly #index = new LogIndex(REMEMBERED);
  readonly #queue: AppendQueue;
  /** What transactions have appended; it becomes known when their receipts are asked for, which is after the COMMIT. */
  readonly #uncommitted = new WeakMap<readonly SentEntry[], readonly BuiltEntry[]>();
  #following: Promise<void> = Promise.resolve();
  #brokenAt: number | undefined;
  #rolledBackAt: number | undefined;
  #isAheadOfClock = false;

  constructor(
    private readonly connect: () => Promise<Client>,
    private readonly alarms: AuditAlarms,
  ) {
    this.#queue = new AppendQueue(
      connect,
      (first, entries) => {
        this.#offer(first, entries);
      },
      (head) => {
        this.#inspect(head);
      },
    );
  }

  /**
   * Begins the log where it is empty (its first entry names deployment and origin), and reads it to the end otherwise. Nothing else may
   * use this object before.
   * @throws RootkeepError `CHAIN_BROKEN`; `UNAVAILABLE` when the log in the database has another origin than the configured one.
   */
  async open(origin: string, deployment: string): Promise<void> {
    const client = await this.connect();
    client.on("error", () => undefined);
    try {
      const { origin: begun } = await AuditRepository.readHead(client);
      if (begun !== "" && begun !== origin) throw new RootkeepError("UNAVAILABLE", { reason: "the log has another origin" });
      await client.query("BEGIN");
      await AuditRepository.begin(client, origin).catch(() => client.query("ROLLBACK; BEGIN"));
      const head = await AuditRepository.lockHead(client);
      if (head.size === 0) await appendEntries(client, head, [genesis(deployment)]);
      await client.query("COMMIT");
      await this.catchUp(client, await AuditRepository.readHead(client));
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async lockHead(client: PoolClient): Promise<LogHead> {
    try {
      const head = await AuditRepository.lockHead(client);
      this.#inspect(head);
      return head;
    } catch (cause) {
      throw cause instanceof RootkeepError ? cause : new RootkeepError("AUDIT_UNAVAILABLE", { reason: "head", cause });
    }
  }

  /** True while the newest entry is dated later than the clock: a clock was wrong once, and times of the log say little until it is past. */
  get isAheadOfClock(): boolean {
    return this.#isAheadOfClock;
  }

  /**
   * Reads an entry back and compares it with what was appended: durable is what the table holds, not what a function answered. Between
   * claim and opening, so that an `append` that somebody replaced in the running database opens nothing.
   * @throws RootkeepError `CHAIN_BROKEN`
   */
  async confirm(
    entities: Pick<EntityManager, "query">,
    { seq, leafHash: expected }: Pick<ReceiptFacts, "seq" | "leafHash">,
  ): Promise<void> {
    const rows: { entry: Buffer }[] = await entities.query("SELECT entry FROM audit.entry WHERE seq = $1", [seq]);
    const bytes = rows[0]?.entry;
    if (bytes !== undefined && leafHashHex(bytes) === expected) return;
    this.#break(seq);
    throw new RootkeepError("CHAIN_BROKEN", { facts: { seq } });
  }

  readHead(client: ClientBase): Promise<LogHead> {
    return AuditRepository.readHead(client);
  }

  async catchUp(client: ClientBase, head: LogHead): Promise<void> {
    // One reader at a time: each continues where the last one stopped.
    const turn = this.#following.then(() => this.#follow(client, head));
    this.#following = turn.catch(() => undefined);
    await turn;
  }

  newestSeq(rowKey: string): number | undefined {
    return this.#index.newestSeq(rowKey);
  }

  rowCount(table: string): number {
    return this.#index.rowCount(table);
  }

  knownSize(): number {
    return this.#index.size;
  }

  /** Intents without an outcome, oldest first. */
  openIntents(): OpenIntent[] {
    return this.#index.openIntents();
  }

  /** The newest entry of a remembered action, or undefined. */
  lastOf(action: string): RememberedEntry | undefined {
    return this.#index.lastOf(action);
  }

  async append(client: PoolClient, head: LogHead, drafts: readonly EntryDraft[]): Promise<readonly SentEntry[]> {
    const built = await appendEntries(client, head, drafts);
    const sent = sentEntries(head.size, built);
    this.#uncommitted.set(sent, built);
    return sent;
  }

  receipts(drafts: readonly EntryDraft[], sent: readonly SentEntry[]): readonly AuditReceipt[] {
    const [first] = sent;
    const built = this.#uncommitted.get(sent);
    if (first !== undefined && built !== undefined) this.#offer(first.seq, built);
    return sent.map((entry, index) => this.#receipt(drafts[index], entry));
  }

  async settle(client: PoolClient, sent: readonly SentEntry[]): Promise<boolean> {
    await AuditRepository.lockHead(client);
    const leaves = await AuditRepository.leavesOf(
      client,
      sent.map(({ eventId }) => eventId),
    );
    return sent.every(({ eventId, leafHash }) => leaves.get(eventId)?.equals(leafHash) ?? false);
  }

  /**
   * Appends an entry that changes no deciding row, and waits until it is durable.
   * @throws RootkeepError `AUDIT_UNAVAILABLE`
   */
  async record(draft: EntryDraft): Promise<AuditReceipt> {
    if (draft.rows !== undefined && draft.rows.length > 0) throw new Error("deciding rows change in a transaction of the runner");
    if (this.#brokenAt !== undefined) throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: this.#brokenAt } });
    try {
      return this.#receipt(draft, await this.#queue.append(draft));
    } catch (error) {
      this.alarms.appendFailed(error instanceof RootkeepError ? (error.reason ?? error.code) : "unknown");
      throw error;
    }
  }

  async reportRefusedRow(rowKey: string, reason: RefusedRowReason): Promise<void> {
    this.alarms.rowRefused(rowKey, reason);
    const draft: EntryDraft = {
      id: newEventId(),
      action: "row.refused",
      outcome: "denied",
      actor: { type: "system" },
      details: { row: rowKey, reason },
    };
    // The refusal stands whether or not it can be written down; `record` has raised the alarm.
    await this.record(draft).catch(() => undefined);
  }

  /**
   * For the health check: the chain holds as far as it was read, and the log can be locked for an append.
   * @throws RootkeepError `CHAIN_BROKEN`, `AUDIT_UNAVAILABLE`
   */
  async check(): Promise<void> {
    if (this.#brokenAt !== undefined) throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: this.#brokenAt } });
    await this.#queue.check();
  }

  /** Appends what is queued and closes the queue's connection. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #follow(client: ClientBase, head: LogHead): Promise<void> {
    if (this.#brokenAt !== undefined) throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: this.#brokenAt } });
    try {
      while (this.#index.size < head.size) await this.#followPage(client, head);
    } catch (error) {
      if (error instanceof RootkeepError && error.code === "CHAIN_BROKEN") this.#break(this.#index.size);
      throw error;
    }
    if (head.size === this.#index.size && !head.lastLeaf.equals(this.#index.lastLeaf)) {
      this.#break(head.size);
      throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: head.size } });
    }
  }

  async #followPage(client: ClientBase, head: LogHead): Promise<void> {
    const from = this.#index.size;
    const page = await AuditRepository.range(client, from, Math.min(PAGE, head.size - from));
    if (page.length === 0) throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: from } });
    // While the page was on its way this process may have appended, and noted, the same entries itself.
    page.slice(this.#index.size - from).forEach((bytes) => {
      this.#index.add(bytes);
    });
  }

  /** A head that was read under the lock, against what this process has read and appended itself. Whatever it finds, it remembers. */
  #inspect(head: LogHead): void {
    if (this.#brokenAt !== undefined) throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: this.#brokenAt } });
    if (this.#rolledBackAt === undefined && head.size < this.#index.size) {
      this.#rolledBackAt = head.size;
      this.alarms.rolledBack(head.size);
    }
    if (this.#rolledBackAt !== undefined) throw new RootkeepError("ROLLBACK_DETECTED", { facts: { seq: this.#rolledBackAt } });
    if (head.size === this.#index.size && !head.lastLeaf.equals(this.#index.lastLeaf)) {
      this.#break(head.size);
      throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: head.size } });
    }
    this.#inspectClock(head);
  }

  /** An entry with a wrong time stays for ever, and drags the next ones along: where the clocks are far apart nothing is appended. */
  #inspectClock({ now, lastTime }: LogHead): void {
    const databaseMs = Date.parse(now);
    if (Math.abs(databaseMs - Date.now()) > LIMITS.appendSkewMsMax) {
      this.alarms.clockRefused("database");
      throw new RootkeepError("CLOCK_SKEW", { reason: "database clock" });
    }
    const isAhead = lastTime !== "" && Date.parse(lastTime) - databaseMs > LIMITS.clockSkewMsMax;
    if (isAhead && !this.#isAheadOfClock) this.alarms.clockRefused("log-ahead");
    this.#isAheadOfClock = isAhead;
  }

  #break(seq: number): void {
    this.#brokenAt = seq;
    this.alarms.chainBroken(seq);
  }

  /** What this process itself has appended need not be read back, if nobody else appended in between. */
  #offer(first: number, entries: readonly BuiltEntry[]): void {
    if (first !== this.#index.size) return;
    try {
      for (const entry of entries) this.#index.addBuilt(entry);
    } catch (error) {
      this.#break(this.#index.size);
      throw error;
    }
  }

  #receipt(draft: EntryDraft | undefined, entry: SentEntry): AuditReceipt {
    if (draft === undefined) throw new Error("an entry without a draft");
    const subjectId = draft.target?.id ?? "";
    return AuditReceipt.mint({
      seq: entry.seq,
      leafHash: entry.leafHash.toString("hex"),
      eventId: entry.eventId,
      action: draft.action,
      outcome: draft.outcome,
      subjectId,
    });
  }
}

function genesis(deployment: string): EntryDraft {
  return { id: newEventId(), action: "log.genesis", outcome: "committed", actor: { type: "system" }, details: { deployment } };
}
