import type { EntityManager } from "typeorm";
import { type Id, newId } from "../kernel/ids.js";
import type { TicketUpdate } from "./ticket-note.js";

type Queries = Pick<EntityManager, "query">;

/** A change that is due to be written, claimed. */
export interface DueUpdate {
  readonly id: Id<"ticketUpdate">;
  readonly act: "APPEND" | "OPEN";
  readonly event: string;
  readonly facts: string;
  readonly entryId: string | null;
  /** This one counted. */
  readonly attempts: number;
  readonly createdAt: Date;
  /** The named ticket, or the one opened for the thread; null for one that is to be opened, and where none was. */
  readonly reference: string | null;
  /** Position in the log of the entry that tells of it. Whoever owns the database can have it wrong; it decides nothing. */
  readonly seq: string | null;
}

/** A change as it is shown. */
export interface UpdateRow {
  readonly id: string;
  readonly thread: string;
  readonly act: "APPEND" | "OPEN";
  readonly event: string;
  readonly reference: string | null;
  readonly state: "WAITING" | "SENT" | "DEAD";
  readonly attempts: number;
  readonly reason: string | null;
  readonly createdAt: Date;
}

/** How many changes wait, and how many were given up. */
export interface UpdateCounts {
  readonly waiting: number;
  readonly dead: number;
  /** How long the oldest that waits has waited. */
  readonly oldestSeconds: number;
}

/**
 * What tickets are to be told: plain rows that decide nothing. Times are the database's. A thread is what one ticket is told of one request;
 * within it nothing is sent before what came earlier, and what was given up holds back what comes after.
 */
export const UpdateOutbox = {
  /** A ticket that was to be opened is told only where its opening waits or was done: without it there is none, and none will come. */
  async post(queries: Queries, { requestId, reference, act, event, facts, entryId }: TicketUpdate): Promise<void> {
    const thread = `${requestId}/${reference === null ? "opened" : "named"}`;
    await queries.query(
      `INSERT INTO tickets.ticket_update (id, thread, act, reference, event, facts, entry_id)
       SELECT $1, $2::text, $3::text, $4::text, $5, $6, $7
       WHERE $3::text = 'OPEN' OR $4::text IS NOT NULL
         OR EXISTS (SELECT FROM tickets.ticket_update o WHERE o.thread = $2::text AND o.act = 'OPEN')`,
      [newId("ticketUpdate"), thread, act, reference, event, JSON.stringify(facts), entryId ?? null],
    );
  },

  /** Claims the first of each thread that is due: until the lease is over nobody else writes it. */
  async claim(queries: Queries, limit: number, leaseSeconds: number): Promise<readonly DueUpdate[]> {
    const [rows] = await queries.query<[DueUpdate[], number]>(
      `WITH due AS (
         SELECT u.id FROM tickets.ticket_update u
         WHERE u.state = 'WAITING' AND u.next_at <= clock_timestamp() AND NOT EXISTS (
           SELECT FROM tickets.ticket_update e WHERE e.thread = u.thread AND e.position < u.position AND e.state <> 'SENT')
         ORDER BY u.next_at, u.position LIMIT $1 FOR UPDATE OF u SKIP LOCKED)
       UPDATE tickets.ticket_update u SET attempts = u.attempts + 1, next_at = clock_timestamp() + make_interval(secs => $2)
       FROM due WHERE u.id = due.id
       RETURNING u.id, u.act, u.event, u.facts, u.entry_id AS "entryId", u.attempts, u.created_at AS "createdAt",
         coalesce(u.reference, (SELECT o.reference FROM tickets.ticket_update o WHERE o.thread = u.thread AND o.act = 'OPEN')) AS reference,
         (SELECT a.seq FROM audit.entry a WHERE a.event_id = u.entry_id) AS seq`,
      [limit, leaseSeconds],
    );
    return rows;
  },

  /** @param reference of the ticket that was opened, else null. */
  async sent(queries: Queries, id: string, reference: string | null): Promise<void> {
    await queries.query(
      `UPDATE tickets.ticket_update SET state = 'SENT', reason = NULL, sent_at = clock_timestamp(), reference = coalesce($2, reference)
       WHERE id = $1`,
      [id, reference],
    );
  },

  /** @param seconds until the next attempt; null gives the change up. */
  async failed(queries: Queries, id: string, reason: string, seconds: number | null): Promise<void> {
    await queries.query(
      `UPDATE tickets.ticket_update SET reason = $2, state = CASE WHEN $3::float8 IS NULL THEN 'DEAD' ELSE 'WAITING' END,
         next_at = clock_timestamp() + make_interval(secs => coalesce($3::float8, 0)) WHERE id = $1 AND state = 'WAITING'`,
      [id, reason, seconds],
    );
  },

  /** Puts a change that was given up back in line, with all that waits behind it. @returns whether there was one. */
  async retry(queries: Queries, id: string): Promise<boolean> {
    const [, count] = await queries.query<[unknown, number]>(
      `UPDATE tickets.ticket_update SET state = 'WAITING', attempts = 0, next_at = clock_timestamp() WHERE id = $1 AND state = 'DEAD'`,
      [id],
    );
    return count === 1;
  },

  async counts(queries: Queries): Promise<UpdateCounts> {
    const rows: UpdateCounts[] = await queries.query(
      `SELECT (count(*) FILTER (WHERE state = 'WAITING'))::int AS waiting, (count(*) FILTER (WHERE state = 'DEAD'))::int AS dead,
         coalesce(extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE state = 'WAITING')), 0)::float8 AS "oldestSeconds"
       FROM tickets.ticket_update WHERE state <> 'SENT'`,
    );
    return rows[0] ?? { waiting: 0, dead: 0, oldestSeconds: 0 };
  },

  async list(queries: Queries, state: UpdateRow["state"], after: string, limit: number): Promise<UpdateRow[]> {
    return await queries.query(
      `SELECT id, thread, act, reference, event, state, attempts, reason, created_at AS "createdAt"
       FROM tickets.ticket_update WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3`,
      [state, after, limit],
    );
  },

  /** Forgets threads in which nothing has happened for `days`, whether or not the last of it was ever taken. */
  async forget(queries: Queries, days: number): Promise<void> {
    await queries.query(
      `DELETE FROM tickets.ticket_update u WHERE u.created_at < clock_timestamp() - make_interval(days => $1)
         AND NOT EXISTS (SELECT FROM tickets.ticket_update e WHERE e.thread = u.thread
           AND (e.created_at >= clock_timestamp() - make_interval(days => $1) OR (e.state = 'WAITING' AND NOT EXISTS (
             SELECT FROM tickets.ticket_update d WHERE d.thread = e.thread AND d.position < e.position AND d.state = 'DEAD'))))`,
      [days],
    );
  },
} as const;
