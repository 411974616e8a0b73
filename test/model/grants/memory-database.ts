// Rows in memory, behind the part of TypeORM that the transaction runner and the services ask: so that the real engine's decisions can be tried
// a hundred thousand times over. It has no locks and no two transactions at once; those are what the sample on PostgreSQL is for.
import { type DataSource, type EntityManager, type FindOptionsWhere, getMetadataArgsStorage, type QueryRunner } from "typeorm";
import { answersAny } from "../../../src/database/row-answer.js";
import { ENTITIES } from "../../../src/entities.js";

interface Row {
  readonly id: string;
}
interface Question {
  readonly where: FindOptionsWhere<Row>;
  readonly take?: number;
}
type Table = Map<string, Row>;

/** What a statement that goes past the rows answers. */
export type Statement = (sql: string, parameters: readonly unknown[]) => unknown[];

/** What the runner asks of an entity's metadata. Without columns: nobody edits rows here, so their bytes need no tag. */
interface Metadata {
  readonly tableName: string;
  readonly target: unknown;
  readonly columns: readonly never[];
}

const METADATA: ReadonlyMap<unknown, Metadata> = new Map(
  ENTITIES.map((target) => {
    const table = getMetadataArgsStorage().tables.find((known) => known.target === target);
    if (table?.name === undefined) throw new Error("an entity without a table");
    return [target, { tableName: table.name, target, columns: [] }];
  }),
);

export class MemoryDatabase {
  readonly entityMetadatas = [...METADATA.values()];
  readonly #tables = new Map<unknown, Table>();

  constructor(private readonly statement: Statement) {}

  /** In the place of a `DataSource`. */
  get dataSource(): DataSource {
    const createQueryRunner = () => new MemoryRunner(this) as unknown as QueryRunner;
    return { createQueryRunner, manager: new MemoryRunner(this).manager } as unknown as DataSource;
  }

  getMetadata(entity: unknown): Metadata {
    const known = METADATA.get(entity);
    if (known === undefined) throw new Error("not an entity");
    return known;
  }

  table(entity: unknown): Table {
    const known = this.#tables.get(entity) ?? new Map<string, Row>();
    this.#tables.set(entity, known);
    return known;
  }

  /** Rows that answer a question, in the order of their ids: copies, as they would come over a wire. */
  find(entity: unknown, { where, take }: Question): Row[] {
    const rows = [...this.table(entity).values()].filter((row) => answersAny(row, where));
    rows.sort((one, other) => (one.id < other.id ? -1 : 1));
    return rows.slice(0, take).map(copyOf);
  }

  query(sql: string, parameters: readonly unknown[] = []): unknown[] {
    return this.statement(sql, parameters);
  }
}

/** One connection: what is written waits for the COMMIT. */
class MemoryRunner {
  isTransactionActive = false;
  #waiting: (() => void)[] = [];

  constructor(private readonly database: MemoryDatabase) {}

  get manager(): EntityManager {
    const { database } = this;
    return {
      dataSource: database,
      find: (entity: unknown, question: Question) => Promise.resolve(database.find(entity, question)),
      findOne: (entity: unknown, { where }: { readonly where: { readonly id: string } }) => {
        const row = database.table(entity).get(where.id);
        return Promise.resolve(row === undefined ? null : copyOf(row));
      },
      count: (entity: unknown) => Promise.resolve(database.table(entity).size),
      query: (sql: string, parameters?: readonly unknown[]) => Promise.resolve(database.query(sql, parameters)),
      insert: (entity: unknown, row: Row) => {
        const copy = copyOf(row);
        this.#waiting.push(() => void database.table(entity).set(row.id, copy));
        return Promise.resolve();
      },
      update: (entity: unknown, { id }: { readonly id: string }, patch: object) => {
        const table = database.table(entity);
        this.#waiting.push(() => void table.set(id, Object.assign(copyOf(table.get(id)!), patch)));
        return Promise.resolve({ affected: table.has(id) ? 1 : 0 });
      },
    } as unknown as EntityManager;
  }

  async connect(): Promise<object> {
    const query = (command: string): Promise<{ command: string }> => {
      if (command === "COMMIT") this.#commit();
      return Promise.resolve({ command });
    };
    return Promise.resolve({ query, on: () => undefined, removeListener: () => undefined });
  }

  async startTransaction(): Promise<void> {
    this.isTransactionActive = true;
    return Promise.resolve();
  }

  async commitTransaction(): Promise<void> {
    this.#commit();
    return Promise.resolve();
  }

  async rollbackTransaction(): Promise<void> {
    this.isTransactionActive = false;
    this.#waiting = [];
    return Promise.resolve();
  }

  async release(): Promise<void> {
    return Promise.resolve();
  }

  #commit(): void {
    this.isTransactionActive = false;
    for (const write of this.#waiting.splice(0)) write();
  }
}

function copyOf<R extends object>(row: R): R {
  return Object.assign(Object.create(Object.getPrototypeOf(row) as object) as R, row);
}
