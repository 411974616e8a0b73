import { Secret } from "../kernel/secret.js";

/** What the provider is asked with about a session's standing: a refresh token, or an access token until it runs out. */
export interface ProviderTokens {
  readonly refreshToken: string | null;
  readonly accessToken: string | null;
  /** Unix seconds; 0 where the provider did not say. */
  readonly accessExpiresAt: number;
}

/** What of a token answer is kept: with a refresh token nothing else is needed. */
export function tokensOf(
  answer: { readonly access_token: string; readonly refresh_token?: string | undefined; readonly expires_in?: number | undefined },
  before: ProviderTokens | null,
  unixSeconds: number,
): ProviderTokens {
  const refreshToken = answer.refresh_token ?? before?.refreshToken ?? null;
  if (refreshToken !== null) return { refreshToken, accessToken: null, accessExpiresAt: 0 };
  return {
    refreshToken: null,
    accessToken: answer.access_token,
    accessExpiresAt: answer.expires_in === undefined ? 0 : unixSeconds + answer.expires_in,
  };
}

/** As bytes, to be sealed. The caller wipes them. */
export function packTokens(tokens: ProviderTokens): Secret<Buffer> {
  return Secret.of(Buffer.from(JSON.stringify(tokens), "utf8"));
}

/** Reads what {@link packTokens} wrote. */
export function unpackTokens(packed: Secret<Buffer>): Secret<ProviderTokens> {
  return packed.expose((bytes) => Secret.of(JSON.parse(bytes.toString("utf8")) as ProviderTokens));
}
