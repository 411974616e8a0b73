import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import { BoardTickets } from "../../../src/tickets/board-tickets.adapter.js";
import { approve, ask } from "../../support/policies.js";
import { ticketCrew } from "../../support/ticket-crew.js";
import { type Actor, Vault } from "../../support/vault.js";

const refusedAs = (code: Parameters<typeof isRootkeepError>[1]) => (error: unknown) => {
  assert.ok(isRootkeepError(error, code), String((error as { code?: unknown }).code));
  return true;
};

// real: PostgreSQL, file root key, every service. double: none.
describe("the built-in board", () => {
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let otto: Actor;
  let cyd: Actor;
  let account: Id<"account">;

  before(async () => {
    vault = await Vault.open({ tickets: (board) => new BoardTickets(board) });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    otto = await vault.enrol("Otto Other", ["requester"], { kind: "customer", values: ["Globex"] });
    cyd = await vault.enrol("Cyd Auditor", ["auditor"]);
    account = await vault.import("111122223333");
  });
  after(() => vault.drop());

  const open = async (actor: Actor, accountId: Id<"account"> | null = account, series = "OPS"): Promise<string> =>
    (await vault.board.open(actor, { series, accountId, title: "an invoice that only root sees" })).reference;
  const entries = async (action: string): Promise<Record<string, unknown>[]> =>
    (await vault.dataSource.query<{ entry: Buffer }[]>("SELECT entry FROM audit.entry WHERE action = $1 ORDER BY seq", [action])).map(
      ({ entry }) => JSON.parse(entry.toString("utf8")) as Record<string, unknown>,
    );

  it("numbers the tickets of each series, and gives none twice, whoever asks at once", async () => {
    const opened = await Promise.all(Array.from({ length: 6 }, () => open(rita, account, "AB")));
    assert.deepEqual(opened.toSorted(), ["AB-1", "AB-2", "AB-3", "AB-4", "AB-5", "AB-6"]);
    assert.equal(await open(rita, account, "CD"), "CD-1");
    await assert.rejects(open(rita, account, "TOOLONG"), refusedAs("TICKET_INVALID"));
  });

  it("is written by whoever asks, decides or keeps, for the accounts that they have a part in; an auditor reads", async () => {
    const reference = await open(rita);
    for (const [actor, code] of [
      [otto, "NOT_FOUND"],
      [cyd, "NOT_ALLOWLISTED"],
    ] as const) {
      await assert.rejects(open(actor), refusedAs("NOT_ALLOWLISTED"));
      await assert.rejects(vault.board.close(actor, reference), refusedAs(code));
      await assert.rejects(vault.board.comment(actor, reference, "something to say"), refusedAs(code));
    }
    await vault.board.comment(alan, reference, "something to say");
    await vault.board.close(alan, reference);
    await assert.rejects(vault.board.close(alan, reference), refusedAs("STATE_CONFLICT"));
    await vault.board.comment(rita, reference, "what came of it");
    const { ticket, comments } = await vault.board.readFor(rita.personId, reference);
    assert.deepEqual([ticket.state, ticket.openedBy, ticket.closedBy], ["CLOSED", rita.personId, alan.personId]);
    assert.deepEqual(
      comments.map(({ authorId, body }) => [authorId, body]),
      [
        [alan.personId, "something to say"],
        [rita.personId, "what came of it"],
      ],
    );
    for (const unknown of ["OPS-9999", "", "OPS-1 "])
      await assert.rejects(vault.board.readFor(rita.personId, unknown), refusedAs("NOT_FOUND"));
  });

  it("has a ticket of no account closed by who opened it and by custodians: nobody else refuses the acts that name it", async () => {
    const [ada, ben] = vault.custodians!;
    const reference = await open(ada, null);
    for (const actor of [rita, alan, otto]) await assert.rejects(vault.board.close(actor, reference), refusedAs("NOT_ALLOWLISTED"));
    await vault.board.comment(rita, reference, "something to say");
    await vault.board.close(ben, reference);
    const own = await open(otto, null);
    await assert.rejects(vault.board.close(rita, own), refusedAs("NOT_ALLOWLISTED"));
    await vault.board.close(otto, own);
  });

  it("refuses words that hide something, and words that are none", async () => {
    const reference = await open(rita);
    for (const text of ["abc", "evil \u202Etext", "a\u0000b is long", "x".repeat(2001)])
      await assert.rejects(vault.board.comment(rita, reference, text), refusedAs("MALFORMED"));
    for (const title of ["abc", "x".repeat(201), "evil \u001B[2J title"])
      await assert.rejects(vault.board.open(rita, { series: "OPS", accountId: null, title }), refusedAs("MALFORMED"));
  });

  it("writes into the log who opened, closed and commented which ticket, under the account's own stream, and none of their words [L8]", async () => {
    const reference = await open(rita);
    await vault.board.comment(rita, reference, "a very particular remark");
    await vault.board.close(rita, reference);
    for (const action of ["ticket.open", "ticket.comment", "ticket.close"]) {
      const entry = (await entries(action)).at(-1)!;
      assert.deepEqual([entry["actor"], entry["stream"]], [{ type: "person", id: rita.personId }, account], action);
      assert.equal((entry["details"] as Record<string, unknown>)["reference"], reference);
      assert.doesNotMatch(JSON.stringify(entry), /invoice|particular/);
    }
  });

  it("as the connected system refuses what its tickets refuse, and is told what happens, once", async () => {
    await assert.rejects(ask(vault, rita, account, { ticket: "OPS-9999" }), refusedAs("TICKET_UNKNOWN"));
    const general = await open(rita, null);
    await assert.rejects(ask(vault, rita, account, { ticket: general }), refusedAs("TICKET_OTHER_ACCOUNT"));
    const reference = await open(rita);
    const requestId = await ask(vault, rita, account, { ticket: reference });
    await approve(vault, alan, requestId);
    const grantId = (await vault.requests.read(requestId)).grantId!;
    await vault.board.close(alan, reference);
    await assert.rejects(vault.open(rita, grantId), refusedAs("TICKET_CLOSED"));
    await vault.grants.giveBack(rita, grantId);
    const crew = ticketCrew(vault);
    await crew.turn();
    await vault.dataSource.query("UPDATE tickets.ticket_update SET state = 'WAITING', next_at = clock_timestamp()");
    await crew.turn();
    const { comments } = await vault.board.readFor(rita.personId, reference);
    assert.deepEqual(
      comments.map(({ authorId, body }) => [authorId, /^state: +(\w+)$/m.exec(body)?.[1]]),
      [
        [null, "SUBMITTED"],
        [null, "APPROVED"],
        [null, "RETURNED"],
      ],
    );
  });

  it("shows of a ticket only what its reader may know of: others' accounts, and what the service writes of them, stay out", async () => {
    const [about, general, his] = [await open(rita), await open(rita, null), await open(otto, null)];
    await vault.board.comment(rita, general, "for everybody");
    assert.equal(await vault.board.note(general, newId("ticketUpdate"), "request: of somebody"), true);
    const commentsOf = async (reader: Actor, reference: string): Promise<(string | null)[]> =>
      (await vault.board.readFor(reader.personId, reference)).comments.map(({ authorId }) => authorId);
    assert.deepEqual(await commentsOf(otto, general), [rita.personId]);
    assert.deepEqual(await commentsOf(cyd, general), [rita.personId, null]);
    await assert.rejects(vault.board.readFor(otto.personId, about), refusedAs("NOT_FOUND"));
    const listed = async (limit: number): Promise<string[]> => {
      const all: string[] = [];
      for (let after = ""; ; ) {
        const page = await vault.board.listFor(otto.personId, "OPEN", after, limit);
        all.push(...page.map(({ reference }) => reference));
        after = page.at(-1)?.id ?? "";
        if (page.length < limit) return all;
      }
    };
    for (const limit of [1, 2, 100]) {
      const references = await listed(limit);
      assert.deepEqual([references.includes(about), references.includes(general), references.includes(his)], [false, true, true]);
    }
  });

  it("lists the open ones, page by page", async () => {
    const all = await vault.board.listFor(rita.personId, undefined, "", 100);
    const openOnes = await vault.board.listFor(rita.personId, "OPEN", "", 100);
    assert.ok(openOnes.length > 1 && openOnes.length < all.length && openOnes.every(({ state }) => state === "OPEN"));
    const first = await vault.board.listFor(rita.personId, "OPEN", "", 1);
    const rest = await vault.board.listFor(rita.personId, "OPEN", first[0]!.id, 100);
    assert.deepEqual(
      [...first, ...rest].map(({ id }) => id),
      openOnes.map(({ id }) => id),
    );
  });
});
