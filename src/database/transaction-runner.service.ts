import type { PoolClient } from "pg";
import type { DataSource, QueryRunner } from "typeorm";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { DecidingRow } from "./deciding-row.entity.js";
import type { DraftEntry, LogHead, LogPort, RowMacPort, SentEntry } from "./log.port.js";
import { isRetryable, translateSqlError } from "./sql-error.js";
import { type LentKey, type PendingWrite, RowRefused, WorkTransaction } from "./work-transaction.js";

/** What a piece of work hands back: its result, and the entries that tell of it. */
export interface WorkOutcome<T, D extends DraftEntry> {
  readonly result: T;
  /** At least one where a deciding row was inserted or changed. */
  readonly entries: readonly Drafted<D>[];
}

/** An entry and the rows that it changes; rows that no draft claims belong to the first. */
export interface Drafted<D extends DraftEntry> {
  readonly draft: D;
  readonly rows?: readonly DecidingRow[];
}

export interface Committed<T, R> {
  readonly result: T;
  /** One for each entry, in their order. */
  readonly receipts: readonly R[];
}

/**
 * The one way to a writing connection (design §7). The work reads and decides under row locks; then the runner takes the audit lock,
 * checks that every row read is the newest that the log knows, stamps `seq` and HMAC into the rows that were inserted or changed,
 * appends the entries as the last statement, and commits. Either all of it is durable or none.
 *
 * Lock order: business rows first, the audit lock last, nothing after it but writes of rows already locked.
 */
