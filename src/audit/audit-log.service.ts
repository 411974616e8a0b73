import type { Client, ClientBase, PoolClient } from "pg";
import type { EntityManager } from "typeorm";
import type { LogHead, LogPort, RefusedRowReason, SentEntry } from "../database/log.port.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { newEventId } from "../kernel/ids.js";
import { AppendQueue } from "./append-queue.service.js";
import { AuditRepository } from "./audit.repository.js";
import { leafHashHex } from "./chain.js";
import { type BuiltEntry, type Entry, type EntryDraft, parseEntry } from "./entry.js";
import { appendEntries, sentEntries } from "./entry-appender.service.js";
import type { EntryJudge, ForgedEntry } from "./entry-claims.js";
import { type EpochStart, LogIndex, type OpenIntent, type RememberedEntry } from "./log-index.js";
import { LogStanding, type StandingAlarms } from "./log-standing.js";
import type { OpeningCount } from "./opening-window.js";
import { AuditReceipt, type ReceiptFacts } from "./receipt.js";
import type { StreamIndex } from "./stream-index.js";
import { UnsignedTail } from "./unsigned-tail.js";

/** Actions whose newest entry this service remembers: what the log itself says about the deployment. */
const REMEMBERED = new Set(["people.founded", "people.recovered", "config.approve", "allowlist.certify"]);

/**
 * Actions of which it keeps every entry: who asked for a row of the allowlist, and who approved it; and what a forged one must not
 * hide: the founding, recoveries, approvals of a configuration.
 */
const KEPT = new Set(["allowlist.grant", "people.founded", "people.recovered", "config.approve"]);

/** Entries read at once while following the log. */
const PAGE = 2_000;

/** What someone must look at now; `telemetry` turns it into log events. */
export interface AuditAlarms extends StandingAlarms {
  rowRefused(rowKey: string, reason: RefusedRowReason): void;
  appendFailed(reason: string): void;
}

/**
 * The audit log of this process: follows it by bytes, appends to it, and mints the receipts that prove an entry durable. The adapter of
 * the transaction runner's {@link LogPort}.
 */
export class AuditLog implements LogPort<EntryDraft, AuditReceipt> {
  readonly #index = new LogIndex(REMEMBERED, KEPT);
  readonly #queue: AppendQueue;
  /** What transactions have appended; it becomes known when their receipts are asked for, which is after the COMMIT. */
  readonly #uncommitted = new WeakMap<readonly SentEntry[], readonly BuiltEntry[]>();
  readonly #standing: LogStanding;
  #following: Promise<void> = Promise.resolve();
  /** Of the epoch that this process was started for. */
  #origin: string | undefined;
  #onForged: ((entry: ForgedEntry) => void) | undefined;

