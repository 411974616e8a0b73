import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Id } from "../../src/kernel/ids.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import { BoardTickets } from "../../src/tickets/board-tickets.adapter.js";
import { unusedCode, usedCode } from "../support/act-code.js";
import { AttackTally } from "../support/attack-tally.js";
import { CountingRootKey } from "../support/counting-root-key.js";
import { type Copy, DatabaseOwner } from "../support/database-owner.js";
import { approve, ask } from "../support/policies.js";
import { attackAll, judge } from "../support/row-attacks.js";
import { type Actor, Vault } from "../support/vault.js";

const TABLE = "tickets.board_ticket";

// real: PostgreSQL (attacked by its owner), file root key behind a counter, every service. double: none.
describe("opening by a ticket of the board that the database's owner has touched [L11]", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-attack-"));
  const rootKey = new CountingRootKey(createRootKey(`file:${join(directory, "root-key.json")}`));
  let vault: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;
  /** Whose password nobody has seen. */
  let otherAccount: Id<"account">;
  let grantId: Id<"grant">;
  let reference: string;
  let otherReference: string;
  let whenOpen: Copy;

  const open = async (): Promise<unknown> => await vault.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));
  const idOf = async (wanted: string): Promise<Id<"ticket">> => (await vault.board.readFor(rita.personId, wanted)).ticket.id;
  const ticketFor = async (accountId: Id<"account">): Promise<string> =>
    (await vault.board.open(rita, { series: "OPS", accountId, title: "what it is about" })).reference;

  before(async () => {
    vault = await Vault.open({ rootKey, tickets: (board) => new BoardTickets(board) });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("111122223333");
    otherAccount = await vault.import("444455556666");
    reference = await ticketFor(account);
    otherReference = await ticketFor(otherAccount);
    const requestId = await ask(vault, rita, account, { ticket: reference });
    await approve(vault, alan, requestId);
    grantId = (await vault.requests.read(requestId)).grantId!;
    owner = await DatabaseOwner.take(vault.database);
    whenOpen = await owner.copy(TABLE);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it("refuses before the root key is asked, logs and alarms, whatever was edited, deleted, cloned or exchanged", async () => {
    const tally = new AttackTally();
    const unwraps = rootKey.unwraps;
    const target = { kind: "ticket", table: TABLE, idKind: "ticket", owners: ["account_id"], foundBy: ["reference"] } as const;
    const ids = { id: await idOf(reference), otherId: await idOf(otherReference) };
    await attackAll(vault, owner, [{ ...target, ...ids }], open, tally);
    assert.equal(rootKey.unwraps, unwraps);
    tally.assertHeld();
  });

  it("opens by the ticket as the log knows it: the refusals were for the attacks", async () => {
    usedCode(rita);
    await vault.grants.giveBack(rita, grantId);
    const healing = await ask(vault, rita, account, { ticket: reference });
    await approve(vault, alan, healing);
    grantId = (await vault.requests.read(healing)).grantId!;
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
  });

  it("refuses a closed ticket that was put back as it stood when it was open, and one that the log has never seen", async () => {
    const tally = new AttackTally();
    await vault.board.close(alan, reference);
    await whenOpen.putBack();
    tally.note("ticket put back", await judge(vault, owner, [TABLE], () => ask(vault, rita, otherAccount, { ticket: reference })));
    await owner.run(
      `INSERT INTO ${TABLE} SELECT (jsonb_populate_record(t, jsonb_build_object('id', 'tkt_${"0".repeat(26)}', 'reference', 'OPS-77'))).*
       FROM ${TABLE} t WHERE reference = $1`,
      [reference],
    );
    tally.note("invented ticket", await judge(vault, owner, [TABLE], () => ask(vault, rita, otherAccount, { ticket: "OPS-77" })));
    tally.assertHeld();
  });
});
