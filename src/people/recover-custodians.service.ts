import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { type FieldError, RootkeepError } from "../kernel/errors.js";
import { type Id, newEventId, newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import type { RecordsKey } from "../keys/records.js";
import type { AudienceMember } from "../notices/notice.js";
import { postNotice } from "../notices/post-notice.service.js";
import { AllowlistEntry } from "./allowlist-entry.entity.js";
import { Authenticator } from "./authenticator.entity.js";
import { alike } from "./enrolment.service.js";
import { endIdentities } from "./identities.service.js";
import { Identity } from "./identity.entity.js";
import { Invitation } from "./invitation.entity.js";
import { type InvitationSecrets, newInvitationSecrets } from "./invitation-halves.service.js";
import { CUSTODIANS_MIN } from "./lapse.js";
import { voidInvitations } from "./new-invitation.service.js";
import { Person } from "./person.entity.js";
import { checkPersonForm, type PersonForm } from "./person-form.js";
import { recoveryDetails } from "./recovery-mark.js";
import { scopeText } from "./scope.js";
import { activeCustodians } from "./standing.service.js";

/** Recovered custodians hold their entries as long as founders do. */
const RECOVERED_VALID_SECONDS = 365 * 24 * 3600;
/** As many as can be founded. */
const CUSTODIANS_MAX = 9;

/** Which quorum has proven itself; nothing of a share. */
export interface QuorumProof {
  readonly recipient: string;
  readonly set: string;
  readonly threshold: number;
  /** How many shares came together. */
  readonly shares: number;
}

export interface RecoveryForm {
  readonly custodians: readonly PersonForm[];
  /** Why, in the operator's words; the entry only commits to it. */
  readonly reason: string;
  /** Proven before, against the recipient that custodians last approved. */
  readonly quorum: QuorumProof;
  /** True where the operator knows that custodians stand who shall be replaced all the same. */
  readonly replacesActive: boolean;
  /** The channels that have accepted the page before; null where custodians have approved none. The entry says so. */
  readonly paged: readonly string[] | null;
}

/** The way in for one new custodian; it is shown once. */
export interface RecoveryInvitation extends InvitationSecrets {
  readonly person: PersonForm;
}

/** What was done. */
export interface Recovery {
  readonly seq: number;
  readonly custodians: readonly Id<"person">[];
  /** Who was a custodian before and is none any more. */
  readonly suspended: readonly Id<"person">[];
}

type Work = WorkTransaction;

/**
 * Names new custodians where fewer than two can act: what the escrow quorum is for besides lost keys (design §2, decision 0028). In one
 * transaction with the entry that tells of it: every custodian of before is suspended, with all that they prove themselves with; the new ones
 * are put on the allowlist and invited. Sessions, requests and grants of everybody end at the next start, before anybody is answered
 * (`EndedEpoch`), and nothing opens until the new custodians have certified the allowlist (`Certification`).
 */
export class RecoverCustodians {
  constructor(
    private readonly transactions: Transactions,
    private readonly records: RecordsKey,
  ) {}

  /** Invitations for the custodians that the form names. They are worth nothing before {@link run} has taken them. @throws RootkeepError `MALFORMED` */
  prepare({ custodians }: Pick<RecoveryForm, "custodians">): RecoveryInvitation[] {
    const fields = checkCustodians(custodians);
    if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
    return custodians.map((person) => ({ person, ...newInvitationSecrets() }));
  }

  /**
   * Whether {@link run} would refuse, before anybody is paged.
   * @returns everybody who is to be paged. @throws RootkeepError as {@link run}
   */
  async check(form: Pick<RecoveryForm, "custodians" | "replacesActive">): Promise<AudienceMember[]> {
    return await this.transactions.peek(async (tx) => {
      await assertFew(tx, await tx.clock(), form);
      const people = await tx.readProven(Person);
      form.custodians.forEach((person) => void knownPerson(people, person));
      return audienceOf(people, []);
    });
  }

  /**
   * @param beforeCommit the last look at the world, such as whether a service runs by now.
   * @throws RootkeepError `STATE_CONFLICT` while two custodians stand and the form does not say that they shall be replaced;
   *   `ALREADY_EXISTS` for a name or an e-mail of somebody else, or of somebody who has left; and as the log does.
   */
  async run(form: RecoveryForm, invitations: readonly RecoveryInvitation[], beforeCommit: () => Promise<void>): Promise<Recovery> {
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const stood = await assertFew(tx, now, form);
      const people = await tx.readProven(Person);
      const named = invitations.map(({ person }) => knownPerson(people, person));
      const before = await endCustodians(tx, now);
      const seated = await this.#seat(tx, invitations, named, now);
      const custodians = seated.map(({ person }) => person);
      const suspended = await endPeople(tx, [...new Set([...before, ...named.flatMap((person) => person?.id ?? [])])], custodians);
      await postNotice(tx, {
        topic: "custodians.recovered",
        facts: {},
        audience: audienceOf(people, custodians),
      });
      await beforeCommit();
      const id = newEventId();
      const { recipient, set, threshold, shares } = form.quorum;
      const draft = draftEntry({
        id,
        action: "people.recovered",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        details: recoveryDetails(this.records, id, {
          recipient,
          set,
          threshold,
          shares,
          custodians: seated,
          suspended,
          stood,
          paged: form.paged,
        }),
        disclosures: [
          { field: "reason", value: form.reason },
          ...invitations.flatMap(({ person: { name, email } }, index) => [
            { field: `custodian.${String(index)}.name`, value: name },
            { field: `custodian.${String(index)}.email`, value: email },
          ]),
        ],
      });
      return { result: { custodians, suspended }, entries: [{ draft }] };
    });
    return { ...result, seq: receipts[0]?.facts.seq ?? -1 };
  }

  async #seat(tx: Work, invitations: readonly RecoveryInvitation[], named: readonly (Person | undefined)[], now: Date) {
    // Whatever is hidden in the tables now would be put back later, valid as ever.
    await tx.readProven(Invitation);
    return invitations.map(({ person: { name, email }, token, code }, at) => {
      const personId = named[at]?.id ?? tx.insert(Person, { id: newId("person"), name, email, state: "INVITED", createdAt: now }).id;
      const entry = tx.insert(AllowlistEntry, {
        id: newId("allowlist"),
        personId,
        role: "custodian",
        scope: scopeText({ kind: "all" }),
        validFrom: now,
        validTo: plusSeconds(now, RECOVERED_VALID_SECONDS),
        endedAt: null,
      });
      const invitation = tx.insert(Invitation, {
        id: newId("invitation"),
        personId,
        // No request stands behind it and nobody asked; both halves are out already, so nobody can take one by this id.
        requestId: newId("request"),
        askedBy: personId,
        approvedBy: personId,
        state: "OPEN",
        tokenHash: this.records.tokenHash(token),
        codeHash: this.records.tokenHash(code),
        expiresAt: plusSeconds(now, LIMITS.invitationSeconds),
        failures: 0,
      });
      return { person: personId, entry: entry.id, invitation: invitation.id };
    });
  }
}

