import type { EntityManager, EntityMetadata, EntityTarget, FindOptionsWhere } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { type ColumnValue, decidingBytes } from "./deciding-bytes.js";
import type { DecidingRow } from "./deciding-row.entity.js";
import type { LogHead, RefusedRowReason, RowMacPort } from "./log.port.js";
import { answersAny } from "./row-answer.js";

/** A deciding row as it stood when the work read it. */
interface SeenRow {
  readonly row: DecidingRow;
  readonly key: string;
  /** True once the row is locked for a change: a second look at it need not ask the database again. */
  isLocked: boolean;
}

/** A deciding row that the work inserts or changes; written after the audit lock is held, together with its seq and HMAC. */
export interface PendingWrite {
  readonly row: DecidingRow;
  readonly key: string;
  readonly metadata: EntityMetadata;
  readonly kind: "insert" | "update";
  readonly columns: Set<string>;
}

/** What the caller sees of a deciding row that is no longer what the log says. */
export class RowRefused extends RootkeepError {
  constructor(
    readonly rowKey: string,
    readonly why: RefusedRowReason,
  ) {
    super("ROW_REFUSED", { facts: { row: rowKey }, reason: why });
  }
}

/** A row as it lies there. */
export interface SurveyedRow {
  readonly id: string;
  readonly seq: string;
  /** Whether its HMAC is right; not whether it is the newest. */
  readonly isGenuine: boolean;
}

export interface DecidingEntity {
  /** Columns that decide nothing and may change without an entry. */
  readonly undecided?: readonly string[];
  /** Columns that came when there were rows already: left out of the bytes while they are null [DR-16]. */
  readonly later?: readonly string[];
}

/** The class by which a fact is known that a module above lends to every transaction. */
export type LentKey<T extends object> = abstract new (...args: never[]) => T;

export type NewRow<R extends DecidingRow> = Omit<R, "seq" | "mac">;

/** The key by which entries list a row: `table/primary key`. */
export function rowKey(table: string, id: string): string {
  return `${table}/${id}`;
}

/**
 * One piece of work on deciding rows, inside one database transaction. Rows are read under a row lock and their HMAC is checked at
 * once; whether they are also the newest is checked by the runner, under the audit lock, before anything is committed. A row is read
 * once: it stays locked, so the same object comes back to a second reader, with the changes made so far.
 */
export class WorkTransaction {
  readonly #seen = new Map<string, SeenRow>();
  readonly #missing = new Set<string>();
  readonly #writes = new Map<string, PendingWrite>();
  readonly #counted = new Map<string, number>();
  readonly #headChecks: ((head: LogHead) => void)[] = [];

  constructor(
    /** For rows that decide nothing. */
    readonly manager: EntityManager,
    private readonly rowMac: RowMacPort,
    private readonly isReadOnly: boolean,
    private readonly facts: ReadonlyMap<LentKey<object>, object> = new Map(),
  ) {}

  /**
   * What a module above has lent: a rule that rows are judged by, so that nobody who reads one can forget it.
   * @throws Error where nobody lent it: a rule that is not there must not be taken for one that holds.
   */
  lent<T extends object>(key: LentKey<T>): T {
    const fact = this.facts.get(key);
    if (fact === undefined) throw new Error(`${key.name} was not lent to transactions`);
    return fact as T;
  }

  /** The database's clock, now: the one clock that decides (design §5). */
  async clock(): Promise<Date> {
    const rows: { now: Date }[] = await this.manager.query("SELECT clock_timestamp()::timestamptz(3) AS now");
    const now = rows[0]?.now;
    if (now === undefined) throw new Error("the database has no clock");
    return now;
  }

  /** Reads a row that the decision rests on and that nobody may change meanwhile. Null where there is none. */
  async read<R extends DecidingRow>(entity: EntityTarget<R>, id: string): Promise<R | null> {
    return await this.#readOne(entity, id, "pessimistic_read");
  }

  /** Reads a row in order to change it; a second transaction waits here. */
  async lock<R extends DecidingRow>(entity: EntityTarget<R>, id: string): Promise<R | null> {
    return await this.#readOne(entity, id, "pessimistic_write");
  }

