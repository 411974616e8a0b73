import type { AccountKind } from "../accounts/account.js";
import { type AccountLife, changeLife, insertLife, lockLife, takeoverOf } from "../accounts/account-life.service.js";
import { lockAccount } from "../accounts/account-registry.service.js";
import { custodyOf } from "../accounts/custody.js";
import { canonicalJson, type JsonObject } from "../audit/canonical-json.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import type { Role } from "../kernel/operations.js";
import { type ActingPerson, actingStanding, isOfNow } from "../people/acting-person.service.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { hasRole, type Standing, standingOf } from "../people/standing.service.js";
import type { StepUp } from "../people/step-up.service.js";
import { assume, isDocumentHash, type LifeFacts } from "./account-states.js";
import { ChecklistRow } from "./checklist.entity.js";
import { isChecked, type Step, standingOfStep } from "./checklist.js";
import { type EvidenceForm, type NamedEvidence, nameEvidence } from "./evidence.js";
import { moveAccount } from "./move-account.service.js";
import { type Ageing, knownSteps, type LoadedChecklist, lifeFacts, loadChecklist } from "./open-checklist.service.js";
import { StepRow, stepKey } from "./step.entity.js";
import { STEPS_VERSION, stepOf } from "./step-lists.js";
import { stepStatementText } from "./step-statement.js";
import { followTick, stepEntry } from "./tick-step.service.js";

/** What a takeover begins with. */
export interface BeginForm {
  readonly accountId: Id<"account">;
  /** SHA-256 of the customer's signed authorisation; of an account that was imported as in use it may be left out. */
  readonly document: string | null;
  readonly code: string;
}

/** Evidence that somebody names for a step. */
export interface ClaimStepForm {
  readonly checklistId: Id<"checklist">;
  readonly step: string;
  readonly evidence: EvidenceForm;
  readonly code: string;
}

/** What a second person says of a claim. */
export interface AttestForm {
  readonly checklistId: Id<"checklist">;
  readonly step: string;
  /** Position of the entry of the claim that they have read: another claim meanwhile is not it (law L3). */
  readonly claimSeq: number;
  readonly code: string;
}

/** How the step stands after a call. */
export interface StepOutcome {
  readonly state: StepRow["state"];
  readonly accountState: string;
  readonly seq: number;
}

/**
 * Checklists that people work through: begun, claimed, attested (docs/spec/lifecycle.md). Nothing is ticked without evidence: what the program
 * can check it checks itself, and what it cannot two people stand for, each with a fresh second factor, neither of them twice. What two
 * custodians decide (closing, handing back, a waiver) comes through the engine of guarded acts.
 */
export class Checklists {
  constructor(
    private readonly transactions: Transactions,
    private readonly stepUp: StepUp,
    private readonly ageing: Ageing,
  ) {}

