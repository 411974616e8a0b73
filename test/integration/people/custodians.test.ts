import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { AuthenticatorApp } from "../../support/authenticator-app.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code);

// real: PostgreSQL, every service. double: none.
describe("custodians among themselves, and strangers at the door", () => {
  let vault: Vault;
  let ada: Actor;
  let ben: Actor;
  let rita: Actor;
  let carl: Actor;

  const custodianEntry = async (actor: Actor): Promise<Id<"allowlist">> => {
    const entries = await vault.people.allowlist.list();
    const found = entries.find(({ personId, role, endedAt }) => personId === actor.personId && role === "custodian" && endedAt === null);
    if (found === undefined) throw new Error("no entry");
    return found.id;
  };

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
  });
  after(() => vault.drop());

  it("never leave fewer than two, neither by suspension nor by taking an entry off", async () => {
    await assert.rejects(vault.people.people.suspend(ben.personId, ada.personId), isCode("STATE_CONFLICT"));
    await assert.rejects(vault.people.allowlist.revoke(await custodianEntry(ben), ada.personId), isCode("STATE_CONFLICT"));
  });

  it("decide nothing about themselves", async () => {
    const people = vault.people;
    await assert.rejects(people.people.suspend(ada.personId, ada.personId), isCode("SELF_APPROVAL"));
    await assert.rejects(people.allowlist.revoke(await custodianEntry(ada), ada.personId), isCode("SELF_APPROVAL"));
    const about = { personId: ada.personId, role: "approver", scope: { kind: "all" } };
    await assert.rejects(vault.requests.submit(ada, formOf({ operation: "allowlist.grant", subject: about })), isCode("SELF_APPROVAL"));
    const reset = formOf({ operation: "authenticator.reset", subject: { personId: ada.personId } });
    await assert.rejects(vault.requests.submit(ada, reset), isCode("SELF_APPROVAL"));
    const { requestId } = await vault.requests.submit(ben, formOf({ operation: "allowlist.grant", subject: about }));
    await assert.rejects(vault.requests.approve(ada, requestId, await ada.app.next(), ""), isCode("SELF_APPROVAL"));
    await assert.rejects(vault.requests.deny(ada, requestId, "not for me"), isCode("SELF_APPROVAL"));
  });

  it("alone suspend and take off; nobody else does", async () => {
    const [entry] = (await vault.people.allowlist.list()).filter(({ personId }) => personId === rita.personId);
    assert.ok(entry !== undefined);
    await assert.rejects(vault.people.people.suspend(ben.personId, rita.personId), isCode("NOT_ALLOWLISTED"));
    await assert.rejects(vault.people.allowlist.revoke(entry.id, rita.personId), isCode("NOT_ALLOWLISTED"));
  });

  it("a stranger's failures lock the stranger out and not the person", async () => {
    const wrong = { email: rita.email, password: "not the pass phrase", code: "000000", address: "198.51.100.7" };
    for (let count = 0; count < 5; count++) await assert.rejects(vault.people.signIn.signIn(wrong), isCode("UNAUTHENTICATED"));
    const right = { ...wrong, password: "a long pass phrase of tests" };
    await assert.rejects(vault.people.signIn.signIn({ ...right, code: await rita.app.next() }), isCode("LOCKED_OUT"));
    const elsewhere = await vault.people.signIn.signIn({ ...right, code: await rita.app.next(), address: "192.0.2.1" });
    assert.equal((await vault.people.sessions.authenticate(elsewhere.token)).personId, rita.personId);
  });

  it("five wrong codes in acts lock the acts of that person, with the right code too", async () => {
    // With a third custodian, whom the next test needs: Ben approves nothing for a while.
    carl = await vault.enrol("Carl Custodian", ["custodian"]);
    const form = formOf({ operation: "person.enrol", subject: { name: "Nemo", email: "nemo@example.com" } });
    const { requestId } = await vault.requests.submit(ada, form);
    for (let count = 0; count < 5; count++) {
      await assert.rejects(vault.requests.approve(ben, requestId, "000000", ""), isCode("STEP_UP_REQUIRED"));
    }
    await assert.rejects(vault.requests.approve(ben, requestId, await ben.app.next(), ""), isCode("LOCKED_OUT"));
    assert.equal((await vault.requests.read(requestId)).state, "SUBMITTED");
  });

  it("two at once who suspend each other leave two", async () => {
    const { people } = vault.people;
    const ends = await Promise.allSettled([people.suspend(ben.personId, carl.personId), people.suspend(carl.personId, ben.personId)]);
    assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
    const active = (await people.list()).filter(
      ({ id, state }) => [ada, ben, carl].some(({ personId }) => personId === id) && state === "ACTIVE",
    );
    assert.equal(active.length, 2);
  });
});

// real: PostgreSQL, every service. double: none.
describe("a custodian whose authenticator was reset", () => {
  it("is not counted among the two that must be left, until the new one works", async () => {
    const vault = await Vault.open();
    try {
      const [ada, ben] = await vault.found();
      const cyd = await vault.enrol("Cyd Custodian", ["custodian"]);
      const { requestId } = await vault.decide({ operation: "authenticator.reset", subject: { personId: cyd.personId } });
      const entries = await vault.people.allowlist.list();
      const entry = entries.find(({ personId }) => personId === ben.personId)?.id as Id<"allowlist">;
      const { people, allowlist, enrolment } = vault.people;
      await assert.rejects(people.suspend(ben.personId, ada.personId), isCode("STATE_CONFLICT"));
      await assert.rejects(allowlist.revoke(entry, ada.personId), isCode("STATE_CONFLICT"));
      const { token, code } = await vault.invitation(requestId);
      const { otpauth } = await enrolment.accept({ token, code, password: "a long pass phrase of tests" });
      await assert.rejects(people.suspend(ben.personId, ada.personId), isCode("STATE_CONFLICT"));
      await enrolment.confirm(token, await new AuthenticatorApp(otpauth).next());
      await people.suspend(ben.personId, ada.personId);
    } finally {
      await vault.drop();
    }
  });
});
