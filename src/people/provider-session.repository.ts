import { createHash, timingSafeEqual } from "node:crypto";
import type { DataSource, EntityManager } from "typeorm";
import { encodeFields } from "../kernel/encoding.js";
import { RootkeepError } from "../kernel/errors.js";
import type { RecordsKey } from "../keys/records.js";
import type { SealedTokens } from "./provider-token-seal.service.js";

/** What is kept of a session at the provider. */
export interface KeptSession extends SealedTokens {
  readonly sidHash: Buffer | null;
  /** When the provider last said that it stands; the database's clock. */
  readonly checkedAt: Date;
  /** Seconds since then, by that clock. */
  readonly ageSeconds: number;
}

interface Row {
  readonly sid_hash: Buffer | null;
  readonly data_key_id: string;
  readonly sealed: Buffer;
  readonly checked_at: Date;
  readonly mac: Buffer;
  readonly age: string;
}

const COLUMNS = "sid_hash, data_key_id, sealed, checked_at, mac, extract(epoch FROM clock_timestamp() - checked_at) AS age";
/** False of a session that was forgotten: no answer that was on its way brings it back. */
const HOLDS_TOKENS = "octet_length(sealed) > 0";
/** Longer than any call to the provider takes; a replica that dies while it asks holds the others up for so long. */
const LEASE_SECONDS = 15;

/**
 * Rows of `people.provider_session`, each under an HMAC of its own. They change every few minutes, without an entry: an older copy put
 * back says that the provider was asked longer ago, and holds older tokens, so it can only make us ask sooner, or be refused. A missing
 * row refuses, and so does one whose tokens were taken out: the provider's no, until its entry is written.
 */
