import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { AllowlistReport } from "../../../src/people/allowlist-report.service.js";
import { activeCustodians } from "../../../src/people/standing.service.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { KeepingChannel, noticeCrew } from "../../support/notice-crew.js";
import { ask } from "../../support/policies.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code);
const refusedWith = (end: PromiseSettledResult<unknown>): string =>
  end.status === "rejected" && isRootkeepError(end.reason) ? end.reason.code : end.status;

// real: PostgreSQL (attacked by its owner), keys, every service. double: the channel's other end.
describe("a person who has left for good", () => {
  let vault: Vault;
  let ada: Actor;
  let ben: Actor;
  let account: Id<"account">;
  let holder: Actor;
  let approver: Actor;

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    account = await vault.import("111122223333");
    holder = await vault.enrol("Hugo Holder", ["requester"]);
    approver = await vault.enrol("Anna Approver", ["approver"]);
  });
  after(() => vault.drop());

  const askToLeave = async (by: Actor, personId: Id<"person">): Promise<Id<"request">> =>
    (await vault.requests.submit(by, formOf({ operation: "person.leave", subject: { personId } }))).requestId;
  const approve = async (by: Actor, requestId: Id<"request">): Promise<unknown> =>
    vault.requests.approve(by, requestId, await by.app.next(), "");
  const leave = (personId: Id<"person">): Promise<unknown> => vault.decide({ operation: "person.leave", subject: { personId } });
  const stateOf = async (personId: Id<"person">): Promise<string> => (await vault.people.people.byId(personId)).state;
  interface Read {
    readonly seq: number;
    readonly actor: { readonly id: string };
    readonly details: Readonly<Record<string, unknown>>;
  }
  const newestEntry = async (action: string): Promise<Read> => {
    const [row] = await vault.dataSource.query<{ entry: Buffer }[]>(
      "SELECT entry FROM audit.entry WHERE action = $1 ORDER BY seq DESC LIMIT 1",
      [action],
    );
    return JSON.parse(String(row?.entry)) as Read;
  };
  const custodians = (): Promise<Id<"person">[]> => vault.transactions.peek(async (tx) => activeCustodians(tx, await tx.clock()));

  it("is decided by two custodians, neither of them that person, and so never leaves fewer than two", async () => {
    await assert.rejects(askToLeave(holder, approver.personId), isCode("NOT_ALLOWLISTED"));
    await assert.rejects(askToLeave(ada, ada.personId), isCode("SELF_APPROVAL"));
    const requestId = await askToLeave(ada, ben.personId);
    await assert.rejects(approve(ada, requestId), isCode("SELF_APPROVAL"));
    await assert.rejects(approve(ben, requestId), isCode("SELF_APPROVAL"));
    await assert.rejects(approve(approver, requestId), isCode("NOT_ALLOWLISTED"));
    assert.deepEqual(new Set(await custodians()), new Set([ada.personId, ben.personId]));
    await vault.requests.withdraw(ada, requestId, "a mistake");
  });

  it("loses session, grant, approvals, authenticators and entries at once; the person and all custodians hear of it", async () => {
    const channel = new KeepingChannel("smtp", true);
    const crew = noticeCrew(vault, [channel]);
    const { grantId } = await vault.grant(holder, [approver], account);
    await crew.turn();
    await leave(holder.personId);
    assert.equal(await stateOf(holder.personId), "LEFT");
    assert.equal((await vault.grants.read(grantId)).state, "REVOKED");
    await assert.rejects(vault.people.sessions.authenticate(holder.token), isCode("UNAUTHENTICATED"));
    await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_EXPIRED"));
    await assert.rejects(vault.signIn(holder.email, holder.app, 1), isCode("UNAUTHENTICATED"));
    const open = await vault.dataSource.query<unknown[]>(
      `SELECT 1 FROM people.authenticator WHERE person_id = $1 AND state <> 'ENDED'
       UNION ALL SELECT 1 FROM people.allowlist_entry WHERE person_id = $1 AND ended_at IS NULL`,
      [holder.personId],
    );
    assert.equal(open.length, 0);
    const reported = await new AllowlistReport(vault.transactions, vault.log).entries();
    assert.ok(reported.length > 0 && !reported.some(({ personId }) => personId === holder.personId));
    const { actor, details } = await newestEntry("person.leave");
    assert.deepEqual([actor.id, details["approvedBy"]], [ada.personId, ben.personId]);
    assert.deepEqual([details["sessionsEnded"], details["grantsRevoked"], details["entriesEnded"], details["ended"]], [1, 1, 1, 2]);
    await crew.turn();
    const told = channel.taken.flatMap(({ address, message }) => (message.topic === "person.left" ? [address] : []));
    assert.deepEqual(told.sort(), [ada.email, ben.email, holder.email].sort());
    holder = await vault.enrol("Hella Holder", ["requester"]);
  });

  it("comes back by no act, nor under the same name or address, also where it was asked for before", async () => {
    const gone = await vault.enrol("Gus Gone", []);
    await vault.people.people.suspend(gone.personId, ada.personId);
    const about = { personId: gone.personId };
    const acts = [
      { operation: "person.restore", subject: about },
      { operation: "authenticator.reset", subject: about },
      { operation: "person.leave", subject: about },
      { operation: "person.team", subject: { ...about, team: "operations" } },
      { operation: "allowlist.grant", subject: { ...about, role: "requester", scope: { kind: "all" } } },
    ] as const;
    const earlier: Id<"request">[] = [];
    for (const act of acts) earlier.push((await vault.requests.submit(ada, formOf(act))).requestId);
    await leave(gone.personId);
    for (const requestId of earlier) {
      await assert.rejects(approve(ben, requestId), (error) => isCode("STATE_CONFLICT")(error) || isCode("NOT_FOUND")(error));
    }
    for (const act of acts) await assert.rejects(vault.requests.submit(ada, formOf(act)), isCode("NOT_FOUND"));
    for (const person of [
      { name: "gus  GONE", email: "another@example.com" },
      { name: "Another Name", email: "GUS.GONE@example.com" },
    ]) {
      await assert.rejects(vault.requests.submit(ada, formOf({ operation: "person.enrol", subject: person })), isCode("ALREADY_EXISTS"));
    }
    await assert.rejects(vault.people.people.suspend(gone.personId, ada.personId), isCode("STATE_CONFLICT"));
    assert.equal(await stateOf(gone.personId), "LEFT");
  });

  it("takes an invitation along that was not used yet", async () => {
    const subject = { name: "Ina Invited", email: "ina@example.com" };
    const { requestId } = await vault.decide({ operation: "person.enrol", subject });
    const { token, code } = await vault.invitation(requestId);
    const invited = (await vault.people.people.list()).find(({ email }) => email === subject.email);
    assert.ok(invited);
    await leave(invited.id);
    await assert.rejects(vault.people.enrolment.accept({ token, code, password: "a long pass phrase of tests" }), isCode("NOT_FOUND"));
  });

  // Infisical, "keeps its access whatever changes afterward" (row 53): there an approval outlives its approver.
  it("at the moment of an approval of theirs lets nothing be opened by it, whichever comes first", async () => {
    const requestId = await ask(vault, holder, account);
    const leaving = await askToLeave(ada, approver.personId);
    const [code, ends] = [await approver.app.next(), await ben.app.next()];
    const [approval, left] = await Promise.allSettled([
      vault.requests.approve(approver, requestId, code, ""),
      vault.requests.approve(ben, leaving, ends, ""),
    ]);
    assert.equal(left.status, "fulfilled");
    const { state, grantId } = await vault.requests.read(requestId);
    if (grantId === null) {
      assert.deepEqual([state, refusedWith(approval)], ["SUBMITTED", "UNAUTHENTICATED"]);
      await vault.requests.withdraw(holder, requestId, "nobody is left to approve it");
    } else {
      await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_REQUIRED"));
      await vault.grants.giveBack(holder, grantId);
    }
    approver = await vault.enrol("Nora Next", ["approver"]);
  });

  it("while they open has opened before or not at all, and only once", async () => {
    const { grantId } = await vault.grant(holder, [approver], account);
    const leaving = await askToLeave(ada, holder.personId);
    const [code, ends] = [await holder.app.next(), await ben.app.next()];
    const [opening, left] = await Promise.allSettled([
      vault.reveals.reveal(holder, grantId, "root-password", code),
      vault.requests.approve(ben, leaving, ends, ""),
    ]);
    assert.equal(left.status, "fulfilled");
    const intents = await vault.dataSource.query<{ seq: string }[]>(
      "SELECT seq FROM audit.entry WHERE action = 'secret.reveal' AND outcome = 'intent' ORDER BY seq",
    );
    if (opening.status === "fulfilled") {
      assert.ok(Number(intents.at(-1)?.seq) < (await newestEntry("person.leave")).seq);
      assert.equal(intents.length, 1);
    } else {
      assert.match(refusedWith(opening), /^(UNAUTHENTICATED|APPROVAL_EXPIRED|NOT_ALLOWLISTED)$/);
      assert.equal(intents.length, 0);
    }
    assert.equal((await vault.grants.read(grantId)).state, "REVOKED");
    await assert.rejects(vault.open(holder, grantId), isCode("APPROVAL_EXPIRED"));
  });

  it("is said once, whoever says it at the same time; and custodians who say it of each other do not both leave", async () => {
    const [carl, dora] = [await vault.enrol("Carl Custodian", ["custodian"]), await vault.enrol("Dora Custodian", ["custodian"])];
    const twice = [await askToLeave(ada, approver.personId), await askToLeave(carl, approver.personId)] as const;
    const said = await Promise.allSettled([approve(ben, twice[0]), approve(dora, twice[1])]);
    assert.deepEqual(said.map(refusedWith).sort(), ["STATE_CONFLICT", "fulfilled"]);
    const [ofCarl, ofDora] = [await askToLeave(dora, carl.personId), await askToLeave(carl, dora.personId)];
    const ends = await Promise.allSettled([approve(ada, ofCarl), approve(ben, ofDora)]);
    assert.deepEqual(ends.map(refusedWith).sort(), ["NOT_ALLOWLISTED", "fulfilled"]);
    assert.equal((await custodians()).length, 3);
  });

  it("is not brought back by rows that the owner of the database puts back (law L11)", async () => {
    const olga = await vault.enrol("Olga Older", ["approver"]);
    const owner = await DatabaseOwner.take(vault.database);
    try {
      const copies = [];
      for (const table of ["person", "session", "authenticator", "allowlist_entry"]) copies.push(await owner.copy(`people.${table}`));
      await leave(olga.personId);
      for (const copy of copies) await copy.putBack();
      await assert.rejects(vault.people.sessions.authenticate(olga.token), isCode("ROW_REFUSED"));
      await owner.run("UPDATE people.person SET state = 'ACTIVE' WHERE id = $1", [olga.personId]);
      await assert.rejects(vault.people.people.byId(olga.personId), isCode("ROW_REFUSED"));
    } finally {
      await owner.close();
    }
  });
});
