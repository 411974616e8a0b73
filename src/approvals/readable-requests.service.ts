import { In, MoreThan } from "typeorm";
import { reachCondition } from "../accounts/account-reach.js";
import { reachedOf } from "../accounts/reached-accounts.service.js";
import { readFound } from "../database/found-rows.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import type { Reader } from "../people/reading.service.js";
import { Approval } from "./approval.entity.js";
import { Request, type RequestState } from "./request.entity.js";
import { askingPeople, shownRequest } from "./request-body.js";

/** Which part of the list of requests is wanted. */
export interface RequestPart {
  readonly state?: RequestState;
  readonly requesterId?: Id<"person">;
  /** Id of the last request of the page before; empty for the first. */
  readonly after: string;
  readonly limit: number;
}

/**
 * Of `rows` those that `reader` may read: about an account in reach, or of no account where the reader looks after people and settings; and
 * always those in which the reader took part: as who asked, who is to hold what is opened, or who decided.
 */
export async function readableOf(tx: WorkTransaction, reader: Reader, rows: readonly Request[]): Promise<Request[]> {
  const reached = await reachedOf(
    tx,
    reader.reach,
    rows.flatMap(({ accountId }) => accountId ?? []),
  );
  const isWithin = ({ accountId }: Request): boolean => (accountId === null ? reader.readsPeople : reached.has(accountId));
  const others = rows.filter((row) => !isWithin(row));
  const decided = await decidedBy(tx, reader.personId, others);
  return rows.filter((row) => isWithin(row) || decided.has(row.id) || isAsking(row, reader.personId));
}

/** Requests that `reader` may read, in the order of their ids. */
export async function readableRequests(tx: WorkTransaction, reader: Reader, part: RequestPart): Promise<Request[]> {
  const { state, requesterId, after, limit } = part;
  if (reader.reach.isAll && reader.readsPeople) {
    const where = { ...(state === undefined ? {} : { state }), ...(requesterId === undefined ? {} : { requesterId }) };
    return await tx.readAll(Request, { ...where, id: MoreThan(after) as never }, "read", limit);
  }
  const { sql, values } = reachCondition(reader.reach, "a", 7);
  const held = `"holder":"${reader.personId}"`;
  const given = [state ?? null, requesterId ?? null, reader.personId, held, ...values];
  return await readFound(tx, Request, {
    after,
    limit,
    find: async (from, most) =>
      await tx.manager.query(
        `SELECT r.id FROM approvals.request r
         WHERE r.id > $1 AND ($3::text IS NULL OR r.state = $3) AND ($4::text IS NULL OR r.requester_id = $4)
           AND (r.requester_id = $5 OR position($6 IN r.body) > 0
             OR EXISTS (SELECT FROM approvals.approval p WHERE p.request_id = r.id AND p.person_id = $5)
             OR EXISTS (SELECT FROM accounts.account a WHERE a.id = r.account_id AND ${sql})
             ${reader.readsPeople ? "OR r.account_id IS NULL" : ""})
         ORDER BY r.id LIMIT $2`,
        [from, most, ...given],
      ),
    keep: (rows) => readableOf(tx, reader, rows),
  });
}

function isAsking(row: Request, personId: Id<"person">): boolean {
  return row.requesterId === personId || askingPeople(shownRequest(row.body, row.hash)).includes(personId);
}

/** Ids of those of `rows` that `personId` has decided, either way. */
export async function decidedBy(tx: WorkTransaction, personId: Id<"person">, rows: readonly Request[]): Promise<ReadonlySet<string>> {
  if (rows.length === 0) return new Set();
  const own = await tx.readAll(Approval, { personId, requestId: In(rows.map(({ id }) => id)) as never });
  return new Set(own.map(({ requestId }) => requestId));
}
