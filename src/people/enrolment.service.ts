import type { DataSource } from "typeorm";
import { ANONYMOUS_ACTOR, draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Grant } from "../kernel/grant.js";
import { type Id, newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import type { RecordsKey } from "../keys/records.js";
import { postNotice } from "../notices/post-notice.service.js";
import { Authenticator } from "./authenticator.entity.js";
import type { AuthenticatorSeal } from "./authenticator-seal.service.js";
import { isCut } from "./cut-rule.js";
import { endAuthenticators } from "./end-authenticators.service.js";
import { endSessions } from "./end-sessions.service.js";
import { endIdentities } from "./identities.service.js";
import { Identity } from "./identity.entity.js";
import { Invitation } from "./invitation.entity.js";
import { released } from "./invitation-halves.service.js";
import { type EnrolmentParties, invite, voidInvitations } from "./new-invitation.service.js";
import { otpauthUri } from "./otpauth.js";
import { checkNewPassword, hashPassword } from "./passwords.service.js";
import { Person } from "./person.entity.js";
import type { PersonForm } from "./person-form.js";
import { personNotice } from "./person-notices.js";

export interface EnrolmentSettings {
  readonly deployment: string;
  readonly periodSeconds: number;
  /** How long a new authenticator waits before it counts for more than signing in: 24 hours, shorter only in a trial. */
  readonly waitSeconds: number;
}

/**
 * Becoming somebody (design §2). One custodian asks, another approves; each takes one half of the invitation (`InvitationHalves`), and the
 * person brings both. The authenticator that the person then enrols counts for more than signing in only after a day.
 */
export class Enrolment {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly records: RecordsKey,
    private readonly seal: AuthenticatorSeal,
    private readonly settings: EnrolmentSettings,
  ) {}

  /** The approved act `person.enrol`: makes the person and the invitation. */
  async enrol(
    tx: WorkTransaction,
    grant: Grant<"person.enrol">,
    form: PersonForm,
    parties: EnrolmentParties,
  ): Promise<Drafted<EntryDraft>> {
    grant.spend("person.enrol", parties.requestId);
    await assertUnknown(tx, form);
    const now = await tx.clock();
    const person = tx.insert(Person, { id: newId("person"), name: form.name, email: form.email, state: "INVITED", createdAt: now });
    const invitation = invite(tx, person.id, parties, now, "OPEN");
    await postNotice(tx, personNotice("enrolled", person.id, parties));
    const draft = draftEntry({
      action: "person.enrol",
      outcome: "committed",
      actor: personActor(parties.askedBy),
      target: { type: "person", id: person.id },
      request: { id: parties.requestId },
      details: { invitation: invitation.id, approvedBy: parties.approvedBy },
      disclosures: [
        { field: "name", value: form.name },
        { field: "email", value: form.email },
      ],
    });
    return { draft, rows: [person, invitation] };
  }

  /**
   * The approved act `authenticator.reset`: everything that the person proves themselves with ends at once, and so do their sessions;
   * approvals given with an ended authenticator no longer count.
   */
  async reset(
    tx: WorkTransaction,
    grant: Grant<"authenticator.reset">,
    personId: Id<"person">,
    parties: EnrolmentParties,
  ): Promise<Drafted<EntryDraft>> {
    grant.spend("authenticator.reset", parties.requestId);
    const now = await tx.clock();
    const person = await tx.lock(Person, personId);
    if (person === null || person.state === "LEFT") throw new RootkeepError("STATE_CONFLICT");
    const ended = await endAuthenticators(tx, personId);
    // An authenticator or an invitation that is hidden now would be put back later, valid as ever.
    await tx.readProven(Authenticator);
    await tx.readProven(Invitation);
    await tx.readProven(Identity);
    const sessions = await endSessions(tx, personId, now);
    // Stamped with this entry's seq, the person outdates every earlier session, found here or not (`isOfNow`).
    tx.change(Person, person, {});
    const open = await voidInvitations(tx, personId, ["OPEN", "LINK", "ACCEPTED"]);
    const identities = await endIdentities(tx, personId);
    const invitation = invite(tx, personId, parties, now, "OPEN");
    await postNotice(tx, personNotice("reset", personId, parties));
    const draft = draftEntry({
      action: "authenticator.reset",
      outcome: "committed",
      actor: personActor(parties.askedBy),
      target: { type: "person", id: personId },
      request: { id: parties.requestId },
      details: {
        invitation: invitation.id,
        approvedBy: parties.approvedBy,
        ended: ended.length + identities.length,
        sessionsEnded: sessions.length,
      },
    });
    return { draft, rows: [person, ...ended, ...identities, ...sessions, ...open, invitation] };
  }

  /**
   * The person takes the invitation with link and code, sets a password and gets the URI of the authenticator, once.
   * @throws RootkeepError `NOT_FOUND` for a wrong token or code (five wrong codes end it), `ALREADY_RELEASED`, `MALFORMED`.
   */
  async accept(form: { token: string; code: string; password: string }): Promise<{ personId: Id<"person">; otpauth: string; seq: number }> {
    const tokenHash = this.records.tokenHash(form.token);
    // Slow, and needs no lock; the person's name and e-mail are read to compare the password with.
    const passwordHash = await this.#checkedPasswordHash(tokenHash, form.password);
    const seed = this.seal.newSeed();
    try {
      const { result, receipts } = await this.transactions.run(async (tx) => {
        const now = await tx.clock();
        const { invitation, person } = await this.#usable(tx, tokenHash, now);
        if (invitation.state !== "OPEN") throw released(invitation);
        if (invitation.codeHash?.equals(this.records.tokenHash(form.code.trim().toLowerCase())) !== true) {
          throw new RootkeepError("NOT_FOUND", { reason: "invitation code" });
        }
        const totpId = newId("authenticator");
        const sealed = await this.seal.seal(person.id, totpId, seed);
        const shared = { personId: person.id, state: "PENDING" as const, lastStep: null, usableFrom: now, createdAt: now };
        const password = tx.insert(Authenticator, {
          ...shared,
          id: newId("authenticator"),
          kind: "password",
          passwordHash,
          sealed: null,
          dataKeyId: null,
        });
        const totp = tx.insert(Authenticator, {
          ...shared,
          id: totpId,
          kind: "totp",
          passwordHash: null,
          sealed: sealed.sealed,
          dataKeyId: sealed.dataKeyId as Id<"dataKey">,
        });
        tx.change(Invitation, invitation, { state: "ACCEPTED" });
        const draft = draftEntry({
          action: "invitation.accept",
          outcome: "committed",
          actor: ANONYMOUS_ACTOR,
          target: { type: "person", id: person.id },
          details: { invitation: invitation.id, authenticators: [password.id, totp.id] },
        });
        return { result: person, entries: [{ draft }] };
      });
      const otpauth = otpauthUri(seed, result.email, this.settings.deployment, this.settings.periodSeconds);
      return { personId: result.id, otpauth, seq: receipts[0]?.facts.seq ?? -1 };
    } catch (error) {
      if (isRootkeepError(error, "NOT_FOUND")) await this.#noteFailure(tokenHash);
      throw error;
    } finally {
      seed.wipe();
    }
  }

  /**
   * The person proves that the new authenticator works; from now on they can sign in, and after the waiting time act.
   * @throws RootkeepError `NOT_FOUND`, `STEP_UP_REQUIRED` for a wrong code.
   */
  async confirm(token: string, code: string): Promise<{ personId: Id<"person">; usableFrom: Date }> {
    const tokenHash = this.records.tokenHash(token);
    try {
      const { result } = await this.transactions.run(async (tx) => {
        const now = await tx.clock();
        const { invitation, person } = await this.#usable(tx, tokenHash, now);
        if (invitation.state !== "ACCEPTED") throw new RootkeepError("NOT_FOUND");
        const pending = await tx.readAll(Authenticator, { personId: person.id, state: "PENDING" }, "lock");
        const usableFrom = plusSeconds(now, this.settings.waitSeconds);
        const step = this.#stepOf(pending, code, now);
        if (step === null) throw new RootkeepError("STEP_UP_REQUIRED");
        for (const authenticator of pending) {
          const lastStep = authenticator.kind === "totp" ? String(step) : null;
          tx.change(Authenticator, authenticator, { state: "ACTIVE", usableFrom, lastStep });
        }
        if (person.state === "INVITED") tx.change(Person, person, { state: "ACTIVE" });
        tx.change(Invitation, invitation, { state: "CONFIRMED" });
        await postNotice(tx, personNotice("confirmed", person.id));
        const draft = draftEntry({
          action: "invitation.confirm",
          outcome: "committed",
          actor: personActor(person.id),
          target: { type: "person", id: person.id },
          details: { invitation: invitation.id, usableFrom: usableFrom.toISOString() },
        });
        return { result: { personId: person.id, usableFrom }, entries: [{ draft }] };
      });
      return result;
    } catch (error) {
      if (isRootkeepError(error, "STEP_UP_REQUIRED")) await this.#noteFailure(tokenHash);
      throw error;
    }
  }

  #stepOf(pending: readonly Authenticator[], code: string, now: Date): number | null {
    const totp = pending.find(({ kind }) => kind === "totp");
    if (totp?.sealed == null || totp.dataKeyId === null) return null;
    return this.seal.checkCode({
      personId: totp.personId,
      authenticatorId: totp.id,
      dataKeyId: totp.dataKeyId,
      sealed: totp.sealed,
      code,
      unixSeconds: now.getTime() / 1000,
      periodSeconds: this.settings.periodSeconds,
      afterStep: null,
    });
  }

  async #usable(tx: WorkTransaction, tokenHash: Buffer, now: Date): Promise<{ invitation: Invitation; person: Person }> {
    const [invitation] = await tx.readAll(Invitation, { tokenHash }, "lock");
    if (invitation?.state !== "OPEN" && invitation?.state !== "ACCEPTED") throw new RootkeepError("NOT_FOUND");
    if (invitation.expiresAt <= now || isCut(tx, invitation) || invitation.failures >= LIMITS.invitationCodeTriesMax)
      throw new RootkeepError("NOT_FOUND");
    const person = await tx.lock(Person, invitation.personId);
    if (person === null || (person.state !== "INVITED" && person.state !== "ACTIVE")) throw new RootkeepError("NOT_FOUND");
    return { invitation, person };
  }

  async #checkedPasswordHash(tokenHash: Buffer, password: string): Promise<string> {
    const person = await this.transactions.peek(async (tx) => {
      const [invitation] = await tx.readAll(Invitation, { tokenHash });
      return invitation === undefined ? null : await tx.read(Person, invitation.personId);
    });
    if (person === null) throw new RootkeepError("NOT_FOUND");
    const fields = checkNewPassword(password, [person.name, person.email]);
    if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
    return await hashPassword(password);
  }

  /** Outside the transaction, which was rolled back. */
  async #noteFailure(tokenHash: Buffer): Promise<void> {
    await this.dataSource.query("UPDATE people.invitation SET failures = failures + 1 WHERE token_hash = $1", [tokenHash]);
  }
}

/**
 * One human is one person: neither name nor e-mail may have been anybody's before. Every person is read, checked, counted and compared
 * here: a search by e-mail would miss a row whose e-mail was edited to hide it, and whoever owns the database says what is equal there.
 * Names are compared by how they look, so that a second blank or a wide letter makes no second person.
 */
export async function assertUnknown(tx: WorkTransaction, form: PersonForm): Promise<void> {
  const people = await tx.readProven(Person);
  const [name, email] = [alike(form.name), alike(form.email)];
  if (people.some((person) => alike(person.name) === name || alike(person.email) === email)) throw new RootkeepError("ALREADY_EXISTS");
}

/** What two texts that look the same have in common. */
export function alike(text: string): string {
  return text.normalize("NFKC").replaceAll(/\s+/gu, " ").trim().toLowerCase();
}
