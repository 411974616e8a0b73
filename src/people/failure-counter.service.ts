import type { Pool } from "pg";
import { RootkeepError } from "../kernel/errors.js";

/** Failures that are free; each one more doubles the wait. */
const FREE_FAILURES = 5;
const WAIT_SECONDS_MAX = 15 * 60;

/**
 * Counts failed proofs in the database, so that a restart or another replica does not forget them. A subject is a person together with
 * where the attempts come from, so that a stranger's failures lock the stranger out and not the person.
 *
 * The counters decide nothing in anybody's favour: an edited counter can bar or be reset, it opens no door.
 */
export class FailureCounter {
  /**
   * @param pool of its own and small: a failure is noted while the caller's transaction still holds the row that the next attempt waits
   *   for, and must not wait itself for a connection that those who wait are holding.
   */
  constructor(private readonly pool: Pool) {}

  /**
   * Lets the attempt pass if the subject has not failed too often lately.
   * @returns true where there are failures to {@link clear} after a success.
   * @throws RootkeepError `LOCKED_OUT` with the seconds to wait.
   */
  async assertMayTry(subject: string): Promise<boolean> {
    const { rows } = await this.pool.query<{ failures: number; age: string }>(
      "SELECT failures, extract(epoch FROM clock_timestamp() - last_at) AS age FROM people.signin_failure WHERE subject = $1",
      [subject],
    );
    const row = rows[0];
    if (row === undefined) return false;
    if (row.failures < FREE_FAILURES) return true;
    const wait = Math.min(WAIT_SECONDS_MAX, 2 ** Math.min(row.failures - FREE_FAILURES, 20) * 5);
    const left = Math.ceil(wait - Number(row.age));
    if (left > 0) throw new RootkeepError("LOCKED_OUT", { retryAfterSeconds: left });
    return true;
  }

  /** Notes one more failure. */
  async note(subject: string): Promise<void> {
    await this.pool.query(
      `INSERT INTO people.signin_failure AS f (subject, failures, last_at) VALUES ($1, 1, clock_timestamp())
       ON CONFLICT (subject) DO UPDATE SET last_at = clock_timestamp(),
         failures = CASE WHEN f.last_at < clock_timestamp() - interval '1 day' THEN 1 ELSE least(f.failures + 1, 1000) END`,
      [subject],
    );
  }

  /** Forgets the subject's failures, after a success. */
  async clear(subject: string): Promise<void> {
    await this.pool.query("DELETE FROM people.signin_failure WHERE subject = $1", [subject]);
  }
}
