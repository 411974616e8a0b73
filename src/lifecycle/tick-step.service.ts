import type { JsonObject } from "../audit/canonical-json.js";
import { draftEntry } from "../audit/draft.js";
import type { EntryActor, EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { activate, confirmClosed, handOver, resume, type StepEvidence, secure, type Verdict } from "./account-states.js";
import { doneOf, type KnownStep, milestoneFrom, neededFor } from "./checklist.js";
import { endChecklist, moveAccount } from "./move-account.service.js";
import { type Ageing, knownSteps, type LoadedChecklist, lifeFacts, stepEvidence } from "./open-checklist.service.js";
import type { StepRow } from "./step.entity.js";

/** A step that has just been ticked, by the entry that says so. */
export interface Ticked {
  readonly loaded: LoadedChecklist;
  readonly row: StepRow;
  readonly actor: EntryActor;
  readonly now: Date;
}

/**
 * What follows from a tick: the account moves where the last step of a milestone stands, and the checklist is done where every step does. All
 * evidence of the milestone is looked at again here: what has gone stale moves nothing.
 * @returns the entries that tell of it, none where nothing follows.
 */
export async function followTick(tx: WorkTransaction, { loaded, row, actor, now }: Ticked, ageing: Ageing): Promise<Drafted<EntryDraft>[]> {
  const { account, life, checklist, list, steps } = loaded;
  const rows = new Map(loaded.rows).set(row.step, row);
  const known = new Map(await knownSteps(tx, { account, steps, rows }, ageing, now));
  // Its own seq is that of the entry that is being written: it is as fresh as can be.
  known.set(row.step, { state: row.state, isStale: false });
  const entries: Drafted<EntryDraft>[] = [];
  const milestone = milestoneFrom(list, account.state);
  if (milestone !== undefined && milestone.byDecision !== true) {
    const evidence = stepEvidence(checklist, neededFor(milestone, steps), known);
    if (evidence.needed.every((step) => evidence.done.has(step))) {
      entries.push(moveAccount(tx, { account, life, actor, now }, verdictOf(loaded, evidence, now)));
    }
  }
  if (isComplete(loaded, known)) endChecklist(tx, life, checklist, "DONE", now);
  return entries;
}

/** The entry of a tick, a claim or a waiver. */
export function stepEntry(
  action: "checklist.claim" | "checklist.attest" | "checklist.waive",
  loaded: LoadedChecklist,
  row: StepRow,
  { actor, request, details }: { readonly actor: EntryActor; readonly request?: JsonObject; readonly details: JsonObject },
): EntryDraft {
  return draftEntry({
    action,
    outcome: "committed",
    actor,
    target: { type: "checklist", id: loaded.checklist.id },
    ...(request === undefined ? {} : { request }),
    details: { checklist: loaded.checklist.kind, step: row.step, state: row.state, kind: row.kind, reference: row.reference, ...details },
    stream: loaded.account.id,
    disclosures: row.note === "" || action === "checklist.attest" ? [] : [{ field: "note", value: row.note }],
  });
}

/** True where every step that applies stands, and no move is waited for. */
function isComplete({ account, list, steps }: LoadedChecklist, known: ReadonlyMap<string, KnownStep>): boolean {
  const done = doneOf(known);
  return milestoneFrom(list, account.state) === undefined && steps.every(({ id }) => done.has(id));
}

/** The machine's own move for a state that a checklist leads out of; it judges the evidence again. */
function verdictOf({ account, life }: LoadedChecklist, evidence: StepEvidence, now: Date): Verdict {
  const facts = lifeFacts(account, life);
  switch (facts.state) {
    case "assuming":
      return secure(facts, evidence);
    case "secured":
      return activate(facts, evidence);
    case "closing":
      return confirmClosed(facts, evidence, now);
    case "reopening":
      return resume(facts, evidence);
    case "releasing":
      return handOver(facts, evidence);
    default:
      throw new Error("a milestone without a move");
  }
}
