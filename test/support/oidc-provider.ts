// The company's OpenID Connect provider: `oidc-provider`, real, over real HTTP on loopback; and a browser that signs people in there.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import Provider, { type Adapter, type AdapterPayload, type Configuration } from "oidc-provider";
import type { OidcConfig } from "../../src/config/config.js";
import { Secret } from "../../src/kernel/secret.js";

const REDIRECT = "http://127.0.0.1:8479/rootkeep";
const CLIENT_ID = "rootkeep";
const CLIENT_SECRET = "a client secret of tests, long enough";

/** A token answer, as it is about to leave the provider. */
export type TokenAnswer = Record<string, unknown>;
type IdTokenClaims = Record<string, unknown>;

export interface TestProviderOptions {
  readonly redirect?: string;
  readonly logoutAddress?: string;
}

export class TestProvider {
  isDown = false;
  /** Where logouts are told; takes effect with the next key. */
  logoutAddress: string | undefined;
  /** How long a code is good for. */
  codeSeconds = 60;
  accessSeconds = 600;
  /** How often tokens were asked for. */
  tokenCalls = 0;
  /** Changes token answers; what a provider that is broken or hostile would do. */
  meddle: ((answer: TokenAnswer) => Promise<TokenAnswer> | TokenAnswer) | undefined;
  readonly #gone = new Set<string>();
  #who = "";
  readonly #stored = new Map<string, AdapterPayload>();
  #provider: Provider | undefined;
  #key: JWK = {};

  private constructor(
    private readonly server: Server,
    readonly issuer: string,
    private readonly options: TestProviderOptions,
  ) {
    this.logoutAddress = options.logoutAddress;
  }

  static async start(options: TestProviderOptions = {}): Promise<TestProvider> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const provider = new TestProvider(server, `http://127.0.0.1:${String(port)}`, options);
    server.on("request", (request, response) => void provider.#answer(request, response));
    await provider.rotateKeys();
    return provider;
  }

  /** The same as variables of the service. */
  environment(): Readonly<Record<string, string>> {
    const { issuer, clientId, redirect } = this.config();
    const secret = { ROOTKEEP_OIDC_CLIENT_SECRET: CLIENT_SECRET };
    return { ROOTKEEP_OIDC_ISSUER: issuer, ROOTKEEP_OIDC_CLIENT_ID: clientId, ROOTKEEP_OIDC_REDIRECT: redirect, ...secret };
  }

  /** What Rootkeep is configured with. */
  config(changes: Partial<OidcConfig> = {}): OidcConfig {
    const redirect = this.options.redirect ?? REDIRECT;
    const clientSecret = Secret.of(CLIENT_SECRET);
    return { issuer: this.issuer, clientId: CLIENT_ID, clientSecret, redirect, scopes: "openid offline_access", ...changes };
  }

