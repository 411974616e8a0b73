// The real checklists and moves over rows in memory: one account, four people, any commands.
import { insertAccount, lockAccount, setCheckOut } from "../../../src/accounts/account-registry.service.js";
import type { DecidedRequest, GuardedAct } from "../../../src/approvals/guarded-act.port.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import { type ChecklistView, ChecklistViews } from "../../../src/lifecycle/checklist-view.service.js";
import { Checklists } from "../../../src/lifecycle/checklists.service.js";
import type { EvidenceForm } from "../../../src/lifecycle/evidence.js";
import { moveAct } from "../../../src/lifecycle/move-act.service.js";
import { waiveStepAct } from "../../../src/lifecycle/waive-step-act.service.js";
import { formOf } from "../../support/vault.js";
import type { LoggedEntry } from "../grants/engine.js";
import { openSessions, seat } from "../grants/founders.js";
import { MemoryEngine } from "../grants/memory-engine.js";

const PAPER = "ab".repeat(32);
const EVENT_ID = "6f1c9d52-7f0a-4a55-9c33-0d8b1f4a7e21";
const ALL = { kind: "all" } as const;
const BRAKE = { person: 1e6, deployment: 1e6, minutes: 60 };

type Person = { readonly personId: Id<"person">; readonly sessionId: Id<"session"> };

export class LifeEngine {
  #accountId!: Id<"account">;
  #people: readonly Person[] = [];
  #nowMs = 0;
  readonly suspended = new Map<string, number>();
  #checklists!: Checklists;
  #views!: ChecklistViews;
  #acts!: { readonly move: GuardedAct; readonly waive: GuardedAct };

  private constructor(private readonly engine: MemoryEngine) {}

  /** @param isDeclared true for an account that was imported as in use; else it is invited. */
  static async open(isDeclared: boolean): Promise<LifeEngine> {
    const life = new LifeEngine(await MemoryEngine.open(BRAKE));
    await life.#set(isDeclared);
    return life;
  }

  async #set(isDeclared: boolean): Promise<void> {
    const { transactions } = this.engine.services;
    this.#nowMs = await this.engine.begin();
    const entries = (["requester", "approver", "custodian"] as const).map((role) => ({ role, scope: ALL, days: 3_650 }));
    const seats = await seat(
      this.engine,
      [1, 2, 3, 4].map(() => ({ team: null, waits: 0, entries })),
    );
    this.#people = await openSessions(this.engine.services, seats);
    const id = newId("account");
    this.#accountId = id;
    await transactions.run((tx) => {
      const facts = {
        awsId: "100000000000",
        partition: "aws",
        kind: "standalone",
        customer: "Acme",
        tags: "{}",
        rootEmail: "root@example.com",
        ...{ custody: null, organizationId: null, contacts: null },
      };
      const createdAt = new Date(this.#nowMs);
      insertAccount(tx, { id, ...facts, state: isDeclared ? "assuming" : "invited", checkoutGrantId: null, createdAt });
      const draft = draftEntry({
        action: "account.register",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        target: { type: "account", id },
        stream: id,
      });
      return Promise.resolve({ result: undefined, entries: [{ draft }] });
    });
    const ageing = { sources: [], log: { epochStarts: [] } };
    // Whose code it is, the grants' own model tries; here every person has one.
    const stepUp = { confirm: () => Promise.resolve(newId("authenticator")) };
    this.#checklists = new Checklists(transactions, stepUp as never, ageing);
    this.#views = new ChecklistViews(transactions, ageing);
    this.#acts = { move: moveAct(ageing), waive: waiveStepAct(ageing) };
  }

