import { createRemoteJWKSet, errors as jose, customFetch as joseFetch, jwtVerify } from "jose";
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  ClientSecretBasic,
  type Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  ResponseBodyError,
  refreshTokenGrant,
  WWWAuthenticateChallengeError,
} from "openid-client";
import type { OidcConfig } from "../config/config.js";
import { type ErrorCode, RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { Secret } from "../kernel/secret.js";
import type { Log } from "../telemetry/log.service.js";
import { slug } from "../telemetry/site.js";
import { type LogoutToken, readLogoutClaims } from "./logout-token.js";
import { packTokens, tokensOf, unpackTokens } from "./provider-tokens.js";

/** What ties an answer of the provider to the sign-in that was begun; all of it is derived from a token that only the caller has. */
export interface LoginBinding {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Who the provider says it was, and what it may be asked with later. */
export interface ProvenIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** The provider's own session, where it names one. */
  readonly sid: string | null;
  /** The caller's to wipe. */
  readonly tokens: Secret<Buffer>;
}

/** Whether the provider still knows the session; `tokens` are those to ask with next time. */
export type ProviderAnswer = { readonly stands: true; readonly tokens: Secret<Buffer> } | { readonly stands: false };

type Step = "discover" | "exchange" | "standing" | "logout";

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
/** Signatures by the provider's own key alone: `none` is no signature, and an HMAC by our client secret is one that we could have made. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];
/** How long a discovery document is believed by calls that verify no signature. */
const DISCOVERY_MS = 60_000;
/** Codes of the library that mean "no usable answer came", as opposed to "the answer is not to be believed". */
const NO_ANSWER: readonly string[] = [
  "OAUTH_TIMEOUT",
  "OAUTH_ABORT",
  "OAUTH_RESPONSE_IS_NOT_CONFORM",
  "OAUTH_RESPONSE_IS_NOT_JSON",
  "OAUTH_PARSE_ERROR",
];

/** The company's OpenID Connect provider, through `openid-client`: authorization code with PKCE, state, nonce, issuer and signature. */
export class OidcProvider {
  #discovered: { readonly configuration: Configuration; readonly at: number } | undefined;
  #keys: { readonly uri: string; readonly set: ReturnType<typeof createRemoteJWKSet> } | undefined;

  constructor(
    private readonly settings: OidcConfig,
    private readonly log: Pick<Log, "event">,
  ) {}

  get issuer(): string {
    return this.settings.issuer;
  }

  get redirect(): string {
    return this.settings.redirect;
  }

  /** Where the person signs in. @throws RootkeepError `UNAVAILABLE` */
  async authorizationUrl({ state, nonce, verifier }: LoginBinding): Promise<string> {
    const configuration = await this.#discover(false);
    const { scopes, redirect } = this.settings;
    const url = buildAuthorizationUrl(configuration, {
      response_type: "code",
      redirect_uri: redirect,
      scope: scopes,
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      // OpenID Connect Core §11: offline access is given only where the person was asked.
      ...(scopes.split(" ").includes("offline_access") ? { prompt: "consent" } : {}),
    });
    return url.href;
  }

  /**
   * Turns the provider's answer, as it came with the redirect, into an identity.
   * @param response the query of the redirect.
   * @throws RootkeepError `UNAUTHENTICATED` for whatever is wrong with the answer; `UNAVAILABLE` when the provider cannot be asked.
   */
  async exchange(response: string, { state, nonce, verifier }: LoginBinding): Promise<ProvenIdentity> {
    // Discovered anew, and with it the keys: one that the provider has just begun to sign with is found, one that it took back is not.
    const configuration = await this.#discover(true);
    enableNonRepudiationChecks(configuration);
    const url = new URL(this.settings.redirect);
    url.search = response;
    try {
      const answer = await authorizationCodeGrant(configuration, url, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      const claims = answer.claims();
      if (claims?.iss !== this.issuer || claims.sub.length === 0 || claims.sub.length > 255) {
        throw new RootkeepError("UNAUTHENTICATED");
      }
      const sid = claims["sid"];
      return {
        issuer: claims.iss,
        subject: claims.sub,
        sid: typeof sid === "string" ? sid : null,
        tokens: packTokens(tokensOf(answer, null, Date.now() / 1000)),
      };
    } catch (error) {
      throw this.#translate("exchange", error, "UNAUTHENTICATED");
    }
  }

  /**
   * Asks whether the person's session at the provider still stands: by the refresh token, else by the access token until it runs out.
   * @throws RootkeepError `UNAVAILABLE` when the provider cannot be asked, which is no answer.
   */
  async stillStands(packed: Secret<Buffer>, subject: string): Promise<ProviderAnswer> {
    const configuration = await this.#discover(false);
    const before = unpackTokens(packed).expose((tokens) => tokens);
    try {
      if (before.refreshToken === null) {
        const left = before.accessExpiresAt === 0 ? 1 : before.accessExpiresAt - Date.now() / 1000;
        if (before.accessToken === null || left <= 0) return { stands: false };
        await fetchUserInfo(configuration, before.accessToken, subject);
        return { stands: true, tokens: packTokens(before) };
      }
      const answer = await refreshTokenGrant(configuration, before.refreshToken);
      const claims = answer.claims();
      if (claims !== undefined && claims.sub !== subject) return { stands: false };
      return { stands: true, tokens: packTokens(tokensOf(answer, before, Date.now() / 1000)) };
    } catch (error) {
      if (isRefusal(error)) return { stands: false };
      throw this.#translate("standing", error, "UNAVAILABLE");
    }
  }

  /**
   * Verifies a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6) up to its having been used before.
   * @throws RootkeepError `MALFORMED`; `UNAVAILABLE` when the provider's keys cannot be fetched.
   */
  async verifyLogout(token: string): Promise<LogoutToken> {
    const { jwks_uri: uri } = (await this.#discover(false)).serverMetadata();
    if (uri === undefined) throw new RootkeepError("UNAVAILABLE", { reason: "provider without keys" });
    if (this.#keys?.uri !== uri) {
      const options = { cooldownDuration: 1_000, timeoutDuration: LIMITS.providerDeadlineMs, [joseFetch]: guardedFetch as typeof fetch };
      this.#keys = { uri, set: createRemoteJWKSet(new URL(uri), options) };
    }
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keys.set, {
        issuer: this.issuer,
        audience: this.settings.clientId,
        algorithms: ALGORITHMS,
        clockTolerance: LIMITS.providerSkewSeconds,
        maxTokenAge: LIMITS.logoutTokenSeconds,
        requiredClaims: ["iat", "jti", "events"],
      });
      const claims = readLogoutClaims(protectedHeader.typ, payload);
      if (claims === null) throw new RootkeepError("MALFORMED", { fields: [{ field: "logout_token", rule: "is a logout token" }] });
      return claims;
    } catch (error) {
      if (error instanceof RootkeepError) throw error;
      const isOurs = error instanceof jose.JOSEError && !(error instanceof jose.JWKSTimeout) && error.code !== "ERR_JOSE_GENERIC";
      if (!isOurs) throw this.#translate("logout", error, "UNAVAILABLE");
      this.#tell("logout", error.code);
      throw new RootkeepError("MALFORMED", { fields: [{ field: "logout_token", rule: "is signed by the provider, for us, and fresh" }] });
    }
  }

  async #discover(isFresh: boolean): Promise<Configuration> {
    const now = performance.now();
    if (!isFresh && this.#discovered !== undefined && now - this.#discovered.at < DISCOVERY_MS) return this.#discovered.configuration;
    const { issuer, clientId, clientSecret } = this.settings;
    try {
      const configuration = await discovery(
        new URL(issuer),
        clientId,
        { [clockTolerance]: LIMITS.providerSkewSeconds },
        // The secret is exposed for each call, and stays in no header that outlives it.
        clientSecret === null
          ? None()
          : (server, client, body, headers) => {
              clientSecret.expose((secret) => {
                ClientSecretBasic(secret)(server, client, body, headers);
              });
            },
        {
          [customFetch]: guardedFetch,
          timeout: LIMITS.providerDeadlineMs / 1000,
          // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out; the configuration allows http on loopback alone
          ...(issuer.startsWith("http:") ? { execute: [allowInsecureRequests] } : {}),
        },
      );
      // The library lets some providers name themselves otherwise than asked; an identity is bound to the issuer, so ours may not.
      if (configuration.serverMetadata().issuer !== issuer) throw new RootkeepError("UNAVAILABLE", { reason: "another issuer" });
      if (!isFresh) this.#discovered = { configuration, at: now };
      return configuration;
    } catch (error) {
      throw this.#translate("discover", error, "UNAVAILABLE");
    }
  }

  /** Never the library's text: it quotes what came from outside. */
  #translate(step: Step, error: unknown, otherwise: ErrorCode): RootkeepError {
    if (error instanceof RootkeepError) return error;
    const code = codeOf(error);
    this.#tell(step, code);
    // An error of the OAuth layer that does not speak of the code is one about us, the client, and says nothing about the person.
    const isAboutUs = error instanceof ResponseBodyError && error.error !== "invalid_grant";
    const isSilent = !(error instanceof ClientError || error instanceof ResponseBodyError || error instanceof AuthorizationResponseError);
    if (isAboutUs || isSilent || NO_ANSWER.includes(code)) return new RootkeepError("UNAVAILABLE", { reason: "provider", cause: error });
    return new RootkeepError(otherwise, { reason: "provider" });
  }

  #tell(step: Step, code: string): void {
    this.log.event("provider.failed", { step, reason: slug(code) });
  }
}

/** A definite no: the token is not (or no longer) good, or is another person's. */
function isRefusal(error: unknown): boolean {
  if (error instanceof ResponseBodyError) return error.error === "invalid_grant";
  if (error instanceof WWWAuthenticateChallengeError) return error.status === 401 || error.status === 403;
  return error instanceof ClientError && error.code === "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED";
}

function codeOf(error: unknown): string {
  if (error instanceof ResponseBodyError || error instanceof AuthorizationResponseError) return error.error;
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  if (typeof code === "string") return code;
  return typeof cause?.code === "string" ? cause.code : "unreachable";
}

/** No call leaves this machine without TLS, whatever address a discovery document names. */
function guardedFetch(address: string, options?: object): Promise<Response> {
  const url = new URL(address);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && LOOPBACK.test(url.hostname))) {
    return Promise.reject(new TypeError("provider address without TLS"));
  }
  return fetch(address, options);
}
