import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { identityOf } from "./acting-person.service.js";
import { Authenticator } from "./authenticator.entity.js";
import type { AuthenticatorSeal } from "./authenticator-seal.service.js";
import type { FailureCounter } from "./failure-counter.service.js";
import { Session } from "./session.entity.js";

/** How a TOTP code is checked; the period is 30 s but in a trial (design §11). */
export interface TotpSettings {
  readonly periodSeconds: number;
}

/** What a code is for: an act of a session, or signing in from a place (`networkOf`), which is the person's own if they signed in there before. */
export type StepUpFor = { readonly session: Id<"session"> } | { readonly place: string; readonly isKnownPlace: boolean };

/**
 * The fresh second factor that signing in, approving, opening and taking half an invitation each take as an argument of that very call. A
 * time step is accepted once, for anything, rising; the row stays locked until the commit that uses it, so two calls on two replicas cannot
 * share a code.
 */
export class StepUp {
  constructor(
    private readonly seal: AuthenticatorSeal,
    private readonly failures: FailureCounter,
    private readonly settings: TotpSettings,
  ) {}

  /**
   * Accepts `code` for one act of `personId` and moves the authenticator's last step, in the caller's transaction.
   * @param what for acts, neither an authenticator nor the identity of the session counts while it is younger than the waiting time.
   * @param knownSince authenticators that were enrolled later do not count: a reset ends what was granted before it.
   * @returns id of the authenticator that confirmed.
   *
   * Wrong codes are counted while the person's authenticators are still locked, outside the transaction, which will be rolled back: a
   * thousand guesses at once stand in a row, and each sees the failures of the one before.
   * @throws RootkeepError `STEP_UP_REQUIRED`; `LOCKED_OUT` after too many of those.
   */
  async confirm(
    tx: WorkTransaction,
    personId: string,
    code: string,
    now: Date,
    what: StepUpFor,
    knownSince?: Date,
  ): Promise<Id<"authenticator">> {
    const isAct = "session" in what;
    if (isAct) await assertWaited(tx, what.session, now);
    const authenticators = await tx.readAll(Authenticator, { personId: personId as Id<"person">, kind: "totp", state: "ACTIVE" }, "lock");
    const subject = subjectOf(personId, what);
    const hasFailed = await this.failures.assertMayTry(subject);
    for (const authenticator of authenticators) {
      if (isAct && now < authenticator.usableFrom) continue;
      if (knownSince !== undefined && authenticator.createdAt > knownSince) continue;
      const step = this.stepOf(authenticator, code, now);
      if (step === null) continue;
      tx.change(Authenticator, authenticator, { lastStep: String(step) });
      if (hasFailed) await this.failures.clear(subject);
      return authenticator.id;
    }
    await this.failures.note(subject);
    throw new RootkeepError("STEP_UP_REQUIRED");
  }

  /** The time step whose code this is, if it is later than any accepted before; else null. */
  stepOf(authenticator: Authenticator, code: string, now: Date): number | null {
    const { sealed, dataKeyId, lastStep } = authenticator;
    if (sealed === null || dataKeyId === null) return null;
    return this.seal.checkCode({
      personId: authenticator.personId,
      authenticatorId: authenticator.id,
      dataKeyId,
      sealed,
      code,
      unixSeconds: now.getTime() / 1000,
      periodSeconds: this.settings.periodSeconds,
      afterStep: lastStep === null ? null : Number(lastStep),
    });
  }
}

/**
 * Whose wrong codes are counted together. Acts, signing in from the person's own places and signing in from anywhere else stand apart, so
 * that who knows a password can neither keep its owner from acting nor from signing in where they always do. All strangers share one
 * count: guessing a code from a thousand addresses is as slow as from one.
 */
function subjectOf(personId: string, what: StepUpFor): string {
  if ("session" in what) return `step-up:${personId}`;
  return what.isKnownPlace ? `step-up:${personId}:${what.place}` : `step-up:${personId}:elsewhere`;
}

/** @throws RootkeepError `STEP_UP_REQUIRED` for a session whose identity was linked less than the waiting time ago. */
async function assertWaited(tx: WorkTransaction, sessionId: Id<"session">, now: Date): Promise<void> {
  const session = await tx.read(Session, sessionId);
  if (session === null) throw new RootkeepError("UNAUTHENTICATED");
  const identity = await identityOf(tx, session);
  if (identity !== null && now < identity.usableFrom) {
    throw new RootkeepError("STEP_UP_REQUIRED", { facts: { usableFrom: identity.usableFrom.toISOString() } });
  }
}

/** True if the authenticator is the person's and has not been ended: what was confirmed with an ended one no longer counts. */
export async function isActiveAuthenticator(tx: WorkTransaction, authenticatorId: string, personId: string): Promise<boolean> {
  const authenticator = await tx.read(Authenticator, authenticatorId);
  return authenticator?.state === "ACTIVE" && authenticator.personId === personId;
}
