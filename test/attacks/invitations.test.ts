import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Id } from "../../src/kernel/ids.js";
import { AttackTally } from "../support/attack-tally.js";
import { DatabaseOwner } from "../support/database-owner.js";
import { attackAll, judge, type Target } from "../support/row-attacks.js";
import { type Actor, Vault } from "../support/vault.js";

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
    await attackAll(vault, owner, half, () => vault.people.enrolment.takeLink(requestId, ada), tally);
    await attackAll(vault, owner, half, () => vault.people.enrolment.takeCode(requestId, ben), tally);
    tally.assertHeld();
  });

  it("takes no link and code, and no proof of the authenticator; untouched rows let the person in", async () => {
    const tally = new AttackTally();
    const { token } = await vault.people.enrolment.takeLink(requestId, ada);
    const { code } = await vault.people.enrolment.takeCode(requestId, ben);
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
