import { randomBytes, timingSafeEqual } from "node:crypto";
import type { DataSource } from "typeorm";
import { plusSeconds } from "../kernel/clock.js";
import { encodeFields } from "../kernel/encoding.js";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { RecordsKey } from "../keys/records.js";
import type { LoginBinding, OidcProvider } from "./oidc-provider.adapter.js";

/** What a sign-in at the provider is for. */
export const LOGIN_PURPOSES = ["sign-in", "link"] as const;
export type LoginPurpose = (typeof LOGIN_PURPOSES)[number];

/** A sign-in that was begun. The token is shown once; whoever has it, and nobody else, can complete it. */
export interface BegunLogin {
  readonly loginToken: string;
  readonly authorizationUrl: string;
  readonly redirect: string;
  readonly expiresAt: Date;
}

/**
 * Sign-ins that were begun at the provider, each single use, short, and bound to the caller who began it: state, nonce and PKCE verifier are
 * derived from a token that this caller alone holds, so the answer to one sign-in completes no other, and nobody can be made to complete a
 * stranger's. The table keeps a keyed hash of the token and what it is for; who reads it can complete nothing.
 */
export class OidcLogins {
  constructor(
    private readonly dataSource: DataSource,
    private readonly records: RecordsKey,
    private readonly provider: OidcProvider | null,
  ) {}

  /** @throws RootkeepError `NOT_FOUND` without a provider; `UNAVAILABLE`. */
  async begin(purpose: LoginPurpose): Promise<BegunLogin> {
    if (this.provider === null) throw new RootkeepError("NOT_FOUND");
    const loginToken = `rko_${randomBytes(32).toString("base64url")}`;
    const authorizationUrl = await this.provider.authorizationUrl(this.#binding(loginToken));
    const [clock]: { now: Date }[] = await this.dataSource.query("SELECT clock_timestamp()::timestamptz(3) AS now");
    if (clock === undefined) throw new Error("the database has no clock");
    const expiresAt = plusSeconds(clock.now, LIMITS.oidcLoginSeconds);
    const tokenHash = this.records.tokenHash(loginToken);
    await this.dataSource.query("DELETE FROM people.oidc_login WHERE expires_at < clock_timestamp() - interval '1 hour'");
    await this.dataSource.query("INSERT INTO people.oidc_login (token_hash, purpose, expires_at, mac) VALUES ($1, $2, $3, $4)", [
      tokenHash,
      purpose,
      expiresAt,
      this.#mac(tokenHash, purpose, expiresAt),
    ]);
    return { loginToken, authorizationUrl, redirect: this.provider.redirect, expiresAt };
  }

  /**
   * Takes a sign-in that was begun for `purpose`, once; from now on it is used, whatever comes of it.
   * @throws RootkeepError `UNAUTHENTICATED`
   */
  async take(loginToken: string, purpose: LoginPurpose): Promise<LoginBinding> {
    const tokenHash = this.records.tokenHash(loginToken);
    const [rows]: [{ purpose: string; expires_at: Date; mac: Buffer }[], number] = await this.dataSource.query(
      `UPDATE people.oidc_login SET used_at = clock_timestamp()
       WHERE token_hash = $1 AND used_at IS NULL AND expires_at > clock_timestamp() RETURNING purpose, expires_at, mac`,
      [tokenHash],
    );
    const row = rows[0];
    if (row?.purpose !== purpose) throw new RootkeepError("UNAUTHENTICATED");
    const expected = this.#mac(tokenHash, purpose, row.expires_at);
    if (row.mac.length !== expected.length || !timingSafeEqual(row.mac, expected)) throw new RootkeepError("UNAUTHENTICATED");
    return this.#binding(loginToken);
  }

  #binding(loginToken: string): LoginBinding {
    const part = (name: string): string => this.records.tokenHash(`${name}:${loginToken}`).toString("base64url");
    return { state: part("oidc-state"), nonce: part("oidc-nonce"), verifier: part("oidc-verifier") };
  }

  #mac(tokenHash: Buffer, purpose: string, expiresAt: Date): Buffer {
    return this.records.mac(encodeFields(["rk-oidc-login-1", tokenHash.toString("hex"), purpose, expiresAt.toISOString()]));
  }
}
