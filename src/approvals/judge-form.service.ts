import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { hasRole, type Standing } from "../people/standing.service.js";
import type { CheckedForm, GuardedAct, RequestForm } from "./guarded-act.port.js";

/**
 * Whether the person of `standing` may ask for this now, and what they would ask for: one answer for whoever submits it and for whoever wants
 * to know beforehand.
 * @throws RootkeepError `NOT_ALLOWLISTED`, `SELF_APPROVAL`, and what the act refuses.
 */
export async function judgeForm(tx: WorkTransaction, act: GuardedAct, standing: Standing, form: RequestForm): Promise<CheckedForm> {
  const { id } = standing.person;
  const checked = await act.check(tx, form, id);
  if (!hasRole(standing, act.requesterRole, checked.scoped ?? undefined)) throw new RootkeepError("NOT_ALLOWLISTED");
  if (checked.personId === id) throw new RootkeepError("SELF_APPROVAL");
  if (checked.policy.approvals < 1) throw new RootkeepError("APPROVAL_REQUIRED", { reason: "policy without an approver" });
  return checked;
}
