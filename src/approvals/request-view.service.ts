import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { AccessGrant } from "./access-grant.entity.js";
import { Approval } from "./approval.entity.js";
import type { Request } from "./request.entity.js";
import { type RequestBody, shownRequest } from "./request-body.js";

/** A request as it is shown: whole, but never with a secret. */
export interface RequestView {
  readonly id: Id<"request">;
  readonly state: string;
  readonly hash: string;
  readonly body: RequestBody;
  readonly approvals: readonly {
    readonly person: Id<"person">;
    readonly verdict: string;
    readonly reason: string;
    readonly decidedAt: string;
  }[];
  readonly grantId: Id<"grant"> | null;
}

/**
 * `row` with what was decided about it, read in `tx`.
 * @throws RootkeepError `ROW_REFUSED` when text and hash do not belong together.
 */
export async function viewOf(tx: WorkTransaction, row: Request): Promise<RequestView> {
  const approvals = await tx.readAll(Approval, { requestId: row.id });
  const [grant] = await tx.readAll(AccessGrant, { requestId: row.id });
  return {
    id: row.id,
    state: row.state,
    hash: row.hash.toString("hex"),
    body: shownRequest(row.body, row.hash),
    approvals: approvals.map(({ personId, verdict, reason, decidedAt }) => ({
      person: personId,
      verdict,
      reason,
      decidedAt: decidedAt.toISOString(),
    })),
    grantId: grant?.id ?? null,
  };
}
