import type { AccountState } from "../accounts/account.js";
import type { JsonObject } from "../audit/canonical-json.js";
import { plusSeconds } from "../kernel/clock.js";

/** For how long AWS reopens a closed account: "within 90 days". */
export const POST_CLOSURE_SECONDS = 90 * 24 * 3600;

/** What a move rests on besides its evidence: facts of verified rows, read in the transaction that moves. */
export interface LifeFacts {
  readonly state: string;
  /** Imported as in use, and its takeover not complete. */
  readonly isDeclared: boolean;
  /** A grant has the account checked out. */
  readonly isCheckedOut: boolean;
  /** From when on AWS reopens it no more; null while it is not closed. */
  readonly finalAt: Date | null;
}

/** Steps of the account's open checklist, as the rows say it now. */
export interface StepEvidence {
  readonly checklist: string;
  /** Steps that the move demands. */
  readonly needed: readonly string[];
  /** Of the steps that apply, those that stand: passed with evidence that is not stale, or waived. */
  readonly done: ReadonlySet<string>;
}

/** A guarded act: who asked and who approved. */
export interface Decision {
  readonly request: string;
  readonly askedBy: string;
  readonly approvedBy: string;
}

/** The paper that a customer signed, by its SHA-256 in lower-case hex. */
export interface Paper {
  readonly document: string;
}

/** What a move comes to: the new state and what its entry says, or the rule that forbids it. */
export type Verdict = { readonly to: AccountState; readonly details: JsonObject } | { readonly refused: string };

const SHA256 = /^[0-9a-f]{64}$/;

/** True for a SHA-256 in lower-case hex. */
export function isDocumentHash(text: unknown): text is string {
  return typeof text === "string" && SHA256.test(text);
}

const WRONG_STATE = "the account is in a state from which this move does not lead";
const IN_USE: readonly string[] = ["active"] satisfies AccountState[];

/** invited → assuming: the customer's authorisation is on file, and a checklist is open for it. */
export function assume(facts: LifeFacts, evidence: Paper & { readonly checklist: string }): Verdict {
  if (facts.state !== "invited") return refused(WRONG_STATE);
  if (!isDocumentHash(evidence.document)) return refused("the customer's signed authorisation is named by its SHA-256");
  return to("assuming", { document: evidence.document, checklist: evidence.checklist });
}

/** assuming → secured: the credentials are ours alone (O1 to O12). */
export function secure(facts: LifeFacts, steps: StepEvidence): Verdict {
  return facts.state === "assuming" ? byChecklist("secured", steps) : refused(WRONG_STATE);
}

/** secured → active: another person has signed in with what the vault holds (O13). */
export function activate(facts: LifeFacts, steps: StepEvidence): Verdict {
  return facts.state === "secured" ? byChecklist("active", steps) : refused(WRONG_STATE);
}

/** active, rotating → quarantined: a compromise is suspected. */
export function suspect(facts: LifeFacts, decision: Decision): Verdict {
  return isInUse(facts) || facts.state === "rotating" ? to("quarantined", by(decision)) : refused(WRONG_STATE);
}

/** quarantined → rotating: what was suspected is being replaced. */
export function rotate(facts: LifeFacts, decision: Decision): Verdict {
  return facts.state === "quarantined" ? to("rotating", by(decision)) : refused(WRONG_STATE);
}

/** rotating → active: two custodians have seen the rotation settled. */
export function settle(facts: LifeFacts, decision: Decision): Verdict {
  return facts.state === "rotating" ? to("active", by(decision)) : refused(WRONG_STATE);
}

/** active, quarantined → closing: the customer's order is on file, and nobody has the account checked out. */
export function close(facts: LifeFacts, evidence: Decision & Paper & { readonly checklist: string }): Verdict {
  return onOrder("closing", facts, evidence, { checklist: evidence.checklist });
}

/** closing → closed: AWS says so. The 90 days count from the database's clock at this moment, which is never before AWS's own. */
export function confirmClosed(facts: LifeFacts, steps: StepEvidence, now: Date): Verdict {
  if (facts.state !== "closing") return refused(WRONG_STATE);
  return byChecklist("closed", steps, { closedAt: now.toISOString(), finalAt: finalAfter(now).toISOString() });
}

/** When the account is past reopening, for one whose closure was seen at `closedAt`. */
export function finalAfter(closedAt: Date): Date {
  return plusSeconds(closedAt, POST_CLOSURE_SECONDS);
}

/** closed → sealed_final: the 90 days are over, AWS lists the account no more, and two custodians say so. */
export function sealFinal(facts: LifeFacts, steps: StepEvidence, decision: Decision, now: Date): Verdict {
  if (facts.state !== "closed") return refused(WRONG_STATE);
  if (facts.finalAt === null || now < facts.finalAt) return refused("the 90 days in which AWS reopens the account are not over");
  if (facts.isCheckedOut) return refused("the account is checked out");
  return byChecklist("sealed_final", steps, by(decision));
}