  /** All rows that match, oldest id first; read-locked, or locked for a change. A row that was deleted is not missed here: see {@link readProven}. */
  async readAll<R extends DecidingRow>(
    entity: EntityTarget<R>,
    where: FindOptionsWhere<R> | FindOptionsWhere<R>[],
    mode: "read" | "lock" = "read",
    take?: number,
  ): Promise<R[]> {
    const metadata = this.#metadata(entity);
    const order = { id: "ASC" } as never;
    const lock = this.isReadOnly ? {} : { lock: { mode: mode === "lock" ? "pessimistic_write" : "pessimistic_read" } as const };
    const rows = await this.manager.find(entity, { where, order, ...lock, ...(take === undefined ? {} : { take }) });
    for (const row of rows)
      if (!answersAny(row, where)) throw new RowRefused(rowKey(metadata.tableName, primaryKey(metadata, row)), "answer");
    return rows.map((row) => this.#admit(metadata, row, mode === "lock"));
  }

  /**
   * Every row of the table, refusing if it holds fewer or more than the log knows of: where a deleted row would loosen a rule, absence
   * must be proven. For tables of a few thousand rows.
   */
  async readProven<R extends DecidingRow>(entity: EntityTarget<R>): Promise<R[]> {
    const rows = await this.readAll(entity, {});
    this.#counted.set(this.#metadata(entity).tableName, new Set(rows).size);
    return rows;
  }

  /**
   * Rows that match, oldest id first, and of each whether its HMAC holds: for whoever looks for rows that do not count, where reading would stop
   * at the first. Nothing may be decided by them.
   */
  async survey<R extends DecidingRow>(entity: EntityTarget<R>, where: FindOptionsWhere<R>, take: number): Promise<readonly SurveyedRow[]> {
    const metadata = this.#metadata(entity);
    const rows = await this.manager.find(entity, { where, order: { id: "ASC" } as never, take });
    return rows.map((row) => ({ id: primaryKey(metadata, row), seq: row.seq, isGenuine: this.#isGenuine(metadata, row) }));
  }

  /** Notes a new row; it is written when the audit lock is held. */
  insert<R extends DecidingRow>(entity: EntityTarget<R>, values: NewRow<R>): R {
    const metadata = this.#metadata(entity);
    const row = Object.assign(
      Object.create(metadata.target instanceof Function ? (metadata.target.prototype as object) : null) as R,
      values,
    );
    const key = rowKey(metadata.tableName, primaryKey(metadata, row));
    if (this.#writes.has(key)) throw new Error("row is inserted twice");
    this.#writes.set(key, { row, key, metadata, kind: "insert", columns: new Set() });
    return row;
  }

  /** Notes a change of a row that this transaction has read; the object changes at once, the table when the audit lock is held. */
  change<R extends DecidingRow>(entity: EntityTarget<R>, row: R, patch: Partial<NewRow<R>>): void {
    const { columns } = this.#noteUpdate(entity, row);
    for (const property of Object.keys(patch)) columns.add(property);
    Object.assign(row, patch);
  }

  /** Notes a change that a function of the database has made in this transaction already, to a column that the service may not write. */
  adopt<R extends DecidingRow>(entity: EntityTarget<R>, row: R, patch: Partial<NewRow<R>>): void {
    this.#noteUpdate(entity, row);
    Object.assign(row, patch);
  }

  /**
   * Has `check` run once the log has been read to `head` under the audit lock, before anything is written: for what the log itself decides,
   * such as how much has happened of late. What it throws undoes the work.
   */
  atHead(check: (head: LogHead) => void): void {
    this.#headChecks.push(check);
  }

  /** For the runner: what was read, what was looked for in vain, what is to be written, and which tables were counted. */
  get seen(): Iterable<Readonly<SeenRow>> {
    return this.#seen.values();
  }
  get missing(): Iterable<string> {
    return this.#missing;
  }
  get writes(): readonly PendingWrite[] {
    return [...this.#writes.values()];
  }
  get headChecks(): readonly ((head: LogHead) => void)[] {
    return this.#headChecks;
  }
  get counted(): ReadonlyMap<string, number> {
    return this.#counted;
  }

  /** For the runner: how many rows a counted table has now. */
  async recount(table: string): Promise<number> {
    const metadata = this.manager.dataSource.entityMetadatas.find(({ tableName }) => tableName === table);
    if (metadata === undefined) throw new Error("table was not counted");
    return await this.manager.count(metadata.target);
  }

  /** For the runner: writes one pending row with its `seq` and HMAC. */
  async stamp(write: PendingWrite, seq: number): Promise<void> {
    if (this.isReadOnly) throw new Error("a reading transaction writes nothing");
    write.row.seq = String(seq);
    write.row.mac = this.rowMac.mac(decidingBytes(write.metadata.tableName, decidingColumns(write.metadata, write.row)));
    const id = primaryKey(write.metadata, write.row);
    if (write.kind === "insert") {
      await this.manager.insert(write.metadata.target, write.row);
      return;
    }
    const patch: Record<string, unknown> = { seq: write.row.seq, mac: write.row.mac };
    for (const property of write.columns) patch[property] = (write.row as unknown as Record<string, unknown>)[property];
    const { affected } = await this.manager.update(write.metadata.target, { id }, patch);
    if (affected !== 1) throw new RowRefused(write.key, "missing");
  }

  #noteUpdate<R extends DecidingRow>(entity: EntityTarget<R>, row: R): PendingWrite {
    const metadata = this.#metadata(entity);
    const key = rowKey(metadata.tableName, primaryKey(metadata, row));
    const pending = this.#writes.get(key);
    if (pending === undefined && this.#seen.get(key)?.row !== row) throw new Error("row was not read in this transaction");
    const write = pending ?? { row, key, metadata, kind: "update" as const, columns: new Set<string>() };
    this.#writes.set(key, write);
    return write;
  }

  async #readOne<R extends DecidingRow>(
    entity: EntityTarget<R>,
    id: string,
    mode: "pessimistic_read" | "pessimistic_write",
  ): Promise<R | null> {
    const metadata = this.#metadata(entity);
    const known = this.#seen.get(rowKey(metadata.tableName, id));
    if (known !== undefined && (known.isLocked || mode === "pessimistic_read")) return known.row as R;
    const lock = this.isReadOnly ? {} : { lock: { mode } as const };
    const row = await this.manager.findOne(entity, { where: { id } as never, ...lock });
    if (row !== null) {
      // The database compares ids for us, and whoever owns it says what "equal" means there: a genuine row may be the wrong answer.
      if (primaryKey(metadata, row) !== id) throw new RowRefused(rowKey(metadata.tableName, id), "answer");
      return this.#admit(metadata, row, mode === "pessimistic_write");
    }
    this.#missing.add(rowKey(metadata.tableName, id));
    return null;
  }

  #admit<R extends DecidingRow>(metadata: EntityMetadata, row: R, isLocked: boolean): R {
    const key = rowKey(metadata.tableName, primaryKey(metadata, row));
    const known = this.#seen.get(key);
    if (known !== undefined) {
      known.isLocked ||= isLocked;
      return known.row as R;
    }
    if (!this.#isGenuine(metadata, row)) throw new RowRefused(key, "mac");
    this.#seen.set(key, { row, key, isLocked });
    return row;
  }

  #isGenuine(metadata: EntityMetadata, row: DecidingRow): boolean {
    return this.rowMac.mac(decidingBytes(metadata.tableName, decidingColumns(metadata, row))).equals(row.mac);
  }

  #metadata<R extends DecidingRow>(entity: EntityTarget<R>): EntityMetadata {
    return this.manager.dataSource.getMetadata(entity);
  }
}

function primaryKey(metadata: EntityMetadata, row: object): string {
  const id: unknown = (row as Record<string, unknown>)["id"];
  if (typeof id !== "string") throw new Error(`${metadata.tableName} has no text id`);
  return id;
}

/** Every column of the row but the HMAC itself and those that decide nothing. */
function decidingColumns(metadata: EntityMetadata, row: object): Map<string, ColumnValue> {
  const { undecided = [], later = [] } = metadata.target as DecidingEntity;
  const columns = new Map<string, ColumnValue>();
  for (const column of metadata.columns) {
    if (column.propertyName === "mac" || undecided.includes(column.propertyName)) continue;
    const value = (column.getEntityValue(row) as ColumnValue | undefined) ?? null;
    // Names are part of the bytes, so a row without the column and one with a value in it never share them.
    if (value === null && later.includes(column.propertyName)) continue;
    columns.set(column.databaseName, value);
  }
  return columns;
}