export class TransactionRunner<D extends DraftEntry, R> {
  readonly #lent = new Map<LentKey<object>, object>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly log: LogPort<D, R>,
    private readonly rowMac: RowMacPort,
  ) {}

  /** Has every transaction know `fact`; while the program is put together, before anybody asks. */
  lend<T extends object>(key: LentKey<T>, fact: T): void {
    if (this.#lent.has(key)) throw new Error(`${key.name} is lent twice`);
    this.#lent.set(key, fact);
  }

  /**
   * Runs `work` and commits it with its entries. A serialisation failure or a deadlock runs it again, so it must do nothing but
   * database work.
   * @throws RootkeepError whatever the work throws; `ROW_REFUSED`, `AUDIT_UNAVAILABLE`, `CHAIN_BROKEN`, `ROLLBACK_DETECTED`,
   *   `UNAVAILABLE`, and `DEADLINE` when the commit's answer was lost and the log cannot be asked either.
   */
  async run<T>(work: (tx: WorkTransaction) => Promise<WorkOutcome<T, D>>): Promise<Committed<T, R>> {
    return await this.#attempts(() => this.#once(work));
  }

  /**
   * Runs `work` on one snapshot, without row locks, writing nothing; rows are checked against the log as of that snapshot. For answers to
   * readers: what decides an act is read again inside {@link run}.
   */
  async peek<T>(work: (tx: WorkTransaction) => Promise<T>): Promise<T> {
    return await this.#attempts((count) => this.#peekOnce(work, count === LIMITS.transactionAttemptsMax));
  }

  async #attempts<T>(attempt: (count: number) => Promise<T>): Promise<T> {
    for (let count = 1; ; count++) {
      try {
        return await attempt(count);
      } catch (error) {
        if (error instanceof RowRefused) await this.log.reportRefusedRow(error.rowKey, error.why);
        if (count >= LIMITS.transactionAttemptsMax || !isRetryable(error)) throw translateSqlError(error);
      }
    }
  }

  async #once<T>(work: (tx: WorkTransaction) => Promise<WorkOutcome<T, D>>): Promise<Committed<T, R>> {
    const runner = this.dataSource.createQueryRunner();
    const tx = new WorkTransaction(runner.manager, this.rowMac, false, this.#lent);
    const knownBefore = this.log.knownSize();
    let isOpen = false;
    try {
      const client = (await runner.connect()) as PoolClient;
      await runner.startTransaction();
      isOpen = true;
      const { result, entries } = await work(tx);
      const drafts = entries.map((entry) => ({ ...entry.draft, rows: rowsOf(entry, entries, tx.writes) }));
      if (drafts.length === 0) {
        if (tx.writes.length > 0) throw new Error("deciding rows change only with an entry");
        await this.#verify(tx, client, await this.log.lockHead(client), knownBefore);
        await runner.commitTransaction();
        isOpen = false;
        return { result, receipts: [] };
      }
      const head = await this.log.lockHead(client);
      await this.#verify(tx, client, head, knownBefore);
      await stampAll(tx, entries, head);
      const sent = await this.log.append(client, head, drafts);
      isOpen = false;
      await this.#commit(client, sent);
      return { result, receipts: this.log.receipts(drafts, sent) };
    } catch (error) {
      if (isOpen) await rollBack(runner);
      throw this.#refusedRow(tx, knownBefore, error) ?? error;
    } finally {
      await runner.release();
    }
  }

  /**
   * @param isLast true takes the audit lock, under which no deciding row changes: where rows change faster than they are read, every
   *   snapshot is behind the log by the time it is checked, and readers would starve.
   */
  async #peekOnce<T>(work: (tx: WorkTransaction) => Promise<T>, isLast: boolean): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    const tx = new WorkTransaction(runner.manager, this.rowMac, true, this.#lent);
    const knownBefore = this.log.knownSize();
    try {
      const client = (await runner.connect()) as PoolClient;
      // A snapshot of the whole transaction would be taken before the lock is granted; under the lock none is needed.
      await runner.startTransaction(isLast ? undefined : "REPEATABLE READ");
      await client.query("SET TRANSACTION READ ONLY");
      const head = isLast ? await this.log.lockHead(client) : await this.log.readHead(client);
      const result = await work(tx);
      await this.#verify(tx, client, head, knownBefore);
      await runner.commitTransaction();
      return result;
    } catch (error) {
      await rollBack(runner);
      throw this.#refusedRow(tx, knownBefore, error) ?? error;
    } finally {
      await runner.release();
    }
  }

  /**
   * The work refused by itself, perhaps because of a row that was gone or put back: "no such thing" must not be all that is heard of it.
   * Only entries read before the transaction began are judged by: a row that was inserted or changed meanwhile is not missing, but new [DR-14].
   */
  #refusedRow(tx: WorkTransaction, knownBefore: number, error: unknown): RowRefused | undefined {
    if (!isRootkeepError(error) || error instanceof RowRefused) return undefined;
    for (const key of tx.missing) {
      if ((this.log.newestSeq(key) ?? knownBefore) < knownBefore) return new RowRefused(key, "missing");
    }
    for (const { row, key } of tx.seen) {
      const newest = this.log.newestSeq(key) ?? -1;
      if (newest < knownBefore && Number(row.seq) < knownBefore && String(newest) !== row.seq) return new RowRefused(key, "seq");
    }
    return undefined;
  }

  /** Law L11: every row read is the newest that the log knows, every row not found is one the log does not know. */
  async #verify(tx: WorkTransaction, client: PoolClient, head: LogHead, knownBefore: number): Promise<void> {
    await this.log.catchUp(client, head);
    for (const { row, key } of tx.seen) {
      const newest = this.#newestSeq(key, head);
      if (newest === undefined || String(newest) !== row.seq) throw new RowRefused(key, "seq");
    }
    const unknown = [...tx.missing, ...tx.writes.filter(({ kind }) => kind === "insert").map(({ key }) => key)];
    for (const key of unknown) {
      const newest = this.#newestSeq(key, head);
      if (newest === undefined) continue;
      // What was inserted after the work began is new, not missing: the work looks again, and finds it or finds it gone.
      if (newest >= knownBefore) throw staleSnapshot();
      throw new RowRefused(key, "missing");
    }
    for (const [table, count] of tx.counted) {
      if (this.log.knownSize() > head.size) throw staleSnapshot();
      const known = this.log.rowCount(table);
      if (known === count) continue;
      // Rows that somebody else committed between the count and the audit lock are new, not missing: the work counts again.
      if (known === (await tx.recount(table))) throw staleSnapshot();
      throw new RowRefused(table, "incomplete");
    }
    for (const check of tx.headChecks) check(head);
  }

  /** The newest entry that lists the row. Only a reading snapshot can be behind the log that this service has seen: then it is read again. */
  #newestSeq(key: string, head: LogHead): number | undefined {
    const newest = this.log.newestSeq(key);
    if (newest !== undefined && newest >= head.size) throw staleSnapshot();
    return newest;
  }

  async #commit(client: PoolClient, sent: readonly SentEntry[]): Promise<void> {
    const warnings: string[] = [];
    const onNotice = (notice: { severity?: string | undefined }): void => void warnings.push(notice.severity ?? "");
    client.on("notice", onNotice);
    try {
      // Sent by hand, because TypeORM does not show the command tag: COMMIT of a failed transaction answers ROLLBACK, without an error.
      const { command } = await client.query("COMMIT");
      if (command !== "COMMIT") throw new RootkeepError("AUDIT_UNAVAILABLE", { reason: "commit was rolled back" });
      // A cancelled wait for the synchronous standby is only a warning: durable here, not there.
      if (warnings.length > 0) throw new RootkeepError("AUDIT_UNAVAILABLE", { reason: "commit warned" });
    } catch (error) {
      if (isRootkeepError(error)) throw error;
      await this.#settle(sent);
    } finally {
      client.removeListener("notice", onNotice);
    }
  }

  /** Commit in doubt: it is ours only if the log holds our event ids with our leaf hashes (design §7). */
  async #settle(sent: readonly SentEntry[]): Promise<void> {
    const runner = this.dataSource.createQueryRunner();
    let isOurs: boolean;
    try {
      const client = (await runner.connect()) as PoolClient;
      await runner.startTransaction();
      isOurs = await this.log.settle(client, sent);
      await runner.commitTransaction();
    } catch (cause) {
      await rollBack(runner);
      throw new RootkeepError("DEADLINE", { reason: "commit in doubt", cause });
    } finally {
      await runner.release();
    }
    if (!isOurs) throw new RootkeepError("UNAVAILABLE", { reason: "commit was lost" });
  }
}

