import type { EntityManager } from "typeorm";

type Queries = Pick<EntityManager, "query">;

/** A comment as it is shown. */
export interface CommentRow {
  readonly id: string;
  /** Null where the service itself wrote it. */
  readonly authorId: string | null;
  readonly body: string;
  readonly at: Date;
}

/** Rows of the board that decide nothing: the next numbers, and what is written under tickets. */
export const BoardRows = {
  /** The next number of a series, which nobody else gets before this transaction ends. */
  async nextNumber(queries: Queries, series: string): Promise<string> {
    const rows: { last: string }[] = await queries.query(
      `INSERT INTO tickets.board_series AS s (series, last) VALUES ($1, 1)
       ON CONFLICT ON CONSTRAINT board_series_pk DO UPDATE SET last = s.last + 1 RETURNING last`,
      [series],
    );
    const last = rows[0]?.last;
    if (last === undefined) throw new Error("a series has no number");
    return last;
  },

  /** Writes a comment, once for each id. */
  async comment(queries: Queries, id: string, ticketId: string, authorId: string | null, body: string): Promise<void> {
    await queries.query(
      `INSERT INTO tickets.board_comment (id, ticket_id, author_id, body) VALUES ($1, $2, $3, $4)
       ON CONFLICT ON CONSTRAINT board_comment_pk DO NOTHING`,
      [id, ticketId, authorId, body],
    );
  },

  /** In the order in which they were written; the first `limit`. */
  async comments(queries: Queries, ticketId: string, limit: number): Promise<CommentRow[]> {
    return await queries.query(
      `SELECT id, author_id AS "authorId", body, at FROM tickets.board_comment WHERE ticket_id = $1 ORDER BY position LIMIT $2`,
      [ticketId, limit],
    );
  },
} as const;
