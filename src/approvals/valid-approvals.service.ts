import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { isOfNow } from "../people/acting-person.service.js";
import { standingOf } from "../people/standing.service.js";
import { isActiveAuthenticator } from "../people/step-up.service.js";
import { Approval } from "./approval.entity.js";
import { type ApproverRule, approverObstacle, teamsApart } from "./may-approve.service.js";
import type { Request } from "./request.entity.js";
import { isStatementOf } from "./request-body.js";

/**
 * The approvals of `row` that count now: verdict yes, by somebody who may approve it now, whose authenticator has not been ended since, and
 * whose own row has not changed since (`isOfNow`). Where teams count, nobody's team may have changed since the approval: who approved as one of
 * the same team is not made another's by moving them. Read under the request's lock (peers' two parallel approvers could both miss it).
 */
export async function validApprovals(tx: WorkTransaction, row: Request, rule: ApproverRule, now: Date): Promise<Approval[]> {
  const valid: Approval[] = [];
  for (const approval of await tx.readAll(Approval, { requestId: row.id })) {
    if (approval.verdict !== "approve") continue;
    // An approval of other words is none (law L3), also where somebody has exchanged the words and their hash together.
    if (!isStatementOf(approval.statement, row.hash)) continue;
    if (approval.authenticatorId === null || !(await isActiveAuthenticator(tx, approval.authenticatorId, approval.personId))) continue;
    const standing = await standingOf(tx, approval.personId, now).catch(notStanding);
    // Who was suspended or taken off the list and came back has to approve anew.
    if (standing === null || !isOfNow(tx, approval, standing.person)) continue;
    if ((await approverObstacle(tx, rule, standing)) !== null) continue;
    const apartSince = await teamsApart(tx, rule, approval.personId);
    if (apartSince !== null && apartSince < Number(approval.seq)) valid.push(approval);
  }
  return valid;
}

function notStanding(error: unknown): null {
  if (error instanceof RootkeepError && error.code === "NOT_ALLOWLISTED") return null;
  throw error;
}
