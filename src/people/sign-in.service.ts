import { randomBytes } from "node:crypto";
import type { DataSource } from "typeorm";
import type { AuditLog } from "../audit/audit-log.service.js";
import { ANONYMOUS_ACTOR, draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { plusSeconds } from "../kernel/clock.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import type { Role } from "../kernel/operations.js";
import type { RecordsKey } from "../keys/records.js";
import { isOfNow } from "./acting-person.service.js";
import { Authenticator } from "./authenticator.entity.js";
import type { FailureCounter } from "./failure-counter.service.js";
import { checkPassword } from "./passwords.service.js";
import { Person } from "./person.entity.js";
import { Session } from "./session.entity.js";
import { standingOf } from "./standing.service.js";
import type { StepUp } from "./step-up.service.js";
import type { UnknownFailures } from "./unknown-failures.service.js";

/** A new session. The token is shown once. */
export interface NewSession {
  readonly sessionId: Id<"session">;
  readonly personId: Id<"person">;
  readonly token: string;
  readonly expiresAt: Date;
  /** Position of the entry that tells of it. */
  readonly seq: number;
}

/** Who is behind a token. */
export interface SignedIn {
  readonly personId: Id<"person">;
  readonly sessionId: Id<"session">;
  /** Roles of the allowlist entries in force, over whatever accounts. */
  readonly roles: readonly Role[];
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
  readonly code: string;
  /** Where the attempt comes from; only for counting failures. */
  readonly address: string;
}

/** Sessions: opaque tokens, kept hashed, ended at once (design §2). */
export class SignIn {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
    private readonly records: RecordsKey,
    private readonly stepUp: StepUp,
    private readonly failures: FailureCounter,
    private readonly unknownFailures: Pick<UnknownFailures, "note">,
  ) {}

  /**
   * Signs a person in with password and TOTP code. Every failure is the same answer, whatever was wrong.
   * @throws RootkeepError `UNAUTHENTICATED`, `LOCKED_OUT`
   */
  async signIn(credentials: Credentials): Promise<NewSession> {
    const found = await this.#findPassword(credentials.email);
    const subject = `sign-in:${found?.personId ?? "unknown"}:${credentials.address}`;
    const hasFailed = await this.failures.assertMayTry(subject);
    const isRight = await checkPassword(found?.passwordHash ?? undefined, credentials.password);
    try {
      if (!isRight || found === undefined) throw new RootkeepError("UNAUTHENTICATED");
      const session = await this.#open(found, credentials.code);
      if (hasFailed) await this.failures.clear(subject);
      return session;
    } catch (error) {
      if (!isRootkeepError(error, "UNAUTHENTICATED")) throw error;
      await this.failures.note(subject);
      // Failures of unknown callers are only counted: an outsider must not be able to write into the log at will.
      if (found === undefined) this.unknownFailures.note();
      else {
        await this.log.record(
          draftEntry({
            action: "session.failed",
            outcome: "denied",
            actor: ANONYMOUS_ACTOR,
            target: { type: "person", id: found.personId },
            disclosures: [{ field: "address", value: credentials.address }],
          }),
        );
      }
      throw error;
    }
  }

  /**
   * Who holds `token`. The session's row and the person's are checked against the log; expiry is computed now.
   * @throws RootkeepError `UNAUTHENTICATED`
   */
  async authenticate(token: string): Promise<SignedIn> {
    const tokenHash = this.records.tokenHash(token);
    const { signedIn, isIdle } = await this.transactions.peek(async (tx) => {
      const now = await tx.clock();
      const [session] = await tx.readAll(Session, { tokenHash });
      if (session?.endedAt !== null || session.expiresAt <= now) throw new RootkeepError("UNAUTHENTICATED");
      if (plusSeconds(session.lastSeenAt, LIMITS.sessionIdleSeconds) <= now) throw new RootkeepError("UNAUTHENTICATED");
      const standing = await standingOf(tx, session.personId, now);
      if (!isOfNow(session, standing.person)) throw new RootkeepError("UNAUTHENTICATED");
      return {
        signedIn: {
          personId: session.personId,
          sessionId: session.id,
          roles: [...new Set(standing.entries.map(({ role }) => role))].sort(),
        },
        isIdle: plusSeconds(session.lastSeenAt, LIMITS.sessionTouchSeconds) <= now,
      };
    });
    if (isIdle) {
      await this.dataSource.query("UPDATE people.session SET last_seen_at = clock_timestamp() WHERE id = $1", [signedIn.sessionId]);
    }
    return signedIn;
  }

  /** The person's own sessions that have not ended. */
  async list(personId: Id<"person">): Promise<Session[]> {
    return await this.transactions.peek(async (tx) => {
      const now = await tx.clock();
      const sessions = await tx.readAll(Session, { personId });
      return sessions.filter((session) => session.endedAt === null && session.expiresAt > now);
    });
  }

  /**
   * Ends one of the person's own sessions.
   * @throws RootkeepError `NOT_FOUND`
   */
  async revoke(personId: Id<"person">, sessionId: Id<"session">): Promise<void> {
    await this.transactions.run(async (tx) => {
      const session = await tx.lock(Session, sessionId);
      if (session?.personId !== personId || session.endedAt !== null) throw new RootkeepError("NOT_FOUND");
      tx.change(Session, session, { endedAt: await tx.clock() });
      const target = { type: "session", id: sessionId };
      const draft = draftEntry({ action: "session.revoke", outcome: "committed", actor: personActor(personId), target });
      return { result: undefined, entries: [{ draft }] };
    });
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

  async #open(password: Authenticator, code: string): Promise<NewSession> {
    const token = `rks_${randomBytes(32).toString("base64url")}`;
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const { person } = await standingOf(tx, password.personId, now).catch(toUnauthenticated);
      const current = await tx.read(Authenticator, password.id);
      // The password that was compared must still be the person's, and it must be theirs by the log.
      if (current?.state !== "ACTIVE" || current.personId !== person.id || current.passwordHash !== password.passwordHash) {
        throw new RootkeepError("UNAUTHENTICATED");
      }
      await this.stepUp.confirm(tx, person.id, code, now, false).catch(toUnauthenticated);
      const session = tx.insert(Session, {
        id: newId("session"),
        personId: person.id,
        tokenHash: this.records.tokenHash(token),
        createdAt: now,
        expiresAt: plusSeconds(now, LIMITS.sessionAbsoluteSeconds),
        endedAt: null,
        lastSeenAt: now,
      });
      const target = { type: "session", id: session.id };
      const draft = draftEntry({ action: "session.create", outcome: "allowed", actor: personActor(person.id), target });
      return { result: session, entries: [{ draft }] };
    });
    return { sessionId: result.id, personId: result.personId, token, expiresAt: result.expiresAt, seq: receipts[0]?.facts.seq ?? -1 };
  }
}

function toUnauthenticated(error: unknown): never {
  if (isRootkeepError(error, "NOT_ALLOWLISTED") || isRootkeepError(error, "STEP_UP_REQUIRED")) throw new RootkeepError("UNAUTHENTICATED");
  throw error;
}
