import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { EndedEpoch } from "../../../src/approvals/ended-epoch.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { erasable } from "../../../src/audit/erasable.service.js";
import { type ErrorCode, isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { configApproval } from "../../../src/people/config-approval.js";
import { Enrolment } from "../../../src/people/enrolment.service.js";
import {
  RecoverCustodians,
  type Recovery,
  type RecoveryForm,
  type RecoveryInvitation,
} from "../../../src/people/recover-custodians.service.js";
import { newestRecovery, recoveryDetails } from "../../../src/people/recovery-mark.js";
import { AuthenticatorApp } from "../../support/authenticator-app.js";
import { type Copy, DatabaseOwner } from "../../support/database-owner.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const PASSWORD = "a long pass phrase of tests";
const DIGEST = "ab".repeat(32);
const isCode =
  (...codes: ErrorCode[]) =>
  (error: unknown): boolean =>
    isRootkeepError(error) && codes.includes(error.code);

const FORM: RecoveryForm = {
  custodians: [
    { name: "Ada Custodian", email: "ada@example.com" },
    { name: "Dana", email: "dana@example.com" },
    { name: "Eli", email: "eli@example.com" },
  ],
  reason: "nobody is left",
  quorum: { recipient: `age1${"q".repeat(58)}`, set: "00".repeat(8), threshold: 2, shares: 2 },
  replacesActive: true,
  paged: ["webhook"],
};
const nothing = (): Promise<void> => Promise.resolve();

// real: PostgreSQL (attacked by its owner), two replicas, every service. double: none.
describe("a recovery of the custodians, as the service does it", () => {
  let vault: Vault;
  let replica: Vault;
  let owner: DatabaseOwner;
  let recovering: RecoverCustodians;
  let ada: Actor;
  let ben: Actor;
  let rita: Actor;
  let invitations: RecoveryInvitation[] = [];
  let recovery: Recovery;
  let pendingId = "";
  let hana: Actor;
  let hidden: Copy;

  const size = async (): Promise<number> => (await vault.reader.head()).size;
  const forge = async (details: Readonly<Record<string, unknown>>, action: "people.recovered" | "config.approve" = "people.recovered") =>
    await vault.log.record(draftEntry({ action, outcome: "committed", actor: SYSTEM_ACTOR, details: details as never }));

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    assert.equal(ada.email, FORM.custodians[0]?.email);
    rita = await vault.enrol("Rita Requester", ["requester"]);
    hana = await vault.enrol("Hana Hidden", ["requester"]);
    replica = await Vault.open({ replicaOf: vault });
    owner = await DatabaseOwner.take(vault.database);
    recovering = new RecoverCustodians(vault.transactions, vault.keys.records);
  });
  after(async () => {
    await owner.close();
    await replica.close();
    await vault.drop();
  });

  it("is not one that the owner of the database appends: nothing is cut, and nobody has to certify", async () => {
    const { records } = vault.keys;
    const genuine = recoveryDetails(records, "00000000-0000-4000-8000-000000000000", { custodians: [] });
    for (const details of [
      {},
      { recoveryMac: "" },
      { recoveryMac: "00".repeat(32) },
      { custodians: [], recoveryMac: genuine["recoveryMac"] },
    ])
      await forge(details);
    // Each is written down and paged; the tests below count entries.
    for (const { transactions, forged } of [vault, replica]) {
      await transactions.peek(() => Promise.resolve());
      await forged.settled();
    }
    const entries = await vault.reader.entries(0, await size());
    assert.equal(entries.filter(({ entry }) => entry.action === "entry.refused").length, 4);
    assert.equal(newestRecovery(vault.log, records), undefined);
    assert.equal(vault.certification.cut, null);
    assert.equal(vault.certification.isMissing, false);
    assert.equal(await new EndedEpoch(vault.transactions, vault.certification).voidOpen(), 0);
    assert.equal((await vault.people.sessions.authenticate(rita.token)).personId, rita.personId);
  });

  it("that is broken off before its entry changes nothing, and its invitations are worth nothing", async () => {
    const lost = recovering.prepare(FORM);
    const before = await size();
    await assert.rejects(
      recovering.run(FORM, lost, () => Promise.reject(new RootkeepError("UNAVAILABLE"))),
      isCode("UNAVAILABLE"),
    );
    assert.equal(await size(), before);
    assert.equal((await vault.people.sessions.authenticate(ada.token)).roles.includes("custodian"), true);
    const [first] = lost;
    await assert.rejects(vault.people.enrolment.accept({ ...answerOf(first), password: PASSWORD }), isCode("NOT_FOUND"));
  });

  it("refuses while two custodians stand, unless the operator says that they are to be replaced", async () => {
    const form = { ...FORM, replacesActive: false };
    await assert.rejects(recovering.run(form, recovering.prepare(form), nothing), isCode("STATE_CONFLICT"));
  });

  for (const [what, table, where] of [
    ["an authenticator", "people.authenticator", "person_id = $1 AND kind = 'totp'"],
    ["an entry of the allowlist", "people.allowlist_entry", "person_id = $1 AND role = 'custodian'"],
    ["a person", "people.person", "id = $1"],
  ] as const) {
    it(`refuses while the database's owner hides ${what} of a custodian, to put it back later [L11]`, async () => {
      const copy = await owner.copy(table, "true");
      await owner.run(`DELETE FROM ${table} WHERE ${where}`, [ben.personId]);
      try {
        await assert.rejects(recovering.run(FORM, recovering.prepare(FORM), nothing), isCode("ROW_REFUSED"));
      } finally {
        await copy.putBack();
      }
    });
  }

  it("names people of whom only half is known, or who are one, nowhere", async () => {
    for (const person of [
      { name: "Ben  custodian", email: "ben@elsewhere.example" },
      { name: "Benjamin", email: ben.email },
      { name: "Rita  Requester", email: "rita@elsewhere.example" },
    ]) {
      const form = { ...FORM, custodians: [...FORM.custodians.slice(1), person] };
      await assert.rejects(recovering.run(form, recovering.prepare(form), nothing), isCode("ALREADY_EXISTS"));
    }
    for (const custodians of [[], FORM.custodians.slice(0, 1), [...FORM.custodians, { name: "ELI ", email: "x@example.com" }]])
      assert.throws(() => recovering.prepare({ custodians }), isCode("MALFORMED"));
  });

  it("is one entry with the rows that it changes, and other replicas obey it at once", async () => {
    const pending = await vault.requests.submit(
      ada,
      formOf({ operation: "person.enrol", subject: { name: "Mallory", email: "m@example.com" } }),
    );
    pendingId = pending.requestId;
    const before = await size();
    invitations = recovering.prepare(FORM);
    recovery = await recovering.run(FORM, invitations, nothing);
    assert.equal(await size(), before + 1);
    assert.deepEqual(recovery.suspended, [ben.personId]);
    assert.equal(recovery.custodians[0], ada.personId, "one human is one person");
    for (const actor of [ada, ben]) {
      await assert.rejects(replica.people.sessions.authenticate(actor.token), isCode("UNAUTHENTICATED", "NOT_ALLOWLISTED"));
      await assert.rejects(
        replica.requests.approve(actor, pending.requestId, await actor.app.next(), ""),
        isCode("UNAUTHENTICATED", "NOT_ALLOWLISTED"),
      );
    }
    await replica.transactions.peek(() => Promise.resolve());
    assert.deepEqual(replica.certification.cut, { recovered: recovery.seq });
    assert.equal(replica.certification.isMissing, true);
    assert.throws(() => replica.trust.assertMayOpen(), isCode("ALLOWLIST_UNCERTIFIED"));
  });

  it("cannot be hidden by a later entry that somebody else appends", async () => {
    await forge({});
    assert.deepEqual(vault.certification.cut, { recovered: recovery.seq });
    assert.equal(vault.certification.isMissing, true);
  });

  it("ends everybody's sessions, requests and invitations at the next start; those that it made stand, and edited ones keep nothing", async () => {
    const other = await owner.rows<{ id: string }>("SELECT id FROM people.session WHERE ended_at IS NULL AND person_id = $1", [
      ben.personId,
    ]);
    const edited = { session: other[0]?.id ?? "", request: pendingId };
    hidden = await owner.copy("people.session", `person_id = '${hana.personId}'`);
    await owner.run("DELETE FROM people.session WHERE person_id = $1", [hana.personId]);
    await owner.run("UPDATE people.session SET expires_at = expires_at + interval '1 day' WHERE id = $1", [edited.session]);
    await owner.run("UPDATE approvals.request SET expires_at = expires_at + interval '1 hour' WHERE id = $1", [edited.request]);
    const ended = new EndedEpoch(vault.transactions, vault.certification);
    assert.ok((await ended.voidOpen()) > 0);
    assert.equal(await ended.voidOpen(), 0);
    await assert.rejects(vault.people.sessions.authenticate(rita.token), isCode("UNAUTHENTICATED"));
    const [session] = await owner.rows<{ ended_at: Date | null }>("SELECT ended_at FROM people.session WHERE id = $1", [edited.session]);
    assert.equal(session?.ended_at, null, "what is not genuine is told of and left");
    const told = (await vault.reader.entries(0, 1_000)).map(({ entry }) => entry.action);
    assert.ok(told.includes("row.refused"));
    const open = await owner.rows<{ state: string }>("SELECT state FROM people.invitation WHERE person_id = ANY($1)", [
      recovery.custodians,
    ]);
    assert.equal(open.filter(({ state }) => state === "OPEN").length, 3);
  });

  it("ends them also where a row was hidden while they were ended, and put back later: what is older than the cut counts for nothing", async () => {
    await hidden.putBack();
    await assert.rejects(vault.people.sessions.authenticate(hana.token), isCode("UNAUTHENTICATED"));
    await assert.rejects(
      vault.requests.submit(hana, formOf({ operation: "person.enrol", subject: { name: "Mallory", email: "m@example.com" } })),
      isCode("UNAUTHENTICATED"),
    );
    assert.deepEqual(await vault.people.sessions.list(hana.personId), []);
    // The next start finds it, and writes it down.
    assert.equal(await new EndedEpoch(vault.transactions, vault.certification).voidOpen(), 1);
  });

  it("lets nobody in by a request's half: nobody asked, nobody approved", async () => {
    const rows = await owner.rows<{ request_id: string }>(
      "SELECT request_id FROM people.invitation WHERE person_id = ANY($1) AND state = 'OPEN'",
      [recovery.custodians],
    );
    for (const { request_id } of rows) {
      const { halves } = vault.people;
      await assert.rejects(halves.takeLink(request_id as Id<"request">, rita, "000000"), isCode("NOT_FOUND", "UNAUTHENTICATED"));
    }
  });

  it("makes custodians whose authenticators count for acts only after a day, unlike founders'", async () => {
    const settings = { deployment: "test", periodSeconds: 1, waitSeconds: 86_400 };
    const enrolment = new Enrolment(vault.dataSource, vault.transactions, vault.keys.records, vault.people.seal, settings);
    const eli = await enrolled(invitations[2], enrolment);
    await assert.rejects(acts(eli, await eli.app.next()), isCode("STEP_UP_REQUIRED"));
  });

  it("lets the new custodians certify, and only that opens what is shut", async () => {
    const [first, second] = [await enrolled(invitations[0]), await enrolled(invitations[1])];
    assert.equal(first.personId, ada.personId);
    await assert.rejects(
      vault.people.signIn.signIn({ email: ben.email, password: PASSWORD, code: await ben.app.next(), address: "127.0.0.1" }),
    );
    const { digest } = await vault.certification.current();
    const { requestId } = await vault.requests.submit(first, formOf({ operation: "allowlist.certify", subject: { digest } }));
    await vault.requests.approve(second, requestId, await second.app.next(), "");
    assert.equal(vault.certification.isMissing, false);
  });

  it("is told about each custodian to whoever erases what is about them", async () => {
    const about = { kind: "person", id: recovery.custodians[1] ?? "" } as const;
    const { openings } = await vault.transactions.peek((tx) => erasable(tx.manager, about));
    assert.deepEqual(openings.find(({ seq }) => seq === recovery.seq)?.fields, ["custodian.1.email", "custodian.1.name"]);
  });

  it("rests on the settings that custodians approved last; nobody tells where their digest is of others", async () => {
    assert.deepEqual(vault.trust.approvedSettings, null, "the founding's digest is of no settings that anybody knows");
    const { records } = vault.keys;
    const id = "11111111-1111-4111-8111-111111111111";
    const settings = { deployment: "test" };
    await vault.log.record(
      draftEntry({
        id,
        action: "config.approve",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        details: { ...configApproval(records, id, DIGEST), settings },
      }),
    );
    assert.equal(vault.trust.approvedSettings, null, "other settings than the digest is of");
    await forge({ configDigest: DIGEST, configMac: "00".repeat(32), settings }, "config.approve");
    assert.equal(vault.trust.approvedSettings, null);
  });

  function answerOf(invitation: RecoveryInvitation | undefined): { token: string; code: string } {
    return { token: invitation?.token ?? "", code: invitation?.code ?? "" };
  }

  async function enrolled(invitation: RecoveryInvitation | undefined, enrolment = vault.people.enrolment): Promise<Actor> {
    const { token, code } = answerOf(invitation);
    const { otpauth } = await enrolment.accept({ token, code, password: PASSWORD });
    const app = new AuthenticatorApp(otpauth);
    await enrolment.confirm(token, await app.next());
    const email = invitation?.person.email ?? "";
    const session = await vault.people.signIn.signIn({ email, password: PASSWORD, code: await app.next(), address: "127.0.0.1" });
    return { personId: session.personId, sessionId: session.sessionId, app, email, token: session.token };
  }

  /** What approving and opening ask for. */
  async function acts(actor: Actor, code: string): Promise<void> {
    await vault.transactions.run(async (tx) => {
      await vault.people.stepUp.confirm(tx, actor.personId, code, await tx.clock(), { session: actor.sessionId });
      return { result: undefined, entries: [] };
    });
  }
});
