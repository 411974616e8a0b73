import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Grant } from "../kernel/grant.js";
import type { Id } from "../kernel/ids.js";
import { postNotice } from "../notices/post-notice.service.js";
import { assertCustodiansLeft } from "./allowlist.service.js";
import { AllowlistEntry } from "./allowlist-entry.entity.js";
import { endAuthenticators } from "./end-authenticators.service.js";
import { endIdentities } from "./identities.service.js";
import { endAllOf } from "./leave.service.js";
import type { LeavingPort } from "./leaving.port.js";
import { type EnrolmentParties, voidInvitations } from "./new-invitation.service.js";
import { Person } from "./person.entity.js";
import { personNotice } from "./person-notices.js";
import { hasRole, requireRole, standingOf } from "./standing.service.js";

/** The people that this deployment knows. */
export class People {
  constructor(
    private readonly transactions: Transactions,
    private readonly leaving: LeavingPort,
  ) {}

  async list(): Promise<Person[]> {
    return await this.transactions.peek((tx) => tx.readAll(Person, {}));
  }

  async byId(personId: Id<"person">): Promise<Person> {
    const person = await this.transactions.peek((tx) => tx.read(Person, personId));
    if (person === null) throw new RootkeepError("NOT_FOUND");
    return person;
  }

  /**
   * Suspends a person at once, by one custodian; their sessions and grants end, and what they approved no longer counts, also when they are
   * restored.
   * @throws RootkeepError `NOT_FOUND`, `SELF_APPROVAL`, `STATE_CONFLICT` when fewer than two custodians would be left.
   */
  async suspend(personId: Id<"person">, custodianId: Id<"person">): Promise<void> {
    await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      await requireRole(tx, custodianId, "custodian", now);
      if (personId === custodianId) throw new RootkeepError("SELF_APPROVAL");
      const { person, sessions, grants } = await endAllOf(tx, personId, now, this.leaving);
      if (person.state !== "ACTIVE") throw new RootkeepError("STATE_CONFLICT");
      const standing = await standingOf(tx, personId, now);
      if (hasRole(standing, "custodian")) await assertCustodiansLeft(tx, personId, now);
      tx.change(Person, person, { state: "SUSPENDED" });
      await postNotice(tx, personNotice("suspended", personId, { approvedBy: custodianId }));
      const draft = draftEntry({
        action: "person.suspend",
        outcome: "committed",
        actor: personActor(custodianId),
        target: { type: "person", id: personId },
        details: { sessionsEnded: sessions.length, grantsRevoked: grants.length },
      });
      return { result: undefined, entries: [{ draft, rows: [person, ...sessions] }, ...grants] };
    });
  }

  /** The approved act `person.restore`. */
  async restore(
    tx: WorkTransaction,
    grant: Grant<"person.restore">,
    personId: Id<"person">,
    parties: EnrolmentParties,
  ): Promise<Drafted<EntryDraft>> {
    grant.spend("person.restore", parties.requestId);
    const person = await tx.lock(Person, personId);
    if (person?.state !== "SUSPENDED") throw new RootkeepError("STATE_CONFLICT");
    tx.change(Person, person, { state: "ACTIVE" });
    await postNotice(tx, personNotice("restored", personId, parties));
    const draft = draftEntry({
      action: "person.restore",
      outcome: "committed",
      actor: personActor(parties.askedBy),
      target: { type: "person", id: personId },
      request: { id: parties.requestId },
      details: { approvedBy: parties.approvedBy },
    });
    return { draft, rows: [person] };
  }

  /**
   * The approved act `person.leave`: the person has left for good. All that they had ends in this transaction, and no act leads out of this
   * state: whoever comes back is enrolled as somebody new, under another name and another address.
   *
   * Two custodians decide it, neither of them this person, so two are left; what one alone may do at once is {@link suspend}.
   * @throws RootkeepError `STATE_CONFLICT` for somebody who has left already.
   */
  async leave(
    tx: WorkTransaction,
    grant: Grant<"person.leave">,
    personId: Id<"person">,
    parties: EnrolmentParties,
  ): Promise<readonly Drafted<EntryDraft>[]> {
    grant.spend("person.leave", parties.requestId);
    const now = await tx.clock();
    const { person, sessions, grants } = await endAllOf(tx, personId, now, this.leaving);
    if (person.state === "LEFT") throw new RootkeepError("STATE_CONFLICT");
    tx.change(Person, person, { state: "LEFT" });
    const entries = await endEntries(tx, personId, now);
    const authenticators = await endAuthenticators(tx, personId);
    const identities = await endIdentities(tx, personId);
    const invitations = await voidInvitations(tx, personId, ["OPEN", "LINK", "ACCEPTED"]);
    await postNotice(tx, personNotice("left", personId, parties));
    const draft = draftEntry({
      action: "person.leave",
      outcome: "committed",
      actor: personActor(parties.askedBy),
      target: { type: "person", id: personId },
      request: { id: parties.requestId },
      details: {
        approvedBy: parties.approvedBy,
        sessionsEnded: sessions.length,
        grantsRevoked: grants.length,
        entriesEnded: entries.length,
        ended: authenticators.length + identities.length,
      },
    });
    return [{ draft, rows: [person, ...sessions, ...entries, ...authenticators, ...identities, ...invitations] }, ...grants];
  }
}

/** Ends every entry of the allowlist that names `personId`, also one that has lapsed or not begun. @returns the rows that changed. */
async function endEntries(tx: WorkTransaction, personId: Id<"person">, now: Date): Promise<AllowlistEntry[]> {
  const open = (await tx.readAll(AllowlistEntry, { personId }, "lock")).filter(({ endedAt }) => endedAt === null);
  for (const entry of open) tx.change(AllowlistEntry, entry, { endedAt: now });
  return open;
}

/** @throws RootkeepError `NOT_FOUND` for nobody, and for somebody who has left. */
export async function assertKnownPerson(tx: WorkTransaction, personId: Id<"person">): Promise<void> {
  const person = await tx.read(Person, personId);
  if (person === null || person.state === "LEFT") throw new RootkeepError("NOT_FOUND");
}