  /**
   * Begins the takeover of an account: one that was invited becomes `assuming`; one that was imported as in use stays as it is.
   * @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED`, `MALFORMED`, `STEP_UP_REQUIRED`, `STATE_CONFLICT` while a checklist is open, or in a state that
   *   is past a takeover.
   */
  async begin(acting: ActingPerson, form: BeginForm): Promise<{ checklistId: Id<"checklist">; seq: number }> {
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const standing = await actingStanding(tx, acting, now);
      const account = await lockAccount(tx, form.accountId);
      if (account === null) throw new RootkeepError("NOT_FOUND");
      if (!hasRole(standing, "custodian", scopedAccountOf(account))) throw new RootkeepError("NOT_ALLOWLISTED");
      const life = await lockLife(tx, form.accountId);
      const facts = lifeFacts(account, life);
      assertMayBegin(facts, life, form.document);
      const isInvited = facts.state === "invited";
      const authenticator = await this.stepUp.confirm(tx, acting.personId, form.code, now, { session: acting.sessionId });
      const checklist = tx.insert(ChecklistRow, {
        id: newId("checklist"),
        accountId: form.accountId,
        kind: "onboarding",
        state: "OPEN",
        accountKind: account.kind as AccountKind,
        custody: custodyOf(account),
        target: null,
        document: form.document,
        steps: STEPS_VERSION,
        begunBy: acting.personId,
        begunAt: now,
        endedAt: null,
      });
      const takeover = takeoverOf(account.state, life);
      const living = life ?? insertLife(tx, { id: form.accountId, takeover, checklistId: checklist.id, closedAt: null, finalAt: null });
      if (living === life) changeLife(tx, life, { checklistId: checklist.id });
      const actor = personActor(acting.personId);
      const draft = draftEntry({
        action: "checklist.begin",
        outcome: "committed",
        actor,
        target: { type: "checklist", id: checklist.id },
        details: {
          checklist: "onboarding",
          steps: STEPS_VERSION,
          custody: checklist.custody,
          takeover,
          statement: stepStatementText(
            { act: "begin", document: form.document },
            { account: account.id, checklist: checklist.id, person: acting.personId, authenticator },
          ),
          ...(form.document === null ? {} : { document: form.document }),
        },
        stream: account.id,
      });
      const verdict = isInvited ? assume(facts, { document: form.document ?? "", checklist: checklist.id }) : null;
      const moved = verdict === null ? [] : [moveAccount(tx, { account, life: living, actor, now }, verdict)];
      return { result: checklist.id, entries: [{ draft }, ...moved] };
    });
    return { checklistId: result, seq: receipts[0]?.facts.seq ?? -1 };
  }

  /**
   * Names evidence for a step. What the program checks itself is ticked at once; of the rest another person is to look as well.
   * @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED`, `SELF_APPROVAL`, `MALFORMED`, `STEP_UP_REQUIRED`, `STATE_CONFLICT`, and what the evidence's
   *   source says.
   */
  async claim(acting: ActingPerson, form: ClaimStepForm): Promise<StepOutcome> {
    // What another replica has appended, this process may not have read yet; evidence is looked up among what it has.
    await this.transactions.peek(() => Promise.resolve());
    return await this.#step(form, async (tx, loaded, step, now) => {
      const standing = await actingStanding(tx, acting, now);
      assertMay(standing, step.roles, loaded);
      this.#assertApart(step, loaded, acting.personId);
      await this.#assertOpen(tx, loaded, step, now);
      const named = nameEvidence(step, form.evidence, loaded.checklist.begunAt, now);
      if ("errors" in named) throw new RootkeepError("MALFORMED", { fields: named.errors });
      const facts = await this.#factsOf(tx, loaded, step, named, now);
      const authenticator = await this.stepUp.confirm(tx, acting.personId, form.code, now, { session: acting.sessionId });
      const isTicked = isChecked(form.evidence.kind);
      const row = noteStep(tx, loaded, step, {
        state: isTicked ? "PASSED" : "CLAIMED",
        kind: form.evidence.kind,
        reference: named.reference,
        facts: canonicalJson(facts),
        note: named.note,
        claimedBy: acting.personId,
        claimedAt: now,
        attestedBy: null,
        decidedAt: isTicked ? now : null,
      });
      const actor = personActor(acting.personId);
      const statement = stepStatementText(
        { act: "claim", step: step.id, kind: row.kind, reference: row.reference, facts },
        { account: loaded.account.id, checklist: loaded.checklist.id, person: acting.personId, authenticator },
      );
      const draft = stepEntry("checklist.claim", loaded, row, { actor, details: { facts, statement } });
      return { row, entries: [{ draft }, ...(isTicked ? await followTick(tx, { loaded, row, actor, now }, this.ageing) : [])] };
    });
  }

  /**
   * A second person stands for what another has claimed, and the step is ticked. Both are judged now: who has claimed it must still be allowed to.
   * @throws RootkeepError as {@link claim}; `SELF_APPROVAL` for one's own claim; `STATE_CONFLICT` where the claim is no longer the one that was read.
   */
  async attest(acting: ActingPerson, form: AttestForm): Promise<StepOutcome> {
    return await this.#step(form, async (tx, loaded, step, now) => {
      const standing = await actingStanding(tx, acting, now);
      assertMay(standing, ["approver", "custodian"], loaded);
      const row = loaded.rows.get(step.id);
      if (row?.state !== "CLAIMED") throw conflict("there is no claim of this step to attest", { step: step.id });
      if (row.claimedBy === acting.personId) throw new RootkeepError("SELF_APPROVAL");
      if (Number(row.seq) !== form.claimSeq) throw conflict("it was claimed anew since you read it", { step: step.id });
      await this.#assertOpen(tx, loaded, step, now);
      const claimant = await standingOf(tx, row.claimedBy, now);
      assertMay(claimant, step.roles, loaded);
      if (!isOfNow(tx, row, claimant.person))
        throw new RootkeepError("APPROVAL_EXPIRED", { facts: { rule: "what the claimant had ended since" } });
      this.#assertApart(step, loaded, row.claimedBy);
      const authenticator = await this.stepUp.confirm(tx, acting.personId, form.code, now, { session: acting.sessionId });
      tx.change(StepRow, row, { state: "PASSED", attestedBy: acting.personId, decidedAt: now });
      const actor = personActor(acting.personId);
      const facts = JSON.parse(row.facts) as JsonObject;
      const draft = stepEntry("checklist.attest", loaded, row, {
        actor,
        details: {
          facts,
          claim: form.claimSeq,
          claimedBy: row.claimedBy,
          statement: stepStatementText(
            { act: "attest", step: step.id, claim: form.claimSeq },
            { account: loaded.account.id, checklist: loaded.checklist.id, person: acting.personId, authenticator },
          ),
        },
      });
      return { row, entries: [{ draft }, ...(await followTick(tx, { loaded, row, actor, now }, this.ageing))] };
    });
  }

  async #step(
    { checklistId, step: id }: { readonly checklistId: Id<"checklist">; readonly step: string },
    work: (
      tx: WorkTransaction,
      loaded: LoadedChecklist,
      step: Step,
      now: Date,
    ) => Promise<{ row: StepRow; entries: readonly Drafted<EntryDraft>[] }>,
  ): Promise<StepOutcome> {
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const loaded = await loadChecklist(tx, checklistId, "lock");
      const step = stepOf(loaded.list, id);
      if (step === undefined || !loaded.steps.includes(step)) throw new RootkeepError("NOT_FOUND");
      const { row, entries } = await work(tx, loaded, step, await tx.clock());
      return { result: { state: row.state, accountState: loaded.account.state }, entries };
    });
    return { ...result, seq: receipts[0]?.facts.seq ?? -1 };
  }

  async #factsOf(tx: WorkTransaction, loaded: LoadedChecklist, step: Step, named: NamedEvidence, now: Date): Promise<JsonObject> {
    const { kind } = named.accepted;
    if (!isChecked(kind)) return named.facts;
    const source = this.ageing.sources.find((known) => known.kind === kind);
    if (source === undefined) throw conflict("evidence of this kind is not available in this deployment", { kind });
    const { accepted, reference } = named;
    return await source.check(tx, { account: loaded.account, step: step.id, accepted, openSince: openSince(loaded, step), reference, now });
  }

  async #assertOpen(tx: WorkTransaction, loaded: LoadedChecklist, step: Step, now: Date): Promise<void> {
    await assertOpenStep(tx, loaded, step, this.ageing, now);
  }

  #assertApart({ apartFrom = [] }: Step, { rows }: LoadedChecklist, person: Id<"person">): void {
    const own = apartFrom.find((other) => rows.get(other)?.claimedBy === person);
    if (own !== undefined) throw new RootkeepError("SELF_APPROVAL", { facts: { rule: `somebody who did not do step ${own} does this` } });
  }
}

