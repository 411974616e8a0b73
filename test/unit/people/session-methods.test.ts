import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { SessionMethods } from "../../../src/people/session-methods.service.js";
import type { NewSession } from "../../../src/people/sessions.service.js";
import type { Credentials } from "../../../src/people/sign-in.service.js";

const PROOF = { email: "ada@example.com", password: "correct horse", code: "123456", address: "192.0.2.1" };

function session(): NewSession {
  return { sessionId: newId("session"), personId: newId("person"), token: "rks_token", expiresAt: new Date(0), seq: 1 };
}

describe("the ways to open a session", () => {
  it("hand the whole proof to sign-in and its session back", async () => {
    const asked: Credentials[] = [];
    const made = session();
    const methods = new SessionMethods({
      signIn: (credentials) => {
        asked.push(credentials);
        return Promise.resolve(made);
      },
    });
    assert.equal(await methods.open("password", PROOF), made);
    assert.deepEqual(asked, [PROOF]);
  });

  it("pass a refusal on as it is", async () => {
    const methods = new SessionMethods({ signIn: () => Promise.reject(new RootkeepError("LOCKED_OUT", { retryAfterSeconds: 7 })) });
    await assert.rejects(methods.open("password", PROOF), (error) => isRootkeepError(error, "LOCKED_OUT") && error.retryAfterSeconds === 7);
  });

  it("refuse a proof without a password before asking anybody", async () => {
    const methods = new SessionMethods({ signIn: () => Promise.reject(new Error("asked")) });
    await assert.rejects(methods.open("password", { ...PROOF, password: "" }), (error) => isRootkeepError(error, "UNAUTHENTICATED"));
  });

  it("refuse a password that is not offered without asking anybody", async () => {
    const methods = new SessionMethods({ signIn: () => Promise.reject(new Error("asked")) }, false);
    await assert.rejects(methods.open("password", PROOF), (error) => isRootkeepError(error, "STATE_CONFLICT"));
  });

  it("keep callers apart who sign in at the same time", async () => {
    const made = new Map(Array.from({ length: 10 }, (_, index) => [`p${String(index)}@example.com`, session()]));
    const methods = new SessionMethods({
      signIn: async ({ email }) => {
        await new Promise((resolve) => setImmediate(resolve));
        return made.get(email) ?? session();
      },
    });
    const opened = await Promise.all([...made.keys()].map((email) => methods.open("password", { ...PROOF, email })));
    assert.deepEqual(opened, [...made.values()]);
  });
});
