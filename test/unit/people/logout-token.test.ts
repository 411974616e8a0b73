import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readLogoutClaims } from "../../../src/people/logout-token.js";

const CLAIMS = { sub: "ada", sid: "s1", jti: "j1", events: { "http://schemas.openid.net/event/backchannel-logout": {} } };

describe("the claims of a logout token", () => {
  it("name a subject, a session or both", () => {
    const { sub, sid, ...rest } = CLAIMS;
    assert.deepEqual(readLogoutClaims("logout+jwt", CLAIMS), { subject: "ada", sid: "s1", jti: "j1" });
    assert.deepEqual(readLogoutClaims(undefined, { ...rest, sub }), { subject: "ada", sid: null, jti: "j1" });
    assert.deepEqual(readLogoutClaims("JWT", { ...rest, sid }), { subject: null, sid: "s1", jti: "j1" });
    assert.equal(readLogoutClaims("JWT", rest), null);
  });

  it("are not those of an ID token, of another event or of another type", () => {
    for (const change of [
      { nonce: "n" },
      { events: {} },
      { events: [] },
      { events: "x" },
      { jti: "" },
      { jti: 1 },
      { sub: 1 },
      { sid: "" },
    ]) {
      assert.equal(readLogoutClaims("logout+jwt", { ...CLAIMS, ...change }), null, JSON.stringify(change));
    }
    const event = { "http://schemas.openid.net/event/backchannel-logout": true };
    assert.equal(readLogoutClaims("logout+jwt", { ...CLAIMS, events: event }), null);
    assert.equal(readLogoutClaims("at+jwt", CLAIMS), null);
  });
});
