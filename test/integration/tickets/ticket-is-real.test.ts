import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { SeenTicket, TicketCheck } from "../../../src/tickets/ticket-check.service.js";
import { compileTicketPattern } from "../../../src/tickets/ticket-reference.js";
import { KeepingChannel } from "../../support/notice-crew.js";
import { approve, ask } from "../../support/policies.js";
import { deskTickets } from "../../support/ticket-crew.js";
import { TicketDesk } from "../../support/ticket-desk.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const AWS = "111122223333";
const refusedAs = (code: Parameters<typeof isRootkeepError>[1]) => (error: unknown) => {
  assert.ok(isRootkeepError(error, code), String((error as { code?: unknown }).code));
  return true;
};

// real: PostgreSQL, file root key, every service, HTTP. double: the ticket system behind it, the page's channel.
describe("where a ticket system is connected", () => {
  let desk: TicketDesk;
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;

  before(async () => {
    desk = await TicketDesk.start();
    vault = await Vault.open({ tickets: () => deskTickets(desk), channels: [new KeepingChannel("webhook", false)] });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester", "custodian"]);
    alan = await vault.enrol("Alan Approver", ["approver", "custodian"]);
    account = await vault.import(AWS);
  });
  after(async () => {
    await vault.drop();
    await desk.stop();
  });
  beforeEach(async () => {
    desk.tickets.clear();
    desk.manner = "answer";
    for (const [, ticket] of desk.tickets) ticket.isOpen = true;
  });

  const submitted = async (): Promise<number> => (await vault.requests.listFor(rita.personId, {}, "", 1000)).length;
  const granted = async (rest: object = {}): Promise<Id<"grant">> => {
    const requestId = await ask(vault, rita, account, rest);
    await approve(vault, alan, requestId);
    const { grantId } = await vault.requests.read(requestId);
    assert.ok(grantId !== null);
    return grantId;
  };
  const giveBack = (grantId: Id<"grant">): Promise<void> => vault.grants.giveBack(rita, grantId);
  const entryOf = async (action: string): Promise<Record<string, unknown>> => {
    const rows: { entry: Buffer }[] = await vault.dataSource.query(
      "SELECT entry FROM audit.entry WHERE action = $1 AND outcome <> 'allowed' ORDER BY seq DESC LIMIT 1",
      [action],
    );
    return JSON.parse(rows[0]?.entry.toString("utf8") ?? "{}") as Record<string, unknown>;
  };
  const detail = async (action: string, name: string): Promise<unknown> =>
    ((await entryOf(action))["details"] as Record<string, unknown>)[name];

  it("no request is taken whose ticket does not exist, is closed or names another account, nor while the system is away", async () => {
    const before = await submitted();
    await assert.rejects(ask(vault, rita, account), refusedAs("TICKET_UNKNOWN"));
    const ticket = desk.ticket("INC-42", "444455556666");
    await assert.rejects(ask(vault, rita, account), refusedAs("TICKET_OTHER_ACCOUNT"));
    ticket.accounts = [];
    await assert.rejects(ask(vault, rita, account), refusedAs("TICKET_OTHER_ACCOUNT"));
    ticket.accounts = [AWS];
    ticket.isOpen = false;
    await assert.rejects(ask(vault, rita, account), refusedAs("TICKET_CLOSED"));
    ticket.isOpen = true;
    for (const manner of ["refuse", "limit", "hold", "lie", "flood", "redirect", "garble", "lose", "switch"] as const) {
      desk.manner = manner;
      await assert.rejects(ask(vault, rita, account), refusedAs("TICKETS_UNAVAILABLE"), manner);
    }
    assert.equal(await submitted(), before);
    desk.manner = "answer";
    await ask(vault, rita, account);
    assert.equal(await detail("request.submit", "ticketSeen"), "seen");
  });

  it("nothing is opened, and nothing used up, once its ticket is closed, renamed, gone or cannot be asked about", async () => {
    const ticket = desk.ticket("INC-42", AWS);
    const grantId = await granted();
    const code = await rita.app.next();
    const open = (): Promise<unknown> => vault.reveals.reveal(rita, grantId, "root-password", code);
    ticket.isOpen = false;
    await assert.rejects(open(), refusedAs("TICKET_CLOSED"));
    ticket.isOpen = true;
    ticket.accounts = ["444455556666"];
    await assert.rejects(open(), refusedAs("TICKET_OTHER_ACCOUNT"));
    desk.tickets.delete("INC-42");
    await assert.rejects(open(), refusedAs("TICKET_UNKNOWN"));
    desk.tickets.set("INC-42", ticket);
    ticket.accounts = [AWS];
    for (const manner of ["refuse", "garble"] as const) {
      desk.manner = manner;
      await assert.rejects(open(), refusedAs("TICKETS_UNAVAILABLE"), manner);
    }
    desk.manner = "answer";
    assert.equal((await vault.grants.read(grantId)).openings, "{}");
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
    assert.equal(await detail("secret.reveal", "ticketSeen"), "seen");
    await assert.rejects(vault.open(rita, grantId), refusedAs("GRANT_SPENT"));
    await giveBack(grantId);
  });

  it("a ticket that is good loosens nothing: it takes the approvals, the holder and the second factor all the same [L2]", async () => {
    desk.ticket("INC-42", AWS);
    const other = await vault.import("777788889999");
    desk.ticket("INC-43", AWS, "777788889999");
    const requestId = await ask(vault, rita, other, { ticket: "INC-43" });
    assert.equal((await vault.requests.read(requestId)).grantId, null);
    await assert.rejects(vault.requests.approve(rita, requestId, await rita.app.next(), ""), refusedAs("SELF_APPROVAL"));
    await approve(vault, alan, requestId);
    const { grantId } = await vault.requests.read(requestId);
    assert.ok(grantId !== null);
    await assert.rejects(vault.open(alan, grantId), refusedAs("NOT_FOUND"));
    await assert.rejects(vault.reveals.reveal(rita, grantId, "root-password", "000000"), refusedAs("STEP_UP_REQUIRED"));
    await giveBack(grantId);
  });

  it("approving an opening asks the system nothing: it is asked again when it is opened", async () => {
    desk.ticket("INC-42", AWS);
    const fresh = await vault.import("222233334444");
    desk.ticket("INC-44", "222233334444");
    const requestId = await ask(vault, rita, fresh, { ticket: "INC-44" });
    desk.manner = "refuse";
    const { looks } = desk;
    assert.equal((await approve(vault, alan, requestId)).state, "APPROVED");
    assert.equal(desk.looks, looks);
    const { grantId } = await vault.requests.read(requestId);
    await giveBack(grantId!);
  });

  it("an act that its approval does has its ticket looked at when it is asked for and when it is done; without a ticket it needs no system", async () => {
    const form = formOf({
      operation: "allowlist.grant",
      ticket: "OPS-7",
      subject: { personId: alan.personId, role: "auditor", scope: { kind: "all" } },
    });
    await assert.rejects(vault.requests.submit(rita, form), refusedAs("TICKET_UNKNOWN"));
    const ticket = desk.ticket("OPS-7");
    const { requestId } = await vault.requests.submit(rita, form);
    ticket.isOpen = false;
    const [ada] = vault.custodians!;
    await assert.rejects(vault.requests.approve(ada, requestId, await ada.app.next(), ""), refusedAs("TICKET_CLOSED"));
    desk.manner = "refuse";
    await assert.rejects(vault.requests.approve(ada, requestId, await ada.app.next(), ""), refusedAs("TICKETS_UNAVAILABLE"));
    await vault.allow(alan.personId, "auditor");
    desk.manner = "answer";
    ticket.isOpen = true;
    assert.equal((await approve(vault, ada, requestId)).state, "CLOSED");
  });

  it("a system that takes its time holds no lock: meanwhile the grant is revoked, and then there is nothing to open", async () => {
    desk.ticket("INC-42", AWS);
    const fresh = await vault.import("333344445555");
    desk.ticket("INC-45", "333344445555");
    const requestId = await ask(vault, rita, fresh, { ticket: "INC-45" });
    await approve(vault, alan, requestId);
    const grantId = (await vault.requests.read(requestId)).grantId!;
    const slow = new TicketDeskGate(desk);
    const opening = vault.open(rita, grantId);
    const refused = assert.rejects(opening, refusedAs("TICKETS_UNAVAILABLE"));
    await slow.reached();
    const started = performance.now();
    await vault.grants.revoke(alan, grantId);
    assert.ok(desk.manner === "hold" && performance.now() - started < 10_000);
    await refused;
    desk.manner = "answer";
    await assert.rejects(vault.open(rita, grantId), refusedAs("APPROVAL_EXPIRED"));
  });

  it("a claim demands the proof of a look, whoever calls it: none, another ticket's and a copy of a good one are none", async () => {
    const fresh = await vault.import("555566667777");
    desk.ticket("INC-46", "555566667777");
    desk.ticket("INC-47", "555566667777");
    const requestId = await ask(vault, rita, fresh, { ticket: "INC-46" });
    await approve(vault, alan, requestId);
    const grantId = (await vault.requests.read(requestId)).grantId!;
    const system = deskTickets(desk);
    const pattern = compileTicketPattern("[A-Z]+-[0-9]+");
    const check = new TicketCheck(system, { every: pattern, glass: pattern });
    const [good, others] = [await check.look("INC-46", false), await check.look("INC-47", false)];
    const code = await rita.app.next();
    const copied = Object.assign<SeenTicket, unknown>(Object.create(SeenTicket.prototype) as SeenTicket, good);
    for (const ticket of [undefined, null, others, copied]) {
      const claim = vault.transactions.run(async (tx) => {
        const form = { grantId, kind: "root-password", code, operation: "secret.reveal", deliverTo: null } as const;
        await vault.grants.claim(tx, rita, { ...form, ...(ticket === undefined ? {} : { ticket }) }, await tx.clock());
        throw new Error("claimed");
      });
      await assert.rejects(claim, refusedAs("TICKETS_UNAVAILABLE"));
    }
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
    await giveBack(grantId);
  });

  it("the system is asked nothing by who may not ask for it, or may not approve it: they could keep it busy until it is away", async () => {
    const fresh = await vault.import("121212121212");
    desk.ticket("INC-42", "121212121212");
    const otto = await vault.enrol("Otto Other", ["requester", "approver"], { kind: "customer", values: ["Globex"] });
    const { looks } = desk;
    for (const actor of [otto, alan]) await assert.rejects(ask(vault, actor, fresh), refusedAs("NOT_ALLOWLISTED"));
    await assert.rejects(ask(vault, otto, fresh, { breakGlass: true }), refusedAs("NOT_ALLOWLISTED"));
    assert.equal(desk.looks, looks);
    desk.ticket("OPS-7");
    const subject = { personId: otto.personId, role: "auditor", scope: { kind: "all" } };
    const { requestId } = await vault.requests.submit(rita, formOf({ operation: "allowlist.grant", ticket: "OPS-7", subject }));
    assert.equal(desk.looks, looks + 1);
    for (const [actor, code] of [
      [otto, "SELF_APPROVAL"],
      [rita, "SELF_APPROVAL"],
    ] as const)
      await assert.rejects(vault.requests.approve(actor, requestId, "000000", ""), refusedAs(code));
    assert.equal(desk.looks, looks + 1);
    await vault.requests.withdraw(rita, requestId, "no longer needed at all");
  });

  it("a row that was refused is no system that is away, not even for a break-glass [L11]", async () => {
    const pattern = compileTicketPattern("INC-[0-9]+");
    const system = {
      ...deskTickets(desk),
      find: () => Promise.reject(new RootkeepError("ROW_REFUSED")),
    } as unknown as ReturnType<typeof deskTickets>;
    const check = new TicketCheck(system, { every: pattern, glass: pattern });
    await assert.rejects(check.look("INC-1", true), refusedAs("ROW_REFUSED"));
  });

  it("an adapter that answers about another ticket, or never, has said nothing", async () => {
    const pattern = compileTicketPattern("INC-[0-9]+");
    const find = (answer: Promise<unknown>) => ({ name: "board", find: () => answer }) as unknown as ReturnType<typeof deskTickets>;
    const other = find(Promise.resolve({ reference: "INC-2", isOpen: true, accounts: [AWS] }));
    const deaf = find(new Promise(() => undefined));
    for (const system of [other, deaf]) {
      const check = new TicketCheck(system, { every: pattern, glass: pattern }, undefined, 50);
      await assert.rejects(check.look("INC-1", false), refusedAs("TICKETS_UNAVAILABLE"));
    }
  });

  describe("a break-glass", () => {
    const glass = { purpose: "account-email-change", ticket: "INC-50", breakGlass: true };

    it("is refused by what the system answers: an unknown, a closed and another account's ticket are none", async () => {
      const fresh = await vault.import("888899990000");
      await assert.rejects(ask(vault, rita, fresh, glass), refusedAs("TICKET_UNKNOWN"));
      const ticket = desk.ticket("INC-50", "444455556666");
      await assert.rejects(ask(vault, rita, fresh, glass), refusedAs("TICKET_OTHER_ACCOUNT"));
      ticket.isOpen = false;
      await assert.rejects(ask(vault, rita, fresh, glass), refusedAs("TICKET_CLOSED"));
    });

    it("is refused by every answer that is none: whoever asks could bring it about, by a ticket that the system cannot tell in a proper answer", async () => {
      const fresh = await vault.import("111100002222");
      desk.ticket("INC-50", "111100002222");
      for (const manner of ["lie", "flood", "redirect", "garble", "lose", "switch"] as const) {
        desk.manner = manner;
        await assert.rejects(ask(vault, rita, fresh, glass), refusedAs("TICKETS_UNAVAILABLE"), manner);
      }
      desk.manner = "answer";
      desk.ticket("INC-50", ...Array.from({ length: 1001 }, (_, number) => String(200000000000 + number)));
      await assert.rejects(ask(vault, rita, fresh, glass), refusedAs("TICKETS_UNAVAILABLE"));
    });

    it("goes on while the system says that it cannot, or not now; the log says how it was away", async () => {
      const ways = { refuse: "tickets_answered_503", limit: "tickets_answered_429", hold: "tickets_timed_out" } as const;
      for (const [number, [manner, reason]] of Object.entries(ways).entries()) {
        const fresh = await vault.import(`99998888000${String(number)}`);
        desk.manner = manner as keyof typeof ways;
        await ask(vault, rita, fresh, glass);
        assert.deepEqual(
          [await detail("request.submit", "ticketSeen"), await detail("request.submit", "ticketReason")],
          ["system-away", reason],
        );
      }
    });

    it("goes on while the system is away, with its approver, its page and its review; the log says that nobody could be asked", async () => {
      const fresh = await vault.import("666677778888");
      desk.manner = "hold";
      const requestId = await ask(vault, rita, fresh, glass);
      assert.equal(await detail("request.submit", "ticketSeen"), "system-away");
      const none = await vault.requests.read(requestId);
      assert.equal(none.grantId, null);
      await approve(vault, alan, requestId);
      const grantId = (await vault.requests.read(requestId)).grantId!;
      desk.manner = "answer";
      await assert.rejects(vault.open(rita, grantId), refusedAs("TICKET_UNKNOWN"));
      desk.manner = "refuse";
      assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
      assert.deepEqual(
        [await detail("secret.reveal", "ticketSeen"), await detail("secret.reveal", "ticketReason")],
        ["system-away", "tickets_answered_503"],
      );
      await giveBack(grantId);
      const [use] = await vault.glass.list();
      assert.deepEqual([use?.requestId, use?.state], [requestId, "OPEN"]);
    });
  });
});

/** Has the desk hold, and tells when somebody waits at it. */
class TicketDeskGate {
  readonly #heard: number;

  constructor(private readonly desk: TicketDesk) {
    desk.manner = "hold";
    this.#heard = desk.heard.length;
  }

  async reached(): Promise<void> {
    while (this.desk.heard.length === this.#heard) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
