import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { TicketLooks } from "../../../src/approvals/ticket-looks.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { TicketCheck } from "../../../src/tickets/ticket-check.service.js";
import { compileTicketPattern } from "../../../src/tickets/ticket-reference.js";
import { TicketTrust } from "../../../src/tickets/ticket-trust.js";
import { KeepingChannel } from "../../support/notice-crew.js";
import { approve, ask } from "../../support/policies.js";
import { deskTickets, ticketCrew } from "../../support/ticket-crew.js";
import { TicketDesk } from "../../support/ticket-desk.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const refusedAs = (code: Parameters<typeof isRootkeepError>[1]) => (error: unknown) => {
  assert.ok(isRootkeepError(error, code), String((error as { code?: unknown }).code));
  return true;
};

// real: PostgreSQL, file root key, every service, HTTP. double: the ticket systems behind it.
describe("an operator who changes the ticket system alone", () => {
  let desk: TicketDesk;
  let stranger: TicketDesk;
  let vault: Vault;
  /** The same deployment under an environment that nobody has approved: no system, and a system of the operator's own. */
  let disconnected: Vault;
  let redirected: Vault;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;

  before(async () => {
    desk = await TicketDesk.start();
    stranger = await TicketDesk.start();
    vault = await Vault.open({ tickets: () => deskTickets(desk), channels: [new KeepingChannel("webhook", false)] });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester", "custodian"]);
    alan = await vault.enrol("Alan Approver", ["approver", "custodian"]);
    account = await vault.import("111122223333");
    const configDigest = "cd".repeat(32);
    disconnected = await Vault.open({ replicaOf: vault, configDigest });
    redirected = await Vault.open({ replicaOf: vault, configDigest, tickets: () => deskTickets(stranger) });
  });
  after(async () => {
    for (const replica of [disconnected, redirected]) await replica.close();
    await vault.drop();
    await desk.stop();
    await stranger.stop();
  });
  beforeEach(async () => {
    await vault.dataSource.query("DELETE FROM tickets.ticket_update");
    desk.tickets.clear();
    desk.ticket("INC-42", "111122223333");
    stranger.tickets.clear();
    stranger.heard.length = 0;
  });

  it("has no request taken by a ticket, and the system of their own is asked nothing", async () => {
    stranger.ticket("INC-42", "111122223333");
    for (const replica of [disconnected, redirected]) await assert.rejects(ask(replica, rita, account), refusedAs("CONFIG_UNAPPROVED"));
    const subject = { personId: alan.personId, role: "auditor", scope: { kind: "all" } };
    const form = formOf({ operation: "allowlist.grant", ticket: "INC-42", subject });
    const { requestId } = await vault.requests.submit(rita, form);
    const [ada] = vault.custodians!;
    for (const replica of [disconnected, redirected]) {
      await assert.rejects(replica.requests.submit(rita, form), refusedAs("CONFIG_UNAPPROVED"));
      await assert.rejects(replica.requests.approve(ada, requestId, await ada.app.next(), ""), refusedAs("CONFIG_UNAPPROVED"));
    }
    assert.deepEqual(stranger.heard, []);
    assert.equal((await approve(vault, ada, requestId)).state, "CLOSED");
  });

  it("loses no note and reads none: what happens meanwhile is kept, and told to the system that was approved", async () => {
    const requestId = await ask(vault, rita, account);
    await approve(disconnected, alan, requestId);
    const grantId = (await vault.requests.read(requestId)).grantId!;
    await redirected.grants.giveBack(rita, grantId);
    const away = ticketCrew(redirected);
    await away.later();
    assert.deepEqual([stranger.heard, away.sent, away.failed], [[], [], []]);
    await ticketCrew(vault).later();
    assert.deepEqual(desk.events("INC-42"), ["request.submitted", "request.approved", "request.returned"]);
  });

  it("does not keep anybody from approving a configuration, by a ticket or without one", async () => {
    const [ada, ben] = vault.custodians!;
    stranger.ticket("INC-43");
    for (const [replica, ticket] of [
      [redirected, "INC-43"],
      [disconnected, null],
    ] as const) {
      const subject = { digest: replica.trust.current.digest };
      const { requestId } = await replica.requests.submit(ada, formOf({ operation: "config.approve", ticket, subject }));
      assert.equal((await replica.requests.approve(ben, requestId, await ben.app.next(), "")).state, "CLOSED");
    }
    // Now it is the first that nobody approves, and the others that are told.
    await assert.rejects(ask(vault, rita, account), refusedAs("CONFIG_UNAPPROVED"));
    const back = await vault.requests.submit(ada, formOf({ operation: "config.approve", subject: { digest: vault.trust.current.digest } }));
    await vault.requests.approve(ben, back.requestId, await ben.app.next(), "");
    await ask(vault, rita, account);
  });

  it("loosens no pattern for what is opened later: a ticket's form is looked at again at use", async () => {
    const loose = compileTicketPattern("[A-Z]{2,5}-[0-9]{1,6}");
    const check = new TicketCheck(deskTickets(desk), { every: loose, glass: compileTicketPattern("INC-[0-9]+") });
    const looks = new TicketLooks(vault.transactions, check, vault.trust);
    desk.ticket("OPS-1", "111122223333");
    const seen = await check.look("OPS-1", true);
    const body = { operation: "secret.reveal", ticket: "OPS-1", account: null } as const;
    const demand = (flags: readonly string[]): Promise<unknown> =>
      vault.transactions.peek(async (tx) => looks.demand(tx, seen, { ...body, flags }));
    assert.deepEqual(await demand([]), { ticketSeen: "seen" });
    await assert.rejects(demand(["breakGlass"]), refusedAs("TICKET_INVALID"));
  });

  it("is trusted by nobody who has not asked: before the module above has spoken nothing is sent, and everything kept", () => {
    const trust = new TicketTrust();
    assert.deepEqual([trust.isApproved(), trust.areTold()], [false, true]);
    trust.judgeBy({ isApproved: () => true, areTold: () => false });
    assert.deepEqual([trust.isApproved(), trust.areTold()], [true, false]);
  });
});