export class ProviderSessions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly records: RecordsKey,
  ) {}

  /** @throws RootkeepError `UNAUTHENTICATED` where there is none; `ROW_REFUSED` for one that was edited. */
  async read(sessionId: string): Promise<KeptSession> {
    const rows: Row[] = await this.dataSource.query(`SELECT ${COLUMNS} FROM people.provider_session WHERE session_id = $1`, [sessionId]);
    return this.#admit(sessionId, rows[0]);
  }

  /** Takes the turn to ask about the session, or null while somebody else has it. */
  async lease(sessionId: string): Promise<KeptSession | null> {
    const [rows]: [Row[], number] = await this.dataSource.query(
      `UPDATE people.provider_session SET leased_until = clock_timestamp() + make_interval(secs => $2)
       WHERE session_id = $1 AND ${HOLDS_TOKENS} AND (leased_until IS NULL OR leased_until < clock_timestamp()) RETURNING ${COLUMNS}`,
      [sessionId, LEASE_SECONDS],
    );
    return rows.length === 0 ? null : this.#admit(sessionId, rows[0]);
  }

  /** Gives the turn back without an answer. */
  async release(sessionId: string): Promise<void> {
    await this.dataSource.query("UPDATE people.provider_session SET leased_until = NULL WHERE session_id = $1", [sessionId]);
  }

  /** Keeps what the next call asks with, and that the provider has just said yes; gives the turn back. */
  async renew(sessionId: string, sidHash: Buffer | null, tokens: SealedTokens): Promise<void> {
    const checkedAt = await clockOf(this.dataSource.manager);
    await this.dataSource.query(
      `UPDATE people.provider_session SET data_key_id = $2, sealed = $3, checked_at = $4, mac = $5, leased_until = NULL
       WHERE session_id = $1 AND ${HOLDS_TOKENS}`,
      [sessionId, tokens.dataKeyId, tokens.sealed, checkedAt, this.#mac(sessionId, sidHash, tokens, checkedAt)],
    );
  }

  /** A new session's row, in the transaction of the sign-in. */
  async insert(manager: EntityManager, sessionId: string, sid: string | null, tokens: SealedTokens): Promise<void> {
    const [checkedAt, sidHash] = [await clockOf(manager), this.sidHash(sid)];
    await manager.query(
      "INSERT INTO people.provider_session (session_id, sid_hash, data_key_id, sealed, checked_at, mac) VALUES ($1, $2, $3, $4, $5, $6)",
      [sessionId, sidHash, tokens.dataKeyId, tokens.sealed, checkedAt, this.#mac(sessionId, sidHash, tokens, checkedAt)],
    );
  }

  /** Ids of the sessions that the provider calls `sid`. */
  async idsOf(sid: string): Promise<string[]> {
    const rows: { session_id: string }[] = await this.dataSource.query(
      "SELECT session_id FROM people.provider_session WHERE sid_hash = $1",
      [this.sidHash(sid)],
    );
    return rows.map(({ session_id }) => session_id);
  }

  /** Ids of live sessions about which the provider was last asked more than `seconds` ago, the longest first. */
  async due(seconds: number, idleSeconds: number): Promise<string[]> {
    const rows: { session_id: string }[] = await this.dataSource.query(
      `SELECT p.session_id FROM people.provider_session p JOIN people.session s ON s.id = p.session_id
       WHERE p.checked_at < clock_timestamp() - make_interval(secs => $1) AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
         AND octet_length(p.sealed) > 0 AND s.last_seen_at > clock_timestamp() - make_interval(secs => $2)
       ORDER BY p.checked_at LIMIT 500`,
      [seconds, idleSeconds],
    );
    return rows.map(({ session_id }) => session_id);
  }

  /** Takes the tokens out of the row: the session can never be proven again, and every replica refuses it from now on. */
  async forget(sessionId: string): Promise<void> {
    await this.dataSource.query("UPDATE people.provider_session SET sealed = '\\x', leased_until = NULL WHERE session_id = $1", [
      sessionId,
    ]);
  }

  /**
   * Ids of sessions of the provider's that were forgotten and have not ended: their entry is still owed, also when the session would be over by
   * now. Of one whose row is gone only while it is not: the rows of those that ran out are swept. The oldest first.
   */
  async forgotten(): Promise<string[]> {
    const rows: { id: string }[] = await this.dataSource.query(
      `SELECT s.id FROM people.session s LEFT JOIN people.provider_session p ON p.session_id = s.id
       WHERE s.identity_id IS NOT NULL AND s.ended_at IS NULL
         AND (octet_length(p.sealed) = 0 OR (p.session_id IS NULL AND s.expires_at > clock_timestamp()))
       ORDER BY s.created_at, s.id LIMIT 500`,
    );
    return rows.map(({ id }) => id);
  }

  /** Forgets the tokens of sessions that have ended; not those whose end is still to be written. @returns how many. */
  async sweep(): Promise<number> {
    const [, count]: [unknown, number] = await this.dataSource.query(
      `DELETE FROM people.provider_session p USING people.session s
       WHERE s.id = p.session_id AND (s.ended_at IS NOT NULL OR (s.expires_at < clock_timestamp() AND octet_length(p.sealed) > 0))`,
    );
    return count;
  }

  /** The provider's name of its session, as it is kept. */
  sidHash(sid: string | null): Buffer | null {
    return sid === null ? null : this.records.tokenHash(`oidc-sid:${sid}`);
  }

  #admit(sessionId: string, row: Row | undefined): KeptSession {
    if (row === undefined || row.sealed.length === 0) throw new RootkeepError("UNAUTHENTICATED");
    const kept = { sidHash: row.sid_hash, dataKeyId: row.data_key_id, sealed: row.sealed, checkedAt: row.checked_at };
    const expected = this.#mac(sessionId, kept.sidHash, kept, kept.checkedAt);
    if (row.mac.length !== expected.length || !timingSafeEqual(row.mac, expected)) {
      throw new RootkeepError("ROW_REFUSED", { facts: { row: `provider_session/${sessionId}` }, reason: "mac" });
    }
    return { ...kept, ageSeconds: Number(row.age) };
  }

  #mac(sessionId: string, sidHash: Buffer | null, tokens: SealedTokens, checkedAt: Date): Buffer {
    const digest = createHash("sha256").update(tokens.sealed).digest("hex");
    return this.records.mac(
      encodeFields([
        "rk-provider-session-1",
        sessionId,
        sidHash === null ? "-" : sidHash.toString("hex"),
        tokens.dataKeyId,
        digest,
        checkedAt.toISOString(),
      ]),
    );
  }
}

async function clockOf(manager: EntityManager): Promise<Date> {
  const [row]: { now: Date }[] = await manager.query("SELECT clock_timestamp()::timestamptz(3) AS now");
  if (row === undefined) throw new Error("the database has no clock");
  return row.now;
}
