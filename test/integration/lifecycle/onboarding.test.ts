import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { entryExtras } from "../../../src/audit/entry.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { eventOf, evidenceOf, LifeCrew, PAPER } from "../../support/life-crew.js";
import { approve } from "../../support/policies.js";
import { withClient } from "../../support/postgres.js";
import { formOf } from "../../support/vault.js";

const code = (wanted: ErrorCode, rule?: RegExp) => (error: unknown) =>
  isRootkeepError(error) && error.code === wanted && (rule === undefined || rule.test(String(error.facts["rule"])));

describe("taking an account over", () => {
  let crew: LifeCrew;
  before(async () => {
    crew = await LifeCrew.open();
  });
  after(() => crew.vault.drop());

  it("begins with the customer's paper, opens what a takeover needs and nothing else, and is one at a time [LC-3] [LC-4] [LC-5]", async () => {
    const account = await crew.invited("100000000001");
    await assert.rejects(crew.ask(account, "onboard-takeover"), code("STATE_CONFLICT"), "nothing opens before the takeover begins");
    await assert.rejects(crew.begin(account, null), code("STATE_CONFLICT", /authorisation/));
    assert.equal(await crew.state(account), "invited");
    const checklist = await crew.begin(account);
    assert.equal(await crew.state(account), "assuming");
    await assert.rejects(crew.begin(account), code("STATE_CONFLICT", /is open/));
    await assert.rejects(crew.ask(account, "billing-root-only"), code("STATE_CONFLICT", /other purposes/));
    // Nothing of ours works yet: what is opened is the candidate alone.
    await crew.ask(account, "onboard-takeover");
    const view = await crew.vault.life.views.read(crew.rob.personId, checklist);
    assert.deepEqual([view.next, view.accountState], [["O1"], "assuming"]);
  });

  it("becomes secured with O12 and active with O13, by another person than who did it [LC-3] [LC-8] [LC-10]", async () => {
    const account = await crew.invited("100000000002");
    const checklist = await crew.begin(account);
    await crew.workThrough(checklist, "O11");
    assert.equal(await crew.state(account), "assuming");
    const twelfth = await crew.byTwo(checklist, "O12", evidenceOf({ kind: "attestation" }));
    assert.equal(twelfth.accountState, "secured");
    await assert.rejects(crew.claim(checklist, "O13", eventOf("ConsoleLogin"), crew.rob), code("SELF_APPROVAL", /O6/));
    assert.equal((await crew.byTwo(checklist, "O13", eventOf("ConsoleLogin"), crew.eve)).accountState, "active");
    const rest = await crew.workThrough(checklist);
    assert.deepEqual(rest, ["O14", "O16"], "O15 is of members");
    const view = await crew.vault.life.views.read(crew.rob.personId, checklist);
    assert.deepEqual([view.row.state, view.next], ["DONE", []]);

    const { size } = await crew.vault.reader.head();
    const own = (await crew.vault.reader.entries(0, size)).filter(({ entry }) => entry["stream"] === account);
    const moves = own.filter(({ entry }) => entry.action === "account.move").map(({ entry }) => entryExtras(entry).details);
    assert.deepEqual(
      moves.map((details) => [details?.["from"], details?.["to"]]),
      [
        ["invited", "assuming"],
        ["assuming", "secured"],
        ["secured", "active"],
      ],
    );
    const ticks = own.filter(({ entry }) => entry.action === "checklist.attest");
    assert.equal(ticks.length, 15);
  });

  it("goes on after an import without keeping anybody from the account, and takes the import's entry for O1 [LC-4] [LC-7]", async () => {
    const account = await crew.vault.import("100000000003");
    const checklist = await crew.begin(account, null);
    assert.equal(await crew.state(account), "assuming");
    await crew.vault.requests.withdraw(crew.rob, await crew.ask(account, "billing-root-only"), "only a try of it");
    const { size } = await crew.vault.reader.head();
    const entries = await crew.vault.reader.entries(0, size);
    const seqOf = (action: string, stream: string): string =>
      String(entries.find(({ entry }) => entry.action === action && entry["stream"] === stream)?.seq);
    const other = await crew.invited("100000000004");
    const foreign = String((await crew.vault.reader.head()).size - 1);
    const name = (reference: string) => crew.claim(checklist, "O1", evidenceOf({ kind: "entry", reference }));
    await assert.rejects(name(foreign), code("NOT_FOUND"), `of ${other}`);
    await assert.rejects(name("999999"), code("NOT_FOUND"));
    await assert.rejects(name(seqOf("request.submit", account)), code("STATE_CONFLICT", /the step wants/));
    const outcome = await name(seqOf("account.import", account));
    assert.equal(outcome.state, "PASSED");
    await assert.rejects(name(seqOf("account.import", account)), code("STATE_CONFLICT", /stands already/));
  });

  it("ticks nothing by one person, nothing out of turn, and nothing that another module is to vouch for and cannot [LC-7] [LC-8]", async () => {
    const account = await crew.invited("100000000005");
    const checklist = await crew.begin(account);
    await assert.rejects(crew.claim(checklist, "O6", eventOf("EmailUpdated")), code("STATE_CONFLICT", /come first/));
    await assert.rejects(crew.claim(checklist, "O99", eventOf("EmailUpdated")), code("NOT_FOUND"));
    await assert.rejects(crew.claim(checklist, "O1", evidenceOf({ kind: "document", reference: PAPER })), code("MALFORMED"));
    await assert.rejects(crew.claim(checklist, "O1", evidenceOf({ kind: "attestation", note: "ok" })), code("MALFORMED"));
    const { seq } = await crew.claim(checklist, "O1", evidenceOf({ kind: "attestation" }), crew.eve);
    assert.equal(await crew.state(account), "assuming");
    await assert.rejects(crew.attest(checklist, "O1", seq, crew.eve), code("SELF_APPROVAL"));
    const { seq: anew } = await crew.claim(checklist, "O1", evidenceOf({ kind: "attestation", note: "seen anew" }), crew.rob);
    await assert.rejects(crew.attest(checklist, "O1", seq), code("STATE_CONFLICT", /claimed anew/));
    assert.equal((await crew.attest(checklist, "O1", anew)).state, "PASSED");
    await assert.rejects(
      crew.claim(checklist, "O2", evidenceOf({ kind: "posture", reference: "1" })),
      code("NOT_FOUND", /newest snapshot/),
    );
  });

  it("has the steps of the custody that the registry says, which does not change while it is open [LC-5]", async () => {
    const account = await crew.invited("100000000027");
    const [ada, ben] = crew.custodians;
    const change = async (subject: object): Promise<void> => {
      const form = formOf({ operation: "account.change", accountId: account, subject: { ...subject } });
      await approve(crew.vault, ben, (await crew.vault.requests.submit(ada, form)).requestId);
    };
    await change({ custody: "CUSTOMER" });
    const checklist = await crew.begin(account);
    const view = await crew.vault.life.views.read(crew.rob.personId, checklist);
    assert.equal(view.row.custody, "CUSTOMER");
    assert.ok(!view.steps.some(({ step }) => step.id === "O7"));
    for (const subject of [{ custody: "VAULTED" }, { customer: "Globex" }, { kind: "management" }])
      await assert.rejects(change(subject), code("STATE_CONFLICT", /rests on these facts/));
    await change({ tags: { env: "prod" } });
  });

  it("is not given up while what the vault holds may be what works at AWS [L5]", async () => {
    const account = await crew.invited("100000000028");
    await crew.begin(account);
    const { vault, rob, amy, eve } = crew;
    const requestId = await crew.ask(account, "onboard-takeover");
    for (const approver of [amy, eve]) await approve(vault, approver, requestId);
    const grantId = (await vault.requests.read(requestId)).grantId as Id<"grant">;
    const { value } = await vault.reveals.reveal(rob, grantId, "root-password", await rob.app.next(), null, "candidate");
    value.wipe();
    await vault.grants.giveBack(rob, grantId);
    await assert.rejects(crew.move(account, "abandoned"), code("STATE_CONFLICT", /what works at AWS/));
    const other = await crew.invited("100000000029");
    await crew.begin(other);
    await crew.move(other, "abandoned");
    await assert.rejects(vault.candidates.stage(rob, other, "root-password"), code("STATE_CONFLICT"));
  });

  it("leaves the statement of each act that took a second factor, with its authenticator and a challenge of its own [AS-8]", async () => {
    const account = await crew.invited("100000000030");
    const checklist = await crew.begin(account);
    const { seq } = await crew.claim(checklist, "O1", evidenceOf({ kind: "attestation" }));
    await crew.attest(checklist, "O1", seq);
    const { size } = await crew.vault.reader.head();
    const own = (await crew.vault.reader.entries(0, size)).filter(({ entry }) => entry["stream"] === account);
    const stated = own.flatMap(({ entry }) => {
      const statement = entryExtras(entry).details?.["statement"];
      return typeof statement === "string" ? [{ action: entry.action, ...(JSON.parse(statement) as Record<string, unknown>) }] : [];
    });
    const [ada] = crew.custodians;
    const common = { format: "rk-step-statement-1", account, checklist };
    assert.deepEqual(
      stated.map(({ authenticator: _authenticator, challenge: _challenge, ...rest }: Record<string, unknown>) => rest),
      [
        { ...common, action: "checklist.begin", act: "begin", person: ada.personId, document: PAPER },
        {
          ...common,
          action: "checklist.claim",
          act: "claim",
          person: crew.rob.personId,
          step: "O1",
          kind: "attestation",
          reference: "-",
          facts: {},
        },
        { ...common, action: "checklist.attest", act: "attest", person: crew.amy.personId, step: "O1", claim: seq },
      ],
    );
    for (const { authenticator } of stated as readonly Record<string, unknown>[]) assert.match(String(authenticator), /^aut_/);
    assert.equal(new Set((stated as readonly Record<string, unknown>[]).map(({ challenge }) => challenge)).size, 3);
  });

  it("does not count a claim of somebody who has left since, nor take one from whom the account is not [LC-8]", async () => {
    const account = await crew.invited("100000000006");
    const checklist = await crew.begin(account);
    const gone = await crew.vault.enrol("Guy Goes", ["requester"]);
    const far = await crew.vault.enrol("Fay Far", ["requester", "approver"], { kind: "customer", values: ["Somebody Else"] });
    await assert.rejects(crew.claim(checklist, "O1", evidenceOf({ kind: "attestation" }), far), code("NOT_ALLOWLISTED"));
    await assert.rejects(crew.vault.life.views.read(far.personId, checklist), code("NOT_FOUND"));
    await assert.rejects(crew.vault.life.views.ofAccount(far.personId, account, "", 10), code("NOT_FOUND"));
    const { seq } = await crew.claim(checklist, "O1", evidenceOf({ kind: "attestation" }), gone);
    await assert.rejects(crew.attest(checklist, "O1", seq, far), code("NOT_ALLOWLISTED"));
    await crew.vault.people.people.suspend(gone.personId, crew.custodians[0].personId);
    await assert.rejects(crew.attest(checklist, "O1", seq), code("NOT_ALLOWLISTED"));
  });

  it("has one outcome where two attest the same step at once [LC-8]", async () => {
    const account = await crew.invited("100000000007");
    const checklist = await crew.begin(account);
    const { seq } = await crew.claim(checklist, "O1", evidenceOf({ kind: "attestation" }));
    const [first, second] = await Promise.allSettled([
      crew.attest(checklist, "O1", seq, crew.amy),
      crew.attest(checklist, "O1", seq, crew.eve),
    ]);
    const outcomes = [first, second].map((outcome) => outcome.status).sort();
    assert.deepEqual(outcomes, ["fulfilled", "rejected"]);
    const both = await Promise.allSettled([
      crew.claim(checklist, "O2", evidenceOf({ kind: "attestation" }), crew.rob),
      crew.claim(checklist, "O2", evidenceOf({ kind: "attestation" }), crew.eve),
    ]);
    // A claim may be claimed anew; whichever was last is the one that stands, and neither is lost from the log.
    assert.ok(both.some(({ status }) => status === "fulfilled"));
  });

  it("is let go undone by two custodians, but not the step that the customer's safety rests on [LC-9]", async () => {
    const account = await crew.invited("100000000008");
    const checklist = await crew.begin(account);
    await crew.waive(checklist, "O1");
    await assert.rejects(crew.waive(checklist, "O1"), code("STATE_CONFLICT", /stands already/));
    await assert.rejects(crew.waive(checklist, "O6"), code("STATE_CONFLICT", /come first/));
    await assert.rejects(crew.waive(checklist, "O13"), code("STATE_CONFLICT", /cannot be waived/));
    const view = await crew.vault.life.views.read(crew.rob.personId, checklist);
    assert.equal(view.steps[0]?.standing, "WAIVED");
    assert.deepEqual(view.next, ["O2", "O3", "O5"]);
  });

  it("is not moved by whoever edits a row: a step that was ticked in the table refuses [LC-1] [L11]", async () => {
    const account = await crew.invited("100000000009");
    const checklist = await crew.begin(account);
    await crew.claim(checklist, "O1", evidenceOf({ kind: "attestation" }));
    const attack = (sql: string, values: unknown[]): Promise<unknown> =>
      withClient(crew.vault.database.superuser, (client) => client.query(sql, values));
    await assert.rejects(
      attack("UPDATE lifecycle.step SET state = 'PASSED', decided_at = now() WHERE checklist_id = $1", [checklist]),
      /step_by_two/,
    );
    await attack("UPDATE lifecycle.step SET state = 'PASSED', decided_at = now(), attested_by = $2 WHERE checklist_id = $1", [
      checklist,
      crew.amy.personId,
    ]);
    await assert.rejects(crew.claim(checklist, "O2", evidenceOf({ kind: "attestation" })), code("ROW_REFUSED"));
    await assert.rejects(attack("DELETE FROM lifecycle.step WHERE checklist_id = $1", [checklist]), /never deleted/);
    // A life that was hidden would make an account that is being taken over one that was imported, which opens everything.
    await attack("ALTER TABLE accounts.account_life DISABLE TRIGGER no_removal", []);
    await attack("DELETE FROM accounts.account_life WHERE id = $1", [account]);
    await assert.rejects(crew.ask(account, "billing-root-only"), code("ROW_REFUSED"));
  });

  it("is given up by two custodians, and then nothing opens any more [LC-4]", async () => {
    const account = await crew.invited("100000000010");
    const checklist = await crew.begin(account);
    await crew.move(account, "abandoned");
    assert.equal(await crew.state(account), "abandoned");
    await assert.rejects(crew.ask(account, "onboard-takeover"), code("STATE_CONFLICT"));
    await assert.rejects(crew.claim(checklist, "O1", evidenceOf({ kind: "attestation" })), code("STATE_CONFLICT", /is over/));
    const imported = await crew.vault.import("100000000011");
    await assert.rejects(crew.move(imported, "abandoned"), code("STATE_CONFLICT"), "what is in use is closed or handed back");
  });
});
