import type { AccountKind, AccountState } from "../accounts/account.js";
import type { EntryAction } from "../audit/actions.js";
import type { PostureItem } from "../aws/posture.js";
import type { Role } from "../kernel/operations.js";

/** Who keeps what of the root credentials (domain file §3.2). */
export const CUSTODIES = ["VAULTED", "CENTRAL", "SPLIT", "CO_OWNED", "CUSTOMER", "NONE"] as const;
export type Custody = (typeof CUSTODIES)[number];

/** Where an account goes at hand-back: into an organization of the customer's, alone, or together with the organization that it manages. */
export const TARGETS = ["organization", "standalone", "whole-organization"] as const;
export type Target = (typeof TARGETS)[number];

export const CHECKLIST_KINDS = ["onboarding", "closure", "reopening", "handback"] as const;
export type ChecklistKind = (typeof CHECKLIST_KINDS)[number];

/**
 * What a step can be evidenced by. The program checks `entry`, `posture`, `rotation`, `destruction` and `mail` itself; of `attestation`,
 * `aws-event` and `document` one person says it and another, who has looked as well, says so too.
 */
export const EVIDENCE_KINDS = ["entry", "posture", "rotation", "destruction", "mail", "attestation", "aws-event", "document"] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

/** One kind of evidence that a step accepts. */
export type Evidence =
  | { readonly kind: "entry"; readonly actions: readonly EntryAction[]; readonly mayBeEarlier?: true }
  | { readonly kind: "aws-event"; readonly events: readonly string[] }
  /** Which items of the snapshot must be ok; none where any snapshot will do. */
  | { readonly kind: "posture"; readonly items: readonly PostureItem[] }
  | { readonly kind: "rotation"; readonly of: "root-password" | "mfa-seed" }
  | { readonly kind: Exclude<EvidenceKind, "entry" | "aws-event" | "posture" | "rotation"> };

/** To which accounts a step applies; what is left out does not limit. */
export interface Applicability {
  readonly kinds?: readonly AccountKind[];
  readonly custodies?: readonly Custody[];
  readonly targets?: readonly Target[];
}

/** One step of a checklist: data, checked by `test/unit/lifecycle/step-lists.test.ts`. */
export interface Step {
  readonly id: string;
  readonly title: string;
  /** The vault does it, and a person names the proof; or a person does it, at AWS's console or at a desk. */
  readonly who: "program" | "person";
  /** Roles over the account of which one is needed to say that it is done. */
  readonly roles: readonly Role[];
  /** Exactly what to do. */
  readonly instruction: string;
  /** Steps that must stand before it is open; those that do not apply to the account are not waited for. */
  readonly needs: readonly string[];
  readonly evidence: readonly Evidence[];
  readonly applies?: Applicability;
  /** Purposes of the catalogue under which the person opens what the step needs. */
  readonly purposes?: readonly string[];
  /** Two custodians may let it go undone. */
  readonly isWaivable: boolean;
  /** Who said that one of these is done does not say it of this one. */
  readonly apartFrom?: readonly string[];
  /** For how many hours the evidence counts, where a move rests on it. */
  readonly freshHours?: number;
}

/** A move of the account that steps lead to. */
export interface Milestone {
  readonly steps: readonly string[];
  readonly from: AccountState;
  readonly to: AccountState;
  /** The steps alone do not move it: two custodians do. */
  readonly byDecision?: true;
}

/** A checklist as it stands in the build. */
export interface StepList {
  readonly kind: ChecklistKind;
  readonly title: string;
  /** States of the account in which it is worked through. */
  readonly states: readonly AccountState[];
  readonly steps: readonly Step[];
  readonly milestones: readonly Milestone[];
  /** Steps after which the customer's order cannot be taken back any more. */
  readonly noWayBack: readonly string[];
}

/** What of an account says which steps apply. */
export interface Applied {
  readonly accountKind: AccountKind;
  readonly custody: Custody;
  readonly target: Target | null;
}

/** How a step stands. `OPEN`: it can be done now; `WAITING`: others come first; `CLAIMED`: one person has said it, another is to look. */
export type Standing = "WAITING" | "OPEN" | "CLAIMED" | "PASSED" | "STALE" | "WAIVED";

/** What is known of a step that somebody has begun. */
export interface KnownStep {
  readonly state: "CLAIMED" | "PASSED" | "WAIVED";
  readonly isStale: boolean;
}

/** True where the step is one of this account's. */
export function applies({ applies: to = {} }: Step, about: Applied): boolean {
  const { kinds, custodies, targets } = to;
  return (
    (kinds?.includes(about.accountKind) ?? true) &&
    (custodies?.includes(about.custody) ?? true) &&
    (targets === undefined || (about.target !== null && targets.includes(about.target)))
  );
}

/** The steps of the list that apply, in their order. */
export function stepsOf(list: StepList, about: Applied): readonly Step[] {
  return list.steps.filter((step) => applies(step, about));
}

/** Ids of the steps that stand: passed and not stale, or waived. */
export function doneOf(known: ReadonlyMap<string, KnownStep>): ReadonlySet<string> {
  return new Set([...known].filter(([, step]) => step.state === "WAIVED" || (step.state === "PASSED" && !step.isStale)).map(([id]) => id));
}

/** Steps that must still be done before `step` is open. A step that has passed and gone stale holds up those behind it. */
export function missingBefore(step: Step, applied: readonly Step[], known: ReadonlyMap<string, KnownStep>): readonly string[] {
  const done = doneOf(known);
  return step.needs.filter((id) => applied.some((other) => other.id === id) && !done.has(id));
}

/** How `step` stands. */
export function standingOfStep(step: Step, applied: readonly Step[], known: ReadonlyMap<string, KnownStep>): Standing {
  const own = known.get(step.id);
  if (own?.state === "WAIVED") return "WAIVED";
  if (own?.state === "PASSED") return own.isStale ? "STALE" : "PASSED";
  if (missingBefore(step, applied, known).length > 0) return "WAITING";
  return own === undefined ? "OPEN" : "CLAIMED";
}

/** The milestone that leads out of `state`, if the list has one. */
export function milestoneFrom(list: StepList, state: string): Milestone | undefined {
  return list.milestones.find(({ from }) => from === state);
}

/** Of the milestone's steps, those that apply to the account. */
export function neededFor(milestone: Milestone, applied: readonly Step[]): readonly string[] {
  return milestone.steps.filter((id) => applied.some((step) => step.id === id));
}

/** True for evidence that the program checks by itself: one person is enough to name it. */
export function isChecked(kind: EvidenceKind): boolean {
  return kind !== "attestation" && kind !== "aws-event" && kind !== "document";
}