/** closed → reopening: within the 90 days. */
export function reopen(facts: LifeFacts, decision: Decision & { readonly checklist: string }, now: Date): Verdict {
  if (facts.state !== "closed") return refused(WRONG_STATE);
  if (facts.finalAt === null || now >= facts.finalAt) return refused("the 90 days in which AWS reopens the account are over");
  return to("reopening", { ...by(decision), checklist: decision.checklist });
}

/** reopening → active: AWS has reopened it, and the password was rotated at once. */
export function resume(facts: LifeFacts, steps: StepEvidence): Verdict {
  return facts.state === "reopening" ? byChecklist("active", steps) : refused(WRONG_STATE);
}

/** active, quarantined → releasing: the customer's order is on file, and the target is decided. */
export function release(facts: LifeFacts, evidence: Decision & Paper & { readonly checklist: string; readonly target: string }): Verdict {
  return onOrder("releasing", facts, evidence, { checklist: evidence.checklist, target: evidence.target });
}

/** releasing → released: negative evidence that we are out (R12). */
export function handOver(facts: LifeFacts, steps: StepEvidence): Verdict {
  if (facts.state !== "releasing") return refused(WRONG_STATE);
  return facts.isCheckedOut ? refused("the account is checked out") : byChecklist("released", steps);
}

/**
 * closing, releasing → active: the customer has taken the order back, as long as nothing was done at AWS that cannot be.
 * @param undone steps of which none may be done: closing at AWS, or giving the root e-mail away.
 */
export function withdraw(facts: LifeFacts, steps: StepEvidence, undone: readonly string[], decision: Decision): Verdict {
  if (facts.state !== "closing" && facts.state !== "releasing") return refused(WRONG_STATE);
  const done = undone.find((step) => steps.done.has(step));
  if (done !== undefined) return refused(`step ${done} is done: there is no way back from it`);
  return to("active", { ...by(decision), checklist: steps.checklist });
}

/** invited, assuming, secured → abandoned: the takeover is given up. Not for an account that was declared in use: it is closed or handed back. */
export function abandon(facts: LifeFacts, decision: Decision): Verdict {
  const isBefore = facts.state === "invited" || facts.state === "assuming" || facts.state === "secured";
  if (!isBefore || facts.isDeclared) return refused(WRONG_STATE);
  return facts.isCheckedOut ? refused("the account is checked out") : to("abandoned", by(decision));
}

/** True for an account that is ours and in use: `active`, or declared in use by its import. */
export function isInUse(facts: Pick<LifeFacts, "state" | "isDeclared">): boolean {
  return IN_USE.includes(facts.state) || (facts.isDeclared && (facts.state === "assuming" || facts.state === "secured"));
}

/** Every step of the machine, from and to, for the specification and the model. `declared` is the account that was imported as in use. */
export const EDGES: readonly (readonly [from: AccountState | "declared", to: AccountState])[] = [
  ["invited", "assuming"],
  ["assuming", "secured"],
  ["secured", "active"],
  ["invited", "abandoned"],
  ["assuming", "abandoned"],
  ["secured", "abandoned"],
  ...(["active", "declared"] as const).flatMap(
    (from) =>
      [
        [from, "quarantined"],
        [from, "closing"],
        [from, "releasing"],
      ] as const,
  ),
  ["quarantined", "rotating"],
  ["quarantined", "closing"],
  ["quarantined", "releasing"],
  ["rotating", "active"],
  ["rotating", "quarantined"],
  ["closing", "closed"],
  ["closing", "active"],
  ["closed", "sealed_final"],
  ["closed", "reopening"],
  ["reopening", "active"],
  ["releasing", "released"],
  ["releasing", "active"],
];

function onOrder(state: AccountState, facts: LifeFacts, evidence: Decision & Paper, details: JsonObject): Verdict {
  if (!isInUse(facts) && facts.state !== "quarantined") return refused(WRONG_STATE);
  if (!isDocumentHash(evidence.document)) return refused("the customer's written order is named by its SHA-256");
  if (facts.isCheckedOut) return refused("the account is checked out");
  return to(state, { ...by(evidence), document: evidence.document, ...details });
}

function byChecklist(state: AccountState, steps: StepEvidence, details: JsonObject = {}): Verdict {
  const missing = steps.needed.filter((step) => !steps.done.has(step));
  if (missing.length > 0) return refused(`steps are not done: ${missing.join(" ")}`);
  return to(state, { checklist: steps.checklist, steps: [...steps.needed], ...details });
}

function by({ askedBy, approvedBy, request }: Decision): JsonObject {
  // One person is no decision of two, whoever calls this.
  if (askedBy === approvedBy) throw new Error("a decision of one person");
  return { askedBy, approvedBy, request };
}

function to(state: AccountState, details: JsonObject): Verdict {
  return { to: state, details };
}

function refused(rule: string): Verdict {
  return { refused: rule };
}
