import { randomBytes, randomInt } from "node:crypto";
import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { RecordsKey } from "../keys/records.js";
import { type ActingPerson, actingStanding } from "./acting-person.service.js";
import { isCut } from "./cut-rule.js";
import { Invitation } from "./invitation.entity.js";
import { hasRole } from "./standing.service.js";
import type { StepUp } from "./step-up.service.js";
import type { Taking, TakingStatementPort } from "./taking-statement.port.js";

const CODE_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz";
const CODE_CHARS = 10;

/** What completes an invitation: the link's token and the code. */
export interface InvitationSecrets {
  readonly token: string;
  readonly code: string;
}

/** Both halves at once, for an invitation that no custodian hands over: there is none who could (`RecoverCustodians`). */
export function newInvitationSecrets(): InvitationSecrets {
  return { token: newToken(), code: newCode() };
}

function newToken(): string {
  return `rki_${randomBytes(32).toString("base64url")}`;
}

function newCode(): string {
  return Array.from({ length: CODE_CHARS }, () => CODE_ALPHABET.charAt(randomInt(CODE_ALPHABET.length))).join("");
}

/**
 * The two halves of an invitation (design §2): the link goes to the custodian who asked (until mail can be sent), the code that completes
 * it to the one whose approval decided, so neither of them can become the person alone. Each half takes a fresh second factor: two stolen
 * sessions are not two custodians.
 */
export class InvitationHalves {
  constructor(
    private readonly transactions: Transactions,
    private readonly records: RecordsKey,
    private readonly stepUp: StepUp,
    private readonly statements: TakingStatementPort,
  ) {}

  /**
   * The link's token, once, to the custodian who asked.
   * @param code a fresh code of the custodian's own authenticator.
   * @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED`, `ALREADY_RELEASED`, `STATE_CONFLICT`, `APPROVAL_EXPIRED`, `STEP_UP_REQUIRED`, `LOCKED_OUT`
   */
  async takeLink(
    requestId: Id<"request">,
    custodian: ActingPerson,
    code: string,
  ): Promise<{ token: string; expiresAt: Date; seq: number }> {
    const token = newToken();
    return { token, ...(await this.#take(requestId, custodian, "link", token, code)) };
  }

  /**
   * The code that completes the link, once, to the custodian whose approval decided. That custodian hands it over.
   * @param code a fresh code of the custodian's own authenticator.
   * @throws RootkeepError as {@link takeLink}.
   */
  async takeCode(requestId: Id<"request">, custodian: ActingPerson, code: string): Promise<{ code: string; expiresAt: Date; seq: number }> {
    const half = newCode();
    return { code: half, ...(await this.#take(requestId, custodian, "code", half, code)) };
  }

  async #take(
    requestId: Id<"request">,
    custodian: ActingPerson,
    half: Taking["half"],
    value: string,
    code: string,
  ): Promise<{ expiresAt: Date; seq: number }> {
    const { personId } = custodian;
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const standing = await actingStanding(tx, custodian, now);
      const [invitation] = await tx.readAll(Invitation, { requestId }, "lock");
      const isLink = half === "link";
      if (invitation === undefined || (isLink ? invitation.askedBy : invitation.approvedBy) !== personId) {
        throw new RootkeepError("NOT_FOUND");
      }
      if (!hasRole(standing, "custodian")) throw new RootkeepError("NOT_ALLOWLISTED");
      if ((isLink ? invitation.tokenHash : invitation.codeHash) !== null) throw released(invitation);
      if ((invitation.state !== "OPEN" && invitation.state !== "LINK") || isCut(tx, invitation) || invitation.expiresAt <= now)
        throw new RootkeepError("STATE_CONFLICT");
      // Acting, so that a reset takes the half away: an authenticator enrolled since then waits for as long as the invitation lives.
      const authenticator = await this.stepUp.confirm(tx, personId, code, now, { session: custodian.sessionId });
      const statement = await this.statements.statementOf(tx, {
        requestId,
        invitation: invitation.id,
        half,
        person: personId,
        authenticator,
        since: standing.person,
      });
      const valueHash = this.records.tokenHash(value);
      tx.change(Invitation, invitation, isLink ? { tokenHash: valueHash } : { codeHash: valueHash });
      const draft = draftEntry({
        action: `invitation.${half}`,
        outcome: "allowed",
        actor: personActor(personId),
        target: { type: "invitation", id: invitation.id },
        request: { id: requestId },
        details: { statement },
      });
      return { result: invitation.expiresAt, entries: [{ draft }] };
    });
    return { expiresAt: result, seq: receipts[0]?.facts.seq ?? -1 };
  }
}

/** Whose answer went out already; with the seq of the entry that says so. */
export function released(invitation: Invitation): RootkeepError {
  return new RootkeepError("ALREADY_RELEASED", { facts: { seq: Number(invitation.seq) } });
}