/** @returns how many stand. @throws RootkeepError `STATE_CONFLICT` */
async function assertFew(tx: Work, now: Date, { replacesActive }: Pick<RecoveryForm, "replacesActive">): Promise<number> {
  const { length } = await activeCustodians(tx, now);
  if (length >= CUSTODIANS_MIN && !replacesActive)
    throw new RootkeepError("STATE_CONFLICT", { reason: `${String(length)} custodians stand; see --replace-active` });
  return length;
}

/** Everybody whom the deployment knows, and those who are new. */
function audienceOf(people: readonly Person[], added: readonly Id<"person">[]): AudienceMember[] {
  const known = people.filter(({ state }) => state !== "LEFT").map(({ id }) => id);
  return [...new Set([...known, ...added])].map((person) => ({ person }));
}

/** The rules that the new custodians break. */
export function checkCustodians(custodians: readonly PersonForm[]): FieldError[] {
  const errors: FieldError[] = [];
  if (custodians.length < CUSTODIANS_MIN || custodians.length > CUSTODIANS_MAX)
    errors.push({ field: "custodians", rule: `are ${String(CUSTODIANS_MIN)} to ${String(CUSTODIANS_MAX)}` });
  custodians.forEach((person, at) => {
    const place = `custodian ${String(at + 1)}`;
    errors.push(...checkPersonForm(person).map(({ field, rule }) => ({ field: `${place}: ${field}`, rule })));
    const isTwice = custodians.slice(0, at).some((other) => isAlike(other.name, person.name) || isAlike(other.email, person.email));
    if (isTwice) errors.push({ field: place, rule: "has name or e-mail of another one: they are different people" });
  });
  return errors;
}

/**
 * The person whom the deployment knows by this name and e-mail; one human is one person.
 * @throws RootkeepError `ALREADY_EXISTS` where only one of the two is known, or where they have left.
 */
function knownPerson(people: readonly Person[], { name, email }: PersonForm): Person | undefined {
  const known = people.filter((person) => isAlike(person.name, name) || isAlike(person.email, email));
  const [person] = known;
  if (person === undefined) return undefined;
  if (known.length > 1 || !isAlike(person.name, name) || !isAlike(person.email, email) || person.state === "LEFT")
    throw new RootkeepError("ALREADY_EXISTS", { reason: "name or e-mail is of somebody else, or of somebody who has left" });
  return person;
}

function isAlike(one: string, other: string): boolean {
  return alike(one) === alike(other);
}

/** Ends every custodian's entry that has not ended. @returns whose they were. */
async function endCustodians(tx: Work, now: Date): Promise<Id<"person">[]> {
  await tx.readProven(AllowlistEntry);
  const open = (await tx.readAll(AllowlistEntry, { role: "custodian" }, "lock")).filter(({ endedAt }) => endedAt === null);
  for (const entry of open) tx.change(AllowlistEntry, entry, { endedAt: now });
  return open.map(({ personId }) => personId);
}

/**
 * Ends all that `ids` prove themselves with, and outdates what they approved. Who is named anew waits for their invitation; everybody else
 * is suspended, which the new custodians can undo. @returns who was suspended.
 */
async function endPeople(tx: Work, ids: readonly Id<"person">[], named: readonly string[]): Promise<Id<"person">[]> {
  await tx.readProven(Authenticator);
  await tx.readProven(Identity);
  const suspended: Id<"person">[] = [];
  for (const personId of ids) {
    const person = await tx.lock(Person, personId);
    if (person === null) throw new RootkeepError("ROW_REFUSED", { reason: "missing" });
    const authenticators = await tx.readAll(Authenticator, { personId }, "lock");
    for (const authenticator of authenticators.filter(({ state }) => state !== "ENDED"))
      tx.change(Authenticator, authenticator, { state: "ENDED" });
    await endIdentities(tx, personId);
    await voidInvitations(tx, personId, ["OPEN", "LINK", "ACCEPTED"]);
    if (named.includes(personId)) tx.change(Person, person, { state: "INVITED" });
    else if (person.state === "LEFT") tx.change(Person, person, {});
    else {
      tx.change(Person, person, { state: "SUSPENDED" });
      suspended.push(personId);
    }
  }
  return suspended;
}
