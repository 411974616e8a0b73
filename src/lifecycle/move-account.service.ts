import { type AccountLife, changeLife, setState } from "../accounts/account-life.service.js";
import type { AccountRow } from "../accounts/account-registry.service.js";
import { draftEntry } from "../audit/draft.js";
import type { EntryActor, EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { finalAfter, type Verdict } from "./account-states.js";
import type { ChecklistRow, ChecklistState } from "./checklist.entity.js";
import { ChecklistRow as Checklist } from "./checklist.entity.js";

/** An account that is moved: its rows are locked. */
export interface MovedAccount {
  readonly account: AccountRow;
  readonly life: AccountLife | null;
  readonly actor: EntryActor;
  readonly now: Date;
  /** The guarded act, where one moves it. */
  readonly request?: { readonly id: string };
}

/**
 * Moves an account in its life: the one place where its state changes, in the transaction of a guarded act or of a completed checklist, with
 * an entry in the account's own stream.
 * @throws RootkeepError `STATE_CONFLICT` with the rule that forbids it.
 */
export function moveAccount(
  tx: WorkTransaction,
  { account, life, actor, now, request }: MovedAccount,
  verdict: Verdict,
): Drafted<EntryDraft> {
  const from = account.state;
  if ("refused" in verdict) throw new RootkeepError("STATE_CONFLICT", { facts: { state: from, rule: verdict.refused } });
  setState(tx, account, verdict.to);
  if (life !== null) noteInLife(tx, life, { from, to: verdict.to }, now);
  const draft = draftEntry({
    action: "account.move",
    outcome: "committed",
    actor,
    target: { type: "account", id: account.id },
    ...(request === undefined ? {} : { request: { id: request.id } }),
    details: { from, to: verdict.to, evidence: verdict.details },
    stream: account.id,
  });
  return { draft, rows: [account] };
}

/** What the move means for what is noted of the account's life. An account that was declared in use stays so until its takeover is complete. */
function noteInLife(tx: WorkTransaction, life: AccountLife, { from, to }: { readonly from: string; readonly to: string }, now: Date): void {
  if (to === "closed") changeLife(tx, life, { closedAt: now, finalAt: finalAfter(now) });
  if (to !== "active") return;
  if (from === "secured") changeLife(tx, life, { takeover: "WITNESSED" });
  if (life.closedAt !== null) changeLife(tx, life, { closedAt: null, finalAt: null });
}

/** Ends the account's open checklist, as done or because something else comes. */
export function endChecklist(
  tx: WorkTransaction,
  life: AccountLife,
  checklist: ChecklistRow,
  state: Exclude<ChecklistState, "OPEN">,
  now: Date,
): void {
  tx.change(Checklist, checklist, { state, endedAt: now });
  if (life.checklistId === checklist.id) changeLife(tx, life, { checklistId: null });
}