  constructor(
    private readonly connect: () => Promise<Client>,
    private readonly alarms: AuditAlarms,
    /** What of this log nobody has signed yet; the guard's keeper keeps it up to date. */
    readonly unsigned = new UnsignedTail(),
  ) {
    this.#standing = new LogStanding(alarms);
    this.#queue = new AppendQueue(
      connect,
      (first, entries) => {
        this.#offer(first, entries);
      },
      (head) => {
        this.#standing.inspect(head, this.#index);
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
      this.#origin = origin;
      await this.catchUp(client, await AuditRepository.readHead(client));
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async lockHead(client: PoolClient): Promise<LogHead> {
    try {
      const head = await AuditRepository.lockHead(client);
      this.#standing.inspect(head, this.#index);
      return head;
    } catch (cause) {
      throw cause instanceof RootkeepError ? cause : new RootkeepError("AUDIT_UNAVAILABLE", { reason: "head", cause });
    }
  }

  /** As {@link LogStanding.isAheadOfClock}. */
  get isAheadOfClock(): boolean {
    return this.#standing.isAheadOfClock;
  }

  /** As {@link LogStanding.isRolledBack}. */
  get isRolledBack(): boolean {
    return this.#standing.isRolledBack;
  }

  /** What the guard holds is not in this log: from entry `seq` on nothing is appended and nothing opened. @returns the error to throw. */
  rollBack(seq: number): RootkeepError {
    return this.#standing.rollBack(seq);
  }

  /**
   * Root of the tree over the first `size` entries, as this process has read them.
   * @throws RootkeepError `ROLLBACK_DETECTED` when the log is shorter.
   */
  async rootAt(client: ClientBase, size: number): Promise<Buffer> {
    const head = await AuditRepository.readHead(client);
    if (head.size < size) throw this.rollBack(head.size);
    await this.catchUp(client, head);
    return await this.#index.roots.rootAt(size, (from, to) => AuditRepository.range(client, from, to - from));
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
    throw this.#standing.break(seq);
  }

  /**
   * Entry `seq`, read from the table and held against the chain that this process has followed. Not on a snapshot: the table must hold what
   * other transactions have committed since.
   * @returns null for one that this process has not read yet.
   * @throws RootkeepError `CHAIN_BROKEN` when the table holds something else by now.
   */
  async entryAt(entities: Pick<EntityManager, "query">, seq: number): Promise<Entry | null> {
    if (seq >= this.#index.size) return null;
    const bytes = await this.#index.roots.entryAt(seq, async (from, to) => {
      const sql = "SELECT entry FROM audit.entry WHERE seq >= $1 AND seq < $2 AND entry IS NOT NULL ORDER BY seq";
      const rows: { entry: Buffer }[] = await entities.query(sql, [from, to]);
      return rows.map(({ entry }) => entry);
    });
    if (bytes === null) throw this.#standing.break(seq);
    return parseEntry(bytes);
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

  /** Primary keys of the rows of `table` that the log knows. */
  idsOf(table: string): Iterable<string> {
    return this.#index.idsOf(table);
  }

  knownSize(): number {
    return this.#index.size;
  }

  /** Has entries of a remembered action judged by whether they carry the HMAC of this deployment. */
  judge(action: string, isGenuine: EntryJudge): void {
    this.#index.judge(action, isGenuine);
    this.#tellForged();
  }

  /** Has `listener` told of every entry that nobody here has made. One listener; it must not throw. */
  watchForged(listener: (entry: ForgedEntry) => void): void {
    this.#onForged = listener;
    this.#tellForged();
  }

  /** Leaf hash of the newest entry that this process knows, 32 bytes. */
  lastLeaf(): Buffer {
    return this.#index.lastLeaf;
  }

  /** Intents without an outcome, oldest first. */
  openIntents(): OpenIntent[] {
    return this.#index.openIntents();
  }

  /** Openings since `sinceMs` (milliseconds since 1970), as far as this process has read. */
  openingsSince(sinceMs: number, person: string): OpeningCount {
    return this.#index.openings.countSince(sinceMs, person);
  }

  /** As {@link PasswordReaders.of}, as far as this process has read. */
  passwordReaders(account: string, version: string | null): ReadonlySet<string> {
    return this.#index.readers.of(account, version);
  }

  /** As {@link PasswordReaders.openedAt}, as far as this process has read. */
  passwordOpenedAt(account: string, version: string): string | null {
    return this.#index.readers.openedAt(account, version);
  }

  /** The accounts' own chains, as far as this process has read. */
  get streams(): Pick<StreamIndex, "size" | "newestHeartbeat" | "heartbeatBelow" | "placesOf" | "headOf" | "tips" | "tipsAt"> {
    return this.#index.streams;
  }

  /** Where the log was reopened, oldest first. */
  get epochStarts(): readonly EpochStart[] {
    return this.#index.epochStarts;
  }

  /** The newest entry of a remembered action, or undefined. */
  lastOf(action: string): RememberedEntry | undefined {
    return this.#index.lastOf(action);
  }

  /** Every entry of an action of which all are kept, oldest first. */
  keptOf(action: string): readonly RememberedEntry[] {
    return this.#index.keptOf(action);
  }

  /** The entry at `seq`, if it is of an action whose every entry is kept. */
  keptAt(seq: number): RememberedEntry | undefined {
    return this.#index.keptAt(seq);
  }

  async append(client: PoolClient, head: LogHead, drafts: readonly EntryDraft[]): Promise<readonly SentEntry[]> {
    this.unsigned.assertMayAppend(drafts);
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
    return await this.#enqueue(draft);
  }

  /**
   * As {@link record}, of an event that other processes may be entering at the same moment, under the same id.
   * @returns null where one of them was first.
   */
  async recordOnce(draft: EntryDraft): Promise<AuditReceipt | null> {
    const isThere = (error: unknown): boolean => isRootkeepError(error, "ALREADY_RELEASED");
    try {
      return await this.#enqueue(draft, isThere);
    } catch (error) {
      if (isThere(error)) return null;
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
    this.#standing.assertWhole();
    await this.#queue.check();
  }

  /** Appends what is queued and closes the queue's connection. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #follow(client: ClientBase, head: LogHead): Promise<void> {
    this.#standing.assertReadable();
    try {
      while (this.#index.size < head.size) await this.#followPage(client, head);
    } catch (error) {
      if (error instanceof RootkeepError && error.code === "CHAIN_BROKEN") throw this.#standing.break(this.#index.size);
      throw error;
    }
    if (head.size === this.#index.size && !head.lastLeaf.equals(this.#index.lastLeaf)) throw this.#standing.break(head.size);
    // A log that is reopened is another one for a process that was started for its last epoch: sessions, grants and settings are.
    if (this.#index.size > 0 && this.#index.origin !== this.#origin) throw this.#standing.break(this.#index.size - 1);
    this.#tellForged();
  }

  #tellForged(): void {
    if (this.#onForged === undefined) return;
    for (const entry of this.#index.claims.drain()) this.#onForged(entry);
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

  /** What this process itself has appended need not be read back, if nobody else appended in between. */
  #offer(first: number, entries: readonly BuiltEntry[]): void {
    if (first !== this.#index.size) return;
    try {
      for (const entry of entries) this.#index.addBuilt(entry);
    } catch (error) {
      this.#standing.break(this.#index.size);
      throw error;
    }
  }

  /** @param isExpected what is no reason for an alarm. */
  async #enqueue(draft: EntryDraft, isExpected: (error: unknown) => boolean = () => false): Promise<AuditReceipt> {
    if (draft.rows !== undefined && draft.rows.length > 0) throw new Error("deciding rows change in a transaction of the runner");
    this.#standing.assertWhole();
    try {
      return this.#receipt(draft, await this.#queue.append(draft));
    } catch (error) {
      if (!isExpected(error)) this.alarms.appendFailed(error instanceof RootkeepError ? (error.reason ?? error.code) : "unknown");
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
