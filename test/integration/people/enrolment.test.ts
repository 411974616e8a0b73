import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { Enrolment } from "../../../src/people/enrolment.service.js";
import { AuthenticatorApp } from "../../support/authenticator-app.js";
import { blindTransactions } from "../../support/blind-rows.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const PASSWORD = "a long pass phrase of tests";
const WRONG = "000000";
const WAIT_SECONDS = 24 * 3600;
const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code);

// real: PostgreSQL, every service. double: none.
describe("becoming somebody", () => {
  let vault: Vault;
  let ada: Actor;
  let ben: Actor;
  let carl: Actor;
  let rita: Actor;

  const invite = async (name: string): Promise<{ requestId: Id<"request">; token: string; code: string }> => {
    const { requestId } = await vault.decide({ operation: "person.enrol", subject: { name, email: `${name.toLowerCase()}@example.com` } });
    return { requestId, ...(await vault.invitation(requestId)) };
  };

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    carl = await vault.enrol("Carl Custodian", ["custodian"]);
    rita = await vault.enrol("Rita Requester", ["requester"]);
  });
  after(() => vault.drop());

  it("hands each half out once, to the one custodian whose half it is", async () => {
    const { halves } = vault.people;
    const { requestId } = await vault.decide({ operation: "person.enrol", subject: { name: "Hal", email: "hal@example.com" } });
    for (const other of [ben, carl, rita]) {
      await assert.rejects(halves.takeLink(requestId, other, await other.app.next()), isCode("NOT_FOUND"));
    }
    for (const other of [ada, carl, rita]) {
      await assert.rejects(halves.takeCode(requestId, other, await other.app.next()), isCode("NOT_FOUND"));
    }
    const codes = [await ada.app.next(), await ada.app.next()];
    const ends = await Promise.allSettled([0, 0, 1].map((index) => halves.takeLink(requestId, ada, codes[index] ?? "")));
    assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
    await halves.takeCode(requestId, ben, await ben.app.next());
    // Said before a second factor is used up, and before a wrong one is counted.
    for (let count = 0; count < 7; count++) {
      await assert.rejects(halves.takeLink(requestId, ada, WRONG), isCode("ALREADY_RELEASED"));
      await assert.rejects(halves.takeCode(requestId, ben, WRONG), isCode("ALREADY_RELEASED"));
    }
  });

  it("is asked and approved by two custodians, and by nobody else", async () => {
    const form = formOf({ operation: "person.enrol", subject: { name: "Ned", email: "ned@example.com" } });
    await assert.rejects(vault.requests.submit(rita, form), isCode("NOT_ALLOWLISTED"));
    const { requestId } = await vault.requests.submit(ada, form);
    await assert.rejects(vault.requests.approve(ada, requestId, await ada.app.next(), ""), isCode("SELF_APPROVAL"));
    await assert.rejects(vault.requests.approve(rita, requestId, await rita.app.next(), ""), isCode("NOT_ALLOWLISTED"));
    await assert.rejects(vault.people.halves.takeLink(requestId, ada, await ada.app.next()), isCode("NOT_FOUND"));
  });

  it("dies of five wrong codes, whichever half is wrong, and the right one then opens nothing", async () => {
    const { enrolment } = vault.people;
    const { token, code } = await invite("Wanda");
    for (let count = 0; count < 5; count++) {
      await assert.rejects(enrolment.accept({ token, code: "2222222222", password: PASSWORD }), isCode("NOT_FOUND"));
    }
    await assert.rejects(enrolment.accept({ token, code, password: PASSWORD }), isCode("NOT_FOUND"));
    const second = await invite("Wilma");
    const { otpauth } = await enrolment.accept({ token: second.token, code: second.code, password: PASSWORD });
    for (let count = 0; count < 5; count++) await assert.rejects(enrolment.confirm(second.token, "000000"), isCode("STEP_UP_REQUIRED"));
    await assert.rejects(enrolment.confirm(second.token, await new AuthenticatorApp(otpauth).next()), isCode("NOT_FOUND"));
  });

  it("takes link and code once, in either's lifetime, and no link of its own making", async () => {
    const { enrolment } = vault.people;
    const { token, code } = await invite("Olga");
    await assert.rejects(enrolment.accept({ token: `${token}x`, code, password: PASSWORD }), isCode("NOT_FOUND"));
    await assert.rejects(enrolment.confirm(token, "000000"), isCode("NOT_FOUND"));
    const { otpauth } = await enrolment.accept({ token, code: ` ${code.toUpperCase()} `, password: PASSWORD });
    await assert.rejects(enrolment.accept({ token, code, password: PASSWORD }), isCode("ALREADY_RELEASED"));
    await assert.rejects(vault.signIn("olga@example.com", new AuthenticatorApp(otpauth), 1), isCode("UNAUTHENTICATED"));
    const app = new AuthenticatorApp(otpauth);
    await enrolment.confirm(token, await app.next());
    await assert.rejects(enrolment.confirm(token, await app.next()), isCode("NOT_FOUND"));
    await vault.signIn("olga@example.com", app);
  });

  it("takes no invitation that has run out", async () => {
    const { enrolment } = vault.people;
    const { requestId, token, code } = await invite("Lately");
    const owner = await DatabaseOwner.take(vault.database);
    const copy = await owner.copy("people.invitation");
    await owner.run("UPDATE people.invitation SET expires_at = clock_timestamp() - interval '1 s' WHERE request_id = $1", [requestId]);
    await assert.rejects(enrolment.accept({ token, code, password: PASSWORD }), isCode("ROW_REFUSED"));
    // No act of the service makes an invitation that is old already, so the row is edited, and its own checks are switched off.
    const settings = { deployment: "test", periodSeconds: 1, waitSeconds: 0 };
    const blind = new Enrolment(vault.dataSource, blindTransactions(vault), vault.keys.records, vault.people.seal, settings);
    await assert.rejects(blind.accept({ token, code, password: PASSWORD }), isCode("NOT_FOUND"));
    await copy.putBack();
    await owner.close();
    await enrolment.accept({ token, code, password: PASSWORD });
  });

  it("enrols neither a name nor an e-mail address twice, in whatever case, also of somebody suspended", async () => {
    await vault.people.people.suspend(rita.personId, ada.personId);
    for (const subject of [
      { name: "RITA requester", email: "another@example.com" },
      { name: "Another", email: "Rita.Requester@EXAMPLE.com" },
    ]) {
      await assert.rejects(vault.requests.submit(ada, formOf({ operation: "person.enrol", subject })), isCode("ALREADY_EXISTS"));
    }
    const subject = { name: "Twin", email: "twin@example.com" };
    const [one, two] = [
      await vault.requests.submit(ada, formOf({ operation: "person.enrol", subject })),
      await vault.requests.submit(ada, formOf({ operation: "person.enrol", subject })),
    ];
    await vault.requests.approve(ben, one.requestId, await ben.app.next(), "");
    await assert.rejects(vault.requests.approve(ben, two.requestId, await ben.app.next(), ""), isCode("ALREADY_EXISTS"));
    await vault.decide({ operation: "person.restore", subject: { personId: rita.personId } });
  });

  it("a reset ends sessions, authenticators, invitations and approvals at once", async () => {
    const alan = await vault.enrol("Alan Approver", ["approver"]);
    const holder = await vault.enrol("Holly Holder", ["requester"]);
    const { grantId } = await vault.grant(holder, [alan], await vault.import("111122223333"));
    const before = await vault.decide({ operation: "authenticator.reset", subject: { personId: alan.personId } });
    await assert.rejects(vault.people.sessions.authenticate(alan.token), isCode("UNAUTHENTICATED"));
    await assert.rejects(vault.signIn(alan.email, alan.app, 1), isCode("UNAUTHENTICATED"));
    await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_REQUIRED"));
    const { token, code } = await vault.invitation(before.requestId);
    await vault.decide({ operation: "authenticator.reset", subject: { personId: alan.personId } });
    await assert.rejects(vault.people.enrolment.accept({ token, code, password: PASSWORD }), isCode("NOT_FOUND"));
  });

  it("a new authenticator signs in, but approves, opens and takes nothing for a day", async () => {
    const settings = { deployment: "test", periodSeconds: 1, waitSeconds: WAIT_SECONDS };
    const waiting = new Enrolment(vault.dataSource, vault.transactions, vault.keys.records, vault.people.seal, settings);
    const young = async (name: string): Promise<Actor> => {
      const { token, code } = await invite(name);
      const { personId, otpauth } = await waiting.accept({ token, code, password: PASSWORD });
      const app = new AuthenticatorApp(otpauth);
      const { usableFrom } = await waiting.confirm(token, await app.next());
      assert.ok(usableFrom.getTime() - Date.now() > (WAIT_SECONDS - 60) * 1000);
      for (const role of ["requester", "approver", "custodian"] as const) await vault.allow(personId, role);
      return await vault.signIn(`${name.toLowerCase()}@example.com`, app);
    };
    const yves = await young("Yves");
    const old = await vault.enrol("Olive Old", ["requester", "approver"]);
    const account = await vault.import("444455556666");
    const form = formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-3" });
    const { requestId } = await vault.requests.submit(old, form);
    await assert.rejects(vault.requests.approve(yves, requestId, await yves.app.next(), ""), isCode("STEP_UP_REQUIRED"));
    const { grantId } = await vault.grant(yves, [old], account);
    await assert.rejects(vault.open(yves, grantId), isCode("STEP_UP_REQUIRED"));
    await assert.rejects(vault.reveals.code(yves, grantId, await yves.app.next()), isCode("STEP_UP_REQUIRED"));
    const subject = { name: "Zoe", email: "zoe@example.com" };
    const { requestId: asked } = await vault.requests.submit(yves, formOf({ operation: "person.enrol", subject }));
    await vault.requests.approve(ben, asked, await ben.app.next(), "");
    await assert.rejects(vault.people.halves.takeLink(asked, yves, await yves.app.next()), isCode("STEP_UP_REQUIRED"));
  });
});