  /** Signs with a new key from now on; the old one is gone. */
  async rotateKeys(): Promise<void> {
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    this.#key = { ...(await exportJWK(privateKey)), kid: `key-${String(Date.now())}-${String(Math.random())}`, use: "sig", alg: "RS256" };
    this.#provider = new Provider(this.issuer, this.#configuration());
    this.#provider.use(async (context, next) => {
      await next();
      if (context.path === "/token") this.tokenCalls += 1;
      if (context.path === "/token" && this.meddle !== undefined && context.status === 200) {
        context.body = await this.meddle(context.body as TokenAnswer);
      }
    });
  }

  /** The person leaves the company: their tokens no longer work. */
  letGo(who: string): void {
    this.#gone.add(who);
  }

  takeBack(who: string): void {
    this.#gone.delete(who);
  }

  /** `answer` with an ID token whose claims and header are changed, signed by the provider's own key all the same. */
  async withIdToken(answer: TokenAnswer, change: (claims: IdTokenClaims) => IdTokenClaims): Promise<TokenAnswer> {
    const claims = JSON.parse(Buffer.from(String(answer["id_token"]).split(".")[1] ?? "", "base64url").toString("utf8")) as IdTokenClaims;
    return { ...answer, id_token: await this.sign(change(claims)) };
  }

  /** A JWT by the provider's key. */
  async sign(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
    const key = await importJWK(this.#key, "RS256");
    return await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: this.#key.kid ?? "", ...header }).sign(key);
  }

  /** A logout token as the specification has it, with `changes`. */
  async logoutToken(changes: Record<string, unknown> = {}, header: Record<string, unknown> = { typ: "logout+jwt" }): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    const claims = { iss: this.issuer, aud: CLIENT_ID, iat: now, exp: now + 120, jti: `jti-${String(Math.random())}`, events, ...changes };
    return await this.sign(claims, header);
  }

  /** Has the provider itself call the client's back channel. */
  async callBackChannel(who: string, sid: string): Promise<void> {
    const client = (await this.#provider?.Client.find(CLIENT_ID)) as unknown as {
      backchannelLogout(who: string, sid: string): Promise<void>;
    };
    await client.backchannelLogout(who, sid);
  }

  /** `who` signs in with a browser of their own. @returns the query of the redirect. */
  async visit(authorizationUrl: string, who: string): Promise<string> {
    this.#who = who;
    const cookies = new Map<string, string>();
    let url = new URL(authorizationUrl);
    for (let hops = 0; hops < 20; hops++) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const response = await fetch(url, { redirect: "manual", headers: { cookie } });
      for (const line of response.headers.getSetCookie()) {
        const [pair = ""] = line.split(";");
        cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
      }
      const location = response.headers.get("location");
      if (location === null) throw new Error(`the provider answered ${String(response.status)}: ${(await response.text()).slice(0, 500)}`);
      url = new URL(location, url);
      if (url.origin + url.pathname === (this.options.redirect ?? REDIRECT)) return url.search.slice(1);
    }
    throw new Error("the provider redirects for ever");
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const provider = this.#provider;
    if (this.isDown || provider === undefined) request.socket.destroy();
    else if (request.url?.startsWith("/interaction/") === true) await this.#interact(provider, request, response);
    else await provider.callback()(request, response);
  }

  /** What the provider's pages would ask the person: who are you, and may it. */
  async #interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt, session, params } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") {
      await provider.interactionFinished(request, response, { login: { accountId: this.#who } });
      return;
    }
    const grant = new provider.Grant({ accountId: session?.accountId ?? "", clientId: String(params["client_id"]) });
    grant.addOIDCScope("openid offline_access");
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  }

  /** Where codes, tokens and sessions are kept: a provider that starts anew, with another key, knows them still. */
  #adapter(kind: string): Adapter {
    const stored = this.#stored;
    const keyOf = (id: string): string => `${kind}:${id}`;
    const find = (is: (payload: AdapterPayload) => boolean): Promise<AdapterPayload | undefined> =>
      Promise.resolve([...stored].find(([key, payload]) => key.startsWith(`${kind}:`) && is(payload))?.[1]);
    return {
      upsert: (id, payload) => Promise.resolve(void stored.set(keyOf(id), payload)),
      find: (id) => Promise.resolve(stored.get(keyOf(id))),
      findByUid: (uid) => find((payload) => payload.uid === uid),
      findByUserCode: (code) => find((payload) => payload.userCode === code),
      destroy: (id) => Promise.resolve(void stored.delete(keyOf(id))),
      consume: (id) => Promise.resolve(void Object.assign(stored.get(keyOf(id)) ?? {}, { consumed: Math.floor(Date.now() / 1000) })),
      revokeByGrantId: (grantId) => {
        for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
        return Promise.resolve();
      },
    };
  }

  #configuration(): Configuration {
    const logout = this.logoutAddress;
    return {
      adapter: (kind: string) => this.#adapter(kind),
      clients: [
        {
          client_id: CLIENT_ID,
          client_secret: CLIENT_SECRET,
          application_type: "native",
          redirect_uris: [this.options.redirect ?? REDIRECT],
          grant_types: ["authorization_code", "refresh_token"],
          response_types: ["code"],
          token_endpoint_auth_method: "client_secret_basic",
          ...(logout === undefined ? {} : { backchannel_logout_uri: logout, backchannel_logout_session_required: true }),
        },
      ],
      jwks: { keys: [this.#key] },
      cookies: { keys: ["a cookie key of tests"] },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
      interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
      findAccount: (_context, id) => (this.#gone.has(id) ? undefined : { accountId: id, claims: () => ({ sub: id }) }),
      ttl: {
        AccessToken: () => this.accessSeconds,
        AuthorizationCode: () => this.codeSeconds,
        IdToken: 600,
        RefreshToken: 3600,
        Grant: 3600,
        Interaction: 600,
        Session: 3600,
      },
      // The real one refuses to call private addresses, and here everything is on loopback.
      fetch: (url: URL | string, { dispatcher: _refusing, ...init }: RequestInit & { dispatcher?: unknown }) => fetch(url, init),
    } as Configuration;
  }
}
