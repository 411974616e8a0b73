import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { bookId } from "../../../src/approvals/policies.service.js";
import { bookText } from "../../../src/approvals/policy-book.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import type { Id } from "../../../src/kernel/ids.js";
import { unusedCode } from "../../support/act-code.js";
import { AttackTally } from "../../support/attack-tally.js";
import { type Copy, DatabaseOwner } from "../../support/database-owner.js";
import { approve, ask, setPolicy, setTeam } from "../../support/policies.js";
import { attackAll, judge } from "../../support/row-attacks.js";
import { type Actor, Vault } from "../../support/vault.js";

const BOOKS = "approvals.policy_book";
const TEAMS = "people.person_team";

// real: PostgreSQL (attacked by its owner), file root key, every service. double: none.
describe("policies and teams that the database's owner has touched [L11]", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;
  let alan: Actor;
  let anna: Actor;
  let account: Id<"account">;
  let grantId: Id<"grant">;
  let newest: string;
  let older: string;
  let books: Copy;

  const submit = () => ask(vault, rita, account, { kinds: ["mfa-seed"] });
  const code = async (): Promise<unknown> => await vault.reveals.code(rita, grantId, await unusedCode(rita));

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    anna = await vault.enrol("Anna Approver", ["approver"]);
    account = await vault.import("111122223333");
    // One lax policy for another customer, then a strict one here: what can be copied, lowered and put back.
    await setPolicy(vault, "globex", { scope: { kind: "customer", values: ["Globex"] }, minutes: 30 });
    await setPolicy(vault, "acme", { scope: { kind: "customer", values: ["Acme"] }, approvals: 2, otherTeam: true });
    await setTeam(vault, rita, "operations");
    await setTeam(vault, alan, "security");
    await setTeam(vault, anna, "audit");
    const requestId = await submit();
    await approve(vault, alan, requestId);
    await approve(vault, anna, requestId);
    grantId = (await vault.requests.read(requestId)).grantId as Id<"grant">;
    owner = await DatabaseOwner.take(vault.database);
    const { number } = await vault.policies.current();
    [older, newest] = [bookId(number - 1), bookId(number)];
    books = await owner.copy(BOOKS);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  it("refuse, whatever was edited, deleted, cloned or exchanged, when it is asked for and when it is opened", async () => {
    const tally = new AttackTally();
    const target = { table: BOOKS, idKind: "policies", owners: ["text"], foundBy: [] } as const;
    await attackAll(vault, owner, [{ ...target, kind: "policies at opening", id: newest, otherId: older }], code, tally);
    await attackAll(vault, owner, [{ ...target, kind: "policies at submission", id: newest, otherId: older }], submit, tally);
    const team = { table: TEAMS, idKind: "person", owners: ["team"], foundBy: [] } as const;
    await attackAll(vault, owner, [{ ...team, kind: "requester's team", id: rita.personId, otherId: alan.personId }], code, tally);
    await attackAll(vault, owner, [{ ...team, kind: "approver's team", id: alan.personId, otherId: rita.personId }], code, tally);
    tally.assertHeld();
  });

  it("refuse a lowered policy, one copied from another scope, an older version put back, and one that nobody approved [PO-6]", async () => {
    const tally = new AttackTally();
    const { policies, number } = await vault.policies.current();
    const [acme, globex] = policies;
    assert.ok(acme && globex);
    const put = (text: string) => owner.run(`UPDATE ${BOOKS} SET text = $2 WHERE id = $1`, [newest, text]);
    const put2 = (id: string, source: string, text = "text") =>
      owner.run(
        `INSERT INTO ${BOOKS} (id, text, request_id, changed_at, seq, mac) SELECT $1, ${text}, request_id, changed_at, seq, mac FROM ${BOOKS} WHERE id = $2`,
        [id, source],
      );
    const attacks: Readonly<Record<string, () => Promise<unknown>>> = {
      "lowered to one approver": () => put(bookText([{ ...acme, approvals: 1 }, globex])),
      "lowered to none": () => put(bookText([{ ...acme, approvals: 0 }, globex])),
      "taken out of its book": () => put(bookText([globex])),
      "copied from another customer": () => put(bookText([{ ...globex, name: "acme", scope: acme.scope }, globex])),
      "moved to another scope": () => put(bookText([{ ...acme, scope: globex.scope }, globex])),
      "put back: the newest deleted": () => owner.run(`DELETE FROM ${BOOKS} WHERE id = $1`, [newest]),
      "put back: all deleted": () => owner.run(`DELETE FROM ${BOOKS}`),
      "put back: the older bytes, HMAC and all, under the newest number": () =>
        owner.run(
          `UPDATE ${BOOKS} t SET text = o.text, seq = o.seq, mac = o.mac, request_id = o.request_id, changed_at = o.changed_at
                   FROM ${BOOKS} o WHERE t.id = $1 AND o.id = $2`,
          [newest, older],
        ),
      "put back: the older book under the next number": () => put2(bookId(number + 1), older),
      "unknown: an empty book under the next number": () => put2(bookId(number + 1), newest, `'${bookText([])}'`),
      "unknown: a book under a number far away": () => put2(bookId(999_999), older),
      "unknown: a word of another build": () => put(bookText([acme, globex]).replace("rk-policies-1", "rk-policies-0")),
    };
    for (const [name, attack] of Object.entries(attacks)) {
      for (const [at, use] of [
        ["submission", submit],
        ["opening", code],
      ] as const) {
        await attack();
        tally.note(`${name}, at ${at}`, await judge(vault, owner, [BOOKS], use));
        await books.putBack();
        await owner.run("DELETE FROM people.signin_failure");
      }
    }
    tally.assertHeld();
  });

  it("refuse it also with an entry in the log that says so, by whoever can append one", async () => {
    const tally = new AttackTally();
    const { policies } = await vault.policies.current();
    await owner.run(`UPDATE ${BOOKS} SET text = $2 WHERE id = $1`, [
      newest,
      bookText(policies.map((policy) => ({ ...policy, approvals: 1 }))),
    ]);
    await vault.log.record(
      draftEntry({
        action: "policy.change",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        target: { type: "policy", id: "acme" },
        details: {},
      }),
    );
    tally.note("lowered, with an entry", await judge(vault, owner, [BOOKS], code));
    await books.putBack();
    tally.assertHeld();
  });

  it("open as before when all is put back: what refused was the attack", async () => {
    await vault.reveals.code(rita, grantId, await rita.app.next());
  });
});
