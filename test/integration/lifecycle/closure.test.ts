import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { changeLife, lockLife } from "../../../src/accounts/account-life.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { entryExtras } from "../../../src/audit/entry.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import { eventOf, evidenceOf, LifeCrew, PAPER } from "../../support/life-crew.js";
import { withClient } from "../../support/postgres.js";
import { formOf } from "../../support/vault.js";

const code = (wanted: ErrorCode, rule?: RegExp) => (error: unknown) =>
  isRootkeepError(error) && error.code === wanted && (rule === undefined || rule.test(String(error.facts["rule"])));

describe("closing an account", () => {
  let crew: LifeCrew;
  /** Days that the database's clock is ahead. */
  let days = 0;
  before(async () => {
    crew = await LifeCrew.open();
  });
  after(() => crew.vault.drop());

  /** What was noted of the closure, as if it had been seen so many days ago: by the service's own means, so that the rows count. */
  async function ageClosure(accountId: string): Promise<void> {
    await crew.vault.transactions.run(async (tx) => {
      const life = await lockLife(tx, accountId);
      assert.ok(life?.finalAt !== null && life?.closedAt !== undefined && life.closedAt !== null);
      const back = days * 86_400_000;
      changeLife(tx, life, { closedAt: new Date(life.closedAt.getTime() - back), finalAt: new Date(life.finalAt.getTime() - back) });
      const draft = draftEntry({
        action: "account.changed",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        target: { type: "account", id: accountId },
      });
      return { result: undefined, entries: [{ draft }] };
    });
  }

  it("takes the customer's order and two custodians, and waits until nobody has the account checked out [LC-3] [LC-13]", async () => {
    const account = await crew.vault.import("200000000001");
    await assert.rejects(crew.move(account, "closing"), code("MALFORMED"));
    const { grantId } = await crew.vault.grant(crew.rob, [crew.amy], account, "billing-root-only");
    await assert.rejects(crew.move(account, "closing", { document: PAPER }), code("STATE_CONFLICT", /checked out/));
    await crew.vault.grants.giveBack(crew.rob, grantId);
    const waiting = await crew.ask(account, "iam-restore-permissions");
    const goesOn = await crew.ask(account, "billing-root-only");
    await crew.move(account, "closing", { document: PAPER });
    assert.equal(await crew.state(account), "closing");
    assert.equal((await crew.vault.requests.read(waiting)).state, "EXPIRED");
    assert.equal((await crew.vault.requests.read(goesOn)).state, "SUBMITTED", "its purpose opens while an account is closing");
    await assert.rejects(crew.ask(account, "iam-restore-permissions"), code("STATE_CONFLICT", /other purposes/));
    await crew.ask(account, "account-close");
    const { size } = await crew.vault.reader.head();
    const last = (await crew.vault.reader.entries(0, size)).filter(({ entry }) => entry.action === "account.move").at(-1);
    assert.ok(last !== undefined);
    const { details, rows } = entryExtras(last.entry);
    const evidence = details?.["evidence"] as Record<string, unknown>;
    assert.deepEqual([details?.["from"], details?.["to"], evidence["document"]], ["assuming", "closing", PAPER]);
    assert.notEqual(evidence["askedBy"], evidence["approvedBy"]);
    assert.ok(rows.includes(`account/${account}`) && rows.includes(`account_life/${account}`));
  });

  it("is asked for in one state and not done in another [LC-3] [L3]", async () => {
    const account = await crew.vault.import("200000000002");
    const [ada, ben] = crew.custodians;
    const form = formOf({ operation: "account.move", subject: { accountId: account, to: "closing", document: PAPER } });
    const { requestId } = await crew.vault.requests.submit(ada, form);
    await crew.move(account, "quarantined");
    await assert.rejects(crew.vault.requests.approve(ben, requestId, await ben.app.next(), ""), code("STATE_CONFLICT", /another state/));
    assert.equal(await crew.state(account), "quarantined");
    await assert.rejects(crew.ask(account, "billing-root-only"), code("STATE_CONFLICT"));
    await crew.ask(account, "rotate-suspected-compromise");
  });

  it("goes to closed by what AWS says, opens three purposes for 90 days, and is sealed for good only then, by two custodians [LC-4] [LC-10] [LC-11]", async () => {
    const account = await crew.vault.import("200000000003");
    await crew.move(account, "closing", { document: PAPER });
    const checklist = await crew.openChecklist(account);
    await crew.workThrough(checklist, "C5");
    assert.equal(await crew.state(account), "closed");
    const { closedAt, finalAt } = await crew.vault.life.views.read(crew.eve.personId, checklist);
    assert.equal((finalAt?.getTime() ?? 0) - (closedAt?.getTime() ?? 0), 90 * 86_400_000);
    await assert.rejects(crew.ask(account, "account-close"), code("STATE_CONFLICT"));
    await crew.vault.requests.withdraw(crew.rob, await crew.ask(account, "tax-invoice-view"), "only a try of it");
    await crew.byTwo(checklist, "C6", evidenceOf({ kind: "attestation" }));
    await crew.byTwo(checklist, "C7", evidenceOf({ kind: "attestation" }));
    await assert.rejects(crew.move(account, "sealed_final"), code("STATE_CONFLICT", /90 days/));
    days = 90;
    await ageClosure(account);
    await assert.rejects(crew.move(account, "reopening"), code("STATE_CONFLICT", /are over/));
    await crew.move(account, "sealed_final");
    assert.equal(await crew.state(account), "sealed_final");
    assert.equal((await crew.vault.life.views.read(crew.eve.personId, checklist)).row.state, "DONE");
    await assert.rejects(crew.ask(account, "billing-root-only"), code("STATE_CONFLICT"));
    await assert.rejects(crew.move(account, "active"), code("STATE_CONFLICT"));
  });

  it("is not sealed on a date that somebody wrote into the table [LC-1] [L11]", async () => {
    const account = await crew.vault.import("200000000004");
    await crew.move(account, "closing", { document: PAPER });
    const checklist = await crew.openChecklist(account);
    await crew.workThrough(checklist, "C5");
    await crew.byTwo(checklist, "C7", evidenceOf({ kind: "attestation" }));
    await withClient(crew.vault.database.superuser, (client) =>
      client.query("UPDATE accounts.account_life SET final_at = now() - interval '1 day' WHERE id = $1", [account]),
    );
    await assert.rejects(crew.move(account, "sealed_final"), code("ROW_REFUSED"));
  });

  it("is called off until closing at AWS was begun, and undone by reopening afterwards, with the password rotated at once [LC-12]", async () => {
    const account = await crew.vault.import("200000000005");
    await crew.move(account, "closing", { document: PAPER });
    await crew.move(account, "active");
    assert.equal(await crew.state(account), "active");
    await crew.move(account, "closing", { document: PAPER });
    const checklist = await crew.openChecklist(account);
    await crew.workThrough(checklist, "C3");
    await crew.claim(checklist, "C4", eventOf("CloseAccount"));
    await assert.rejects(crew.move(account, "active"), code("STATE_CONFLICT", /C4/));
    await crew.byTwo(checklist, "C4", eventOf("CloseAccount"));
    await crew.byTwo(checklist, "C5", evidenceOf({ kind: "attestation" }));
    await crew.move(account, "reopening");
    const reopening = await crew.openChecklist(account);
    assert.deepEqual(await crew.workThrough(reopening), ["P1", "P2", "P3"]);
    assert.equal(await crew.state(account), "active");
    const life = await crew.vault.life.views.read(crew.eve.personId, reopening);
    assert.deepEqual([life.row.state, life.closedAt, life.finalAt], ["DONE", null, null]);
  });
});
