import type { PoolClient } from "pg";

/** What the runner must know of an entry that is about to be appended. Its full shape belongs to `audit`. */
export interface DraftEntry {
  /** Event id, unique in the log. */
  readonly id: string;
  /** Keys (`table/primary key`) of the deciding rows that this entry changes; the runner fills them in. */
  readonly rows?: readonly string[];
}

/** The log's head, read under the audit lock. */
export interface LogHead {
  /** Number of entries; the next entry gets this as its seq. */
  readonly size: number;
  /** Leaf hash of the last entry, 32 bytes; zeros for an empty log. */
  readonly lastLeaf: Buffer;
  /** Time of the last entry, or the empty string. */
  readonly lastTime: string;
  /** The database's clock, in the form of an entry's time. */
  readonly now: string;
  readonly origin: string;
}

/** An entry as it was sent to the database. */
export interface SentEntry {
  readonly seq: number;
  readonly eventId: string;
  readonly leafHash: Buffer;
}

/** The log, as the transaction runner needs it. `audit` adapts it. */
export interface LogPort<D extends DraftEntry, R> {
  /** Takes the audit lock; held until the transaction ends. Nothing may be locked after it. */
  lockHead(client: PoolClient): Promise<LogHead>;
  /** The head as this transaction's snapshot has it, without the lock. */
  readHead(client: PoolClient): Promise<LogHead>;
  /** Reads and verifies all entries up to `head`. @throws RootkeepError `CHAIN_BROKEN`, `ROLLBACK_DETECTED` */
  catchUp(client: PoolClient, head: LogHead): Promise<void>;
  /** Position of the newest entry that lists the row, or undefined if none does. Known from entry bytes, up to {@link knownSize}. */
  newestSeq(rowKey: string): number | undefined;
  /** How many different rows of `table` the log knows. */
  rowCount(table: string): number;
  /** Number of entries that {@link newestSeq} has seen. */
  knownSize(): number;
  /** Appends as the last statement of the transaction. @throws RootkeepError `AUDIT_UNAVAILABLE` */
  append(client: PoolClient, head: LogHead, drafts: readonly D[]): Promise<readonly SentEntry[]>;
  /** Called after the COMMIT was acknowledged: the proof that the entries are durable. */
  receipts(drafts: readonly D[], sent: readonly SentEntry[]): readonly R[];
  /** The commit's answer was lost: are these entries, with these leaf hashes, in the log? Looks under the audit lock. */
  settle(client: PoolClient, sent: readonly SentEntry[]): Promise<boolean>;
  /** Writes down, in an entry of its own, that a row was refused; never throws. */
  reportRefusedRow(rowKey: string, reason: RefusedRowReason): Promise<void>;
}

export type RefusedRowReason = "mac" | "seq" | "missing" | "incomplete" | "answer";

/** HMAC under the `records` key. `keys` adapts it. */
export interface RowMacPort {
  mac(bytes: Buffer): Buffer;
}
