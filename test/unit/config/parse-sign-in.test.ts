import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Config, ConfigError } from "../../../src/config/config.js";
import { parseConfig } from "../../../src/config/parse-config.js";
import { trustedConfig, trustedDifferences } from "../../../src/config/trusted.js";

const PROVIDER = { ROOTKEEP_OIDC_ISSUER: "https://login.example.com/tenant/v2.0", ROOTKEEP_OIDC_CLIENT_ID: "rootkeep" };
const SECRET = "a client secret of nobody";

function parse(environment: Readonly<Record<string, string>>): Config {
  return parseConfig(environment, { cwd: "/srv/vault" });
}

function problems(environment: Readonly<Record<string, string>>): string[] {
  try {
    parse(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ variable }) => variable);
    throw error;
  }
  return [];
}

describe("the settings of signing in", () => {
  it("are passwords, 15 minutes of rest and 8 hours unless told", () => {
    const { oidc, isPasswordOffered, sessions } = parse({});
    assert.deepEqual([oidc, isPasswordOffered, sessions], [null, true, { idleSeconds: 900, absoluteSeconds: 28_800 }]);
  });

  it("know a provider, with its secret in a Secret and a redirect on loopback", () => {
    const { oidc } = parse({ ...PROVIDER, ROOTKEEP_OIDC_CLIENT_SECRET: SECRET });
    assert.equal(oidc?.issuer, PROVIDER.ROOTKEEP_OIDC_ISSUER);
    assert.equal(oidc.redirect, "http://127.0.0.1:8479/rootkeep");
    assert.equal(oidc.scopes, "openid offline_access");
    assert.equal(
      oidc.clientSecret?.expose((text) => text),
      SECRET,
    );
    assert.equal(JSON.stringify(oidc).includes(SECRET), false);
  });

  it("take no issuer and no redirect without TLS beyond loopback, and none with a query, a fragment or a name in it", () => {
    const hosts = ["http://login.example.com", "http://127.0.0.1.example.com", "ftp://login.example.com", "https://a@login.example.com"];
    for (const address of [...hosts, "https://login.example.com?x=1", "https://login.example.com#x", "https://login.example.com:0"]) {
      assert.equal(problems({ ...PROVIDER, ROOTKEEP_OIDC_ISSUER: address }).includes("ROOTKEEP_OIDC_ISSUER"), true, address);
      assert.deepEqual(problems({ ...PROVIDER, ROOTKEEP_OIDC_REDIRECT: address }), ["ROOTKEEP_OIDC_REDIRECT"], address);
    }
    for (const address of ["http://127.0.0.1:9000", "http://localhost:9000/a", "http://[::1]:9000", "https://login.example.com:8443/a/b"]) {
      assert.deepEqual(problems({ ...PROVIDER, ROOTKEEP_OIDC_ISSUER: address }), [], address);
    }
  });

  it("go together: issuer with client, secret with issuer, no passwords only with a provider, rest within the whole", () => {
    assert.deepEqual(problems({ ROOTKEEP_OIDC_ISSUER: PROVIDER.ROOTKEEP_OIDC_ISSUER }), ["ROOTKEEP_OIDC_CLIENT_ID"]);
    assert.deepEqual(problems({ ROOTKEEP_OIDC_CLIENT_SECRET: SECRET }), ["ROOTKEEP_OIDC_CLIENT_SECRET"]);
    assert.deepEqual(problems({ ROOTKEEP_PASSWORD_SIGN_IN: "no" }), ["ROOTKEEP_PASSWORD_SIGN_IN"]);
    assert.deepEqual(problems({ ...PROVIDER, ROOTKEEP_PASSWORD_SIGN_IN: "no" }), []);
    const limits = { ROOTKEEP_SESSION_IDLE_MINUTES: "30", ROOTKEEP_SESSION_MAX_MINUTES: "20" };
    assert.deepEqual(problems(limits), ["ROOTKEEP_SESSION_IDLE_MINUTES"]);
  });

  it("are trusted where they say who vouches for people, and by what", () => {
    const before = trustedConfig(parse({}));
    const after = trustedConfig(parse({ ...PROVIDER, ROOTKEEP_PASSWORD_SIGN_IN: "no", ROOTKEEP_OIDC_CLIENT_SECRET: SECRET }));
    assert.deepEqual(trustedDifferences(before, after), ["oidcClientId", "oidcIssuer", "oidcRedirect", "passwordSignIn"]);
    assert.equal(JSON.stringify(after).includes(SECRET), false);
  });
});
