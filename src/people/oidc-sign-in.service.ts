import type { AuditLog } from "../audit/audit-log.service.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { Identities, LinkForm } from "./identities.service.js";
import { Identity } from "./identity.entity.js";
import { networkOf } from "./network.js";
import type { BegunLogin, LoginPurpose, OidcLogins } from "./oidc-logins.service.js";
import type { OidcProvider, ProvenIdentity } from "./oidc-provider.adapter.js";
import type { ProviderStanding } from "./provider-standing.service.js";
import type { NewSession, Sessions } from "./sessions.service.js";
import { newSessionToken } from "./sessions.service.js";
import { failedSignIn, hasSignedInFrom, toUnauthenticated } from "./sign-in.service.js";
import { standingOf } from "./standing.service.js";
import type { StepUp } from "./step-up.service.js";
import type { UnknownFailures } from "./unknown-failures.service.js";

/** The provider, what was begun there, and what of it stands. */
export interface ProviderParts {
  readonly provider: OidcProvider | null;
  readonly logins: OidcLogins;
  readonly standing: ProviderStanding;
  readonly identities: Identities;
}

/** What sessions are opened with. */
export interface SessionParts {
  readonly sessions: Sessions;
  readonly stepUp: StepUp;
  readonly unknownFailures: Pick<UnknownFailures, "note">;
}

/** What the caller brings back from the provider. */
export interface LoginAnswer {
  readonly loginToken: string;
  /** The query of the redirect, as the provider wrote it. */
  readonly response: string;
}

/**
 * Signs people in at the company's provider. It says who they are there; what that is here, the linked identity says, and the second factor is
 * the one enrolled here: a provider that is taken over opens no session.
 */
export class OidcSignIn {
  constructor(
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
    private readonly at: ProviderParts,
    private readonly our: SessionParts,
  ) {}

  /** @throws RootkeepError `NOT_FOUND` without a provider; `UNAVAILABLE`. */
  async begin(purpose: LoginPurpose): Promise<BegunLogin> {
    return await this.at.logins.begin(purpose);
  }

  /**
   * Opens a session for the person whose linked identity the provider has proven. Every failure is the same answer, whatever was wrong.
   * @throws RootkeepError `UNAUTHENTICATED`, `LOCKED_OUT`, `UNAVAILABLE`
   */
  async complete(answer: LoginAnswer, code: string, address: string): Promise<NewSession> {
    let known: Id<"person"> | undefined;
    try {
      const proof = await this.#prove(answer, "sign-in");
      try {
        return await this.#open(proof, code, networkOf(address), (personId) => {
          known = personId;
        });
      } finally {
        proof.tokens.wipe();
      }
    } catch (error) {
      if (!isRootkeepError(error, "UNAUTHENTICATED")) throw error;
      // A stranger, with however good a token of the provider's, writes nothing into the log.
      if (known === undefined) this.our.unknownFailures.note();
      else await this.log.record(failedSignIn(known, address));
      throw error;
    }
  }

  /**
   * Completes the link of an identity that two custodians have decided.
   * @throws RootkeepError as {@link complete} and `Identities.accept`.
   */
  async link(answer: LoginAnswer, form: LinkForm): Promise<{ personId: Id<"person">; usableFrom: Date; seq: number }> {
    const proof = await this.#prove(answer, "link");
    // No session comes of it, so there is nothing to ask about later.
    proof.tokens.wipe();
    return await this.at.identities.accept(form, proof);
  }

  async #prove({ loginToken, response }: LoginAnswer, purpose: LoginPurpose): Promise<ProvenIdentity> {
    if (this.at.provider === null) throw new RootkeepError("NOT_FOUND");
    const binding = await this.at.logins.take(loginToken, purpose);
    return await this.at.provider.exchange(response, binding);
  }

  async #open(proof: ProvenIdentity, code: string, place: string, note: (personId: Id<"person">) => void): Promise<NewSession> {
    const { sessionId, token } = newSessionToken();
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const identity = await activeIdentity(tx, proof);
      note(identity.personId);
      const { person } = await standingOf(tx, identity.personId, now).catch(toUnauthenticated);
      const isKnownPlace = await hasSignedInFrom(tx, person.id, place);
      await this.our.stepUp.confirm(tx, person.id, code, now, { place, isKnownPlace }).catch(toUnauthenticated);
      const session = this.our.sessions.open(tx, { sessionId, token, personId: person.id, identityId: identity.id, place }, now);
      await this.at.standing.keep(tx, sessionId, person.id, proof);
      const target = { type: "session", id: session.id };
      const details = { identity: identity.id };
      const draft = draftEntry({ action: "session.create", outcome: "allowed", actor: personActor(person.id), target, details });
      return { result: session, entries: [{ draft }] };
    });
    return { sessionId: result.id, personId: result.personId, token, expiresAt: result.expiresAt, seq: receipts[0]?.facts.seq ?? -1 };
  }
}

/** The linked identity that was proven. @throws RootkeepError `UNAUTHENTICATED` for a stranger. */
async function activeIdentity(tx: WorkTransaction, { issuer, subject }: ProvenIdentity): Promise<Identity> {
  const [identity] = await tx.readAll(Identity, { issuer, subject });
  if (identity?.state !== "ACTIVE") throw new RootkeepError("UNAUTHENTICATED");
  return identity;
}
