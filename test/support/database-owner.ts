// Whoever owns the database: superuser, triggers off, constraints dropped. The attacks of law L11 are made with it.
import { Client } from "pg";
import { clientOptions } from "../../src/database/data-source.service.js";
import type { TestDatabase } from "./postgres.js";

/** A column as the catalogue of PostgreSQL describes it. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/** Rows as they stood once. */
export interface Copy {
  /** Puts them back, whatever stands in their place now. */
  putBack(): Promise<void>;
}

/** Attacks end in a superuser's session; nothing in the database stands in its way any more. */
export class DatabaseOwner {
  private constructor(private readonly client: Client) {}

  /** Connects, and takes down what the schema itself would refuse: triggers, foreign keys, checks, uniqueness (but primary keys and the log's). */
  static async take(database: TestDatabase): Promise<DatabaseOwner> {
    const client = new Client(clientOptions(database.superuser, "rootkeep-attack"));
    client.on("error", () => undefined);
    await client.connect();
    await client.query(`
      DO $$ DECLARE r record; BEGIN
        FOR r IN SELECT c.conrelid::regclass AS t, c.conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
          WHERE n.nspname IN ('people', 'approvals', 'accounts', 'secrets', 'keys', 'tickets') AND c.contype IN ('f', 'c', 'u')
        LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.conname); END LOOP;
        FOR r IN SELECT i.indexrelid::regclass AS ix FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname IN ('people', 'approvals', 'accounts', 'secrets', 'keys', 'tickets') AND i.indisunique AND NOT i.indisprimary
        LOOP EXECUTE format('DROP INDEX %s', r.ix); END LOOP;
        FOR r IN SELECT DISTINCT g.tgrelid::regclass AS t FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname IN ('people', 'approvals', 'accounts', 'secrets', 'keys', 'audit') AND NOT g.tgisinternal
        LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', r.t); END LOOP;
      END $$`);
    return new DatabaseOwner(client);
  }

  async run(sql: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.client.query(sql, [...values])).rowCount ?? 0;
  }

  async rows<R extends object>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.client.query<R>(sql, [...values])).rows;
  }

  /** Columns of `table` (`schema.name`), in their order. */
  async columns(table: string): Promise<Column[]> {
    return await this.rows<Column>(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
       WHERE table_schema || '.' || table_name = $1 ORDER BY ordinal_position`,
      [table],
    );
  }

  /** A copy of the rows for which `where` holds (all of them without it); putting it back first removes whatever `where` finds then, and these ids. */
  async copy(table: string, where = "true", key = "id"): Promise<Copy> {
    const [found] = await this.rows<{ json: string }>(
      `SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')::text AS json FROM ${table} t WHERE ${where}`,
    );
    const json = found?.json ?? "[]";
    return {
      putBack: async () => {
        await this.run(
          `DELETE FROM ${table} WHERE (${where}) OR ${key} IN (SELECT ${key} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb))`,
          [json],
        );
        await this.run(`INSERT INTO ${table} SELECT * FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)`, [json]);
      },
    };
  }

  /** Puts the log's triggers back: a service would not start without them. */
  async coverTraces(): Promise<void> {
    await this.client.query(`
      DO $$ DECLARE r record; BEGIN
        FOR r IN SELECT g.tgrelid::regclass AS t, g.tgname, g.tgisinternal FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'audit'
          ORDER BY g.tgisinternal DESC
        LOOP EXECUTE format('ALTER TABLE %s ENABLE %s TRIGGER %I', r.t, CASE WHEN r.tgisinternal THEN '' ELSE 'ALWAYS' END, r.tgname); END LOOP;
      END $$`);
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
