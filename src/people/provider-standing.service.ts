import { setTimeout as wait } from "node:timers/promises";
import type { AuditLog } from "../audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { identityOf } from "./acting-person.service.js";
import type { OidcProvider, ProvenIdentity } from "./oidc-provider.adapter.js";
import type { KeptSession, ProviderSessions } from "./provider-session.repository.js";
import type { ProviderTokenSeal } from "./provider-token-seal.service.js";
import { Session } from "./session.entity.js";

/** A session of ours that a sign-in at the provider has opened. */
export interface ProviderSession {
  readonly sessionId: Id<"session">;
  readonly personId: Id<"person">;
  readonly subject: string;
}

/**
 * Why a session was ended by nobody here. `provider`: the provider said no. `unproven`: nothing is left to ask the provider with; it said no
 * when the log could not be written, or the row was taken away.
 */
type EndReason = "provider" | "unproven";

const POLL_MS = 100;

/**
 * Whether people still stand at the company's provider. Somebody who was let go there must not approve or open anything here: before
 * each of these acts the provider is asked, and about every live session every few minutes. No answer is no yes for an act; reading goes on.
 */
export class ProviderStanding {
  /** When the provider last did not answer, on the monotonic clock. */
  #awaySince: number | undefined;

  constructor(
    private readonly transactions: Transactions,
    private readonly log: Pick<AuditLog, "reportRefusedRow">,
    private readonly kept: ProviderSessions,
    private readonly seal: ProviderTokenSeal,
    private readonly provider: OidcProvider | null,
  ) {}

  /** The issuer whose identities count; null without a provider. */
  get issuer(): string | null {
    return this.provider?.issuer ?? null;
  }

  /** Keeps what the new session may ask the provider with, in the transaction of the sign-in. */
  async keep(tx: WorkTransaction, sessionId: Id<"session">, personId: Id<"person">, proof: ProvenIdentity): Promise<void> {
    const tokens = await this.seal.seal({ sessionId, personId }, proof.tokens);
    await this.kept.insert(tx.manager, sessionId, proof.sid, tokens);
  }

  /**
   * Passes if the provider said within `maxAgeSeconds` that the session stands, or says so now. A no ends the session.
   * @param whileAway what no answer means: `go-on` for reading, `refuse` for acts.
   * @throws RootkeepError `UNAUTHENTICATED`, `ROW_REFUSED`; with `refuse` also `UNAVAILABLE`.
   */
  async assertStands(session: ProviderSession, maxAgeSeconds: number, whileAway: "go-on" | "refuse"): Promise<void> {
    const kept = await this.#refusing(session, () => this.kept.read(session.sessionId));
    if (kept.ageSeconds >= 0 && kept.ageSeconds <= maxAgeSeconds) return;
    // Without this every call of a reader would wait for a provider that is away.
    if (whileAway === "go-on" && this.#isAway()) return;
    try {
      await this.#ask(session, kept.checkedAt);
      this.#awaySince = undefined;
    } catch (error) {
      if (!isRootkeepError(error, "UNAVAILABLE")) throw error;
      this.#awaySince = performance.now();
      if (whileAway === "refuse") throw error;
    }
  }

  /**
   * Writes down the ends that are still owed, and asks about every live session whose last answer is older than `seconds`.
   * @returns how many were ended.
   */
  async sweep(seconds: number, idleSeconds: number): Promise<number> {
    await this.kept.sweep();
    let { ended, refused } = await this.#endForgotten();
    for (const sessionId of await this.kept.due(seconds, idleSeconds)) {
      try {
        const session = await this.#known(sessionId as Id<"session">);
        if (session === null) continue;
        await this.assertStands(session, seconds, "refuse");
      } catch (error) {
        if (isRootkeepError(error, "UNAVAILABLE")) break;
        if (isRootkeepError(error, "UNAUTHENTICATED")) ended += 1;
        else refused ??= error as Error;
      }
    }
    // One that cannot be read keeps nobody from asking about those behind it.
    if (refused !== undefined) throw refused;
    return ended;
  }

  /** Ends sessions whose row is gone and whose entry could not be written then. */
  async #endForgotten(): Promise<{ ended: number; refused: Error | undefined }> {
    let ended = 0;
    let refused: Error | undefined;
    for (const sessionId of await this.kept.forgotten()) {
      try {
        if (await this.#end(sessionId as Id<"session">, "unproven")) ended += 1;
      } catch (error) {
        refused ??= error as Error;
        // The others would wait for the same log; asking the provider does not need it.
        if (isRootkeepError(error, "AUDIT_UNAVAILABLE")) break;
      }
    }
    return { ended, refused };
  }

  /** Writes down that a session has ended, once. @returns false where it had before. */
  async #end(sessionId: Id<"session">, reason: EndReason): Promise<boolean> {
    const { result } = await this.transactions.run(async (tx) => {
      const session = await tx.lock(Session, sessionId);
      if (session?.endedAt !== null) return { result: false, entries: [] };
      tx.change(Session, session, { endedAt: await tx.clock() });
      const target = { type: "session", id: sessionId };
      const details = { reason, person: session.personId };
      return {
        result: true,
        entries: [{ draft: draftEntry({ action: "session.ended", outcome: "committed", actor: SYSTEM_ACTOR, target, details }) }],
      };
    });
    return result;
  }

