import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { unusedCode } from "../../support/act-code.js";
import { AttackTally } from "../../support/attack-tally.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { attackAll, judge, type Target } from "../../support/row-attacks.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// real: PostgreSQL (attacked by its owner), every service. double: none.
describe("becoming somebody, with an invitation or a person that the database's owner has touched [L11]", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let ada: Actor;
  let ben: Actor;
  let requestId: Id<"request">;
  const targets: Target[] = [];

  const target = async (request: string, other: string, foundBy: readonly string[]): Promise<Target> => {
    const rows = await owner.rows<{ id: string }>(
      "SELECT id FROM people.invitation WHERE request_id = ANY($1) ORDER BY request_id = $2 DESC",
      [[request, other], request],
    );
    return {
      kind: "invitation",
      table: "people.invitation",
      idKind: "invitation",
      id: rows[0]?.id ?? "",
      otherId: rows[1]?.id ?? "",
      owners: ["person_id"],
      foundBy,
      undecided: ["failures"],
    };
  };

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    ({ requestId } = await vault.decide({ operation: "person.enrol", subject: { name: "Ivy Invited", email: "ivy@example.com" } }));
    const other = await vault.decide({ operation: "person.enrol", subject: { name: "Ian Invited", email: "ian@example.com" } });
    owner = await DatabaseOwner.take(vault.database);
    targets.push(await target(requestId, other.requestId, ["request_id"]), await target(requestId, other.requestId, ["token_hash"]));
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  it("gives out neither link nor code", async () => {
    const tally = new AttackTally();
    const half = targets.slice(0, 1);
    await attackAll(vault, owner, half, async () => vault.people.halves.takeLink(requestId, ada, await unusedCode(ada)), tally);
    await attackAll(vault, owner, half, async () => vault.people.halves.takeCode(requestId, ben, await unusedCode(ben)), tally);
    tally.assertHeld();
  });

  it("gives out neither for a request that was touched, so that a second factor confirms what was approved", async () => {
    const tally = new AttackTally();
    const [other] = await owner.rows<{ id: string }>("SELECT id FROM approvals.request WHERE id <> $1 LIMIT 1", [requestId]);
    const request: Target = {
      kind: "request",
      table: "approvals.request",
      idKind: "request",
      id: requestId,
      otherId: other?.id ?? "",
      // Ada asked for both.
      owners: [],
      foundBy: [],
    };
    await attackAll(vault, owner, [request], async () => vault.people.halves.takeLink(requestId, ada, await unusedCode(ada)), tally);
    await attackAll(vault, owner, [request], async () => vault.people.halves.takeCode(requestId, ben, await unusedCode(ben)), tally);
    tally.assertHeld();
  });

  it("gives out neither to a stolen session and a code seen before, the authenticator's last step turned back", async () => {
    const tally = new AttackTally();
    const { requestId: asked } = await vault.requests.submit(
      ada,
      formOf({ operation: "person.enrol", subject: { name: "Isa Invited", email: "isa@example.com" } }),
    );
    const older = await owner.copy("people.authenticator");
    const seen = await ben.app.next();
    await vault.requests.approve(ben, asked, seen, "");
    const today = await owner.copy("people.authenticator");
    await vault.accounts.list("", 1);
    await older.putBack();
    tally.note("last step", await judge(vault, owner, ["people.authenticator"], () => vault.people.halves.takeCode(asked, ben, seen)));
    await today.putBack();
    tally.assertHeld();
    await assert.rejects(vault.people.halves.takeCode(asked, ben, seen), (error) => isRootkeepError(error, "STEP_UP_REQUIRED"));
  });

  it("takes no link and code, and no proof of the authenticator; untouched rows let the person in", async () => {
    const tally = new AttackTally();
    const { token, code } = await vault.invitation(requestId);
    const form = { token, code, password: "a long pass phrase of ivy" };
    await attackAll(vault, owner, targets.slice(1), () => vault.people.enrolment.accept(form), tally);
    const people = await owner.copy("people.person");
    for (const sql of [
      "UPDATE people.person SET email = 'other@example.com' WHERE email = 'ivy@example.com'",
      "DELETE FROM people.person WHERE email = 'ivy@example.com'",
    ]) {
      await owner.run(sql);
      tally.note(sql, await judge(vault, owner, ["people.person"], () => vault.people.enrolment.accept(form)));
      await people.putBack();
    }
    await vault.people.enrolment.accept(form);
    await attackAll(vault, owner, targets.slice(1), () => vault.people.enrolment.confirm(token, "000000"), tally);
    tally.assertHeld();
    assert.equal((await vault.people.people.list()).find(({ email }) => email === "ivy@example.com")?.state, "INVITED");
  });
});
