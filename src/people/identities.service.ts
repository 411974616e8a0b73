import type { DataSource } from "typeorm";
import { draftEntry, personActor } from "../audit/draft.js";
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
import { isCut } from "./cut-rule.js";
import { Identity } from "./identity.entity.js";
import { Invitation } from "./invitation.entity.js";
import { endAllOf } from "./leave.service.js";
import type { LeavingPort } from "./leaving.port.js";
import { networkOf } from "./network.js";
import { type EnrolmentParties, invite, voidInvitations } from "./new-invitation.service.js";
import type { ProvenIdentity } from "./oidc-provider.adapter.js";
import { Person } from "./person.entity.js";
import { personNotice } from "./person-notices.js";
import { hasSignedInFrom } from "./sign-in.service.js";
import type { StepUp } from "./step-up.service.js";

export interface IdentitySettings {
  /** How long a new identity waits before its sessions count for more than reading: 24 hours, shorter only in a trial. */
  readonly waitSeconds: number;
}

/** What a person brings to link an identity: both halves of the invitation and a code of the authenticator that was enrolled here. */
export interface LinkForm {
  readonly token: string;
  readonly invitationCode: string;
  readonly code: string;
  readonly address: string;
}

/**
 * Identities at the company's provider. Linking one is becoming somebody (design §2): one custodian asks, another approves, each takes half
 * of the invitation, and the person brings both, signs in at the provider, and confirms with the authenticator that was enrolled here. An
 * identity belongs to one person for ever, and a person has one at a time.
 */
