import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { isId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import type { RecordsKey } from "../keys/records.js";
import { Identity } from "./identity.entity.js";
import type { LogoutToken } from "./logout-token.js";
import type { OidcProvider } from "./oidc-provider.adapter.js";
import type { ProviderSessions } from "./provider-session.repository.js";
import { Session } from "./session.entity.js";

/** Ends sessions at once when the provider says so (OpenID Connect Back-Channel Logout 1.0). */
export class BackChannelLogout {
  constructor(
    private readonly transactions: Transactions,
    private readonly records: RecordsKey,
    private readonly kept: ProviderSessions,
    private readonly provider: OidcProvider | null,
  ) {}

  /**
   * Takes a logout token, once. Somebody whom nobody knows is no error: the answer tells the provider nothing.
   * @returns how many sessions ended.
   * @throws RootkeepError `NOT_FOUND` without a provider; `MALFORMED`; `UNAVAILABLE`, and the provider tries again.
   */
  async logout(token: string): Promise<number> {
    if (this.provider === null) throw new RootkeepError("NOT_FOUND");
    const logout = await this.provider.verifyLogout(token);
    const { issuer } = this.provider;
    const sids = logout.sid === null ? null : await this.kept.idsOf(logout.sid);
    const { result } = await this.transactions.run(async (tx) => {
      await this.#takeOnce(tx.manager, logout);
      const now = await tx.clock();
      const identity = await identityIn(tx, issuer, logout);
      const open = (await sessionsOf(tx, identity, logout, sids)).filter(({ endedAt, expiresAt }) => endedAt === null && expiresAt > now);
      for (const session of open) tx.change(Session, session, { endedAt: now });
      if (tx.writes.length === 0) return { result: 0, entries: [] };
      const personId = identity?.personId ?? open[0]?.personId;
      const draft = draftEntry({
        action: "session.logout",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        ...(personId === undefined ? {} : { target: { type: "person", id: personId } }),
        details: { sessionsEnded: open.length },
      });
      return { result: open.length, entries: [{ draft }] };
    });
    return result;
  }

  /** In the transaction that ends the sessions: a token whose work was not done may come again. */
  async #takeOnce(manager: { query(sql: string, parameters: unknown[]): Promise<unknown> }, { jti }: LogoutToken): Promise<void> {
    await manager.query("DELETE FROM people.logout_token WHERE expires_at < clock_timestamp()", []);
    const hash = this.records.tokenHash(`oidc-jti:${jti}`);
    const seconds = LIMITS.logoutTokenSeconds + 2 * LIMITS.providerSkewSeconds;
    const rows = (await manager.query(
      `INSERT INTO people.logout_token (token_hash, expires_at) VALUES ($1, clock_timestamp() + make_interval(secs => $2))
       ON CONFLICT DO NOTHING RETURNING 1`,
      [hash, seconds],
    )) as unknown[];
    if (rows.length === 0) throw new RootkeepError("MALFORMED", { fields: [{ field: "logout_token", rule: "is used once" }] });
  }
}

async function identityIn(tx: WorkTransaction, issuer: string, { subject }: LogoutToken): Promise<Identity | null> {
  if (subject === null) return null;
  const [identity] = await tx.readAll(Identity, { issuer, subject }, "lock");
  return identity ?? null;
}

/** The sessions that the token means, locked: those that the provider calls so, else all of the identity. */
async function sessionsOf(
  tx: WorkTransaction,
  identity: Identity | null,
  { subject }: LogoutToken,
  sids: readonly string[] | null,
): Promise<Session[]> {
  if (sids === null) {
    if (identity === null) return [];
    // Outdates every earlier session of the identity, found here or not (`isOfNow`).
    tx.change(Identity, identity, {});
    return await tx.readAll(Session, { identityId: identity.id }, "lock");
  }
  const sessions: Session[] = [];
  for (const id of sids) {
    const session = isId("session", id) ? await tx.lock(Session, id) : null;
    if (session !== null && (subject === null || session.identityId === identity?.id)) sessions.push(session);
  }
  return sessions;
}
