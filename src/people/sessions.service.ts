import { randomBytes } from "node:crypto";
import type { DataSource } from "typeorm";
import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { SessionLimits } from "../config/config.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import type { Role } from "../kernel/operations.js";
import type { RecordsKey } from "../keys/records.js";
import { identityOf, isOfNow } from "./acting-person.service.js";
import { Person } from "./person.entity.js";
import type { ProviderSession, ProviderStanding } from "./provider-standing.service.js";
import { Session } from "./session.entity.js";
import { requireRole, standingOf } from "./standing.service.js";

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

/** How a session is opened. */
export interface Opening {
  readonly sessionId: Id<"session">;
  readonly token: string;
  readonly personId: Id<"person">;
  readonly identityId: Id<"identity"> | null;
  /** `networkOf` the caller's address. */
  readonly place: string;
}

/** Sessions: opaque tokens, kept hashed, ended at once (design §2). */
export class Sessions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly records: RecordsKey,
    private readonly provider: Pick<ProviderStanding, "issuer" | "assertStands">,
    private readonly limits: SessionLimits,
  ) {}

  /** Notes a new session in the transaction of a sign-in. */
  open(tx: WorkTransaction, opening: Opening, now: Date): Session {
    const { sessionId, token, personId, identityId, place } = opening;
    return tx.insert(Session, {
      id: sessionId,
      personId,
      tokenHash: this.records.tokenHash(token),
      createdAt: now,
      expiresAt: plusSeconds(now, this.limits.absoluteSeconds),
      endedAt: null,
      lastSeenAt: now,
      identityId,
      place,
    });
  }

  /**
   * Who holds `token`. The session's row, the person's and the identity's are checked against the log; expiry is computed now. A session of
   * the provider's is looked at again there when the last answer is too old; while it cannot be asked, reading goes on.
   * @throws RootkeepError `UNAUTHENTICATED`
   */
  async authenticate(token: string): Promise<SignedIn> {
    const tokenHash = this.records.tokenHash(token);
    const { signedIn, isIdle, atProvider } = await this.transactions.peek(async (tx) => {
      const now = await tx.clock();
      const [session] = await tx.readAll(Session, { tokenHash });
      if (session === undefined || !this.#isLive(session, now)) throw new RootkeepError("UNAUTHENTICATED");
      const standing = await standingOf(tx, session.personId, now);
      if (!isOfNow(tx, session, standing.person)) throw new RootkeepError("UNAUTHENTICATED");
      return {
        signedIn: {
          personId: session.personId,
          sessionId: session.id,
          roles: [...new Set(standing.entries.map(({ role }) => role))].sort(),
        },
        isIdle: plusSeconds(session.lastSeenAt, LIMITS.sessionTouchSeconds) <= now,
        atProvider: await this.#atProvider(tx, session),
      };
    });
    if (atProvider !== null) await this.provider.assertStands(atProvider, LIMITS.providerStandingSeconds, "go-on");
    if (isIdle) {
      await this.dataSource.query("UPDATE people.session SET last_seen_at = clock_timestamp() WHERE id = $1", [signedIn.sessionId]);
    }
    return signedIn;
  }

  /**
   * Before an act that takes a second factor: a session of the provider's must stand there now.
   * @throws RootkeepError `UNAUTHENTICATED`, `UNAVAILABLE` while the provider cannot be asked.
   */
  async assertStandsAtProvider(sessionId: Id<"session">): Promise<void> {
    const atProvider = await this.transactions.peek(async (tx) => {
      const session = await tx.read(Session, sessionId);
      if (session === null) throw new RootkeepError("UNAUTHENTICATED");
      return await this.#atProvider(tx, session);
    });
    if (atProvider !== null) await this.provider.assertStands(atProvider, LIMITS.providerActSeconds, "refuse");
  }

  /** The person's sessions that have not ended. @throws RootkeepError `NOT_FOUND` for nobody. */
  async list(personId: Id<"person">): Promise<Session[]> {
    return await this.transactions.peek(async (tx) => {
      const now = await tx.clock();
      const person = await tx.read(Person, personId);
      if (person === null) throw new RootkeepError("NOT_FOUND");
      const sessions = await tx.readAll(Session, { personId });
      return sessions.filter((session) => this.#isLive(session, now) && isOfNow(tx, session, person));
    });
  }

  /**
   * Ends one of the person's own sessions.
   * @throws RootkeepError `NOT_FOUND`
   */
  async revoke(personId: Id<"person">, sessionId: Id<"session">): Promise<void> {
    await this.#end("session.revoke", personId, personId, sessionId);
  }

  /**
   * A custodian ends somebody's session: taking away needs no second.
   * @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED`
   */
  async end(custodianId: Id<"person">, personId: Id<"person">, sessionId: Id<"session">): Promise<void> {
    await this.#end("session.end", custodianId, personId, sessionId);
  }

  async #end(
    action: "session.revoke" | "session.end",
    actorId: Id<"person">,
    personId: Id<"person">,
    sessionId: Id<"session">,
  ): Promise<void> {
    await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      if (action === "session.end") await requireRole(tx, actorId, "custodian", now);
      const session = await tx.lock(Session, sessionId);
      if (session?.personId !== personId || session.endedAt !== null) throw new RootkeepError("NOT_FOUND");
      tx.change(Session, session, { endedAt: now });
      const target = { type: "session", id: sessionId };
      const details = action === "session.end" ? { details: { person: personId } } : {};
      const draft = draftEntry({ action, outcome: "committed", actor: personActor(actorId), target, ...details });
      return { result: undefined, entries: [{ draft }] };
    });
  }

  #isLive(session: Session, now: Date): boolean {
    return session.endedAt === null && session.expiresAt > now && plusSeconds(session.lastSeenAt, this.limits.idleSeconds) > now;
  }

  async #atProvider(tx: WorkTransaction, session: Session): Promise<ProviderSession | null> {
    const identity = await identityOf(tx, session);
    if (identity === null) return null;
    // A provider that this deployment no longer trusts vouches for nobody.
    if (identity.issuer !== this.provider.issuer) throw new RootkeepError("UNAUTHENTICATED");
    return { sessionId: session.id, personId: session.personId, subject: identity.subject };
  }
}

/** A new session's id and token. */
export function newSessionToken(): { sessionId: Id<"session">; token: string } {
  return { sessionId: newId("session"), token: `rks_${randomBytes(32).toString("base64url")}` };
}
