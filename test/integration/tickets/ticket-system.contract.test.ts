import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { Secret } from "../../../src/kernel/secret.js";
import { BoardTickets } from "../../../src/tickets/board-tickets.adapter.js";
import { composeNote, type TicketFacts, type TicketNote } from "../../../src/tickets/ticket-note.js";
import type { TicketSystem } from "../../../src/tickets/ticket-system.port.js";
import { WebhookTickets } from "../../../src/tickets/webhook-tickets.adapter.js";
import { selfSigned } from "../../support/stream-receivers.js";
import { DESK_SECRET, type DeskManner, TicketDesk } from "../../support/ticket-desk.js";
import { Vault } from "../../support/vault.js";

// real: the adapters, PostgreSQL and the log under the board, HTTP, TLS. double: the ticket system behind the webhook.

const DEADLINE_MS = 500;
const ACCOUNT = "111122223333";
const never = new AbortController().signal;
const certificate = selfSigned();
const stops: (() => Promise<unknown>)[] = [];

/** A ticket system with somebody in it who opens, closes and reads tickets as people do. */
interface Home {
  readonly system: TicketSystem;
  /** Facts of an account that the system knows. */
  readonly account: TicketFacts;
  opens(awsId: string | null): Promise<string>;
  closes(reference: string): Promise<void>;
  /** Texts of what the service wrote, in order. */
  reads(reference: string): Promise<readonly string[]>;
}

const noteOf = (facts: TicketFacts = {}, id = newId("ticketUpdate")): TicketNote =>
  composeNote(
    { id, event: "request.approved", facts: { request: newId("request"), ...facts }, time: "2026-01-01T00:00:00.000Z" },
    { deployment: "test", publicUrl: "https://vault.example.com" },
  );

async function boardHome(): Promise<Home> {
  const vault = await Vault.open();
  stops.push(() => vault.drop());
  const [ada] = await vault.found();
  const accountId = await vault.import(ACCOUNT);
  const board = vault.board;
  return {
    system: new BoardTickets(board),
    account: { account: accountId, "aws account": ACCOUNT },
    opens: async (awsId) =>
      (await board.open(ada, { series: "OPS", accountId: awsId === null ? null : accountId, title: "what it is about" })).reference,
    closes: (reference) => board.close(ada, reference),
    reads: async (reference) => (await board.readFor(ada.personId, reference)).comments.map(({ body }) => body),
  };
}

async function webhookHome(isTls: boolean): Promise<Home & { desk: TicketDesk }> {
  const desk = await TicketDesk.start(isTls ? certificate : undefined);
  stops.push(() => desk.stop());
  const authority = isTls ? { authorities: certificate.cert } : {};
  let number = 0;
  return {
    desk,
    system: new WebhookTickets(desk.url, Secret.of(DESK_SECRET), { deadlineMs: DEADLINE_MS, ...authority }),
    account: { account: newId("account"), "aws account": ACCOUNT },
    opens: async (awsId) => {
      const reference = `OPS-${String(++number)}`;
      desk.ticket(reference, ...(awsId === null ? [] : [awsId]));
      return reference;
    },
    closes: async (reference) => {
      const ticket = desk.tickets.get(reference);
      assert.ok(ticket);
      ticket.isOpen = false;
    },
    reads: async (reference) => (desk.tickets.get(reference)?.notes ?? []).map(({ text }) => text),
  };
}

after(async () => {
  for (const stop of stops.reverse()) await stop();
});

const HOMES: Readonly<Record<string, () => Promise<Home>>> = {
  "the built-in board": boardHome,
  "a webhook over HTTP": () => webhookHome(false),
  "a webhook over HTTPS": () => webhookHome(true),
};

for (const [name, open] of Object.entries(HOMES))
  describe(`a ticket system: ${name}`, () => {
    let home: Home;
    before(async () => {
      home = await open();
    });

    it("says of a ticket whether it is open and which account it names [TW-5]", async () => {
      const reference = await home.opens(ACCOUNT);
      assert.deepEqual(await home.system.find(reference, never), { reference, isOpen: true, accounts: [ACCOUNT] });
      const general = await home.opens(null);
      assert.deepEqual(await home.system.find(general, never), { reference: general, isOpen: true, accounts: [] });
      await home.closes(reference);
      assert.deepEqual(await home.system.find(reference, never), { reference, isOpen: false, accounts: [ACCOUNT] });
    });

    it("says that it does not know a ticket, whatever the reference looks like: it is looked for as it is [TW-4]", async () => {
      await home.opens(ACCOUNT);
      for (const reference of [
        "OPS-404",
        "ops-1",
        "OPS-1 ",
        "OPS-01",
        "..",
        "../desk",
        "OPS-1&ticket=OPS-1",
        "OPS-1#x",
        "%",
        "' OR 1=1 --",
      ])
        assert.equal(await home.system.find(reference, never), null, reference);
    });

    it("writes a note once for each key, in the order in which notes come [TW-8]", async () => {
      const reference = await home.opens(ACCOUNT);
      const [first, second] = [noteOf(), noteOf()];
      for (const note of [first, first, second, second, first]) await home.system.append(reference, note, never);
      assert.deepEqual(await home.reads(reference), [first.text, second.text]);
    });

    it("opens one ticket for each key, which names the account and holds the note [TW-7]", async () => {
      const note = noteOf(home.account);
      const reference = await home.system.open(note, never);
      assert.equal(await home.system.open(note, never), reference);
      assert.deepEqual(await home.system.find(reference, never), { reference, isOpen: true, accounts: [ACCOUNT] });
      assert.deepEqual(await home.reads(reference), [note.text]);
      assert.notEqual(await home.system.open(noteOf(home.account), never), reference);
    });

    it("says so when a note is of a ticket that is not there: no repeat will help [TW-9]", async () => {
      await assert.rejects(home.system.append("OPS-404", noteOf(), never), (error) => isRootkeepError(error, "TICKET_UNKNOWN"));
    });
  });

