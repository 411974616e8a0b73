import { MoreThan } from "typeorm";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { Operation } from "../kernel/operations.js";
import { type Standing, standingOf } from "../people/standing.service.js";
import type { GuardedAct } from "./guarded-act.port.js";
import { approverObstacle, approverRule } from "./may-approve.service.js";
import { decidedBy } from "./readable-requests.service.js";
import { Request } from "./request.entity.js";
import { parseRequest } from "./request-body.js";

/** Rows looked through at once; those that are somebody else's to decide cost no more than this at a time. */
const BATCH = 200;
/** However the database orders its rows, a list ends. */
const BATCHES_MAX = 100;

/** Whose list it is, and which part of it. */
export interface AwaitingQuery {
  readonly personId: Id<"person">;
  /** Id of the last request of the page before; empty for the first. */
  readonly after: string;
  readonly limit: number;
}

/**
 * Requests that `personId` may decide now: open and in time, neither asked nor held by them nor about them, not decided by them yet, and
 * within the role, the scope and the team that they have. The same questions are asked again, under lock, when they decide.
 */
export async function awaitingRequests(
  tx: WorkTransaction,
  acts: ReadonlyMap<Operation, GuardedAct>,
  { personId, after, limit }: AwaitingQuery,
): Promise<Request[]> {
  const now = await tx.clock();
  const standing = await standingOf(tx, personId, now);
  const found: Request[] = [];
  let from = after;
  for (let batch = 0; found.length < limit && batch < BATCHES_MAX; batch++) {
    const rows = await tx.readAll(Request, { state: "SUBMITTED", id: MoreThan(from) as never }, "read", BATCH);
    const decided = await decidedBy(tx, personId, rows);
    for (const row of rows) {
      if (found.length === limit) break;
      if (row.expiresAt <= now || row.requesterId === personId || row.personId === personId || decided.has(row.id)) continue;
      if (await isWithin(tx, acts.get(row.operation), row, standing)) found.push(row);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) break;
    from = last.id;
  }
  return found;
}

async function isWithin(tx: WorkTransaction, act: GuardedAct | undefined, row: Request, standing: Standing): Promise<boolean> {
  if (act === undefined) return false;
  try {
    const body = parseRequest(row.body, row.hash);
    const rule = approverRule(row, body, act, await act.termsNow(tx, body, "read"));
    return (await approverObstacle(tx, rule, standing)) === null;
  } catch (error) {
    // Its account or purpose is no longer what was asked for: nobody can decide it any more.
    if (isRootkeepError(error, "STATE_CONFLICT") || isRootkeepError(error, "NOT_FOUND")) return false;
    throw error;
  }
}
