// real: PostgreSQL, keys, services, oidc-provider over HTTP. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { NewSession } from "../../../src/people/sessions.service.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { linkIdentity } from "../../support/link-identity.js";
import { TestProvider } from "../../support/oidc-provider.js";
import { backdate as backdateRow, signInAtProvider } from "../../support/provider-session.js";
import { type Actor, Vault } from "../../support/vault.js";

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isRootkeepError(error, code);
}

describe("standing at the provider", () => {
  let provider: TestProvider;
  let vault: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;

  before(async () => {
    // The provider names its sessions only to clients that it could tell of their end.
    provider = await TestProvider.start({ logoutAddress: "http://127.0.0.1:1/logout" });
    vault = await Vault.open({ provider: { config: provider.config() } });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    await linkIdentity(vault, provider, rita, "rita-at-work");
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
    await provider.stop();
  });

  const backdate = (session: NewSession, seconds: number): Promise<void> => backdateRow(vault, owner, session, seconds);

  it("lets a reader go on and an act not while the provider is away", async () => {
    const session = await signInAtProvider(vault, provider, rita, "rita-at-work");
    await backdate(session, 301);
    provider.isDown = true;
    try {
      assert.equal((await vault.people.sessions.authenticate(session.token)).personId, rita.personId);
      await assert.rejects(vault.people.sessions.assertStandsAtProvider(session.sessionId), isCode("UNAVAILABLE"));
    } finally {
      provider.isDown = false;
    }
    await vault.people.sessions.assertStandsAtProvider(session.sessionId);
  });

  it("is looked at again for each act, and for reading after five minutes; who was let go is out, and the log says so", async () => {
    const provided = await signInAtProvider(vault, provider, rita, "rita-at-work");
    const later = await signInAtProvider(vault, provider, rita, "rita-at-work");
    provider.letGo("rita-at-work");
    // Within five minutes a reader is not asked about again.
    assert.equal((await vault.people.sessions.authenticate(provided.token)).personId, rita.personId);
    await backdate(provided, 10);
    await assert.rejects(vault.people.sessions.assertStandsAtProvider(provided.sessionId), isCode("UNAUTHENTICATED"));
    await assert.rejects(vault.people.sessions.authenticate(provided.token), isCode("UNAUTHENTICATED"));
    await backdate(later, 301);
    await assert.rejects(vault.people.sessions.authenticate(later.token), isCode("UNAUTHENTICATED"));
    const entries = (await vault.reader.entries(0, 1000)).filter(({ entry }) => entry.action === "session.ended");
    assert.equal(entries.length >= 2, true);
    provider.takeBack("rita-at-work");
  });

  it("is looked at by the sweeper for sessions that nobody uses, and their tokens are forgotten", async () => {
    const session = await signInAtProvider(vault, provider, rita, "rita-at-work");
    await backdate(session, 200);
    assert.equal(await vault.people.provider.standing.sweep(180, 900), 0);
    provider.letGo("rita-at-work");
    await backdate(session, 200);
    assert.equal(await vault.people.provider.standing.sweep(180, 900), 1);
    await vault.people.provider.standing.sweep(180, 900);
    assert.deepEqual(await owner.rows("SELECT 1 FROM people.provider_session WHERE session_id = $1", [session.sessionId]), []);
    provider.takeBack("rita-at-work");
  });

  it("is asked about once by all replicas together: a refresh token that rotates is good once", async () => {
    const session = await signInAtProvider(vault, provider, rita, "rita-at-work");
    const other = await Vault.open({ replicaOf: vault, provider: { config: provider.config() } });
    try {
      await backdate(session, 60);
      const asked = provider.tokenCalls;
      await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? vault : other).people.sessions.assertStandsAtProvider(session.sessionId),
        ),
      );
      assert.equal(provider.tokenCalls - asked, 1);
      // Twice more, one after the other: what was given for the next time works.
      for (const replica of [other, vault]) {
        await backdate(session, 60);
        await replica.people.sessions.assertStandsAtProvider(session.sessionId);
      }
    } finally {
      await other.close();
    }
  });

  it("does without a refresh token as long as the access token lasts", async () => {
    const scopes = { config: provider.config({ scopes: "openid" }) };
    const other = await Vault.open({ replicaOf: vault, provider: scopes });
    try {
      const session = await signInAtProvider(other, provider, rita, "rita-at-work");
      await backdate(session, 60);
      await other.people.sessions.assertStandsAtProvider(session.sessionId);
      provider.letGo("rita-at-work");
      await backdate(session, 60);
      await assert.rejects(other.people.sessions.assertStandsAtProvider(session.sessionId), isCode("UNAUTHENTICATED"));
      provider.takeBack("rita-at-work");
      provider.accessSeconds = 1;
      const short = await signInAtProvider(other, provider, rita, "rita-at-work");
      provider.accessSeconds = 600;
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      await backdate(short, 60);
      await assert.rejects(other.people.sessions.assertStandsAtProvider(short.sessionId), isCode("UNAUTHENTICATED"));
    } finally {
      await other.close();
    }
  });

  it("is nobody's to edit: a time put forward is refused and paged, a row taken away refuses, tokens of another session do not open", async () => {
    const [one, two] = [
      await signInAtProvider(vault, provider, rita, "rita-at-work"),
      await signInAtProvider(vault, provider, rita, "rita-at-work"),
    ];
    await owner.run("UPDATE people.provider_session SET checked_at = checked_at + interval '8 hours' WHERE session_id = $1", [
      one.sessionId,
    ]);
    await assert.rejects(vault.people.sessions.authenticate(one.token), isCode("ROW_REFUSED"));
    assert.equal(vault.alarms.at(-1)?.what, `provider_session/${one.sessionId} mac`);
    await owner.run("DELETE FROM people.provider_session WHERE session_id = $1", [one.sessionId]);
    await assert.rejects(vault.people.sessions.authenticate(one.token), isCode("UNAUTHENTICATED"));
    await owner.run(
      "INSERT INTO people.provider_session SELECT $1, sid_hash, data_key_id, sealed, checked_at, NULL, mac FROM people.provider_session WHERE session_id = $2",
      [one.sessionId, two.sessionId],
    );
    await assert.rejects(vault.people.sessions.authenticate(one.token), isCode("ROW_REFUSED"));
    // The HMAC is right and the tokens are the other's: they are bound to their session.
    await backdate(one, 60);
    await assert.rejects(vault.people.sessions.assertStandsAtProvider(one.sessionId), isCode("SEAL_BROKEN"));
    // A session of the provider's that is made one of a password would never be looked at again.
    const genuine = await owner.copy("people.session", `id = '${two.sessionId}'`);
    await owner.run("UPDATE people.session SET identity_id = NULL WHERE id = $1", [two.sessionId]);
    await assert.rejects(vault.people.sessions.authenticate(two.token), isCode("ROW_REFUSED"));
    await genuine.putBack();
    assert.equal((await vault.people.sessions.authenticate(two.token)).personId, rita.personId);
  });

  it("leaves no token of the provider's in the database in the clear", async () => {
    let answer: Record<string, unknown> = {};
    provider.meddle = (tokens) => {
      answer = tokens;
      return tokens;
    };
    await signInAtProvider(vault, provider, rita, "rita-at-work");
    provider.meddle = undefined;
    const tables = await owner.rows<{ name: string }>(
      "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema IN ('people', 'audit', 'edge') AND table_type = 'BASE TABLE'",
    );
    for (const token of ["refresh_token", "access_token", "id_token"].map((name) => String(answer[name]))) {
      assert.equal(token.length > 20, true);
      for (const { name } of tables) {
        const text = (await owner.rows<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)).map(({ row }) => row).join("\n");
        for (const form of [token, Buffer.from(token).toString("hex"), Buffer.from(token).toString("base64")]) {
          assert.equal(text.includes(form), false, name);
        }
      }
    }
  });

  describe("ended through the back channel", () => {
    let session: NewSession;
    const live = async (): Promise<boolean> =>
      await vault.people.sessions.authenticate(session.token).then(
        () => true,
        () => false,
      );

    async function sidOf(): Promise<string> {
      let sid = "";
      provider.meddle = (tokens) => {
        sid = String(
          (JSON.parse(Buffer.from(String(tokens["id_token"]).split(".")[1] ?? "", "base64url").toString()) as { sid?: string }).sid,
        );
        return tokens;
      };
      session = await signInAtProvider(vault, provider, rita, "rita-at-work");
      provider.meddle = undefined;
      return sid;
    }

    it("ends the session that it names, and only that, once", async () => {
      const other = await signInAtProvider(vault, provider, rita, "rita-at-work");
      const sid = await sidOf();
      assert.notEqual(sid, "undefined");
      const token = await provider.logoutToken({ sid });
      assert.equal(await vault.people.provider.logout.logout(token), 1);
      assert.equal(await live(), false);
      assert.equal((await vault.people.sessions.authenticate(other.token)).personId, rita.personId);
      await assert.rejects(vault.people.provider.logout.logout(token), isCode("MALFORMED"));
    });

    it("ends all of a person's by their subject, and one that was hidden meanwhile does not come back", async () => {
      await sidOf();
      const hidden = await owner.copy("people.session", `id = '${session.sessionId}'`);
      await owner.run("DELETE FROM people.session WHERE id = $1", [session.sessionId]);
      const other = await signInAtProvider(vault, provider, rita, "rita-at-work");
      assert.equal((await vault.people.provider.logout.logout(await provider.logoutToken({ sub: "rita-at-work" }))) >= 1, true);
      await hidden.putBack();
      assert.equal(await live(), false);
      await assert.rejects(vault.people.sessions.authenticate(other.token), isCode("UNAUTHENTICATED"));
    });

    it("answers for a stranger as for anybody", async () => {
      assert.equal(await vault.people.provider.logout.logout(await provider.logoutToken({ sub: "nobody-here" })), 0);
    });

    it("believes no token that is not the provider's, for us, fresh, and a logout token", async () => {
      await sidOf();
      const sub = "rita-at-work";
      const now = Math.floor(Date.now() / 1000);
      const broken: Record<string, Promise<string> | string> = {
        "another issuer": provider.logoutToken({ sub, iss: "https://attacker.example.com" }),
        "another audience": provider.logoutToken({ sub, aud: "another" }),
        "no event": provider.logoutToken({ sub, events: {} }),
        "no events": provider.logoutToken({ sub, events: undefined }),
        "a nonce": provider.logoutToken({ sub, nonce: "n" }),
        "no jti": provider.logoutToken({ sub, jti: undefined }),
        nobody: provider.logoutToken({}),
        "too old": provider.logoutToken({ sub, iat: now - 400 }),
        "not yet": provider.logoutToken({ sub, iat: now + 400 }),
        "run out": provider.logoutToken({ sub, exp: now - 60 }),
        "of another type": provider.logoutToken({ sub }, { typ: "at+jwt" }),
        unsigned: provider.logoutToken({ sub }).then((token) => {
          const header = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
          return `${header}.${token.split(".")[1] ?? ""}.`;
        }),
        altered: provider.logoutToken({ sub: "somebody" }).then((token) => {
          const [header = "", body = "", signature = ""] = token.split(".");
          const claims = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as object;
          return `${header}.${Buffer.from(JSON.stringify({ ...claims, sub })).toString("base64url")}.${signature}`;
        }),
        nonsense: "a.b.c",
      };
      for (const [name, token] of Object.entries(broken)) {
        await assert.rejects(vault.people.provider.logout.logout(await token), isCode("MALFORMED"), name);
      }
      assert.equal(await live(), true);
    });

    it("finds the provider's new key", async () => {
      await provider.rotateKeys();
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      assert.equal((await vault.people.provider.logout.logout(await provider.logoutToken({ sub: "rita-at-work" }))) >= 1, true);
      assert.equal(await live(), false);
    });
  });
});
