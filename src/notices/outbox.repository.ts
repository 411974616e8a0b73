import type { EntityManager } from "typeorm";
import type { NoticeChannelName } from "../config/reference.js";
import { newId } from "../kernel/ids.js";

import type { Notice } from "./notice.js";

/** Whatever sends SQL: a transaction's manager, or the data source. */
export type Queries = Pick<EntityManager, "query">;

/** A notice that has not been spread over channels and people yet. */
export interface NewNotice {
  readonly id: string;
  readonly topic: string;
  readonly facts: string;
  readonly audience: string;
  readonly attempts: number;
}

/** One message to one recipient, claimed for sending. */
export interface DueDelivery {
  readonly id: string;
  readonly recipient: string;
  /** This one counted. */
  readonly attempts: number;
  readonly topic: string;
  readonly facts: string;
  readonly createdAt: Date;
}

/** How many deliveries wait, and how many were given up. */
export interface OutboxCounts {
  readonly waiting: number;
  readonly dead: number;
}

/** A delivery as it is shown. */
export interface DeliveryRow {
  readonly id: string;
  readonly topic: string;
  readonly channel: NoticeChannelName;
  readonly recipient: string;
  readonly state: "WAITING" | "SENT" | "DEAD";
  readonly attempts: number;
  readonly reason: string | null;
  readonly createdAt: Date;
}

/** Stands for the recipient where a channel is a room. */
export const ROOM = "room";
/** Stands for people whose rows could not be read. */
export const UNRESOLVED = "unresolved";

/** Beside the facts of a notice that the rooms have heard of already. It is on no list of facts, so no message shows it. */
const ROOMS = "rooms";
const TOLD = "told";

/** True if the notice goes to people alone. */
export function areRoomsTold({ facts }: Pick<NewNotice, "facts">): boolean {
  return (JSON.parse(facts) as Readonly<Record<string, unknown>>)[ROOMS] === TOLD;
}

