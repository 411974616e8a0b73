import type { AccountKind } from "../accounts/account.js";
import { type AccountLife, changeLife, insertLife, lockLife, readLife, takeoverOf } from "../accounts/account-life.service.js";
import { type AccountRow, lockAccount, readAccount } from "../accounts/account-registry.service.js";
import { custodyOf } from "../accounts/custody.js";
import { freezeAccount, lockForMove } from "../approvals/freeze-account.service.js";
import type { GuardedAct } from "../approvals/guarded-act.port.js";
import { CUSTODIAN_ACT, custodianForm, partiesOf } from "../approvals/people-acts.service.js";
import { purposesOpenIn } from "../approvals/purposes-by-state.js";
import { personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { DecidingRow } from "../database/deciding-row.entity.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import { holdsWorking } from "../secrets/secret-evidence.service.js";
import {
  abandon,
  close,
  type Decision,
  type LifeFacts,
  release,
  reopen,
  rotate,
  type StepEvidence,
  sealFinal,
  settle,
  suspect,
  type Verdict,
  withdraw,
} from "./account-states.js";
import { ChecklistRow } from "./checklist.entity.js";
import { type ChecklistKind, milestoneFrom, neededFor } from "./checklist.js";
import { endChecklist, moveAccount } from "./move-account.service.js";
import { type DecidedState, type MoveForm, parseMove } from "./move-form.js";
import { type Ageing, knownSteps, type LoadedChecklist, lifeFacts, loadChecklist, stepEvidence } from "./open-checklist.service.js";
import { StepRow, stepKey } from "./step.entity.js";
import { STEPS_VERSION } from "./step-lists.js";

/** The checklist that begins with a move. */
const BEGINS: Readonly<Partial<Record<DecidedState, Exclude<ChecklistKind, "onboarding">>>> = {
  closing: "closure",
  reopening: "reopening",
  releasing: "handback",
};
/** Moves that end what is open before they are judged. Closing waits for check-in instead, and ends then what nobody has decided yet. */
const FREEZES: readonly DecidedState[] = ["releasing", "quarantined", "abandoned", "sealed_final"];
const NOBODY: Decision = { request: "-", askedBy: "asked", approvedBy: "approved" };

/** An account that is to be moved, with the checklist that is open for it. */
interface Moving {
  readonly account: AccountRow;
  readonly life: AccountLife | null;
  readonly open: LoadedChecklist | null;
  readonly evidence: StepEvidence;
}

/**
 * The guarded act `account.move`: two custodians decide what no checklist decides by itself: closing, reopening, handing back, quarantine,
 * the final seal, and taking an order back. The state that it was asked in is part of what is approved.
 */
export function moveAct(ageing: Ageing): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "account.move",
    async check(tx, form) {
      const asked = parseMove(form.subject);
      const account = await readAccount(tx, asked.accountId);
      if (account === null) throw new RootkeepError("NOT_FOUND");
      const now = await tx.clock();
      const moving = await load(tx, account, "read", ageing, now);
      // A grant that a hand-back would end does not keep anybody from asking for one.
      const facts = { ...lifeFacts(account, moving.life), ...(FREEZES.includes(asked.to) ? { isCheckedOut: false } : {}) };
      const verdict = await verdictOf(tx, asked, facts, moving, { ...NOBODY, checklist: "-" }, now);
      if ("refused" in verdict) throw new RootkeepError("STATE_CONFLICT", { facts: { state: account.state, rule: verdict.refused } });
      const { accountId, to, document, target } = asked;
      return custodianForm(
        { accountId, awsId: account.awsId, from: account.state, to, document, target },
        {
          account: { id: account.id as Id<"account">, awsId: account.awsId, partition: account.partition },
        },
      );
    },
    async termsNow(tx, body, mode) {
      // Whoever approves changes requests, grants and account: all of them are locked at once, in the order of everybody else.
      if (mode === "lock") await lockForMove(tx, parseMove(moveSubject(body.subject)).accountId);
      return await CUSTODIAN_ACT.termsNow();
    },
    async apply(tx, decided) {
      const asked = parseMove(moveSubject(decided.body.subject));
      const { requestId, askedBy, approvedBy } = partiesOf(decided);
      return await move(tx, asked, { decision: { request: requestId, askedBy, approvedBy }, now: decided.now }, ageing);
    },
  };
}

/** The part of the request's subject that {@link parseMove} reads. */
function moveSubject({ awsId: _awsId, ...subject }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return subject;
}

