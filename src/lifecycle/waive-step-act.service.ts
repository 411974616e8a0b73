import type { GuardedAct } from "../approvals/guarded-act.port.js";
import { CUSTODIAN_ACT, custodianForm, partiesOf } from "../approvals/people-acts.service.js";
import { personActor } from "../audit/draft.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, isId } from "../kernel/ids.js";
import type { Step } from "./checklist.js";
import { assertOpenStep, noteStep } from "./checklists.service.js";
import { type Ageing, type LoadedChecklist, loadChecklist } from "./open-checklist.service.js";
import { stepOf } from "./step-lists.js";
import { followTick, stepEntry } from "./tick-step.service.js";

/** The guarded act `checklist.waive`: two custodians let a step go undone; the reason is the request's. */
export function waiveStepAct(ageing: Ageing): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "checklist.waive",
    async check(tx, form) {
      const { loaded, step } = await waivable(tx, form.subject, "read");
      await assertOpenStep(tx, loaded, step, ageing, await tx.clock());
      const { account, checklist } = loaded;
      return custodianForm(
        { checklistId: checklist.id, step: step.id, title: step.title, accountId: account.id, awsId: account.awsId },
        { account: { id: account.id as Id<"account">, awsId: account.awsId, partition: account.partition } },
      );
    },
    async apply(tx, decided) {
      const parties = partiesOf(decided);
      const { now } = decided;
      const { loaded, step } = await waivable(tx, decided.body.subject, "lock");
      await assertOpenStep(tx, loaded, step, ageing, now);
      const row = noteStep(tx, loaded, step, {
        state: "WAIVED",
        kind: "waiver",
        reference: parties.requestId,
        facts: "{}",
        note: "",
        claimedBy: parties.askedBy,
        claimedAt: now,
        attestedBy: parties.approvedBy,
        decidedAt: now,
      });
      const actor = personActor(parties.askedBy);
      const request = { id: parties.requestId };
      const draft = stepEntry("checklist.waive", loaded, row, { actor, request, details: { approvedBy: parties.approvedBy } });
      return [{ draft, rows: [row] }, ...(await followTick(tx, { loaded, row, actor, now }, ageing))];
    },
  };
}

async function waivable(
  tx: WorkTransaction,
  { checklistId, step: id }: Readonly<Record<string, unknown>>,
  mode: "read" | "lock",
): Promise<{ loaded: LoadedChecklist; step: Step }> {
  if (!isId("checklist", checklistId)) throw malformed("subject.checklistId", "is the id of a checklist");
  const loaded = await loadChecklist(tx, checklistId satisfies Id<"checklist">, mode);
  const step = typeof id === "string" ? stepOf(loaded.list, id) : undefined;
  if (step === undefined || !loaded.steps.includes(step))
    throw malformed("subject.step", "is a step of this checklist that applies to its account");
  if (!step.isWaivable) throw new RootkeepError("STATE_CONFLICT", { facts: { step: step.id, rule: "this step cannot be waived" } });
  return { loaded, step };
}

function malformed(field: string, rule: string): RootkeepError {
  return new RootkeepError("MALFORMED", { fields: [{ field, rule }] });
}
