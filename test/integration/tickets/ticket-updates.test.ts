import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import { ATTEMPTS_MAX } from "../../../src/kernel/retry.js";
import { TicketUpdates } from "../../../src/tickets/ticket-updates.service.js";
import { UpdateOutbox } from "../../../src/tickets/update-outbox.repository.js";
import { UpdateSender } from "../../../src/tickets/update-sender.service.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { KeepingChannel } from "../../support/notice-crew.js";
import { approve, ask } from "../../support/policies.js";
import { deskTickets, type TicketCrew, ticketCrew } from "../../support/ticket-crew.js";
import { TicketDesk } from "../../support/ticket-desk.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const REASON = "Mrs Smith of Acme gave the password Tr0ub4dor-and-3-horses <!channel>";
const FINDINGS = "Mr Jones had locked himself out; nothing else was done.";

// real: PostgreSQL, file root key, every service, HTTP. double: the ticket system behind it, the page's channel.
describe("what a ticket is told", () => {
  let desk: TicketDesk;
  let vault: Vault;
  let crew: TicketCrew;
  let owner: DatabaseOwner;
  let rita: Actor;
  let alan: Actor;
  let anna: Actor;
  let count = 0;

  before(async () => {
    desk = await TicketDesk.start();
    vault = await Vault.open({ tickets: () => deskTickets(desk), channels: [new KeepingChannel("webhook", false)] });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    anna = await vault.enrol("Anna Approver", ["approver", "custodian"]);
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
    await desk.stop();
  });
  beforeEach(async () => {
    await vault.dataSource.query("DELETE FROM tickets.ticket_update");
    desk.tickets.clear();
    desk.faults.length = 0;
    desk.manner = "answer";
    crew = ticketCrew(vault);
  });

  /** A fresh account and a ticket that names it. */
  const scene = async (series = "OPS"): Promise<{ account: Id<"account">; ticket: string }> => {
    const number = ++count;
    const awsId = String(200000000000 + number);
    const ticket = `${series}-${String(number)}`;
    desk.ticket(ticket, awsId);
    return { account: await vault.import(awsId), ticket };
  };
  const asked = async (rest: object = {}, series?: string): Promise<{ requestId: Id<"request">; ticket: string }> => {
    const { account, ticket } = await scene(series);
    return { requestId: await ask(vault, rita, account, { ticket, reason: REASON, ...rest }), ticket };
  };
  const grantOf = async (requestId: Id<"request">): Promise<Id<"grant">> => (await vault.requests.read(requestId)).grantId!;
  const notes = (ticket: string) => desk.tickets.get(ticket)?.notes ?? [];
  const states = async (): Promise<string[]> =>
    (await vault.dataSource.query<{ state: string }[]>("SELECT state FROM tickets.ticket_update ORDER BY position")).map(
      ({ state }) => state,
    );

  it("is every change of the request, in order and once: submitted, each approval, each opening with its entry, check-in", async () => {
    const { requestId, ticket } = await asked({ purpose: "account-email-change" });
    await approve(vault, alan, requestId);
    await approve(vault, anna, requestId);
    const grantId = await grantOf(requestId);
    await vault.open(rita, grantId);
    await vault.grants.giveBack(rita, grantId);
    await crew.turn();
    assert.deepEqual(desk.events(ticket), [
      "request.submitted",
      "request.approved",
      "request.approved",
      "request.opened",
      "request.returned",
    ]);
    assert.deepEqual(
      notes(ticket).map(({ facts }) => [facts["state"], facts["by"], facts["approvals"]]),
      [
        ["SUBMITTED", rita.personId, undefined],
        ["SUBMITTED", alan.personId, "1/2"],
        ["APPROVED", anna.personId, "2/2"],
        ["OPENED", rita.personId, undefined],
        ["RETURNED", rita.personId, undefined],
      ],
    );
    const opening = notes(ticket)[3];
    const [intent]: { seq: string }[] = await vault.dataSource.query(
      "SELECT seq FROM audit.entry WHERE action = 'secret.reveal' AND outcome = 'intent' ORDER BY seq DESC LIMIT 1",
    );
    assert.deepEqual(
      [opening?.facts["kind"], opening?.facts["number"], opening?.facts["audit entry"]],
      ["root-password", "1", intent?.seq],
    );
    assert.match(opening?.text ?? "", new RegExp(`audit entry: ${String(intent?.seq)}\\n`));
    assert.ok(notes(ticket).every(({ facts }) => facts["request"] === requestId && /^\d+$/.test(facts["audit entry"] ?? "")));
    assert.deepEqual(desk.faults, []);
  });

  it("is how it ended: denied, withdrawn, run out, revoked, its grant run out, done", async () => {
    const denied = await asked();
    await vault.requests.deny(alan, denied.requestId, "no, because the test says so");
    const withdrawn = await asked();
    await vault.requests.withdraw(rita, withdrawn.requestId, "no longer needed at all");
    const revoked = await asked();
    await approve(vault, alan, revoked.requestId);
    await vault.grants.revoke(alan, await grantOf(revoked.requestId));
    const done = formOf({
      operation: "allowlist.grant",
      ticket: "OPS-900",
      subject: { personId: rita.personId, role: "auditor", scope: { kind: "all" } },
    });
    desk.ticket("OPS-900");
    const [ada, ben] = vault.custodians!;
    const { requestId } = await vault.requests.submit(ada, done);
    await approve(vault, ben, requestId);
    await crew.turn();
    assert.deepEqual(desk.events(denied.ticket), ["request.submitted", "request.denied"]);
    assert.deepEqual(desk.events(withdrawn.ticket), ["request.submitted", "request.withdrawn"]);
    assert.deepEqual(desk.events(revoked.ticket), ["request.submitted", "request.approved", "request.revoked"]);
    assert.deepEqual(desk.events("OPS-900"), ["request.submitted", "request.closed"]);
    assert.equal(notes(denied.ticket)[1]?.facts["by"], alan.personId);
  });

  it("is what only the clock decided: a request and a grant that ran out, and what a leaver had", async () => {
    const grown = await asked();
    await approve(vault, alan, grown.requestId);
    const left = await asked();
    await approve(vault, alan, left.requestId);
    const { result } = await vault.transactions.run(async (tx) => {
      const { revokeGrants, expireGrant } = await import("../../../src/approvals/end-grant.service.js");
      const { AccessGrant } = await import("../../../src/approvals/access-grant.entity.js");
      const grant = await tx.lock(AccessGrant, await grantOf(grown.requestId));
      const entries = [await expireGrant(tx, grant!), ...(await revokeGrants(tx, { id: await grantOf(left.requestId) }))];
      return { result: entries.length, entries };
    });
    assert.equal(result, 2);
    await crew.turn();
    assert.deepEqual(desk.events(grown.ticket), ["request.submitted", "request.approved", "request.expired"]);
    assert.deepEqual(desk.events(left.ticket), ["request.submitted", "request.approved", "request.revoked"]);
    assert.equal(notes(grown.ticket)[2]?.facts["by"], undefined);
  });

  it("is all that a break-glass is, in its own ticket and in one that is opened for it and names the account, up to its review", async () => {
    const { requestId, ticket } = await asked({ purpose: "account-email-change", breakGlass: true }, "INC");
    await approve(vault, alan, requestId);
    const grantId = await grantOf(requestId);
    await vault.open(rita, grantId);
    await vault.grants.giveBack(rita, grantId);
    const use = (await vault.glass.list()).find((known) => known.grantId === grantId)!;
    await vault.glass.review(anna, use.id, await anna.app.next(), FINDINGS);
    await crew.turn();
    assert.deepEqual(desk.events(ticket), [
      "request.submitted",
      "request.approved",
      "request.opened",
      "request.returned",
      "glass.reviewed",
    ]);
    const opened = [...desk.tickets.keys()].find((reference) => reference.startsWith("INC-9"))!;
    assert.deepEqual(desk.events(opened), ["glass.granted", "request.opened", "request.returned", "glass.reviewed"]);
    assert.deepEqual(desk.tickets.get(opened)?.accounts, desk.tickets.get(ticket)?.accounts);
  });

  it("is nothing of a ticket that nobody is to open: of a break-glass granted while no system was connected", async () => {
    const alone = await Vault.open({ replicaOf: vault, channels: [new KeepingChannel("webhook", false)] });
    const { account, ticket } = await scene("INC");
    const form = { operation: "secret.reveal", accountId: account, purpose: "account-email-change", ticket, breakGlass: true } as const;
    const { requestId } = await alone.requests.submit(rita, formOf(form));
    await alone.requests.approve(alan, requestId, await alan.app.next(), "");
    await alone.close();
    await vault.grants.giveBack(rita, await grantOf(requestId));
    await crew.turn();
    assert.deepEqual([desk.events(ticket), crew.dead, await states()], [["request.returned"], [], ["SENT"]]);
  });

  it("finds out an invented ticket of a break-glass when the system is back: that is given up at once, and the one opened for the review is told", async () => {
    const { account } = await scene("INC");
    desk.manner = "refuse";
    const requestId = await ask(vault, rita, account, { ticket: "INC-777", purpose: "account-email-change", breakGlass: true });
    await approve(vault, alan, requestId);
    await vault.open(rita, await grantOf(requestId));
    await vault.grants.giveBack(rita, await grantOf(requestId));
    desk.manner = "answer";
    await crew.later();
    assert.deepEqual(crew.dead, ["ticket_unknown"]);
    const opened = [...desk.tickets.keys()].filter((reference) => reference.startsWith("INC-9")).at(-1)!;
    assert.deepEqual(desk.events(opened), ["glass.granted", "request.opened", "request.returned"]);
    assert.equal(desk.tickets.get(opened)?.notes[0]?.facts["account"], account);
  });

  it("is nothing of a value, a reason, a name, an address or a code: ids, slugs, numbers and times alone [L8]", async () => {
    desk.heard.length = 0;
    const { requestId } = await asked({ purpose: "account-email-change", breakGlass: true }, "INC");
    await approve(vault, alan, requestId);
    const grantId = await grantOf(requestId);
    const code = await rita.app.next();
    await vault.reveals.reveal(rita, grantId, "root-password", code);
    await vault.grants.giveBack(rita, grantId);
    const use = (await vault.glass.list()).find((known) => known.grantId === grantId)!;
    await vault.glass.review(anna, use.id, await anna.app.next(), FINDINGS);
    await crew.turn();
    const heard = desk.heard.join("\n");
    assert.ok(heard.includes("glass.reviewed"));
    for (const mark of ["Tr0ub4dor", "Smith", "Jones", "Acme", "channel", "Rita", "Alan", "@example", "GEZDGNBVGY", rita.token, "INC-42 "])
      assert.ok(!heard.includes(mark), mark);
    const texts = [...desk.tickets.values()].flatMap((known) => known.notes).map(({ text }) => text);
    assert.ok(texts.length > 0 && texts.every((text) => !text.includes(code) && text.endsWith("writes neither into tickets.\n")));
    const stored: { row: string }[] = await vault.dataSource.query("SELECT to_jsonb(u)::text AS row FROM tickets.ticket_update u");
    for (const { row } of stored) assert.ok(!/Tr0ub4dor|Smith|Jones|Rita|@example/.test(row), row);
  });

  it("shows nothing that was written into the outbox by its owner: what is no id is withheld, and an event that we do not know is not sent", async () => {
    const { ticket } = await asked();
    await owner.run(`UPDATE tickets.ticket_update SET facts = '{"request":"see http://evil.example now","password":"x"}'`);
    await crew.turn();
    assert.deepEqual(Object.keys(notes(ticket)[0]?.facts ?? {}).sort(), ["audit entry", "request"]);
    assert.equal(notes(ticket)[0]?.facts["request"], "(withheld)");
    await asked();
    await owner.run("UPDATE tickets.ticket_update SET event = 'the secret is' WHERE state = 'WAITING'");
    await crew.turn();
    assert.deepEqual(crew.failed, ["unknown_event"]);
  });

  it("is committed with the change or not at all: a request that was refused tells nothing", async () => {
    const { account, ticket } = await scene();
    await assert.rejects(ask(vault, rita, account, { ticket, purpose: "nonsense" }));
    const { requestId } = await asked();
    await assert.rejects(vault.requests.approve(rita, requestId, await rita.app.next(), ""));
    await assert.rejects(vault.requests.approve(alan, requestId, "000000", ""));
    await crew.turn();
    assert.deepEqual(desk.events(ticket), []);
    assert.deepEqual(await states(), ["SENT"]);
  });

  it("is nothing of an opening that was undone after its claim: a code that was given out already is not told of twice", async () => {
    const { requestId, ticket } = await asked();
    await approve(vault, alan, requestId);
    const grantId = await grantOf(requestId);
    const ends: string[] = [];
    // A step may end in between; then the second code is another one.
    for (let call = 0; call < 2; call++) {
      const code = await rita.app.next();
      ends.push(
        await vault.reveals.code(rita, grantId, code).then(
          () => "given",
          (error: unknown) => (isRootkeepError(error, "CODE_WAIT") ? "wait" : String(error)),
        ),
      );
    }
    await vault.grants.giveBack(rita, grantId);
    await crew.turn();
    assert.ok(ends[0] === "given" && (ends[1] === "wait" || ends[1] === "given"), ends.join());
    const opened = desk.events(ticket).filter((event) => event === "request.opened");
    assert.equal(opened.length, ends.filter((end) => end === "given").length);
  });

  it("arrives when the system is back, whole, once and in order, although each answer before was lost", async () => {
    const { requestId, ticket } = await asked();
    desk.manner = "refuse";
    await crew.turn();
    await approve(vault, alan, requestId);
    const grantId = await grantOf(requestId);
    await vault.grants.giveBack(rita, grantId);
    for (let hour = 0; hour < 3; hour++) await crew.later();
    assert.deepEqual(desk.events(ticket), []);
    desk.manner = "take-and-hang-up";
    await crew.later();
    await crew.later();
    assert.deepEqual(desk.events(ticket), ["request.submitted"]);
    desk.manner = "answer";
    await crew.later();
    assert.deepEqual(desk.events(ticket), ["request.submitted", "request.approved", "request.returned"]);
    assert.deepEqual(await states(), ["SENT", "SENT", "SENT"]);
    assert.ok(crew.failed.length >= 6 && crew.dead.length === 0);
  });

  it("is written by one of many replicas: none twice, none out of order, and a thread that stands still holds up no other", async () => {
    const scenes: { requestId: Id<"request">; ticket: string }[] = [];
    for (let index = 0; index < 6; index++) scenes.push(await asked());
    for (const { requestId } of scenes) await vault.requests.withdraw(rita, requestId, "no longer needed at all");
    desk.tickets.delete(scenes[0]!.ticket);
    const crews = [crew, ticketCrew(vault), ticketCrew(vault)];
    await Promise.all(crews.map((one) => one.turn()));
    await crew.turn();
    for (const { ticket } of scenes.slice(1)) assert.deepEqual(desk.events(ticket), ["request.submitted", "request.withdrawn"]);
    assert.equal(crews.flatMap(({ sent }) => sent).length, 10);
    assert.deepEqual(
      crews.flatMap(({ dead }) => dead),
      ["ticket_unknown"],
    );
  });

  it("that was begun by a process that died is written by the next one when the lease is over", async () => {
    const { ticket } = await asked();
    assert.equal((await UpdateOutbox.claim(vault.dataSource, 4, 60)).length, 1);
    await crew.turn();
    assert.deepEqual(desk.events(ticket), []);
    const replica = await Vault.open({ replicaOf: vault, tickets: () => deskTickets(desk) });
    await ticketCrew(replica).later();
    await replica.close();
    assert.deepEqual(desk.events(ticket), ["request.submitted"]);
  });

  it("is given up in the end and kept: listed, told of, it holds back what comes after, and goes out in order when it is put back in line", async () => {
    const { requestId, ticket } = await asked();
    await vault.requests.withdraw(rita, requestId, "no longer needed at all");
    desk.manner = "refuse";
    for (let attempt = 0; attempt < ATTEMPTS_MAX + 3; attempt++) await crew.later();
    assert.deepEqual([crew.failed.length, crew.dead], [ATTEMPTS_MAX - 1, ["tickets_answered_503"]]);
    const updates = new TicketUpdates(vault.dataSource, null, () => undefined);
    const [dead, ...more] = await updates.list("DEAD", "", 10);
    assert.ok(dead);
    assert.deepEqual(
      [dead.thread, dead.event, dead.reason, more.length],
      [`${requestId}/named`, "request.submitted", "tickets_answered_503", 0],
    );
    desk.manner = "answer";
    await crew.later();
    assert.deepEqual(desk.events(ticket), []);
    await updates.retry(dead.id as Id<"ticketUpdate">);
    await assert.rejects(updates.retry(newId("ticketUpdate")), (error) => isRootkeepError(error, "NOT_FOUND"));
    await crew.turn();
    assert.deepEqual(desk.events(ticket), ["request.submitted", "request.withdrawn"]);
  });

  it("is forgotten after a while, but for what still waits its turn", async () => {
    const sent = await asked();
    await crew.turn();
    desk.tickets.clear();
    const dead = await asked();
    desk.tickets.clear();
    await vault.requests.withdraw(rita, dead.requestId, "no longer needed at all");
    await crew.turn();
    const waiting = await asked();
    await owner.run("UPDATE tickets.ticket_update SET created_at = created_at - interval '100 days'");
    const fresh = await asked();
    await UpdateOutbox.forget(vault.dataSource, 90);
    const left = await vault.dataSource.query<{ thread: string }[]>("SELECT thread FROM tickets.ticket_update ORDER BY position");
    assert.deepEqual(
      left.map(({ thread }) => thread),
      [`${waiting.requestId}/named`, `${fresh.requestId}/named`],
    );
    assert.ok(sent.requestId !== dead.requestId);
  });

  it("keeps nothing where no ticket system is connected, and a loop that stops lets go of what it was about", async () => {
    const alone = await Vault.open({ replicaOf: vault });
    const { account } = await scene();
    const { requestId } = await alone.requests.submit(
      rita,
      formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "OPS-77" }),
    );
    await alone.requests.withdraw(rita, requestId, "no longer needed at all");
    await alone.close();
    assert.deepEqual(await states(), []);
    const { ticket } = await asked();
    desk.manner = "hold";
    const system = deskTickets(desk, 60_000);
    const quiet = { sent: () => undefined, failed: () => undefined, gaveUp: () => undefined };
    const sender = new UpdateSender(vault.dataSource, system, { deployment: "test", publicUrl: null }, vault.trust.tickets(), quiet);
    const loops = new TicketUpdates(vault.dataSource, sender, () => undefined);
    const heard = desk.heard.length;
    loops.start();
    while (desk.heard.length === heard) await new Promise((resolve) => setTimeout(resolve, 5));
    await loops.stop();
    assert.deepEqual(await states(), ["WAITING"]);
    desk.manner = "answer";
    await crew.later();
    assert.deepEqual(desk.events(ticket), ["request.submitted"]);
  });
});