  /** The account's entries so far. */
  async entries(): Promise<readonly LoggedEntry[]> {
    return (await this.engine.entries(0)).filter((entry) => (entry as { stream?: unknown }).stream === this.#accountId);
  }

  async state(): Promise<string> {
    return (await this.engine.services.transactions.peek((tx) => lockAccount(tx, this.#accountId)))?.state ?? "";
  }

  /** Days go by; sessions are renewed, as nobody is signed in for weeks. */
  async pass(days: number): Promise<void> {
    this.#nowMs += days * 86_400_000;
    await this.engine.moveTo(this.#nowMs);
    this.#people = (await openSessions(this.engine.services, this.#people)).map(({ personId, sessionId }) => ({ personId, sessionId }));
  }

  async begin(by: number, hasPaper: boolean): Promise<string> {
    const form = { accountId: this.#accountId, document: hasPaper ? PAPER : null, code: "" } as const;
    return await answered(() => this.#checklists.begin(this.#person(by), form));
  }

  /** Claims the step of the open checklist that is `at` in its list; with `isNext`, of those that can be done now. */
  async claim(by: number, at: number, isNext: boolean): Promise<string> {
    const open = await this.#open();
    if (open === null) return "nothing open";
    const steps = isNext ? open.steps.filter(({ step }) => open.next.includes(step.id)) : open.steps;
    const chosen = steps[at % Math.max(1, steps.length)];
    if (chosen === undefined) return "nothing open";
    const form = { checklistId: open.row.id, step: chosen.step.id, evidence: this.#evidenceOf(chosen), code: "" };
    return await answered(() => this.#checklists.claim(this.#person(by), form));
  }

  /** Attests a claim; with `isOld` one that was claimed anew since. */
  async attest(by: number, at: number, isOld: boolean): Promise<string> {
    const open = await this.#open();
    const claimed = open?.steps.filter(({ standing }) => standing === "CLAIMED") ?? [];
    const chosen = claimed[at % Math.max(1, claimed.length)];
    if (open === null || chosen === undefined) return "nothing claimed";
    const claimSeq = Number(chosen.evidence?.row.seq) - (isOld ? 1 : 0);
    return await answered(() =>
      this.#checklists.attest(this.#person(by), { checklistId: open.row.id, step: chosen.step.id, claimSeq, code: "" }),
    );
  }

  async waive(by: number, at: number): Promise<string> {
    const open = await this.#open();
    const chosen = open?.steps[at % open.steps.length];
    if (open === null || chosen === undefined) return "nothing open";
    return await this.#decide(this.#acts.waive, by, { checklistId: open.row.id, step: chosen.step.id });
  }

  async move(by: number, to: string, hasPaper: boolean): Promise<string> {
    const isOrder = to === "closing" || to === "releasing";
    const document = isOrder && hasPaper ? { document: PAPER } : {};
    const target = to === "releasing" ? { target: "standalone" } : {};
    return await this.#decide(this.#acts.move, by, { accountId: this.#accountId, to, ...document, ...target });
  }

  /** Somebody has the account checked out, or gives it back: by the account's row alone. */
  async checkOut(isOut: boolean): Promise<string> {
    await this.engine.services.transactions.run(async (tx) => {
      const account = await lockAccount(tx, this.#accountId);
      if (account !== null) setCheckOut(tx, account, isOut ? newId("grant") : null);
      return {
        result: undefined,
        entries: [{ draft: draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR }) }],
      };
    });
    return "ok";
  }

  /** Two stay, so that somebody can go on. */
  async suspend(index: number): Promise<string> {
    const { personId } = this.#person(index);
    if (this.suspended.size >= 2 || this.suspended.has(personId)) return "enough";
    const [founder] = this.engine.founders;
    await this.engine.services.people.suspend(personId, founder.personId);
    this.suspended.set(personId, await this.engine.size());
    return "ok";
  }

  /** As the engine does it with the deciding approval: asked, and then done by somebody else. */
  async #decide(act: GuardedAct, by: number, subject: Readonly<Record<string, unknown>>): Promise<string> {
    const [asking, approving] = [this.#person(by), this.#person(by + 1)];
    return await answered(async () => {
      const { transactions } = this.engine.services;
      const checked = await transactions.peek((tx) => act.check(tx, formOf({ operation: act.operation, subject }), asking.personId));
      await transactions.run(async (tx) => {
        const body = { subject: checked.subject } as DecidedRequest["body"];
        await act.termsNow(tx, body, "lock");
        const row = { id: newId("request"), requesterId: asking.personId } as DecidedRequest["row"];
        const decided = { row, body, approvers: [approving.personId], now: await tx.clock() };
        return { result: undefined, entries: await act.apply(tx, decided) };
      });
    });
  }

  async #open(): Promise<ChecklistView | null> {
    const [founder] = this.engine.founders;
    const rows = await this.#views.ofAccount(founder.personId, this.#accountId, "", 200);
    const open = rows.find(({ state }) => state === "OPEN");
    return open === undefined ? null : await this.#views.read(founder.personId, open.id);
  }

  /** Evidence that people stand for, in the form that its kind wants. */
  #evidenceOf({ step }: ChecklistView["steps"][number]): EvidenceForm {
    const accepted = step.evidence.find(({ kind }) => kind === "attestation" || kind === "aws-event" || kind === "document");
    const base = { reference: null, event: null, at: null, note: "done and looked at" };
    if (accepted?.kind === "aws-event") {
      return { ...base, kind: "aws-event", reference: EVENT_ID, event: accepted.events[0] ?? "", at: new Date(this.#nowMs).toISOString() };
    }
    return accepted?.kind === "document" ? { ...base, kind: "document", reference: PAPER } : { ...base, kind: "attestation" };
  }

  #person(index: number): Person {
    const person = this.#people[index % this.#people.length];
    if (person === undefined) throw new Error("nobody is there");
    return person;
  }
}

/** `ok`, or the code of the refusal. */
async function answered(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return "ok";
  } catch (error) {
    if (isRootkeepError(error)) return error.code;
    throw error;
  }
}
