// real: PostgreSQL, keys, services, oidc-provider over HTTP. double: none.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { LoginAnswer } from "../../../src/people/oidc-sign-in.service.js";
import type { NewSession } from "../../../src/people/sessions.service.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { linkIdentity } from "../../support/link-identity.js";
import { TestProvider, type TokenAnswer } from "../../support/oidc-provider.js";
import { type Actor, Vault } from "../../support/vault.js";

const PLACE = "127.0.0.1";
const WHO = "rita-at-work";

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isRootkeepError(error, code);
}

/** A JWT of `claims` under `header`, with `signature`. */
function jwt(header: object, claims: object, sign: (text: string) => string): string {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign(text)}`;
}

function claimsOf(answer: TokenAnswer): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(answer["id_token"]).split(".")[1] ?? "", "base64url").toString("utf8")) as Record<string, unknown>;
}

describe("signing in at the company's provider", () => {
  let provider: TestProvider;
  let vault: Vault;
  let rita: Actor;

  before(async () => {
    provider = await TestProvider.start();
    vault = await Vault.open({ provider: { config: provider.config() } });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    await linkIdentity(vault, provider, rita, WHO);
  });
  after(async () => {
    await vault.drop();
    await provider.stop();
  });

  async function begin(who = WHO): Promise<LoginAnswer> {
    const { loginToken, authorizationUrl } = await vault.people.provider.signIn.begin("sign-in");
    return { loginToken, response: await provider.visit(authorizationUrl, who) };
  }

  async function complete(answer: LoginAnswer, code?: string): Promise<NewSession> {
    return await vault.people.provider.signIn.complete(answer, code ?? (await rita.app.next()), PLACE);
  }

  async function refused(answer: LoginAnswer, code: ErrorCode = "UNAUTHENTICATED"): Promise<void> {
    await assert.rejects(complete(answer), isCode(code));
  }

  /** Begins, and completes with an answer that the provider changes. */
  async function meddled(meddle: NonNullable<TestProvider["meddle"]>): Promise<NewSession> {
    const answer = await begin();
    provider.meddle = meddle;
    try {
      return await complete(answer);
    } finally {
      provider.meddle = undefined;
    }
  }

  it("opens a session for the person of the linked identity, with the second factor enrolled here", async () => {
    const session = await complete(await begin());
    assert.equal(session.personId, rita.personId);
    assert.deepEqual((await vault.people.sessions.authenticate(session.token)).roles, ["requester"]);
    const [shown] = (await vault.people.sessions.list(rita.personId)).filter(({ id }) => id === session.sessionId);
    assert.equal(shown?.place, PLACE);
    assert.notEqual(shown.identityId, null);
  });

  it("asks the provider for a code with PKCE, state and nonce, at the exact redirect address", async () => {
    const { authorizationUrl, loginToken } = await vault.people.provider.signIn.begin("sign-in");
    const query = new URL(authorizationUrl).searchParams;
    assert.equal(query.get("code_challenge_method"), "S256");
    assert.equal(query.get("redirect_uri"), provider.config().redirect);
    for (const name of ["state", "nonce", "code_challenge"]) assert.match(query.get(name) ?? "", /^[\w-]{43}$/, name);
    // What completes the sign-in is in no address (law L8).
    assert.equal(authorizationUrl.includes(loginToken), false);
    const other = new URL((await vault.people.provider.signIn.begin("sign-in")).authorizationUrl).searchParams;
    assert.notEqual(other.get("state"), query.get("state"));
  });

  it("opens nothing on the provider's word alone: the code of the authenticator must be right", async () => {
    await assert.rejects(complete(await begin(), "000000"), isCode("UNAUTHENTICATED"));
  });

  // vault#19214 and its kin: whoever the directory knows is somebody. Here being known there is being nobody here.
  it("gives a stranger with a good token of the provider nothing, and lets them write nothing", async () => {
    const answer = await begin("somebody-else-at-work");
    const before = vault.log.knownSize();
    await refused(answer);
    assert.equal(vault.log.knownSize(), before);
  });

  it("completes a sign-in once: a state and code that come again are refused", async () => {
    const { loginToken, authorizationUrl } = await vault.people.provider.signIn.begin("sign-in");
    // The same address twice: two good codes for one state.
    const [first, second] = [await provider.visit(authorizationUrl, WHO), await provider.visit(authorizationUrl, WHO)];
    await complete({ loginToken, response: first });
    await refused({ loginToken, response: first });
    await refused({ loginToken, response: second });
  });

  it("completes no other sign-in than the one that was begun (login CSRF, mix-up)", async () => {
    const [mine, theirs] = [await begin(), await begin()];
    await refused({ loginToken: mine.loginToken, response: theirs.response });
    await refused({ loginToken: "rko_nobody", response: theirs.response });
  });

  it("refuses an answer that names another issuer, is an error, or has its code exchanged for another", async () => {
    const change = async (edit: (query: URLSearchParams) => void): Promise<void> => {
      const { loginToken, response } = await begin();
      const query = new URLSearchParams(response);
      edit(query);
      await refused({ loginToken, response: query.toString() });
    };
    await change((query) => {
      query.set("iss", "https://attacker.example.com");
    });
    await change((query) => {
      query.delete("iss");
    });
    await change((query) => {
      query.delete("code");
      query.set("error", "access_denied");
    });
    await change((query) => {
      query.set("code", "not-a-code");
    });
    await change((query) => {
      query.append("state", "twice");
    });
  });

  it("refuses a sign-in that was begun to link an identity, and one whose time is over or was put off in the table", async () => {
    const { loginToken, authorizationUrl } = await vault.people.provider.signIn.begin("link");
    await refused({ loginToken, response: await provider.visit(authorizationUrl, WHO) });
    const owner = await DatabaseOwner.take(vault.database);
    try {
      const late = await begin();
      await owner.run("UPDATE people.oidc_login SET expires_at = clock_timestamp() - interval '1 second' WHERE used_at IS NULL");
      await refused(late);
      const edited = await begin();
      await owner.run("UPDATE people.oidc_login SET expires_at = expires_at + interval '1 day' WHERE used_at IS NULL");
      await refused(edited);
      // A begun link that is made a begun sign-in.
      const link = await vault.people.provider.signIn.begin("link");
      await owner.run("UPDATE people.oidc_login SET purpose = 'sign-in' WHERE used_at IS NULL");
      await refused({ loginToken: link.loginToken, response: await provider.visit(link.authorizationUrl, WHO) });
    } finally {
      await owner.close();
    }
  });

  it("refuses a code whose time is over", async () => {
    provider.codeSeconds = 1;
    const answer = await begin();
    provider.codeSeconds = 60;
    await sleep(2_100);
    await refused(answer);
  });

  for (const [name, change] of [
    ["nonce", { nonce: "of another sign-in" }],
    ["issuer", { iss: "https://attacker.example.com" }],
    ["audience", { aud: "another client" }],
    ["audience among several without being the authorised party", { aud: ["rootkeep", "other"], azp: "other" }],
    ["subject", { sub: "" }],
    ["expiry", { exp: Math.floor(Date.now() / 1000) - 120 }],
    ["beginning", { nbf: Math.floor(Date.now() / 1000) + 600 }],
  ] as const) {
    it(`refuses an ID token with the wrong ${name}, though the provider's key signed it`, async () => {
      await assert.rejects(
        meddled((answer) => provider.withIdToken(answer, (claims) => ({ ...claims, ...change }))),
        isCode("UNAUTHENTICATED"),
      );
    });
  }

  it("refuses an ID token that is not there, unsigned, signed with our own client secret, or altered after signing", async () => {
    const none = (answer: TokenAnswer): TokenAnswer => ({ ...answer, id_token: jwt({ alg: "none" }, claimsOf(answer), () => "") });
    const ours = (answer: TokenAnswer): TokenAnswer => {
      const secret = provider.config().clientSecret?.expose((text) => text) ?? "";
      const sign = (text: string): string => createHmac("sha256", secret).update(text).digest("base64url");
      return { ...answer, id_token: jwt({ alg: "HS256" }, claimsOf(answer), sign) };
    };
    const altered = (answer: TokenAnswer): TokenAnswer => {
      const [header, , signature] = String(answer["id_token"]).split(".");
      const claims = Buffer.from(JSON.stringify({ ...claimsOf(answer), acr: "higher" })).toString("base64url");
      return { ...answer, id_token: `${header ?? ""}.${claims}.${signature ?? ""}` };
    };
    const missing = ({ id_token: _gone, ...answer }: TokenAnswer): TokenAnswer => answer;
    for (const meddle of [none, ours, altered, missing]) await assert.rejects(meddled(meddle), isCode("UNAUTHENTICATED"), meddle.name);
  });

  it("allows clocks to differ by half a minute", async () => {
    const now = Math.floor(Date.now() / 1000);
    const session = await meddled((answer) => provider.withIdToken(answer, (claims) => ({ ...claims, exp: now - 10, nbf: now + 10 })));
    assert.equal(session.personId, rita.personId);
  });

  it("goes on when the provider changes its key, and refuses what the old one signed", async () => {
    const answer = await begin();
    await provider.rotateKeys();
    assert.equal((await complete(answer)).personId, rita.personId);
    await assert.rejects(
      meddled(async (tokens) => {
        const old = await provider.withIdToken(tokens, (claims) => claims);
        await provider.rotateKeys();
        return old;
      }),
      isCode("UNAUTHENTICATED"),
    );
  });

  it("says that the provider is away when it is, at the beginning and at the end", async () => {
    const answer = await begin();
    provider.isDown = true;
    try {
      await refused(answer, "UNAVAILABLE");
    } finally {
      provider.isDown = false;
    }
    // A replica that has never heard of the provider.
    const fresh = await Vault.open({ replicaOf: vault, provider: { config: provider.config() } });
    provider.isDown = true;
    try {
      await assert.rejects(fresh.people.provider.signIn.begin("sign-in"), isCode("UNAVAILABLE"));
    } finally {
      provider.isDown = false;
      await fresh.close();
    }
  });

  it("refuses somebody who was suspended between the redirect and the answer", async () => {
    const sven = await vault.enrol("Sven Suspended", ["requester"]);
    await linkIdentity(vault, provider, sven, "sven-at-work");
    const answer = await begin("sven-at-work");
    const [ada] = vault.custodians ?? [];
    assert.ok(ada);
    await vault.people.people.suspend(sven.personId, ada.personId);
    await assert.rejects(complete(answer, await sven.app.next()), isCode("UNAUTHENTICATED"));
  });

  it("refuses an identity that the database's owner pointed at another person, and raises the alarm", async () => {
    const mallory = await vault.enrol("Mallory Auditor", ["auditor"]);
    const answer = await begin();
    const owner = await DatabaseOwner.take(vault.database);
    const genuine = await owner.copy("people.identity");
    try {
      await owner.run("UPDATE people.identity SET person_id = $1 WHERE subject = $2", [mallory.personId, WHO]);
      await assert.rejects(complete(answer, await mallory.app.next()), isCode("ROW_REFUSED"));
      assert.match(vault.alarms.at(-1)?.what ?? "", /^identity\/idn_\S+ mac$/);
      await genuine.putBack();
      // The other way round: the identity of a stranger's row is made to answer for Rita's subject.
      await owner.run("UPDATE people.identity SET subject = 'somebody-else-at-work' WHERE subject = $1", [WHO]);
      await refused(await begin("somebody-else-at-work"), "ROW_REFUSED");
    } finally {
      await genuine.putBack();
      await owner.close();
    }
  });
});
