import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { glassApprovals, glassMinutes } from "../../../src/approvals/glass-terms.js";
import { isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { AcceptedPage } from "../../../src/notices/accepted-page.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { KeepingChannel } from "../../support/notice-crew.js";
import { setPolicy } from "../../support/policies.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const refusedAs = (code: Parameters<typeof isRootkeepError>[1]) => (error: unknown) => {
  assert.ok(isRootkeepError(error, code), String((error as { code?: unknown }).code));
  return true;
};
const FINDINGS = "The outage was real; the console log matches the ticket.";

// real: PostgreSQL, file root key, every service. double: the channels' other ends.
describe("break-glass", () => {
  const channels: KeepingChannel[] = [];
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let anna: Actor;
  let count = 0;

  before(async () => {
    vault = await Vault.open({ channels });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester", "custodian"]);
    alan = await vault.enrol("Alan Approver", ["approver", "custodian"]);
    anna = await vault.enrol("Anna Approver", ["approver"]);
  });
  after(() => vault.drop());

  const account = (kind = "standalone"): Promise<Id<"account">> => vault.import(String(111122220000 + count++), { kind });
  const ask = async (accountId: Id<"account">, purpose = "account-email-change", ticket = "INC-42"): Promise<Id<"request">> => {
    const form = formOf({ operation: "secret.reveal", accountId, purpose, ticket, breakGlass: true });
    return (await vault.requests.submit(rita, form)).requestId;
  };
  const granted = async (accountId: Id<"account">): Promise<{ requestId: Id<"request">; grantId: Id<"grant"> }> => {
    const requestId = await ask(accountId);
    await vault.requests.approve(alan, requestId, await alan.app.next(), "");
    const { grantId } = await vault.requests.read(requestId);
    return { requestId, grantId: grantId! };
  };
  const open = async (grantId: Id<"grant">): Promise<string> => await vault.open(rita, grantId);
  const useOf = async (grantId: Id<"grant">) => (await vault.glass.list()).find((use) => use.grantId === grantId)!;
  const review = async (reviewer: Actor, grantId: Id<"grant">): Promise<unknown> =>
    await vault.glass.review(reviewer, (await useOf(grantId)).id, await reviewer.app.next(), FINDINGS);

  it("takes one approver fewer, never none, and half the time (zero approvals meant open, OpenBao #3666)", async () => {
    assert.deepEqual([1, 2, 3].map(glassApprovals), [1, 1, 2]);
    assert.deepEqual([10, 30, 60, 240].map(glassMinutes), [5, 15, 30, 30]);
    const id = await account();
    const { body } = await vault.requests.read(await ask(id));
    assert.deepEqual([body.policy.approvals, body.minutes, body.flags], [1, 15, ["rotate-after", "breakGlass"]]);
    const { body: small } = await vault.requests.read(await ask(id, "billing-root-only"));
    assert.equal(small.policy.approvals, 1);
    const usual = formOf({ operation: "secret.reveal", accountId: id, purpose: "account-email-change", ticket: "INC-42" });
    const { body: without } = await vault.requests.read((await vault.requests.submit(rita, usual)).requestId);
    assert.deepEqual([without.policy.approvals, without.minutes, without.flags], [2, 30, ["rotate-after"]]);
    await assert.rejects(vault.requests.approve(rita, body.id, await rita.app.next(), ""), refusedAs("SELF_APPROVAL"));
  });

  it("demands an incident's ticket, and is no way around a better one [L7]", async () => {
    const id = await account("member");
    await assert.rejects(ask(id, "account-password-change", "OPS-42"), refusedAs("TICKET_INVALID"));
    await assert.rejects(ask(id, "s3-bucket-policy-unlock"), refusedAs("BETTER_WAY"));
    const form = formOf({ operation: "allowlist.grant", breakGlass: true });
    await assert.rejects(vault.requests.submit(rita, form), refusedAs("MALFORMED"));
  });

  it("sends no value before a channel has accepted a page: none configured, all refusing, then one that takes it (Infisical only mails, #7930)", async () => {
    const { grantId, requestId } = await granted(await account());
    await assert.rejects(open(grantId), refusedAs("PAGE_UNACCEPTED"));
    const [mail, room] = [new KeepingChannel("smtp", true), new KeepingChannel("webhook", false)];
    mail.isRefusing = true;
    room.isRefusing = true;
    channels.push(mail, room);
    await assert.rejects(open(grantId), refusedAs("PAGE_UNACCEPTED"));
    assert.ok(mail.attempts > 1 && room.attempts === 1);
    assert.equal((await vault.grants.read(grantId)).openings, "{}", "nothing is used up");
    mail.isRefusing = false;
    assert.equal(await open(grantId), "Tr0ub4dor-and-3-horses");
    assert.deepEqual(mail.topics(), ["glass.opening"]);
    assert.notEqual(mail.taken[0]?.address, rita.email, "a page to oneself is none");
    const entries = (await vault.reader.entries(0, 1_000)).map(({ entry }) => entry as unknown as Record<string, never>);
    const ofRequest = entries.filter((entry) => JSON.stringify(entry).includes(requestId));
    const flagged = ofRequest.filter((entry) => (entry["details"] as { breakGlass?: unknown } | undefined)?.breakGlass === true);
    assert.deepEqual(
      flagged.map(({ action, outcome }) => `${String(action)} ${String(outcome)}`),
      ["request.submit committed", "request.opened committed", "secret.reveal intent"],
    );
    await vault.grants.giveBack(rita, grantId);
    await review(vault.custodians![0], grantId);
  });

  it("takes no page for another grant, none that was made up, and needs none where no glass was broken", async () => {
    const { grantId } = await granted(await account());
    let claimed = 0;
    const claim = async (page: unknown): Promise<unknown> =>
      await vault.transactions.run(async (tx) => {
        const form = {
          grantId,
          kind: "root-password",
          code: await rita.app.next(),
          operation: "secret.reveal",
          deliverTo: null,
          page: page as AcceptedPage,
        } as const;
        await vault.grants.claim(tx, rita, form, await tx.clock());
        claimed++;
        throw new RootkeepError("STATE_CONFLICT");
      });
    const forged = Object.assign(Object.create(AcceptedPage.prototype) as object, {
      subjectId: grantId,
      channel: "smtp",
      atMs: performance.now(),
    });
    for (const page of [null, undefined, forged, AcceptedPage.mint("grt_0123456789abcdefghjkmnpqrs", "smtp")])
      await assert.rejects(claim(page), refusedAs("PAGE_UNACCEPTED"));
    assert.equal(claimed, 0);
    await assert.rejects(claim(AcceptedPage.mint(grantId, "smtp")), refusedAs("STATE_CONFLICT"));
    assert.equal(claimed, 1);
    await vault.grants.giveBack(rita, grantId);
    await review(vault.custodians![0], grantId);
    channels.length = 0;
    const usual = await vault.grant(rita, [anna], await account());
    assert.equal(await open(usual.grantId), "Tr0ub4dor-and-3-horses");
    channels.push(new KeepingChannel("webhook", false));
  });

  it("pages neither who asked nor who holds: a page that only they got is none", async () => {
    channels.length = 0;
    const mail = new KeepingChannel("smtp", true);
    channels.push(mail);
    const hans = await vault.enrol("Hans Holder", ["requester", "custodian"]);
    const form = formOf({
      operation: "secret.reveal",
      accountId: await account(),
      purpose: "account-email-change",
      ticket: "INC-42",
      breakGlass: true,
      holders: { "root-password": hans.personId },
    });
    const { requestId } = await vault.requests.submit(rita, form);
    await vault.requests.approve(anna, requestId, await anna.app.next(), "");
    const { grantId } = await vault.requests.read(requestId);
    mail.isRefusing = true;
    await assert.rejects(vault.open(hans, grantId!), refusedAs("PAGE_UNACCEPTED"));
    const asked = new Set(mail.addresses);
    assert.ok(asked.size > 1, "custodians and approvers were tried");
    for (const { email } of [rita, hans]) assert.ok(!asked.has(email), email);
    await vault.grants.giveBack(hans, grantId!);
    channels.length = 0;
    channels.push(new KeepingChannel("webhook", false));
  });

  it("keeps its words until it was reviewed, whoever asks to erase them; findings go with them later", async () => {
    const { requestId, grantId } = await granted(await account());
    await vault.grants.giveBack(rita, grantId);
    const erase = { operation: "disclosure.erase", subject: { requestId } } as const;
    await assert.rejects(vault.requests.submit(rita, formOf(erase)), refusedAs("REVIEW_DUE"));
    await review(vault.custodians![0], grantId);
    await vault.decide(erase);
    const use = await useOf(grantId);
    assert.deepEqual([use.state, use.findings], ["CLOSED", ""]);
    assert.deepEqual(vault.alarms, []);
  });

  it("runs for half of a policy that was tightened since, and never longer than the policy", async () => {
    const requestId = await ask(await account());
    await setPolicy(vault, "short", { minutes: 4 });
    await vault.requests.approve(alan, requestId, await alan.app.next(), "");
    const { grantId } = await vault.requests.read(requestId);
    const { grantedAt, expiresAt } = await vault.grants.read(grantId!);
    assert.equal(expiresAt.getTime() - grantedAt.getTime(), 4 * 60_000);
    await vault.grants.giveBack(rita, grantId!);
    await setPolicy(vault, "short", { minutes: 16 });
    const second = await granted(await account());
    await setPolicy(vault, "short", null);
    assert.equal((await vault.requests.read(second.requestId)).body.minutes, 8);
    await vault.grants.giveBack(rita, second.grantId);
  });

  it("blocks the account's next until somebody who took no part has reviewed the last (no peer does, row 60)", async () => {
    const id = await account();
    const pending = await ask(id);
    const { grantId } = await granted(id);
    await assert.rejects(ask(id), refusedAs("REVIEW_DUE"));
    await assert.rejects(review(vault.custodians![0], grantId), refusedAs("STATE_CONFLICT"));
    await vault.grants.giveBack(rita, grantId);
    await assert.rejects(vault.requests.approve(anna, pending, await anna.app.next(), ""), refusedAs("REVIEW_DUE"));
    for (const participant of [rita, alan]) await assert.rejects(review(participant, grantId), refusedAs("SELF_APPROVAL"));
    await assert.rejects(review(anna, grantId), refusedAs("NOT_ALLOWLISTED"));
    const use = await useOf(grantId);
    const ada = vault.custodians![0];
    await assert.rejects(vault.glass.review(ada, use.id, await ada.app.next(), "looks ok"), refusedAs("MALFORMED"));
    await assert.rejects(vault.glass.review(ada, use.id, "000000", FINDINGS), refusedAs("STEP_UP_REQUIRED"));
    await review(ada, grantId);
    await assert.rejects(review(vault.custodians![1], grantId), refusedAs("STATE_CONFLICT"));
    const closed = await useOf(grantId);
    assert.deepEqual([closed.state, closed.reviewerId, closed.findings], ["CLOSED", ada.personId, FINDINGS]);
    const { act, person, authenticator, challenge } = JSON.parse(closed.statement ?? "{}") as Record<string, string>;
    assert.deepEqual([act, person], ["review", ada.personId]);
    assert.match(authenticator ?? "", /^aut_/);
    assert.match(challenge ?? "", /^[0-9a-f]{64}$/);
    const [newest] = (await vault.reader.entries((await vault.reader.head()).size - 1, 1)).map(({ entry }) => JSON.stringify(entry));
    assert.match(newest ?? "", /"glass\.review"/);
    assert.doesNotMatch(newest ?? "", /outage was real/, "findings are committed to, not told");
    await vault.requests.approve(anna, pending, await anna.app.next(), "");
  });

  it("is not unblocked by whoever owns the database: a use that was closed, moved or deleted there refuses [L11]", async () => {
    const id = await account();
    const { grantId } = await granted(id);
    await vault.grants.giveBack(rita, grantId);
    const { id: use } = await useOf(grantId);
    const owner = await DatabaseOwner.take(vault.database);
    try {
      const copy = await owner.rows<{ participants: string }>("SELECT participants FROM approvals.glass_use WHERE id = $1", [use]);
      const other = await account();
      for (const [sql, value] of [
        ["UPDATE approvals.glass_use SET state = 'CLOSED' WHERE id = $1", "UPDATE approvals.glass_use SET state = 'OPEN' WHERE id = $1"],
        [
          `UPDATE approvals.glass_use SET account_id = '${other}' WHERE id = $1`,
          `UPDATE approvals.glass_use SET account_id = '${id}' WHERE id = $1`,
        ],
        [
          "UPDATE approvals.glass_use SET participants = '[]' WHERE id = $1",
          `UPDATE approvals.glass_use SET participants = '${copy[0]!.participants}' WHERE id = $1`,
        ],
      ] as const) {
        await owner.run(sql, [use]);
        await assert.rejects(ask(id), refusedAs("ROW_REFUSED"));
        await assert.rejects(review(alan, grantId), refusedAs("ROW_REFUSED"));
        await owner.run(value, [use]);
      }
      await owner.run("DELETE FROM approvals.glass_use WHERE id = $1", [use]);
      await assert.rejects(ask(id), refusedAs("ROW_REFUSED"));
    } finally {
      await owner.close();
    }
  });
});