export class Identities {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly records: RecordsKey,
    private readonly parts: { readonly stepUp: StepUp; readonly leaving: LeavingPort },
    private readonly settings: IdentitySettings,
  ) {}

  /** The approved act `identity.link`: makes the invitation; nothing changes for the person until they have answered it. */
  async invite(
    tx: WorkTransaction,
    grant: Grant<"identity.link">,
    personId: Id<"person">,
    parties: EnrolmentParties,
  ): Promise<Drafted<EntryDraft>> {
    grant.spend("identity.link", parties.requestId);
    const now = await tx.clock();
    const person = await tx.lock(Person, personId);
    if (person?.state !== "ACTIVE") throw new RootkeepError("STATE_CONFLICT");
    const earlier = await voidInvitations(tx, personId, ["LINK"]);
    const invitation = invite(tx, personId, parties, now, "LINK");
    await postNotice(tx, personNotice("linking", personId, parties));
    const draft = draftEntry({
      action: "identity.link",
      outcome: "committed",
      actor: personActor(parties.askedBy),
      target: { type: "person", id: personId },
      request: { id: parties.requestId },
      details: { invitation: invitation.id, approvedBy: parties.approvedBy },
    });
    return { draft, rows: [...earlier, invitation] };
  }

  /**
   * The person completes the link with what the provider has just proven. Ends their sessions, grants and waiting approvals.
   * @throws RootkeepError `NOT_FOUND` for a wrong token or code (five wrong codes end it), `STEP_UP_REQUIRED`, `LOCKED_OUT`,
   *   `STATE_CONFLICT` for an identity that is, or was, somebody else's, or is linked already.
   */
  async accept(form: LinkForm, proof: ProvenIdentity): Promise<{ personId: Id<"person">; usableFrom: Date; seq: number }> {
    const tokenHash = this.records.tokenHash(form.token);
    try {
      const { result, receipts } = await this.transactions.run((tx) => this.#accept(tx, tokenHash, form, proof));
      return { ...result, seq: receipts[0]?.facts.seq ?? -1 };
    } catch (error) {
      if (isRootkeepError(error, "NOT_FOUND")) {
        // Outside the transaction, which was rolled back.
        await this.dataSource.query("UPDATE people.invitation SET failures = failures + 1 WHERE token_hash = $1", [tokenHash]);
      }
      throw error;
    }
  }

  /** Identities of a person, ended ones too. */
  async list(personId: Id<"person">): Promise<Identity[]> {
    return await this.transactions.peek(async (tx) => {
      if ((await tx.read(Person, personId)) === null) throw new RootkeepError("NOT_FOUND");
      return await tx.readAll(Identity, { personId });
    });
  }

  async #accept(tx: WorkTransaction, tokenHash: Buffer, form: LinkForm, proof: ProvenIdentity) {
    const now = await tx.clock();
    const [invitation] = await tx.readAll(Invitation, { tokenHash }, "lock");
    if (
      invitation?.state !== "LINK" ||
      isCut(tx, invitation) ||
      invitation.expiresAt <= now ||
      invitation.failures >= LIMITS.invitationCodeTriesMax
    ) {
      throw new RootkeepError("NOT_FOUND");
    }
    if (invitation.codeHash?.equals(this.records.tokenHash(form.invitationCode.trim().toLowerCase())) !== true) {
      throw new RootkeepError("NOT_FOUND", { reason: "invitation code" });
    }
    const { personId } = invitation;
    const { person, sessions, grants } = await endAllOf(tx, personId, now, this.parts.leaving);
    if (person.state !== "ACTIVE") throw new RootkeepError("NOT_FOUND");
    const place = networkOf(form.address);
    const isKnownPlace = await hasSignedInFrom(tx, personId, place);
    await this.parts.stepUp.confirm(tx, personId, form.code, now, { place, isKnownPlace });
    const usableFrom = plusSeconds(now, this.settings.waitSeconds);
    const { identity, ended } = await this.#settle(tx, personId, proof, usableFrom, now);
    tx.change(Invitation, invitation, { state: "CONFIRMED" });
    await postNotice(tx, personNotice("linked", personId));
    const draft = draftEntry({
      action: "identity.accept",
      outcome: "committed",
      actor: personActor(personId),
      target: { type: "person", id: personId },
      details: {
        invitation: invitation.id,
        identity: identity.id,
        usableFrom: usableFrom.toISOString(),
        sessionsEnded: sessions.length,
        grantsRevoked: grants.length,
      },
      disclosures: [
        { field: "issuer", value: proof.issuer },
        { field: "subject", value: proof.subject },
      ],
    });
    const rows = [person, invitation, identity, ...ended, ...sessions];
    return { result: { personId, usableFrom }, entries: [{ draft, rows }, ...grants] };
  }

  /** The identity's row, active for this person alone; what they had before ends. */
  async #settle(tx: WorkTransaction, personId: Id<"person">, { issuer, subject }: ProvenIdentity, usableFrom: Date, now: Date) {
    // Every row, and as many as the log knows: one that was hidden would let a second person have the identity.
    const all = await tx.readProven(Identity);
    const known = all.find((identity) => identity.issuer === issuer && identity.subject === subject);
    if (known !== undefined && known.personId !== personId) {
      throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the identity is somebody else's" } });
    }
    if (known?.state === "ACTIVE") throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the identity is linked already" } });
    const ended = await endIdentities(tx, personId);
    if (known === undefined) {
      const state = "ACTIVE" as const;
      return {
        identity: tx.insert(Identity, { id: newId("identity"), personId, issuer, subject, state, usableFrom, createdAt: now }),
        ended,
      };
    }
    const identity = await tx.lock(Identity, known.id);
    if (identity === null) throw new RootkeepError("ROW_REFUSED", { reason: "missing" });
    tx.change(Identity, identity, { state: "ACTIVE", usableFrom });
    return { identity, ended };
  }
}

/** Ends every identity of a person. @returns the rows that changed. */
export async function endIdentities(tx: WorkTransaction, personId: Id<"person">): Promise<Identity[]> {
  const active = (await tx.readAll(Identity, { personId }, "lock")).filter(({ state }) => state === "ACTIVE");
  for (const identity of active) tx.change(Identity, identity, { state: "ENDED" });
  return active;
}