  /** One caller asks, on one replica: a refresh token that rotates is good once. The others wait for the answer. */
  async #ask(session: ProviderSession, knownSince: Date): Promise<void> {
    const { provider } = this;
    if (provider === null) throw new RootkeepError("UNAUTHENTICATED");
    const until = performance.now() + LIMITS.providerDeadlineMs + 1_000;
    for (;;) {
      const leased = await this.#refusing(session, () => this.kept.lease(session.sessionId));
      // Somebody else's answer that came before our turn is as good as ours.
      if (leased !== null) {
        if (leased.checkedAt > knownSince) await this.kept.release(session.sessionId);
        else await this.#askLeased(provider, session, leased);
        return;
      }
      if (performance.now() > until) throw new RootkeepError("UNAVAILABLE", { reason: "provider" });
      await wait(POLL_MS);
      const kept = await this.#refusing(session, () => this.kept.read(session.sessionId));
      if (kept.checkedAt > knownSince) return;
    }
  }

  async #askLeased(provider: OidcProvider, session: ProviderSession, leased: KeptSession): Promise<void> {
    const { sessionId, personId, subject } = session;
    try {
      const answer = await this.seal.lend({ sessionId, personId }, leased, (tokens) => provider.stillStands(tokens, subject));
      if (answer.stands) {
        try {
          await this.kept.renew(sessionId, leased.sidHash, await this.seal.seal({ sessionId, personId }, answer.tokens));
        } finally {
          answer.tokens.wipe();
        }
        return;
      }
    } catch (error) {
      await this.kept.release(sessionId);
      throw error;
    }
    await this.#refuse(sessionId);
    throw new RootkeepError("UNAUTHENTICATED");
  }

  /**
   * The no holds before it is written down: a missing row refuses, so a log that cannot be written loses the entry and not the refusal. The
   * sweeper of any replica writes it later, also after a crash in between.
   */
  async #refuse(sessionId: Id<"session">): Promise<void> {
    await this.kept.forget(sessionId);
    // Whatever keeps the entry from being written, the answer is the provider's. The log's own alarms tell of it, and the sweeper's failures.
    await this.#end(sessionId, "provider").catch(() => undefined);
  }

  async #known(sessionId: Id<"session">): Promise<ProviderSession | null> {
    return await this.transactions.peek(async (tx) => {
      const session = await tx.read(Session, sessionId);
      if (session === null) return null;
      const identity = await identityOf(tx, session).catch((error: unknown) => {
        if (isRootkeepError(error, "UNAUTHENTICATED")) return null;
        throw error;
      });
      return identity === null ? null : { sessionId, personId: session.personId, subject: identity.subject };
    });
  }

  #isAway(): boolean {
    return this.#awaySince !== undefined && performance.now() - this.#awaySince < LIMITS.providerAwaySeconds * 1000;
  }

  /** An edited row is told like every other. */
  async #refusing<T>(session: ProviderSession, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (isRootkeepError(error, "ROW_REFUSED")) await this.log.reportRefusedRow(`provider_session/${session.sessionId}`, "mac");
      throw error;
    }
  }
}
