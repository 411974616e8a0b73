// real: PostgreSQL, keys, services. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { type Actor, Vault } from "../../support/vault.js";

const PASSWORD = "a long pass phrase of tests";
const HOME = "192.0.2.10";

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isRootkeepError(error, code);
}

describe("sessions", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let ada: Actor;
  let rita: Actor;

  before(async () => {
    vault = await Vault.open({ provider: { config: null, sessions: { idleSeconds: 60, absoluteSeconds: 600 } } });
    [ada] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  const from = async (address: string, password = PASSWORD, code?: string) =>
    await vault.people.signIn.signIn({ email: rita.email, password, code: code ?? (await rita.app.next()), address });

  it("end after their idle time and after their absolute time, by the database's clock", async () => {
    const idle = await from(HOME);
    assert.equal(Math.round((idle.expiresAt.getTime() - Date.now()) / 1000 / 60), 10);
    await owner.run("UPDATE people.session SET last_seen_at = clock_timestamp() - interval '61 seconds' WHERE id = $1", [idle.sessionId]);
    await assert.rejects(vault.people.sessions.authenticate(idle.token), isCode("UNAUTHENTICATED"));
    assert.equal(
      (await vault.people.sessions.list(rita.personId)).some(({ id }) => id === idle.sessionId),
      false,
    );
    // Using it does not prolong it: whoever writes the end of it breaks the row.
    const used = await from(HOME);
    await owner.run("UPDATE people.session SET expires_at = expires_at + interval '1 day' WHERE id = $1", [used.sessionId]);
    await assert.rejects(vault.people.sessions.authenticate(used.token), isCode("ROW_REFUSED"));
    await owner.run("DELETE FROM people.session WHERE id = $1", [used.sessionId]);
    await owner.run("DELETE FROM people.session WHERE id = $1", [idle.sessionId]);
  });

  it("say where and how they were opened, to their person and to custodians, who may end them", async () => {
    rita = await vault.signIn(rita.email, rita.app);
    const session = await from("2001:db8:1:2:3:4:5:6");
    const shown = (await vault.people.sessions.list(rita.personId)).find(({ id }) => id === session.sessionId);
    assert.equal(shown?.place, "2001:db8:1:2");
    await assert.rejects(vault.people.sessions.end(rita.personId, rita.personId, session.sessionId), isCode("NOT_ALLOWLISTED"));
    await assert.rejects(vault.people.sessions.end(ada.personId, ada.personId, session.sessionId), isCode("NOT_FOUND"));
    await vault.people.sessions.end(ada.personId, rita.personId, session.sessionId);
    await assert.rejects(vault.people.sessions.authenticate(session.token), isCode("UNAUTHENTICATED"));
    await assert.rejects(vault.people.sessions.revoke(ada.personId, rita.sessionId), isCode("NOT_FOUND"));
    assert.equal((await vault.people.sessions.authenticate(rita.token)).personId, rita.personId);
  });

  it("are not kept from their person by somebody who hammers their name, from any number of places", async () => {
    for (let place = 0; place < 30; place++) {
      const address = `198.51.100.${String(place)}`;
      await assert.rejects(from(address, "not the pass phrase", "000000"), isCode("UNAUTHENTICATED"));
    }
    assert.equal((await from("203.0.113.77")).personId, rita.personId);
  });

  it("are not kept from their person, where they always sign in, by somebody who knows the password; guessing the code stays bounded", async () => {
    await from(HOME);
    const wrong = async (place: number): Promise<ErrorCode> =>
      await from(`198.51.100.${String(place)}`, PASSWORD, "000000").then(
        () => assert.fail("guessed"),
        (error: unknown) => (isRootkeepError(error) ? error.code : assert.fail()),
      );
    const answers: ErrorCode[] = [];
    for (let place = 100; place < 112; place++) answers.push(await wrong(place));
    // A new place each time, and yet one count: after the free ones everybody elsewhere waits.
    assert.deepEqual(new Set(answers.slice(0, 5)), new Set(["UNAUTHENTICATED"]));
    assert.deepEqual(new Set(answers.slice(5)), new Set(["LOCKED_OUT"]));
    assert.equal((await from(HOME)).personId, rita.personId);
  });

  it("count one network as one place: an IPv6 customer's many addresses are not many tries", async () => {
    const answers: ErrorCode[] = [];
    for (let host = 1; host <= 8; host++) {
      await from(`2001:db8:9:9::${String(host)}`, "not the pass phrase", "000000").catch((error: unknown) => {
        answers.push(isRootkeepError(error) ? error.code : assert.fail());
      });
    }
    assert.deepEqual(answers.slice(5), ["LOCKED_OUT", "LOCKED_OUT", "LOCKED_OUT"]);
  });
});
