// Time that stands still until a test moves it: the database's, which decides, and this process's, which must agree with it.
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { clientOptions, SteadyClient } from "../../src/database/data-source.service.js";
import type { TestDatabase } from "./postgres.js";

/**
 * Every `clock_timestamp()` of one database, the one inside the log's own functions too, and `Date` in this process. Timers and time-outs go
 * on as ever. One at a time, and only in a database that nobody else uses.
 */
export class VirtualClock {
  private constructor(private readonly client: Client) {}

  /** Stops the clock at `ms` (milliseconds since 1970). For a database that no other connection has asked for the time yet. */
  static async stop(database: TestDatabase, ms: number): Promise<VirtualClock> {
    const client = new SteadyClient(clientOptions(database.superuser));
    await client.connect();
    // A built-in function is called by its number, so a new body would not be looked at; a new function of the old name is.
    await client.query(`
      SET allow_system_table_mods = on;
      CREATE SCHEMA test_clock;
      CREATE TABLE test_clock.time (id int PRIMARY KEY, at timestamptz NOT NULL);
      INSERT INTO test_clock.time VALUES (1, to_timestamp(0));
      GRANT USAGE ON SCHEMA test_clock TO PUBLIC;
      GRANT SELECT ON test_clock.time TO PUBLIC;
      ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO wall_clock_timestamp;
      CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM test_clock.time';
    `);
    mock.timers.enable({ apis: ["Date"], now: ms });
    const clock = new VirtualClock(client);
    await clock.moveTo(ms);
    return clock;
  }

  /** Moves it to `ms`, and there it stays. */
  async moveTo(ms: number): Promise<void> {
    mock.timers.setTime(ms);
    await this.client.query("UPDATE test_clock.time SET at = to_timestamp($1)", [ms / 1000]);
  }

  /** Moves it on with the real one, as long as `work` takes. */
  async running<T>(work: () => Promise<T>): Promise<T> {
    const isDone = new AbortController();
    const going = (async () => {
      while (!isDone.signal.aborted) {
        await sleep(1000);
        await this.moveTo(Date.now() + 1000);
      }
    })();
    try {
      return await work();
    } finally {
      isDone.abort();
      await going;
    }
  }

  /** Lets this process have its own time back. */
  async release(): Promise<void> {
    mock.timers.reset();
    await this.client.end();
  }
}
