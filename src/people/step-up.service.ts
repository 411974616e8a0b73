import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { Authenticator } from "./authenticator.entity.js";
import type { AuthenticatorSeal } from "./authenticator-seal.service.js";
import type { FailureCounter } from "./failure-counter.service.js";

/** How a TOTP code is checked; the period is 30 s but in a trial (design §11). */
export interface TotpSettings {
  readonly periodSeconds: number;
}

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
   * @param forActs true for all but signing in: an authenticator younger than the waiting time does not count.
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
    forActs: boolean,
    knownSince?: Date,
  ): Promise<Id<"authenticator">> {
    const authenticators = await tx.readAll(Authenticator, { personId: personId as Id<"person">, kind: "totp", state: "ACTIVE" }, "lock");
    const subject = `step-up:${personId}`;
    const hasFailed = await this.failures.assertMayTry(subject);
    for (const authenticator of authenticators) {
      if (forActs && now < authenticator.usableFrom) continue;
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

/** True if the authenticator is the person's and has not been ended: what was confirmed with an ended one no longer counts. */
export async function isActiveAuthenticator(tx: WorkTransaction, authenticatorId: string, personId: string): Promise<boolean> {
  const authenticator = await tx.read(Authenticator, authenticatorId);
  return authenticator?.state === "ACTIVE" && authenticator.personId === personId;
}
