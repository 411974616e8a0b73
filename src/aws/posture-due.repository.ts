import type { EntityManager } from "typeorm";
import { type AccountReach, reachCondition } from "../accounts/account-reach.js";
import type { Id } from "../kernel/ids.js";

type Queries = Pick<EntityManager, "query">;

/** An account whose turn it is, claimed. */
export interface DueAccount {
  readonly accountId: Id<"account">;
  /** This one counted, since the last snapshot. */
  readonly attempts: number;
  /** Why the attempt before this one failed. */
  readonly reason: string | null;
}

/** When an account is due, and how it went. */
export interface DueRow {
  readonly externalId: string;
  readonly nextAt: Date;
  readonly attempts: number;
  readonly reason: string | null;
  readonly failedAt: Date | null;
}

/** How it stands with all of them. */
export interface DueCounts {
  readonly due: number;
  readonly stale: number;
  readonly insecure: number;
  readonly unknown: number;
  readonly secured: number;
}

/** Where a list goes on: worst first, and among these the oldest evidence first. */
export interface WorstCursor {
  readonly rank: number;
  readonly takenMs: number;
  readonly id: string;
}

/** States of accounts that are not ours to ask any more. */
const OVER = ["released", "abandoned", "sealed_final"];
/** No snapshot is as bad as one that says nothing. */
const RANK = "CASE p.verdict WHEN 'insecure' THEN 0 WHEN 'secured' THEN 2 ELSE 1 END";
const TAKEN = "coalesce(floor(extract(epoch FROM p.taken_at) * 1000), 0)::bigint";

/**
 * Which account is asked when: plain rows that decide nothing. What an account counts as stands in `aws.posture`. Times are the database's.
 */
export const PostureDue = {
  /** Gives accounts that have none a row, and so an external id. First turns are spread over so many seconds. */
  async ensureAll(queries: Queries, spreadSeconds: number): Promise<void> {
    await queries.query(
      `INSERT INTO aws.posture_due (account_id, next_at)
       SELECT a.id, clock_timestamp() + random() * make_interval(secs => $1) FROM accounts.account a
       WHERE NOT EXISTS (SELECT FROM aws.posture_due d WHERE d.account_id = a.id)
       ON CONFLICT (account_id) DO NOTHING`,
      [spreadSeconds],
    );
  },

  /** The row of an account, made where there is none. */
  async of(queries: Queries, accountId: string, spreadSeconds: number): Promise<DueRow> {
    const select = `SELECT external_id AS "externalId", next_at AS "nextAt", attempts, reason, failed_at AS "failedAt"
      FROM aws.posture_due WHERE account_id = $1`;
    const [known]: DueRow[] = await queries.query(select, [accountId]);
    if (known !== undefined) return known;
    await queries.query(
      `INSERT INTO aws.posture_due (account_id, next_at) VALUES ($1, clock_timestamp() + random() * make_interval(secs => $2))
       ON CONFLICT (account_id) DO NOTHING`,
      [accountId, spreadSeconds],
    );
    const [made]: DueRow[] = await queries.query(select, [accountId]);
    if (made === undefined) throw new Error("posture_due did not take a row");
    return made;
  },

  /** Puts an account first in line. */
  async hurry(queries: Queries, accountId: string): Promise<void> {
    await queries.query(
      "UPDATE aws.posture_due SET next_at = clock_timestamp() - interval '10 years', attempts = 0 WHERE account_id = $1",
      [accountId],
    );
  },

  /** Claims the account that is due longest: until the lease is over nobody else takes it, and then whoever comes does. */
  async claim(queries: Queries, leaseSeconds: number): Promise<DueAccount | null> {
    const [rows] = await queries.query<[DueAccount[], number]>(
      `WITH due AS (
         SELECT d.account_id FROM aws.posture_due d JOIN accounts.account a ON a.id = d.account_id
         WHERE d.next_at <= clock_timestamp() AND a.state <> ALL($2)
         ORDER BY d.next_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED)
       UPDATE aws.posture_due d SET attempts = d.attempts + 1, next_at = clock_timestamp() + make_interval(secs => $1)
       FROM due WHERE d.account_id = due.account_id
       RETURNING d.account_id AS "accountId", d.attempts, d.reason`,
      [leaseSeconds, OVER],
    );
    return rows[0] ?? null;
  },

  async taken(queries: Queries, accountId: string, nextSeconds: number): Promise<void> {
    await queries.query(
      `UPDATE aws.posture_due SET attempts = 0, reason = NULL, failed_at = NULL,
         next_at = clock_timestamp() + make_interval(secs => $2) WHERE account_id = $1`,
      [accountId, nextSeconds],
    );
  },

  async failed(queries: Queries, accountId: string, reason: string, nextSeconds: number): Promise<void> {
    await queries.query(
      `UPDATE aws.posture_due SET reason = $2, failed_at = clock_timestamp(),
         next_at = clock_timestamp() + make_interval(secs => $3) WHERE account_id = $1`,
      [accountId, reason, nextSeconds],
    );
  },

  async counts(queries: Queries, staleSeconds: number): Promise<DueCounts> {
    const rows: DueCounts[] = await queries.query(
      `SELECT (count(*) FILTER (WHERE d.next_at <= clock_timestamp()))::int AS due,
         (count(*) FILTER (WHERE p.taken_at IS NULL OR p.taken_at < clock_timestamp() - make_interval(secs => $1)))::int AS stale,
         (count(*) FILTER (WHERE p.verdict = 'insecure'))::int AS insecure,
         (count(*) FILTER (WHERE p.verdict IS NULL OR p.verdict = 'unknown'))::int AS unknown,
         (count(*) FILTER (WHERE p.verdict = 'secured'))::int AS secured
       FROM accounts.account a LEFT JOIN aws.posture_due d ON d.account_id = a.id LEFT JOIN aws.posture p ON p.id = a.id
       WHERE a.state <> ALL($2)`,
      [staleSeconds, OVER],
    );
    return rows[0] ?? { due: 0, stale: 0, insecure: 0, unknown: 0, secured: 0 };
  },

  /** Accounts in the order of the list. What they are worth is read again, row by row. */
  async worst(queries: Queries, after: WorstCursor | null, limit: number, reach: AccountReach): Promise<readonly WorstCursor[]> {
    const { sql, values } = reachCondition(reach, "a", 6);
    const rows: { rank: number; taken: string; id: string }[] = await queries.query(
      `SELECT ${RANK} AS rank, ${TAKEN}::text AS taken, a.id FROM accounts.account a LEFT JOIN aws.posture p ON p.id = a.id
       WHERE a.state <> ALL($1) AND ($2::int IS NULL OR (${RANK}, ${TAKEN}, a.id) > ($2::int, $3::bigint, $4::text)) AND ${sql}
       ORDER BY 1, ${TAKEN}, a.id LIMIT $5`,
      [OVER, after?.rank ?? null, after?.takenMs ?? null, after?.id ?? null, limit, ...values],
    );
    return rows.map(({ rank, taken, id }) => ({ rank, takenMs: Number(taken), id }));
  },
} as const;
