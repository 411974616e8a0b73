import type { DataSource } from "typeorm";
import type { AuditLog } from "../audit/audit-log.service.js";
import { ANONYMOUS_ACTOR, draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { Authenticator } from "./authenticator.entity.js";
import type { FailureCounter } from "./failure-counter.service.js";
import { networkOf } from "./network.js";
import { checkPassword } from "./passwords.service.js";
import { Person } from "./person.entity.js";
import { type NewSession, newSessionToken, type Sessions } from "./sessions.service.js";
import { standingOf } from "./standing.service.js";
import type { StepUp } from "./step-up.service.js";
import type { UnknownFailures } from "./unknown-failures.service.js";

export interface Credentials {
  readonly email: string;
  readonly password: string;
  readonly code: string;
  /** Where the attempt comes from; only for counting failures. */
  readonly address: string;
}

/** What is the same for every way to sign in. */
export interface SignInCounts {
  readonly failures: FailureCounter;
  readonly unknownFailures: Pick<UnknownFailures, "note">;
}

/** Signs people in with password and authenticator. */
export class SignIn {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
    private readonly sessions: Sessions,
    private readonly stepUp: StepUp,
    private readonly counts: SignInCounts,
  ) {}

  /**
   * Signs a person in with password and TOTP code. Every failure is the same answer, whatever was wrong.
   * @throws RootkeepError `UNAUTHENTICATED`, `LOCKED_OUT`
   */
  async signIn(credentials: Credentials): Promise<NewSession> {
    const found = await this.#findPassword(credentials.email);
    const place = networkOf(credentials.address);
    // By network: of one IPv6 customer each address would begin to count anew.
    const subject = `sign-in:${found?.personId ?? "unknown"}:${place}`;
    const hasFailed = await this.counts.failures.assertMayTry(subject);
    const isRight = await checkPassword(found?.passwordHash ?? undefined, credentials.password);
    try {
      if (!isRight || found === undefined) throw new RootkeepError("UNAUTHENTICATED");
      const session = await this.#open(found, credentials.code, place);
      if (hasFailed) await this.counts.failures.clear(subject);
      return session;
    } catch (error) {
      if (!isRootkeepError(error, "UNAUTHENTICATED")) throw error;
      await this.counts.failures.note(subject);
      // Failures of unknown callers are only counted: an outsider must not be able to write into the log at will.
      if (found === undefined) this.counts.unknownFailures.note();
      else await this.log.record(failedSignIn(found.personId, credentials.address));
      throw error;
    }
  }

  /** The password authenticator behind an e-mail address. Not yet a decision: the row is read again, and checked, in the transaction. */
  async #findPassword(email: string): Promise<Authenticator | undefined> {
    const found = await this.dataSource.manager
      .createQueryBuilder(Authenticator, "a")
      .innerJoin(Person, "p", "p.id = a.person_id AND p.state = 'ACTIVE'")
      .where("lower(p.email) = lower(:email) AND a.kind = 'password' AND a.state = 'ACTIVE'", { email })
      .getOne();
    return found ?? undefined;
  }

  async #open(password: Authenticator, code: string, place: string): Promise<NewSession> {
    const { sessionId, token } = newSessionToken();
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const { person } = await standingOf(tx, password.personId, now).catch(toUnauthenticated);
      const current = await tx.read(Authenticator, password.id);
      // The password that was compared must still be the person's, and it must be theirs by the log.
      if (current?.state !== "ACTIVE" || current.personId !== person.id || current.passwordHash !== password.passwordHash) {
        throw new RootkeepError("UNAUTHENTICATED");
      }
      const isKnownPlace = await hasSignedInFrom(tx, person.id, place);
      await this.stepUp.confirm(tx, person.id, code, now, { place, isKnownPlace }).catch(toUnauthenticated);
      const session = this.sessions.open(tx, { sessionId, token, personId: person.id, identityId: null, place }, now);
      const target = { type: "session", id: session.id };
      const draft = draftEntry({ action: "session.create", outcome: "allowed", actor: personActor(person.id), target });
      return { result: session, entries: [{ draft }] };
    });
    return { sessionId: result.id, personId: result.personId, token, expiresAt: result.expiresAt, seq: receipts[0]?.facts.seq ?? -1 };
  }
}

/** The entry of a sign-in of a known person that failed. */
export function failedSignIn(personId: Id<"person">, address: string): EntryDraft {
  return draftEntry({
    action: "session.failed",
    outcome: "denied",
    actor: ANONYMOUS_ACTOR,
    target: { type: "person", id: personId },
    disclosures: [{ field: "address", value: address }],
  });
}

/**
 * True if the person opened a session from `place` lately. It only says whose failures are counted together, so it is asked without
 * looking at the rows' HMACs.
 */
export async function hasSignedInFrom(tx: WorkTransaction, personId: string, place: string): Promise<boolean> {
  const rows: unknown[] = await tx.manager.query(
    `SELECT 1 FROM people.session WHERE person_id = $1 AND place = $2 AND created_at > clock_timestamp() - make_interval(secs => $3) LIMIT 1`,
    [personId, place, LIMITS.knownPlaceSeconds],
  );
  return rows.length > 0;
}

/** One answer for every reason why a sign-in fails. */
export function toUnauthenticated(error: unknown): never {
  if (isRootkeepError(error, "NOT_ALLOWLISTED") || isRootkeepError(error, "STEP_UP_REQUIRED")) throw new RootkeepError("UNAUTHENTICATED");
  throw error;
}
