import { readAccount } from "../accounts/account-registry.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { isId } from "../kernel/ids.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { hasRole, type Standing } from "../people/standing.service.js";
import type { CheckedForm, GuardedAct, RequestForm } from "./guarded-act.port.js";

/**
 * Whether the person of `standing` may ask for this now, and what they would ask for: one answer for whoever submits it and for whoever wants
 * to know beforehand.
 * @throws RootkeepError `NOT_ALLOWLISTED`, `SELF_APPROVAL`, and what the act refuses.
 */
export async function judgeForm(tx: WorkTransaction, act: GuardedAct, standing: Standing, form: RequestForm): Promise<CheckedForm> {
  const { id } = standing.person;
  // Before the act looks at anything: what it refuses tells of accounts, people and the log.
  if (!hasRole(standing, act.requesterRole)) throw new RootkeepError("NOT_ALLOWLISTED");
  await assertReaches(tx, act, standing, form.accountId);
  const checked = await act.check(tx, form, id);
  if (!hasRole(standing, act.requesterRole, checked.scoped ?? undefined)) throw new RootkeepError("NOT_ALLOWLISTED");
  if (checked.personId === id) throw new RootkeepError("SELF_APPROVAL");
  if (checked.policy.approvals < 1) throw new RootkeepError("APPROVAL_REQUIRED", { reason: "policy without an approver" });
  return checked;
}

/** Of an account that the person has no part in not even its state is told. One that there is not is the act's to refuse. */
async function assertReaches(tx: WorkTransaction, act: GuardedAct, standing: Standing, accountId: string | null): Promise<void> {
  const account = accountId !== null && isId("account", accountId) ? await readAccount(tx, accountId) : null;
  if (account !== null && !hasRole(standing, act.requesterRole, scopedAccountOf(account))) throw new RootkeepError("NOT_ALLOWLISTED");
}
