import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { blindTransactions, openersOf } from "../../support/blind-rows.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { approve, ask, setPolicy } from "../../support/policies.js";
import { type Actor, Vault } from "../../support/vault.js";

const refusedBy =
  (code: ErrorCode, term?: string) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code) && (term === undefined || error.facts["term"] === term);

// real: PostgreSQL, file root key, every service. double: none.
describe("a two-person split", () => {
  let vault: Vault;
  let ada: Actor;
  let rita: Actor;
  let hugo: Actor;
  let alan: Actor;
  let accounts: Id<"account">[];

  before(async () => {
    vault = await Vault.open();
    [ada] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    hugo = await vault.enrol("Hugo Halfholder", ["requester", "approver"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    accounts = [];
    for (const awsId of ["111122223331", "111122223332", "111122223333", "111122223334", "111122223335", "111122223336", "111122223337"])
      accounts.push(await vault.import(awsId));
    await setPolicy(vault, "halves", { split: true });
  });
  after(() => vault.drop());

  const account = (at: number): Id<"account"> => accounts[at] as Id<"account">;
  const split = () => ({ holders: { "mfa-seed": hugo.personId } });
  const granted = async (at: number, rest: object = split(), requester: Actor = rita): Promise<Id<"grant">> => {
    const requestId = await ask(vault, requester, account(at), rest);
    await approve(vault, alan, requestId);
    const { grantId } = await vault.requests.read(requestId);
    assert.ok(grantId);
    return grantId;
  };
  const code = async (actor: Actor, grantId: Id<"grant">): Promise<string> =>
    (await vault.reveals.code(actor, grantId, await actor.app.next())).value.expose((bytes) => bytes.toString("utf8"));

  it("asks for two holders, the second of whom may open here and approves nothing", async () => {
    await assert.rejects(ask(vault, rita, account(0)), refusedBy("POLICY_REFUSED", "split"));
    await assert.rejects(ask(vault, rita, account(0), { holders: { "mfa-seed": rita.personId } }), refusedBy("POLICY_REFUSED", "split"));
    const both = { "root-password": hugo.personId, "mfa-seed": hugo.personId };
    await assert.rejects(ask(vault, rita, account(0), { holders: both }), refusedBy("POLICY_REFUSED", "split"));
    // Alan may approve, and open nothing; nobody is known by this id; a note is not asked for.
    await assert.rejects(ask(vault, rita, account(0), { holders: { "mfa-seed": alan.personId } }), refusedBy("NOT_ALLOWLISTED"));
    for (const holders of [{ "mfa-seed": "per_x" }, { note: hugo.personId }, { "mail-code": hugo.personId }]) {
      await assert.rejects(ask(vault, rita, account(0), { holders }), refusedBy("MALFORMED"), JSON.stringify(holders));
    }
    const requestId = await ask(vault, rita, account(0), split());
    const { body } = await vault.requests.read(requestId);
    assert.deepEqual(
      body.secrets.map(({ kind, holder }) => [kind, holder]).sort(),
      [
        ["mfa-seed", hugo.personId],
        ["root-password", rita.personId],
      ],
      "the hash covers who holds what",
    );
    await assert.rejects(approve(vault, hugo, requestId), refusedBy("SELF_APPROVAL"));
    await vault.requests.withdraw(rita, requestId, "asked in vain");
  });

  it("gives each their half and nobody both; check-in by either ends both [PO-2] [RQ-10]", async () => {
    const grantId = await granted(0);
    await assert.rejects(code(rita, grantId), refusedBy("NOT_FOUND"));
    await assert.rejects(vault.open(hugo, grantId), refusedBy("NOT_FOUND"));
    await assert.rejects(vault.open(alan, grantId), refusedBy("NOT_FOUND"));
    assert.match(await vault.open(rita, grantId), /Tr0ub4dor/);
    assert.match(await code(hugo, grantId), /^\d{6}$/);
    await vault.grants.giveBack(hugo, grantId);
    await assert.rejects(vault.open(rita, grantId), refusedBy("APPROVAL_EXPIRED"));
    await assert.rejects(code(hugo, grantId), refusedBy("APPROVAL_EXPIRED"));
    assert.equal((await vault.accounts.readFor(rita.personId, account(0))).checkoutGrantId, null);
  });

  it("gives whoever has seen the current password no code of the account, under any later grant", async () => {
    await assert.rejects(ask(vault, rita, account(0), { kinds: ["mfa-seed"] }), refusedBy("POLICY_REFUSED", "split"));
    await vault.candidates.stage(rita, account(0), "root-password");
    const swapped = { purpose: "rotate-after-use", holders: { "root-password": hugo.personId } };
    await assert.rejects(ask(vault, rita, account(0), swapped), refusedBy("POLICY_REFUSED", "split"));
    // The other way round nobody gets both: Hugo has seen codes, which are worth nothing any more.
    const healing = await granted(0, { ...split(), purpose: "rotate-after-use" });
    await vault.grants.giveBack(rita, healing);
  });

  it("is one check-out: both at once open their halves once each, and a third request waits", async () => {
    const grantId = await granted(1);
    const third = await ask(vault, rita, account(1), split());
    await assert.rejects(approve(vault, alan, third), refusedBy("CHECKED_OUT"));
    const [mine, his] = [await rita.app.next(), await hugo.app.next()];
    const ends = await Promise.allSettled([
      vault.reveals.reveal(rita, grantId, "root-password", mine),
      vault.reveals.reveal(rita, grantId, "root-password", mine),
      vault.reveals.code(hugo, grantId, his),
      vault.reveals.reveal(hugo, grantId, "root-password", his),
    ]);
    assert.equal(ends.slice(0, 2).filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal(ends[2].status, "fulfilled");
    assert.equal(ends[3].status, "rejected");
    await vault.grants.giveBack(rita, grantId);
  });

  it("raced by a check-in of the other ends one way or the other, and nothing opens after it", async () => {
    const grantId = await granted(2);
    const mine = await rita.app.next();
    const [opened, returned] = await Promise.allSettled([
      vault.reveals.reveal(rita, grantId, "root-password", mine),
      vault.grants.giveBack(hugo, grantId),
    ]);
    assert.equal(returned.status, "fulfilled");
    if (opened.status === "rejected") assert.ok(refusedBy("APPROVAL_EXPIRED")(opened.reason), String(opened.reason));
    await assert.rejects(code(hugo, grantId), refusedBy("APPROVAL_EXPIRED"));
  });

  it("is demanded at use: a grant for one holder does not open under a policy that splits", async () => {
    await setPolicy(vault, "halves", null);
    const grantId = await granted(3, {});
    await setPolicy(vault, "halves", { split: true });
    await assert.rejects(vault.open(rita, grantId), refusedBy("POLICY_REFUSED", "split"));
    await vault.grants.giveBack(rita, grantId);
  });

  it("keeps who asks from opening at all where the policy forbids self-service", async () => {
    await setPolicy(vault, "halves", { selfService: false });
    await assert.rejects(ask(vault, rita, account(3), split()), refusedBy("POLICY_REFUSED", "selfService"));
    const both = { "root-password": hugo.personId, "mfa-seed": hugo.personId };
    const grantId = await granted(3, { holders: both });
    await assert.rejects(vault.open(rita, grantId), refusedBy("NOT_FOUND"));
    assert.match(await vault.open(hugo, grantId), /Tr0ub4dor/);
    await vault.grants.giveBack(hugo, grantId);
    await setPolicy(vault, "halves", { split: true });
  });

  it("stands and falls with both: a holder who leaves opens nothing, and a reset of either ends the grant", async () => {
    const late = await vault.enrol("Lena Leaver", ["requester"]);
    const grantId = await granted(4, { holders: { "mfa-seed": late.personId } });
    await vault.people.people.suspend(late.personId, ada.personId);
    assert.equal((await vault.grants.read(grantId)).state, "REVOKED");
    await assert.rejects(code(late, grantId), refusedBy("APPROVAL_EXPIRED"));
    await vault.decide({ operation: "person.restore", subject: { personId: late.personId } });
    const again = await granted(4, { holders: { "mfa-seed": late.personId } });
    await vault.decide({ operation: "authenticator.reset", subject: { personId: late.personId } });
    assert.equal((await vault.grants.read(again)).state, "REVOKED");
    await assert.rejects(vault.open(rita, again), refusedBy("APPROVAL_EXPIRED"));
    assert.deepEqual(vault.alarms, []);
  });

  it("ends with the one who asked, who holds nothing: a reset, or suspending and restoring, ends what somebody else was to open [DR-13]", async () => {
    const other = await vault.enrol("Olga Other", ["requester"]);
    const both = { holders: { "root-password": hugo.personId, "mfa-seed": rita.personId } };
    const grantId = await granted(4, both, other);
    const waiting = await ask(vault, other, account(5), both);
    await vault.people.people.suspend(other.personId, ada.personId);
    await vault.decide({ operation: "person.restore", subject: { personId: other.personId } });
    assert.equal((await vault.grants.read(grantId)).state, "OPEN");
    await assert.rejects(vault.open(hugo, grantId), refusedBy("APPROVAL_EXPIRED"));
    await assert.rejects(code(rita, grantId), refusedBy("APPROVAL_EXPIRED"));
    await assert.rejects(approve(vault, alan, waiting), refusedBy("APPROVAL_EXPIRED"));
    await vault.grants.giveBack(hugo, grantId);
    assert.deepEqual(vault.alarms, []);
  });

  it("goes on where it was approved, also when the policy that splits has gone since [PO-9]", async () => {
    const grantId = await granted(6, split());
    const swapped = { holders: { "root-password": hugo.personId, "mfa-seed": rita.personId } };
    const next = await ask(vault, rita, account(6), swapped);
    assert.match(await vault.open(rita, grantId), /Tr0ub4dor/);
    await vault.grants.giveBack(rita, grantId);
    await setPolicy(vault, "halves", null);
    await assert.rejects(approve(vault, alan, next), refusedBy("POLICY_REFUSED", "split"));
    await setPolicy(vault, "halves", { split: true });
  });

  it("is held by what was approved, also where the grant's row says otherwise and nobody checks rows [L3]", async () => {
    await setPolicy(vault, "halves", null);
    const grantId = await granted(5, split());
    const owner = await DatabaseOwner.take(vault.database);
    await owner.run("UPDATE approvals.access_grant SET versions = replace(versions, $2, $3), holder_id = $3 WHERE id = $1", [
      grantId,
      hugo.personId,
      rita.personId,
    ]);
    await owner.close();
    const { reveals } = openersOf(vault, CATALOGUE, blindTransactions(vault));
    await assert.rejects(reveals.code(rita, grantId, await rita.app.next()), refusedBy("NOT_FOUND"));
  });
});