describe("a webhook", () => {
  const failure =
    (code: "UNAVAILABLE" | "TICKETS_UNAVAILABLE", reason: string) =>
    (error: unknown): boolean => {
      assert.ok(isRootkeepError(error));
      assert.deepEqual([error.code, error.reason], [code, reason]);
      return true;
    };

  const AWAY: readonly (readonly [DeskManner, string])[] = [
    ["refuse", "tickets_answered_503"],
    ["limit", "tickets_answered_429"],
    ["hold", "tickets_timed_out"],
    ["take-and-hang-up", "tickets_ECONNRESET"],
  ];
  const NO_ANSWER: readonly (readonly [DeskManner, string])[] = [
    ["lose", "tickets_answered_404"],
    ["lie", "tickets_other_reference"],
    ["flood", "tickets_answer_too_long"],
    ["redirect", "tickets_answered_307"],
    ["garble", "tickets_malformed"],
    ["switch", "tickets_SWITCHED_PROTOCOLS"],
  ];
  const said = [
    ...AWAY.map((row) => ["UNAVAILABLE", ...row] as const),
    ...NO_ANSWER.map((row) => ["TICKETS_UNAVAILABLE", ...row] as const),
  ];
  for (const [code, manner, reason] of said) {
    const what = code === "UNAVAILABLE" ? "is away" : "is there, and has said nothing about a ticket";
    it(`that is to ${manner} ${what}; its words are not repeated [TW-6] [L8]`, async () => {
      const { desk, system } = await webhookHome(false);
      desk.ticket("OPS-1", ACCOUNT);
      desk.manner = manner;
      await assert.rejects(system.find("OPS-1", never), failure(code, reason));
      desk.manner = "answer";
      assert.equal((await system.find("OPS-1", never))?.isOpen, true);
    });
  }

  it("is believed about nothing that is not as it is written: states, accounts, formats, references [TW-6]", async () => {
    const { createServer } = await import("node:http");
    let answer: unknown;
    const server = createServer((_request, response) => void response.writeHead(200).end(JSON.stringify(answer)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stops.push(() => new Promise((resolve) => server.close(resolve)));
    const address = server.address();
    const system = new WebhookTickets(
      `http://127.0.0.1:${String(typeof address === "object" ? address?.port : 0)}/`,
      Secret.of(DESK_SECRET),
    );
    const good = { format: "rk-ticket-1", ticket: "OPS-1", state: "open", accounts: [ACCOUNT] };
    for (const bad of [
      null,
      [],
      "open",
      { ...good, format: "rk-ticket-2" },
      { ...good, state: "OPEN" },
      { ...good, state: true },
      { ...good, accounts: ACCOUNT },
      { ...good, accounts: [111122223333] },
      { ...good, accounts: ["1111-2222-3333"] },
      { ...good, accounts: undefined },
      { ...good, ticket: "OPS-2" },
      { ...good, ticket: ["OPS-1"] },
    ]) {
      answer = bad;
      await assert.rejects(system.find("OPS-1", never), (error) => isRootkeepError(error, "TICKETS_UNAVAILABLE"), JSON.stringify(bad));
    }
    for (const ticket of ["", "a".repeat(65), "INC 1", "INC-1\n", 7, null]) {
      answer = { format: "rk-ticket-1", ticket };
      await assert.rejects(system.open(noteOf(), never), (error) => isRootkeepError(error, "TICKETS_UNAVAILABLE"), String(ticket));
    }
    answer = { ...good, more: "members are let pass" };
    assert.equal((await system.find("OPS-1", never))?.isOpen, true);
  });

  it("with somebody else's certificate is asked nothing, and told nothing [TW-2] [L8]", async () => {
    const { desk } = await webhookHome(true);
    const system = new WebhookTickets(desk.url, Secret.of(DESK_SECRET), { authorities: selfSigned().cert, deadlineMs: DEADLINE_MS });
    await assert.rejects(system.find("OPS-1", never), (error) => isRootkeepError(error, "UNAVAILABLE"));
    await assert.rejects(system.append("OPS-1", noteOf(), never), (error) => isRootkeepError(error, "UNAVAILABLE"));
    assert.deepEqual(desk.heard, []);
  });

  it("is told by whom: each question and each note is signed, and one under another key is refused [TW-3]", async () => {
    const { desk, system } = await webhookHome(false);
    const reference = "OPS-1";
    desk.ticket(reference, ACCOUNT);
    await system.find(reference, never);
    await system.append(reference, noteOf(), never);
    assert.deepEqual(desk.faults, []);
    const stranger = new WebhookTickets(desk.url, Secret.of(`whsec_${Buffer.alloc(32, 8).toString("base64")}`), {
      deadlineMs: DEADLINE_MS,
    });
    await assert.rejects(stranger.find(reference, never), failure("TICKETS_UNAVAILABLE", "tickets_answered_400"));
    await assert.rejects(stranger.append(reference, noteOf(), never), failure("TICKETS_UNAVAILABLE", "tickets_answered_400"));
    assert.deepEqual(desk.faults, ["signature", "signature"]);
    assert.ok(desk.heard.every((text) => !text.includes(DESK_SECRET.slice("whsec_".length))));
  });
});
