import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CATALOGUE, CATALOGUE_ROWS } from "../../../src/approvals/catalogue.js";
import { loadCatalogue } from "../../../src/approvals/load-catalogue.js";
import { Requests } from "../../../src/approvals/requests.service.js";
import { revealAct } from "../../../src/approvals/reveal-act.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { AllowlistEntry } from "../../../src/people/allowlist-entry.entity.js";
import { CountingRootKey } from "../../support/counting-root-key.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code);

// real: PostgreSQL, file root key behind a counter, every service. double: none.
describe("no reveal without enough distinct named humans [L2]", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-law-"));
  const rootKey = new CountingRootKey(createRootKey(`file:${join(directory, "root-key.json")}`));
  let vault: Vault;
  let ada: Actor;
  let rita: Actor;
  let alan: Actor;
  let anna: Actor;
  let account: Id<"account">;

  const submit = async (purpose: string): Promise<Id<"request">> => {
    const form = formOf({ operation: "secret.reveal", accountId: account, purpose, ticket: "INC-8" });
    return (await vault.requests.submit(rita, form)).requestId;
  };
  const approve = async (actor: Actor, requestId: Id<"request">): Promise<{ approvals: number; state: string }> =>
    await vault.requests.approve(actor, requestId, await actor.app.next(), "");
  /** A grant whose opening must be refused with `code`, the root key not asked; the grant is ended afterwards. */
  const refusedAfter = async (change: (approver: Actor) => Promise<void>, code: ErrorCode, name: string): Promise<void> => {
    const approver = await vault.enrol(name, ["approver"]);
    const { grantId } = await vault.grant(rita, [approver], account, "account-password-change");
    await change(approver);
    const unwraps = rootKey.unwraps;
    await assert.rejects(vault.open(rita, grantId), isCode(code));
    assert.equal(rootKey.unwraps, unwraps);
    await vault.grants.giveBack(rita, grantId);
  };
  const takeOff = async (actor: Actor): Promise<void> => {
    for (const entry of await vault.people.allowlist.list()) {
      if (entry.personId === actor.personId && entry.endedAt === null) await vault.people.allowlist.revoke(entry.id, ada.personId);
    }
  };

  before(async () => {
    vault = await Vault.open({ rootKey });
    [ada] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester", "approver"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    anna = await vault.enrol("Anna Approver", ["approver"]);
    account = await vault.import("111122223333");
  });
  after(async () => {
    await vault.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it("loads no purpose without an approver, and takes no request under a policy without one", async () => {
    for (const approvals of [0, -1, 0.5]) {
      const rows = CATALOGUE_ROWS.map((row) => (row.slug === "billing-root-only" && row.approvals === 1 ? { ...row, approvals } : row));
      assert.throws(() => loadCatalogue(rows));
    }
    const act = revealAct(CATALOGUE, vault.secrets);
    const lax = {
      ...act,
      check: async (...call: Parameters<typeof act.check>) => ({ ...(await act.check(...call)), policy: { version: "x", approvals: 0 } }),
    };
    const requests = new Requests(vault.transactions, vault.people.stepUp, [lax], {
      logOrigin: "rootkeep.test/audit/test/1",
      tickets: vault.ticketLooks,
    });
    const form = formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-8" });
    await assert.rejects(requests.submit(rita, form), isCode("APPROVAL_REQUIRED"));
  });

  // Peers' mistakes: a requester in the approving group approved himself (hashicorp/vault#19214); one pressed Approve twice (sso-elevator#47).
  it("counts nobody twice: two approvals are two people, neither the requester", async () => {
    const requestId = await submit("account-email-change");
    assert.deepEqual(await approve(alan, requestId).then(({ state, approvals }) => [state, approvals]), ["SUBMITTED", 1]);
    await assert.rejects(approve(alan, requestId), isCode("STATE_CONFLICT"));
    await assert.rejects(approve(rita, requestId), isCode("SELF_APPROVAL"));
    assert.equal((await vault.requests.read(requestId)).grantId, null);
    assert.equal((await approve(anna, requestId)).state, "APPROVED");
    const { grantId } = await vault.requests.read(requestId);
    assert.ok(grantId !== null);
    await vault.grants.giveBack(rita, grantId);
  });

  // Peer's mistake (Infisical): the count was read before the transaction, and two parallel approvers both missed the threshold.
  it("counts two approvals that arrive at once as two, and one person's two calls at once as one", async () => {
    const twice = await submit("account-email-change");
    const codes = [await alan.app.next(), await alan.app.next()];
    const ends = await Promise.allSettled(codes.map((code) => vault.requests.approve(alan, twice, code, "")));
    assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await vault.requests.read(twice)).grantId, null);
    const both = await submit("account-email-change");
    await Promise.all([approve(alan, both), approve(anna, both)]);
    const { grantId } = await vault.requests.read(both);
    assert.ok(grantId !== null);
    await vault.grants.giveBack(rita, grantId);
  });

  // Peer's mistake (teleport#31538): a denied request went on as pending.
  it("ends a request with one denial", async () => {
    const requestId = await submit("account-email-change");
    await approve(alan, requestId);
    await vault.requests.deny(anna, requestId, "I do not think so");
    const another = await vault.enrol("Abel Approver", ["approver"]);
    await assert.rejects(approve(another, requestId), isCode("STATE_CONFLICT"));
  });

  it("opens nothing when the approver was suspended, taken off the list, or reset since", async () => {
    await refusedAfter((approver) => vault.people.people.suspend(approver.personId, ada.personId), "APPROVAL_REQUIRED", "Sam Suspended");
    await refusedAfter(takeOff, "APPROVAL_REQUIRED", "Tom Taken Off");
    const reset = async (approver: Actor): Promise<void> => {
      await vault.decide({ operation: "authenticator.reset", subject: { personId: approver.personId } });
    };
    await refusedAfter(reset, "APPROVAL_REQUIRED", "Ron Reset");
  });

  /** An entry that runs out in a moment. @returns when. */
  async function allowBriefly({ personId }: Actor, role: "requester" | "approver"): Promise<Date> {
    let validTo = new Date();
    await vault.transactions.run(async (tx) => {
      const now = await tx.clock();
      validTo = new Date(now.getTime() + 2_500);
      const id = newId("allowlist");
      tx.insert(AllowlistEntry, { id, personId, role, scope: '{"kind":"all"}', validFrom: now, validTo, endedAt: null });
      const target = { type: "allowlist-entry", id };
      return {
        result: null,
        entries: [{ draft: draftEntry({ action: "allowlist.grant", outcome: "committed", actor: SYSTEM_ACTOR, target }) }],
      };
    });
    return validTo;
  }

  for (const [role, refusal] of [
    ["approver", "APPROVAL_REQUIRED"],
    ["requester", "NOT_ALLOWLISTED"],
  ] as const) {
    it(`opens nothing when the ${role}'s entry has run out since, though nobody swept`, async () => {
      const lapse = await vault.enrol(`Lara Lapsing ${role}`, []);
      const validTo = await allowBriefly(lapse, role);
      const [holder, approver] = role === "approver" ? [rita, lapse] : [lapse, alan];
      const { grantId } = await vault.grant(holder, [approver], account, "account-password-change");
      while ((await vault.transactions.peek((tx) => tx.clock())) <= validTo) await sleep(100);
      await assert.rejects(vault.open(holder, grantId), isCode(refusal));
      await vault.grants.giveBack(holder, grantId);
    });
  }

  it("opens nothing for a holder who signed out, was taken off the list or suspended since, nor for anybody else", async () => {
    const hugo = await vault.enrol("Hugo Holder", ["requester"]);
    const first = await vault.grant(hugo, [alan], account, "account-password-change");
    await assert.rejects(vault.open(rita, first.grantId), isCode("NOT_FOUND"));
    const second = await vault.signIn(hugo.email, hugo.app);
    await vault.people.sessions.revoke(hugo.personId, second.sessionId);
    await assert.rejects(vault.open(second, first.grantId), isCode("UNAUTHENTICATED"));
    await takeOff(hugo);
    // What he held was revoked with it; his session too, which is looked at later.
    await assert.rejects(vault.open(hugo, first.grantId), isCode("APPROVAL_EXPIRED"));
    await vault.people.people.suspend(hugo.personId, ada.personId);
    await assert.rejects(vault.open(hugo, first.grantId), isCode("APPROVAL_EXPIRED"));
  });
});