async function move(
  tx: WorkTransaction,
  asked: MoveForm,
  { decision, now }: { readonly decision: Decision; readonly now: Date },
  ageing: Ageing,
): Promise<Drafted<EntryDraft>[]> {
  const frozen = FREEZES.includes(asked.to) ? await freezeAccount(tx, asked.accountId, goesOnIn(asked.to)) : [];
  const account = await lockAccount(tx, asked.accountId);
  if (account === null) throw new RootkeepError("NOT_FOUND");
  if (account.state !== asked.from)
    throw new RootkeepError("STATE_CONFLICT", { facts: { state: account.state, rule: "it was asked for in another state" } });
  const moving = await load(tx, account, "lock", ageing, now);
  const kind = BEGINS[asked.to];
  const checklistId = newId("checklist");
  const facts = lifeFacts(account, moving.life);
  const verdict = await verdictOf(tx, asked, facts, moving, { ...decision, checklist: checklistId }, now);
  const takeover = takeoverOf(account.state, moving.life);
  const life = moving.life ?? insertLife(tx, { id: asked.accountId, takeover, checklistId: null, closedAt: null, finalAt: null });
  const rows: DecidingRow[] = [account, life];
  // The old one first: one checklist is open at a time, and the database says so as well.
  if (moving.open !== null && endsChecklist(asked.to, account.state)) {
    endChecklist(tx, life, moving.open.checklist, asked.to === "sealed_final" ? "DONE" : "ENDED", now);
    rows.push(moving.open.checklist);
  }
  if (kind !== undefined) {
    const begun = beginChecklist(tx, account, asked, { id: checklistId, kind, decision, now });
    changeLife(tx, life, { checklistId: begun.id });
    rows.push(begun);
  }
  const moved = moveAccount(tx, { account, life, actor: personActor(decision.askedBy), now, request: { id: decision.request } }, verdict);
  const late = asked.to === "closing" ? await freezeAccount(tx, asked.accountId, goesOnIn(asked.to)) : [];
  return [{ ...moved, rows }, ...frozen, ...late];
}

/** Whether the open checklist is over with the move: another begins, the order is taken back, the takeover is given up, or it is the last step. */
function endsChecklist(to: DecidedState, from: string): boolean {
  const isTakenBack = to === "active" && from !== "rotating";
  return BEGINS[to] !== undefined || isTakenBack || to === "abandoned" || to === "sealed_final";
}

async function load(tx: WorkTransaction, account: AccountRow, mode: "read" | "lock", ageing: Ageing, now: Date): Promise<Moving> {
  const life = await (mode === "lock" ? lockLife : readLife)(tx, account.id);
  const openId = life?.checklistId ?? null;
  if (openId === null) return { account, life, open: null, evidence: { checklist: "-", needed: [], done: new Set() } };
  const open = await loadChecklist(tx, openId, mode);
  const milestone = milestoneFrom(open.list, account.state);
  const needed = milestone === undefined ? [] : neededFor(milestone, open.steps);
  return { account, life, open, evidence: stepEvidence(open.checklist, needed, await knownSteps(tx, open, ageing, now)) };
}

async function verdictOf(
  tx: WorkTransaction,
  { to, document, target }: MoveForm,
  facts: LifeFacts,
  moving: Moving,
  decision: Decision & { readonly checklist: string },
  now: Date,
): Promise<Verdict> {
  const { evidence } = moving;
  const order = { ...decision, document: document ?? "" };
  switch (to) {
    case "quarantined":
      return suspect(facts, decision);
    case "rotating":
      return rotate(facts, decision);
    case "closing":
      return close(facts, order);
    case "releasing":
      return release(facts, { ...order, target: target ?? "" });
    case "reopening":
      return reopen(facts, decision, now);
    case "sealed_final":
      return sealFinal(facts, evidence, decision, now);
    case "abandoned":
      return await givenUp(tx, facts, moving, decision);
    case "active":
      return facts.state === "rotating" ? settle(facts, decision) : await takenBack(tx, facts, moving, decision);
  }
}

/** What works at AWS, or may, must stay openable (law L5): such an account is taken over to the end, and handed back. */
async function givenUp(tx: WorkTransaction, facts: LifeFacts, { account }: Moving, decision: Decision): Promise<Verdict> {
  if (!(await holdsWorking(tx, account.id as Id<"account">))) return abandon(facts, decision);
  return { refused: "the vault holds, or may hold, what works at AWS: finish the takeover, then hand the account back" };
}

async function takenBack(tx: WorkTransaction, facts: LifeFacts, { open, evidence }: Moving, decision: Decision): Promise<Verdict> {
  if (open === null) return withdraw(facts, evidence, [], decision);
  return withdraw(facts, { ...evidence, done: await everTicked(tx, open) }, open.list.noWayBack, decision);
}

/** Steps of which there is no way back that were ever ticked, stale or not. Each is looked for by its key: none may be hidden. */
async function everTicked(tx: WorkTransaction, { checklist, list, rows }: LoadedChecklist): Promise<ReadonlySet<string>> {
  const ticked = new Set<string>();
  for (const step of list.noWayBack) {
    const row = rows.get(step) ?? (await tx.read(StepRow, stepKey(checklist.id, step)));
    // Also what one person claims has perhaps been done.
    if (row !== null) ticked.add(step);
  }
  return ticked;
}

function beginChecklist(
  tx: WorkTransaction,
  account: AccountRow,
  { accountId, document, target }: MoveForm,
  begun: { readonly id: Id<"checklist">; readonly kind: ChecklistKind; readonly decision: Decision; readonly now: Date },
): ChecklistRow {
  return tx.insert(ChecklistRow, {
    id: begun.id,
    accountId,
    kind: begun.kind,
    state: "OPEN",
    accountKind: account.kind as AccountKind,
    custody: custodyOf(account),
    target,
    document,
    steps: STEPS_VERSION,
    begunBy: begun.decision.askedBy as Id<"person">,
    begunAt: begun.now,
    endedAt: null,
  });
}

/** Purposes that go on in the new state. */
function goesOnIn(to: DecidedState): readonly string[] {
  const open = purposesOpenIn(to, false);
  return open === "all" ? [] : open;
}