/** @throws RootkeepError `STATE_CONFLICT`, `MALFORMED` */
function assertMayBegin(facts: LifeFacts, life: AccountLife | null, document: string | null): void {
  const open = life?.checklistId ?? null;
  if (open !== null) throw conflict("a checklist of this account is open", { checklist: open });
  const isAfterImport = facts.state === "assuming" && facts.isDeclared;
  if (facts.state !== "invited" && !isAfterImport) throw conflict("the account is past its takeover", { state: facts.state });
  if (document !== null && !isDocumentHash(document)) throw malformed("document", "is a SHA-256, 64 lower-case hex digits");
}

/**
 * Demands that `step` can be done now.
 * @throws RootkeepError `STATE_CONFLICT` naming what it waits for.
 */
export async function assertOpenStep(tx: WorkTransaction, loaded: LoadedChecklist, step: Step, ageing: Ageing, now: Date): Promise<void> {
  const { account, life, checklist, list, steps } = loaded;
  if (checklist.state !== "OPEN" || life.checklistId !== checklist.id) throw conflict("the checklist is over", { state: checklist.state });
  if (!list.states.some((state) => state === account.state))
    throw conflict("not while the account is in this state", { state: account.state });
  const known = await knownSteps(tx, loaded, ageing, now);
  const standing = standingOfStep(step, steps, known);
  if (standing === "PASSED" || standing === "WAIVED") throw conflict("the step stands already", { step: step.id });
  if (standing === "WAITING") throw conflict("other steps come first", { step: step.id, needs: step.needs.join(" ") });
}

/** Writes what is known of the step into its row; the first evidence makes it. */
export function noteStep(
  tx: WorkTransaction,
  { checklist, rows }: LoadedChecklist,
  step: Step,
  values: Omit<StepRow, "id" | "checklistId" | "step" | "seq" | "mac">,
): StepRow {
  const row = rows.get(step.id);
  if (row === undefined)
    return tx.insert(StepRow, { id: stepKey(checklist.id, step.id), checklistId: checklist.id, step: step.id, ...values });
  tx.change(StepRow, row, values);
  return row;
}

/** When the last step before this one was ticked, or the checklist begun. */
function openSince({ checklist, rows }: LoadedChecklist, step: Step): Date {
  const times = step.needs.map((id) => rows.get(id)?.decidedAt ?? checklist.begunAt);
  return [checklist.begunAt, ...times].reduce((latest, time) => (time > latest ? time : latest));
}

function assertMay(standing: Standing, roles: readonly Role[], { account }: LoadedChecklist): void {
  const scoped = scopedAccountOf(account);
  if (!roles.some((role) => hasRole(standing, role, scoped))) throw new RootkeepError("NOT_ALLOWLISTED");
}

function conflict(rule: string, facts: Readonly<Record<string, string>> = {}): RootkeepError {
  return new RootkeepError("STATE_CONFLICT", { facts: { ...facts, rule } });
}

function malformed(field: string, rule: string): RootkeepError {
  return new RootkeepError("MALFORMED", { fields: [{ field, rule }] });
}
