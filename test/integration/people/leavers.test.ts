// real: PostgreSQL, keys, services. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isRootkeepError(error, code);
}

describe("a leaver", () => {
  let vault: Vault;
  let ada: Actor;
  let account: Id<"account">;
  let holder: Actor;
  let approver: Actor;

  before(async () => {
    vault = await Vault.open();
    [ada] = await vault.found();
    account = await vault.import("111122223333");
    holder = await vault.enrol("Hugo Holder", ["requester"]);
    approver = await vault.enrol("Anna Approver", ["approver"]);
  });
  after(() => vault.drop());

  async function takeOff(person: Actor): Promise<void> {
    const [entry] = (await vault.people.allowlist.list()).filter(
      ({ personId, endedAt }) => personId === person.personId && endedAt === null,
    );
    assert.ok(entry);
    await vault.people.allowlist.revoke(entry.id, ada.personId);
  }

  async function restored(person: Actor): Promise<Actor> {
    await vault.decide({ operation: "person.restore", subject: { personId: person.personId } });
    return await vault.signIn(person.email, person.app);
  }

  it("who is suspended loses session and open grant at once; the account is free for the next", async () => {
    const { grantId } = await vault.grant(holder, [approver], account);
    await vault.people.people.suspend(holder.personId, ada.personId);
    assert.equal((await vault.grants.read(grantId)).state, "REVOKED");
    await assert.rejects(vault.people.sessions.authenticate(holder.token), isCode("UNAUTHENTICATED"));
    await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_EXPIRED"));
    const next = await vault.enrol("Nils Next", ["requester"]);
    const { grantId: second } = await vault.grant(next, [approver], account);
    await vault.grants.giveBack(next, second);
    holder = await restored(holder);
    await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_EXPIRED"));
  });

  it("who is taken off the list loses session and open grant at once", async () => {
    const { grantId } = await vault.grant(holder, [approver], account);
    await takeOff(holder);
    assert.equal((await vault.grants.read(grantId)).state, "REVOKED");
    await assert.rejects(vault.people.sessions.authenticate(holder.token), isCode("UNAUTHENTICATED"));
    await vault.allow(holder.personId, "requester");
    holder = await vault.signIn(holder.email, holder.app);
    await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_EXPIRED"));
  });

  // Infisical, "keeps its access whatever changes afterward" (row 53): there an approval outlives its approver.
  it("who approved counts for nothing at use, neither while away nor after coming back", async () => {
    for (const [leave, comeBack] of [
      [() => vault.people.people.suspend(approver.personId, ada.personId), () => restored(approver)],
      [
        () => takeOff(approver),
        async () => {
          await vault.allow(approver.personId, "approver");
          return await vault.signIn(approver.email, approver.app);
        },
      ],
    ] as const) {
      const { grantId } = await vault.grant(holder, [approver], account);
      await leave();
      await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_REQUIRED"));
      approver = await comeBack();
      await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_REQUIRED"));
      await vault.grants.giveBack(holder, grantId);
    }
  });

  it("does not get back a grant that was hidden in the table while it was revoked", async () => {
    const { grantId } = await vault.grant(holder, [approver], account);
    const owner = await DatabaseOwner.take(vault.database);
    try {
      const hidden = await owner.copy("approvals.access_grant", `id = '${grantId}'`);
      await owner.run("DELETE FROM approvals.access_grant WHERE id = $1", [grantId]);
      await vault.people.people.suspend(holder.personId, ada.personId);
      holder = await restored(holder);
      await hidden.putBack();
      await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_EXPIRED"));
    } finally {
      await owner.close();
    }
  });

  it("among the custodians takes waiting approvals along, and never the last two", async () => {
    const carl = await vault.enrol("Carl Custodian", ["custodian"]);
    await assert.rejects(vault.requests.submit(holder, formOf({ operation: "person.enrol", subject: {} })), isCode("NOT_ALLOWLISTED"));
    await takeOff(carl);
    await assert.rejects(vault.people.sessions.authenticate(carl.token), isCode("UNAUTHENTICATED"));
    const [, ben] = vault.custodians ?? [];
    assert.ok(ben);
    await assert.rejects(vault.people.people.suspend(ben.personId, ada.personId), isCode("STATE_CONFLICT"));
    assert.equal((await vault.people.sessions.authenticate(ben.token)).personId, ben.personId);
  });
});