/** The outbox: plain rows that decide nothing. Times are the database's. */
export const Outbox = {
  async post(queries: Queries, { topic, facts, audience, areRoomsTold = false }: Notice): Promise<void> {
    await queries.query("INSERT INTO notices.notice (id, topic, facts, audience) VALUES ($1, $2, $3, $4)", [
      newId("notice"),
      topic,
      JSON.stringify(areRoomsTold ? { ...facts, [ROOMS]: TOLD } : facts),
      JSON.stringify(audience),
    ]);
  },

  /**
   * Notes that people are told of `subjects`. Two who note the same one at once wait for each other, in one order.
   * @returns those that nobody had noted before: only of them is anybody to be told, in the same transaction.
   */
  async noteTold(queries: Queries, subjects: readonly string[]): Promise<ReadonlySet<string>> {
    const rows: { subject: string }[] = await queries.query(
      `INSERT INTO notices.told (subject) SELECT s FROM unnest($1::text[]) AS s ORDER BY s
       ON CONFLICT ON CONSTRAINT told_pk DO NOTHING RETURNING subject`,
      [subjects],
    );
    return new Set(rows.map(({ subject }) => subject));
  },

  /** The next notice to spread, locked; another replica passes it over. */
  async nextNew(queries: Queries): Promise<NewNotice | undefined> {
    const rows: NewNotice[] = await queries.query(
      `SELECT id, topic, facts, audience, attempts FROM notices.notice WHERE spread_at IS NULL AND next_at <= clock_timestamp()
       ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED`,
    );
    return rows[0];
  },

  async postpone(queries: Queries, id: string, seconds: number): Promise<void> {
    await queries.query(
      "UPDATE notices.notice SET attempts = attempts + 1, next_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1",
      [id, seconds],
    );
  },

  /** The last statement about a notice: from here on its deliveries are what there is. */
  async spread(queries: Queries, id: string, deliveries: readonly { channel: NoticeChannelName; recipient: string }[]): Promise<void> {
    for (const { channel, recipient } of deliveries) {
      await queries.query(
        `INSERT INTO notices.delivery (id, notice_id, channel, recipient, state) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT ON CONSTRAINT delivery_recipient_uq DO NOTHING`,
        [newId("delivery"), id, channel, recipient, recipient === UNRESOLVED ? "DEAD" : "WAITING"],
      );
    }
    await queries.query("UPDATE notices.notice SET spread_at = clock_timestamp() WHERE id = $1", [id]);
  },

  /**
   * Claims what is due on `channel`: until the lease is over nobody else sends it. A process that dies meanwhile has perhaps sent it; it is
   * then sent again.
   */
  async claim(queries: Queries, channel: NoticeChannelName, limit: number, leaseSeconds: number): Promise<readonly DueDelivery[]> {
    const [rows] = await queries.query<[DueDelivery[], number]>(
      `WITH due AS (
         SELECT id FROM notices.delivery WHERE channel = $1 AND state = 'WAITING' AND next_at <= clock_timestamp()
         ORDER BY next_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
       UPDATE notices.delivery d SET attempts = d.attempts + 1, next_at = clock_timestamp() + make_interval(secs => $3)
       FROM due, notices.notice n WHERE d.id = due.id AND n.id = d.notice_id
       RETURNING d.id, d.recipient, d.attempts, n.topic, n.facts, n.created_at AS "createdAt"`,
      [channel, limit, leaseSeconds],
    );
    return rows;
  },

  async sent(queries: Queries, id: string): Promise<void> {
    await queries.query("UPDATE notices.delivery SET state = 'SENT', reason = NULL, sent_at = clock_timestamp() WHERE id = $1", [id]);
  },

  /** @param seconds until the next attempt; null gives the delivery up. */
  async failed(queries: Queries, id: string, reason: string, seconds: number | null): Promise<void> {
    await queries.query(
      `UPDATE notices.delivery SET reason = $2, state = CASE WHEN $3::float8 IS NULL THEN 'DEAD' ELSE 'WAITING' END,
         next_at = clock_timestamp() + make_interval(secs => coalesce($3::float8, 0)) WHERE id = $1`,
      [id, reason, seconds],
    );
  },

  /** Puts a delivery that was given up back in line. @returns whether there was one. */
  async retry(queries: Queries, id: string): Promise<boolean> {
    const [, count] = await queries.query<[unknown, number]>(
      `UPDATE notices.delivery SET state = 'WAITING', attempts = 0, next_at = clock_timestamp()
       WHERE id = $1 AND state = 'DEAD' AND recipient <> $2`,
      [id, UNRESOLVED],
    );
    return count === 1;
  },

  async counts(queries: Queries): Promise<OutboxCounts> {
    const rows: OutboxCounts[] = await queries.query(
      `SELECT (count(*) FILTER (WHERE state = 'WAITING'))::int AS waiting, (count(*) FILTER (WHERE state = 'DEAD'))::int AS dead
       FROM notices.delivery WHERE state <> 'SENT'`,
    );
    return rows[0] ?? { waiting: 0, dead: 0 };
  },

  async list(queries: Queries, state: DeliveryRow["state"], after: string, limit: number): Promise<DeliveryRow[]> {
    return await queries.query(
      `SELECT d.id, n.topic, d.channel, d.recipient, d.state, d.attempts, d.reason, n.created_at AS "createdAt"
       FROM notices.delivery d JOIN notices.notice n ON n.id = d.notice_id
       WHERE d.state = $1 AND d.id > $2 ORDER BY d.id LIMIT $3`,
      [state, after, limit],
    );
  },

  /** Forgets what was spread more than `days` ago, but for what still waits, and what was told once more than `days` ago. */
  async forget(queries: Queries, days: number): Promise<void> {
    await queries.query(
      `DELETE FROM notices.notice n WHERE n.spread_at < clock_timestamp() - make_interval(days => $1)
         AND NOT EXISTS (SELECT FROM notices.delivery d WHERE d.notice_id = n.id AND d.state = 'WAITING')`,
      [days],
    );
    await queries.query("DELETE FROM notices.told WHERE told_at < clock_timestamp() - make_interval(days => $1)", [days]);
  },
} as const;
