// People who take accounts through their lives, over a whole vault: who claims, who attests, who decides.
import { insertAccount } from "../../src/accounts/account-registry.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import { type Id, newId } from "../../src/kernel/ids.js";
import type { StepOutcome } from "../../src/lifecycle/checklists.service.js";
import type { EvidenceForm } from "../../src/lifecycle/evidence.js";
import { type Actor, formOf, setsPassword, Vault, type VaultOptions } from "./vault.js";

/** SHA-256 of a paper that nobody has written. */
export const PAPER = "5a".repeat(32);

/** What a claim names, where a test does not say more. */
export function evidenceOf(form: Partial<EvidenceForm> & Pick<EvidenceForm, "kind">): EvidenceForm {
  const base: EvidenceForm = { reference: null, event: null, at: null, note: "", ...form };
  return base.note === "" && (form.kind === "attestation" || form.kind === "aws-event" || form.kind === "document")
    ? { ...base, note: "done and looked at" }
    : base;
}

/** A CloudTrail event of this moment. */
export function eventOf(event: string): EvidenceForm {
  const reference = "6f1c9d52-7f0a-4a55-9c33-0d8b1f4a7e21";
  return evidenceOf({ kind: "aws-event", event, reference, at: new Date().toISOString() });
}

export class LifeCrew {
  private constructor(
    readonly vault: Vault,
    /** Does the work. */
    readonly rob: Actor,
    /** Looks as well. */
    readonly amy: Actor,
    /** Took no part, and signs in at the end. */
    readonly eve: Actor,
    readonly custodians: readonly [Actor, Actor],
  ) {}

  static async open(options: VaultOptions = {}): Promise<LifeCrew> {
    const vault = await Vault.open(options);
    const custodians = await vault.found();
    const rob = await vault.enrol("Rob Requester", ["requester"]);
    const amy = await vault.enrol("Amy Approver", ["approver"]);
    const eve = await vault.enrol("Eve Verifier", ["requester", "approver"]);
    return new LifeCrew(vault, rob, amy, eve, custodians);
  }

  /** An account that was registered and not imported: nothing is held of it. */
  async invited(awsId: string, kind = "standalone"): Promise<Id<"account">> {
    const id = newId("account");
    await this.vault.transactions.run(async (tx) => {
      const facts = { awsId, partition: "aws", kind, customer: "Acme", tags: "{}", rootEmail: `root-${awsId}@example.com` };
      const unset = { custody: null, organizationId: null, contacts: null };
      insertAccount(tx, { id, ...facts, ...unset, state: "invited", checkoutGrantId: null, createdAt: await tx.clock() });
      const draft = draftEntry({
        action: "account.register",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        target: { type: "account", id },
        stream: id,
      });
      return { result: undefined, entries: [{ draft }] };
    });
    return id;
  }

  async state(accountId: Id<"account">): Promise<string> {
    return (await this.vault.accounts.byId(accountId)).state;
  }

  async begin(accountId: Id<"account">, document: string | null = PAPER): Promise<Id<"checklist">> {
    const [ada] = this.custodians;
    const form = { accountId, document, code: await ada.app.next() } as const;
    return (await this.vault.life.checklists.begin(ada, form)).checklistId;
  }

  async claim(checklistId: Id<"checklist">, step: string, evidence: EvidenceForm, by: Actor = this.rob): Promise<StepOutcome> {
    return await this.vault.life.checklists.claim(by, { checklistId, step, evidence, code: await by.app.next() });
  }

  async attest(checklistId: Id<"checklist">, step: string, claimSeq: number, by: Actor = this.amy): Promise<StepOutcome> {
    return await this.vault.life.checklists.attest(by, { checklistId, step, claimSeq, code: await by.app.next() });
  }

  /** One claims, another attests. */
  async byTwo(checklistId: Id<"checklist">, step: string, evidence: EvidenceForm, by: Actor = this.rob): Promise<StepOutcome> {
    const { seq } = await this.claim(checklistId, step, evidence, by);
    return await this.attest(checklistId, step, seq);
  }

  /** Every open step of the checklist by two people, as its first kind of evidence that people stand for, until nothing is left or `until` stands. */
  async workThrough(
    checklistId: Id<"checklist">,
    until: string | null = null,
    claimants: Readonly<Record<string, Actor>> = {},
  ): Promise<readonly string[]> {
    const done: string[] = [];
    for (;;) {
      const view = await this.vault.life.views.read(this.eve.personId, checklistId);
      const next = view.steps.find(
        ({ step, standing }) =>
          standing === "OPEN" && step.evidence.some(({ kind }) => ["attestation", "aws-event", "document"].includes(kind)),
      );
      if (next === undefined) return done;
      const { step } = next;
      const accepted = step.evidence.find(({ kind }) => ["attestation", "aws-event", "document"].includes(kind));
      const evidence =
        accepted?.kind === "aws-event"
          ? eventOf(accepted.events[0] ?? "")
          : evidenceOf({ kind: accepted?.kind ?? "attestation", reference: accepted?.kind === "document" ? PAPER : null });
      await this.byTwo(
        checklistId,
        step.id,
        evidence,
        claimants[step.id] ?? (step.roles.includes("requester") ? this.rob : this.custodians[0]),
      );
      done.push(step.id);
      if (step.id === until) return done;
    }
  }

  /** Two custodians move the account. */
  async move(accountId: Id<"account">, to: string, rest: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.vault.decide({ operation: "account.move", subject: { accountId, to, ...rest } });
  }

  async waive(checklistId: Id<"checklist">, step: string): Promise<void> {
    await this.vault.decide({ operation: "checklist.waive", subject: { checklistId, step } });
  }

  /** Asks to open the account; for a purpose that sets a password, with a candidate staged. */
  async ask(accountId: Id<"account">, purpose: string): Promise<Id<"request">> {
    if (setsPassword(purpose)) await this.vault.candidates.stage(this.rob, accountId, "root-password");
    const form = formOf({ operation: "secret.reveal", accountId, purpose, ticket: "INC-42", kinds: ["root-password"] });
    return (await this.vault.requests.submit(this.rob, form)).requestId;
  }

  /** Id of the account's open checklist. */
  async openChecklist(accountId: Id<"account">): Promise<Id<"checklist">> {
    const rows = await this.vault.life.views.ofAccount(this.eve.personId, accountId, "", 100);
    const open = rows.find(({ state }) => state === "OPEN");
    if (open === undefined) throw new Error("no checklist is open");
    return open.id;
  }
}
