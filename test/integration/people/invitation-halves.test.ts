import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { Invitation } from "../../../src/people/invitation.entity.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const WRONG = "000000";
const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code);

// real: PostgreSQL, every service. double: none.
describe("taking the link or the code of an invitation", () => {
  let vault: Vault;
  let ada: Actor;
  let ben: Actor;
  let requestId: Id<"request">;
  /** Ben's code that approved the request. */
  let spent = "";
  let count = 0;

  /** Ada's half, or Ben's. */
  const take = async (half: "link" | "code", code: string, request = requestId): Promise<unknown> => {
    const { halves } = vault.people;
    return half === "link" ? await halves.takeLink(request, ada, code) : await halves.takeCode(request, ben, code);
  };
  const assertNothingReleased = async (): Promise<void> => {
    const [invitation] = await vault.transactions.peek((tx) => tx.readAll(Invitation, { requestId }));
    assert.deepEqual([invitation?.state, invitation?.tokenHash, invitation?.codeHash], ["OPEN", null, null]);
    const entries = await vault.reader.entries(0, 1_000);
    const taken = entries.filter(({ entry }) => entry.action.startsWith("invitation.") && entry.outcome === "allowed");
    assert.deepEqual(taken, []);
  };

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
  });
  after(() => vault.drop());
  beforeEach(async () => {
    const name = `Hal ${"I".repeat(++count)}`;
    const subject = { name, email: `hal.${String(count)}@example.com` };
    ({ requestId } = await vault.requests.submit(ada, formOf({ operation: "person.enrol", subject })));
    spent = await ben.app.next();
    await vault.requests.approve(ben, requestId, spent, "");
  });

  it("gives a stolen session alone nothing, not both custodians' sessions either: no factor, a guess, another's, one used before", async () => {
    for (const half of ["link", "code"] as const) {
      const [own, other] = half === "link" ? [ada, ben] : [ben, ada];
      const used = half === "link" ? await spentAtSignIn(own) : spent;
      for (const code of ["", WRONG, used, await other.app.next()]) await assert.rejects(take(half, code), isCode("STEP_UP_REQUIRED"));
    }
    await assertNothingReleased();
    await take("link", await ada.app.next());
    await take("code", await ben.app.next());
  });

  it("takes a time step that nothing else takes then", async () => {
    const code = await ben.app.next();
    await take("code", code);
    const form = formOf({ operation: "person.enrol", subject: { name: "Ida", email: "ida@example.com" } });
    const { requestId: next } = await vault.requests.submit(ada, form);
    await assert.rejects(vault.requests.approve(ben, next, code, ""), isCode("STEP_UP_REQUIRED"));
    const link = await ada.app.next();
    await take("link", link);
    await vault.requests.approve(ben, next, await ben.app.next(), "");
    await assert.rejects(take("link", link, next), isCode("STEP_UP_REQUIRED"));
  });

  it("leaves the code unused where it refuses for another reason", async () => {
    const code = await ada.app.next();
    await assert.rejects(vault.people.halves.takeCode(requestId, ada, code), isCode("NOT_FOUND"));
    await take("link", code);
  });

  it("gives nothing to a custodian who left after it was approved and came back, whether the other half is taken or not", async () => {
    let carl = await vault.enrol("Carl Custodian", ["custodian"]);
    for (const isFirst of [true, false]) {
      const name = `Kim ${isFirst ? "One" : "Two"}`;
      const subject = { name, email: `${name.toLowerCase().replace(" ", ".")}@example.com` };
      const { requestId: asked } = await vault.requests.submit(carl, formOf({ operation: "person.enrol", subject }));
      await vault.requests.approve(ben, asked, await ben.app.next(), "");
      await vault.people.people.suspend(carl.personId, ada.personId);
      await vault.decide({ operation: "person.restore", subject: { personId: carl.personId } });
      carl = await vault.signIn(carl.email, carl.app);
      // The other half writes the invitation's row, which does not make it of now for somebody who left before.
      if (!isFirst) await vault.people.halves.takeCode(asked, ben, await ben.app.next());
      await assert.rejects(vault.people.halves.takeLink(asked, carl, await carl.app.next()), isCode("APPROVAL_EXPIRED"));
      const [invitation] = await vault.transactions.peek((tx) => tx.readAll(Invitation, { requestId: asked }));
      assert.equal(invitation?.tokenHash, null);
    }
  });

  it("counts wrong codes with those of every other act, and refuses the right one after five", async () => {
    for (let tries = 0; tries < 5; tries++) await assert.rejects(take("code", WRONG), isCode("STEP_UP_REQUIRED"));
    await assert.rejects(take("code", await ben.app.next()), isCode("LOCKED_OUT"));
    const [invitation] = await vault.transactions.peek((tx) => tx.readAll(Invitation, { requestId }));
    assert.equal(invitation?.codeHash, null);
    const form = formOf({ operation: "person.enrol", subject: { name: "Jo", email: "jo@example.com" } });
    const { requestId: next } = await vault.requests.submit(ada, form);
    await assert.rejects(vault.requests.approve(ben, next, await ben.app.next(), ""), isCode("LOCKED_OUT"));
  });

  /** A code that signed `actor` in just now. */
  async function spentAtSignIn(actor: Actor): Promise<string> {
    const code = await actor.app.next();
    await vault.people.signIn.signIn({ email: actor.email, password: "a long pass phrase of tests", code, address: "127.0.0.1" });
    return code;
  }
});
