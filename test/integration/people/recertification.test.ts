import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { AllowlistReminders } from "../../../src/people/allowlist-reminders.service.js";
import { AllowlistReport } from "../../../src/people/allowlist-report.service.js";
import { AllowlistWatch } from "../../../src/people/allowlist-watch.service.js";
import { activeCustodians } from "../../../src/people/standing.service.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { setPolicy, setTeam } from "../../support/policies.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const QUARTER = 92 * 86_400;
/** Seconds between grants and certificate, within which a period ends that the certificate's own lies in. */
const GAP = 5;

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code);

// real: PostgreSQL (attacked by its owner), every service. double: none. Time passes by a shorter period: an entry of a minute's age has lapsed
// under a period of a second, as one of a year's age has under a quarter.
describe("an allowlist that nobody has certified in time", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let ada: Actor;
  let ben: Actor;
  let rita: Actor;

  const period = (seconds: number, of: Vault = vault): void => void Object.assign(of.certification, { periodSeconds: seconds });
  const asks = (actor: Actor): Promise<unknown> =>
    vault.requests.submit(actor, formOf({ operation: "secret.reveal", accountId: "acc_x", purpose: "x", ticket: "INC-1" }));
  /** What a requester meets first: that they are none, or that there is no such account. */
  const isRequester = async (actor: Actor): Promise<boolean> => {
    const items = await new AllowlistReport(vault.transactions, vault.log).entries();
    const isListed = items.some(({ personId, role, givesRights }) => personId === actor.personId && role === "requester" && givesRights);
    const roles = (await vault.people.sessions.authenticate(actor.token)).roles.includes("requester");
    assert.equal(isListed, roles, "the report says what sign-in says");
    return roles;
  };
  const custodians = (of: Vault = vault): Promise<Id<"person">[]> =>
    of.transactions.peek(async (tx) => activeCustodians(tx, await tx.clock()));
  const askToCertify = async (by: Actor): Promise<Id<"request">> => {
    const { digest } = await vault.certification.current();
    return (await vault.requests.submit(by, formOf({ operation: "allowlist.certify", subject: { digest } }))).requestId;
  };
  const approve = async (by: Actor, requestId: Id<"request">): Promise<unknown> =>
    vault.requests.approve(by, requestId, await by.app.next(), "");
  /** A period under which all grants have lapsed that are older than the newest certificate, and the certificate has not. */
  const sinceCertificate = async (): Promise<number> => {
    const at = vault.certification.newest?.at;
    if (at === undefined) throw new Error("no certificate");
    const now = await vault.transactions.peek((tx) => tx.clock());
    return (now.getTime() - at.getTime()) / 1000 + GAP - 1;
  };

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  it("gives no rights, but keeps its custodians, who can certify it, and then gives them again", async () => {
    assert.equal(await isRequester(rita), true);
    period(1);
    await setTimeout(GAP * 1000);
    assert.equal(await isRequester(rita), false);
    await assert.rejects(asks(rita), isCode("NOT_ALLOWLISTED"));
    assert.deepEqual(new Set(await custodians()), new Set([ada.personId, ben.personId]));
    const requestId = await askToCertify(ada);
    const { subject } = (await vault.requests.read(requestId)).body as unknown as { subject: { lapsed: number } };
    assert.equal(subject.lapsed, 3, "whoever approves sees how many entries come back");
    await assert.rejects(approve(ada, requestId), isCode("SELF_APPROVAL"));
    await approve(ben, requestId);
    period(await sinceCertificate());
    assert.equal(await isRequester(rita), true);
    const entries = await new AllowlistReport(vault.transactions, vault.log).entries();
    for (const { certifiedSeq } of entries) assert.equal(certifiedSeq, vault.certification.newest?.seq);
    const ritas = entries.find(({ personId }) => personId === rita.personId);
    // Ben asked and Ada approved; the log says so, not the table.
    assert.deepEqual([ritas?.askedBy, ritas?.approvedBy, ritas?.isFounding], [ben.personId, ada.personId, false]);
    assert.equal(entries.find(({ personId }) => personId === ada.personId)?.isFounding, true);
  });

  it("is not certified by what changed after it was looked at [DR-18]", async () => {
    period(QUARTER);
    const requestId = await askToCertify(ada);
    const lena = await vault.enrol("Lena Later", ["requester"]);
    await assert.rejects(approve(ben, requestId), isCode("STATE_CONFLICT"));
    // And by what changed after it was certified, the certificate says nothing of that.
    await approve(ben, await askToCertify(ada));
    const certificate = vault.certification.newest;
    const later = { personId: lena.personId, role: "approver", scope: { kind: "all" } };
    await vault.decide({ operation: "allowlist.grant", subject: later });
    const entries = await new AllowlistReport(vault.transactions, vault.log).entries();
    const ofLena = entries.filter(({ personId }) => personId === lena.personId).map(({ role, certifiedSeq }) => [role, certifiedSeq]);
    assert.deepEqual(Object.fromEntries(ofLena), { requester: certificate?.seq, approver: null });
  });

  it("is certified with teams and policies, and not when one of them changed after it was looked at", async () => {
    const changes: readonly (() => Promise<void>)[] = [
      () => setTeam(vault, rita, "ops"),
      () => setTeam(vault, rita, null),
      () => setPolicy(vault, "two-eyes-more", { approvals: 2 }),
      () => setPolicy(vault, "two-eyes-more", { approvals: 3 }),
      () => setPolicy(vault, "two-eyes-more", null),
    ];
    for (const change of changes) {
      const before = await vault.certification.current();
      const requestId = await askToCertify(ada);
      await change();
      assert.notEqual((await vault.certification.current()).digest, before.digest);
      await assert.rejects(approve(ben, requestId), isCode("STATE_CONFLICT"));
    }
    const requestId = await askToCertify(ada);
    const { version } = await vault.policies.current();
    const { subject } = (await vault.requests.read(requestId)).body as unknown as { subject: { policies: string } };
    assert.equal(subject.policies, version, "whoever approves sees which policies they certify");
    await approve(ben, requestId);
    assert.equal(vault.log.lastOf("allowlist.certify")?.details["policies"], version);
  });

  it("is certified by both of two certificates at once, or by one of them", async () => {
    const [one, two] = [await askToCertify(ada), await askToCertify(ben)];
    const before = vault.certification.newest?.seq ?? 0;
    const ends = await Promise.allSettled([approve(ben, one), approve(ada, two)]);
    assert.ok(ends.some(({ status }) => status === "fulfilled"));
    assert.ok((vault.certification.newest?.seq ?? 0) > before);
    assert.equal(vault.certification.isMissing, false);
  });

  it("is not certified by an entry that the owner of the database appends, nor by the date that they write into a row [DR-17]", async () => {
    period(await sinceCertificate());
    assert.equal(await isRequester(rita), true);
    const { newest } = vault.certification;
    // The digest and the HMAC of a genuine certificate, in an entry of their own with a later date.
    const genuine = vault.log.lastOf("allowlist.certify")?.details;
    const forgery = { allowlistDigest: newest?.digest ?? "", allowlistMac: String(genuine?.["allowlistMac"]) };
    const later = new Date(Date.now() + 86_400_000).toISOString();
    for (const certifiedAt of [String(genuine?.["certifiedAt"]), later]) {
      await vault.log.record(
        draftEntry({ action: "allowlist.certify", outcome: "committed", actor: SYSTEM_ACTOR, details: { ...forgery, certifiedAt } }),
      );
      assert.equal(vault.certification.newest, null);
      assert.equal(await isRequester(rita), false);
    }
    const copy = await owner.copy("people.allowlist_entry");
    for (const sql of [
      `UPDATE people.allowlist_entry SET valid_from = now() WHERE person_id = $1`,
      `UPDATE people.allowlist_entry SET valid_to = now() + interval '9 years', seq = 1 WHERE person_id = $1`,
      `UPDATE people.allowlist_entry SET person_id = $1 WHERE person_id <> $1 AND role = 'custodian'`,
    ]) {
      await owner.run(sql, [rita.personId]);
      await assert.rejects(vault.people.sessions.authenticate(rita.token), isCode("ROW_REFUSED"));
      await copy.putBack();
    }
    // Custodians were kept all the while, and certify anew.
    await approve(ben, await askToCertify(ada));
    period(await sinceCertificate());
    assert.equal(await isRequester(rita), true);
  });

  it("is not covered by a certificate of a time that the clock has not come to", async () => {
    const { newest } = vault.certification;
    assert.ok(newest !== null);
    const original = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(vault.certification), "newest");
    assert.ok(original !== undefined);
    // As after a clock that was wrong by a year when it was given, and was then put right.
    Object.defineProperty(vault.certification, "newest", {
      configurable: true,
      value: { ...newest, at: new Date(Date.now() + 31_536_000_000) },
    });
    assert.equal(await isRequester(rita), false);
    assert.ok((await custodians()).length >= 2);
    Reflect.deleteProperty(vault.certification, "newest");
    assert.equal(await isRequester(rita), true);
  });

  it("is said so once for each lapse, whichever replica notices, with reminders before and a page while custodians are kept", async () => {
    const replica = await Vault.open({ replicaOf: vault });
    const heard: string[] = [];
    const watchOf = (of: Vault): AllowlistWatch =>
      new AllowlistWatch(
        of.transactions,
        of.log,
        {
          due: (entries, days) => void heard.push(`due ${String(entries)} in ${String(days)}`),
          lapsed: ({ personId }) => void heard.push(`lapsed ${personId}`),
          custodiansKept: (count) => void heard.push(`kept ${String(count)}`),
          counted: () => undefined,
        },
        new AllowlistReminders(of.dataSource),
        (error) => {
          throw error;
        },
      );
    const [first, second] = [watchOf(vault), watchOf(replica)];
    try {
      for (const one of [vault, replica]) period(5 * 86_400, one);
      await first.look();
      await first.look();
      assert.deepEqual(heard.splice(0), ["due 5 in 7"], "reminded once");
      for (const one of [vault, replica]) period(0, one);
      const written = await Promise.all([first.look(), second.look()]);
      // Rita's, and Lena's two; Ada and Ben stand.
      assert.equal(written[0] + written[1], 3);
      assert.equal(heard.filter((line) => line.startsWith("lapsed ")).length, 3);
      assert.equal(heard.filter((line) => line === "kept 2").length, 2, "each replica pages");
      assert.equal((await first.look()) + (await second.look()), 0);
      await approve(ben, await askToCertify(ada));
      for (const one of [vault, replica]) period(QUARTER, one);
      heard.splice(0);
      await first.look();
      assert.deepEqual(heard, ["kept 0"]);
      for (const one of [vault, replica]) period(0, one);
      assert.equal((await first.look()) + (await second.look()), 3, "a lapse after a certificate is another one");
    } finally {
      await replica.close();
    }
  });

  it("does not bring a lapsed custodian back because a fresher one was hidden [DR-19]", async () => {
    period(QUARTER);
    await vault.enrol("Cyd Custodian", ["custodian"]);
    await vault.enrol("Dora Custodian", ["custodian"]);
    const forged = draftEntry({ action: "allowlist.certify", outcome: "committed", actor: SYSTEM_ACTOR, details: {} });
    await vault.log.record(forged);
    period(0);
    // The two whom somebody has vouched for last are kept; the founders have lapsed.
    const kept = await custodians();
    assert.ok(!kept.includes(ada.personId) && kept.length === 2);
    const rows = await owner.copy("people.allowlist_entry");
    await owner.run(`DELETE FROM people.allowlist_entry WHERE person_id = $1`, [kept[1]]);
    await assert.rejects(vault.people.sessions.authenticate(ada.token), isCode("ROW_REFUSED"));
    await rows.putBack();
    assert.deepEqual((await vault.people.sessions.authenticate(ada.token)).roles, []);
    // Nor may the two be taken off: a removal leaves two as well.
    await assert.rejects(vault.people.people.suspend(kept[0] as Id<"person">, kept[1] as Id<"person">), isCode("STATE_CONFLICT"));
    assert.deepEqual(await custodians(), kept);
    // Somebody suspended is none of the two, however lately somebody vouched for them.
    period(QUARTER);
    await vault.people.people.suspend(kept[0] as Id<"person">, ada.personId);
    period(0);
    assert.deepEqual(new Set(await custodians()), new Set([ada.personId, ben.personId, kept[1]]));
  });
});
