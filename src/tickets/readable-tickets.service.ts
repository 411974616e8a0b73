import { MoreThan } from "typeorm";
import { reachCondition } from "../accounts/account-reach.js";
import { reachedOf } from "../accounts/reached-accounts.service.js";
import { readFound } from "../database/found-rows.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { newId } from "../kernel/ids.js";
import type { Reader } from "../people/reading.service.js";
import type { CommentRow } from "./board.repository.js";
import { BoardTicket } from "./board-ticket.entity.js";

/** Which part of the board is wanted. */
export interface BoardPart {
  readonly state: BoardTicket["state"] | undefined;
  /** Id of the last ticket of the page before; empty for the first. */
  readonly after: string;
  readonly limit: number;
}

/** Of `tickets` those that `reader` may read: of no account, about one in reach, or opened by the reader. */
export async function readableTickets(tx: WorkTransaction, reader: Reader, tickets: readonly BoardTicket[]): Promise<BoardTicket[]> {
  const reached = await reachedOf(
    tx,
    reader.reach,
    tickets.flatMap(({ accountId }) => accountId ?? []),
  );
  return tickets.filter(({ accountId, openedBy }) => accountId === null || reached.has(accountId) || openedBy === reader.personId);
}

/** True for a ticket that `reader` may read. References are easily guessed: for one that there is not as much is looked for. */
export async function isReadable(tx: WorkTransaction, reader: Reader, ticket: BoardTicket | undefined): Promise<boolean> {
  if (ticket !== undefined) return (await readableTickets(tx, reader, [ticket])).length > 0;
  await reachedOf(tx, reader.reach, [newId("account")]);
  return false;
}

/** Tickets that `reader` may read, in the order of their ids. */
export async function listedTickets(tx: WorkTransaction, reader: Reader, { state, after, limit }: BoardPart): Promise<BoardTicket[]> {
  if (reader.reach.isAll) {
    return await tx.readAll(BoardTicket, { id: MoreThan(after) as never, ...(state === undefined ? {} : { state }) }, "read", limit);
  }
  const { sql, values } = reachCondition(reader.reach, "a", 5);
  return await readFound(tx, BoardTicket, {
    after,
    limit,
    find: async (from, most) =>
      await tx.manager.query(
        `SELECT t.id FROM tickets.board_ticket t
         WHERE t.id > $1 AND ($3::text IS NULL OR t.state = $3)
           AND (t.account_id IS NULL OR t.opened_by = $4
             OR EXISTS (SELECT FROM accounts.account a WHERE a.id = t.account_id AND ${sql}))
         ORDER BY t.id LIMIT $2`,
        [from, most, state ?? null, reader.personId, ...values],
      ),
    keep: (rows) => readableTickets(tx, reader, rows),
  });
}

/**
 * What of the writing under a readable ticket `reader` is shown. Under one of no account the service writes of requests about any: that is for
 * who reads of all. Of a ticket whose account went out of reach its opener keeps what they wrote themselves.
 */
export async function shownComments(
  tx: WorkTransaction,
  { reach, personId }: Reader,
  { accountId }: BoardTicket,
  comments: readonly CommentRow[],
): Promise<readonly CommentRow[]> {
  if (reach.isAll) return comments;
  if (accountId === null) return comments.filter(({ authorId }) => authorId !== null);
  const isReached = (await reachedOf(tx, reach, [accountId])).has(accountId);
  return isReached ? comments : comments.filter(({ authorId }) => authorId === personId);
}
