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
import { endAllOf } from "./leave.service.js";
import type { LeavingPort } from "./leaving.port.js";
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
    parties: { requestId: Id<"request">; askedBy: Id<"person">; approvedBy: Id<"person"> },
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
}

/** @throws RootkeepError `NOT_FOUND` for nobody, and for somebody who has left. */
export async function assertKnownPerson(tx: WorkTransaction, personId: Id<"person">): Promise<void> {
  const person = await tx.read(Person, personId);
  if (person === null || person.state === "LEFT") throw new RootkeepError("NOT_FOUND");
}