function rowsOf<D extends DraftEntry>(entry: Drafted<D>, all: readonly Drafted<D>[], writes: readonly PendingWrite[]): string[] {
  const isFirst = entry === all[0];
  const claimed = new Set(all.flatMap((other) => other.rows ?? []));
  return writes
    .filter(({ row }) => (entry.rows?.includes(row) ?? false) || (isFirst && !claimed.has(row)))
    .map(({ key }) => key)
    .sort();
}

async function stampAll<D extends DraftEntry>(tx: WorkTransaction, entries: readonly Drafted<D>[], head: LogHead): Promise<void> {
  const claims = new Map<DecidingRow, number>();
  entries.forEach((entry, index) => {
    for (const row of entry.rows ?? []) claims.set(row, head.size + index);
  });
  const seqOf = (write: PendingWrite): number => claims.get(write.row) ?? head.size;
  // New rows one after the other, for they may refer to each other; changes in one go: their rows are locked, each waits for nothing.
  const updates: Promise<void>[] = [];
  for (const write of tx.writes) {
    if (write.kind === "update") {
      updates.push(tx.stamp(write, seqOf(write)));
      continue;
    }
    await Promise.all(updates.splice(0));
    await tx.stamp(write, seqOf(write));
  }
  await Promise.all(updates);
}

/** Handled as a serialisation failure: the same work, on a newer snapshot, may pass. */
function staleSnapshot(): Error {
  return Object.assign(new Error("snapshot is behind the log"), { code: "40001" });
}

async function rollBack(runner: QueryRunner): Promise<void> {
  if (!runner.isTransactionActive) return;
  try {
    await runner.rollbackTransaction();
  } catch {
    // The connection is gone, and the transaction with it; the pool drops a connection that cannot be queried.
  }
}
