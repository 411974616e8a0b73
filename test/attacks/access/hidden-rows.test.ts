import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { AttackTally } from "../../support/attack-tally.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { judge } from "../../support/row-attacks.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// A row that a search does not find cannot be checked. Where its absence would loosen a rule, the whole table has to be proven.
// real: PostgreSQL (attacked by its owner), every service. double: none.
describe("a row hidden from a search while somebody decides without it [L11]", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let ada: Actor;

  before(async () => {
    vault = await Vault.open();
    [ada] = await vault.found();
    await vault.enrol("Eve Earlier", ["requester"]);
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  it("does not enrol a name or e-mail again whose person was deleted, renamed, or replaced by an invented one", async () => {
    const tally = new AttackTally();
    const people = await owner.copy("people.person");
    const again = formOf({ operation: "person.enrol", subject: { name: "Eve Earlier", email: "eve.earlier@example.com" } });
    const eve = "email = 'eve.earlier@example.com'";
    const attacks: Readonly<Record<string, string>> = {
      deleted: `DELETE FROM people.person WHERE ${eve}`,
      "given another name and e-mail": `UPDATE people.person SET email = 'x@example.com', name = 'X' WHERE ${eve}`,
      "given another id, name and e-mail": `UPDATE people.person SET id = 'per_x', email = 'x@example.com', name = 'X' WHERE ${eve}`,
      "replaced by a copy of another": `WITH gone AS (DELETE FROM people.person WHERE ${eve})
        INSERT INTO people.person SELECT (jsonb_populate_record(p, '{"id": "per_y"}')).* FROM people.person p WHERE email = 'ada@example.com'`,
    };
    await assert.rejects(vault.requests.submit(ada, again), (error) => isRootkeepError(error, "ALREADY_EXISTS"));
    for (const [name, sql] of Object.entries(attacks)) {
      await owner.run(sql);
      tally.note(`person ${name}`, await judge(vault, owner, ["people.person"], () => vault.requests.submit(ada, again)));
      await people.putBack();
    }
    tally.assertHeld();
  });

  it("does not reset somebody while an authenticator or an invitation of theirs is hidden", async () => {
    const tally = new AttackTally();
    const lena = await vault.enrol("Lena Lost", ["requester"]);
    const reset = { operation: "authenticator.reset", subject: { personId: lena.personId } } as const;
    for (const [table, sql] of [
      ["people.authenticator", `DELETE FROM people.authenticator WHERE person_id = $1 AND kind = 'totp'`],
      ["people.authenticator", `UPDATE people.authenticator SET person_id = 'per_x' WHERE person_id = $1`],
      ["people.invitation", `DELETE FROM people.invitation WHERE person_id = $1`],
      ["people.invitation", `UPDATE people.invitation SET person_id = 'per_x' WHERE person_id = $1`],
    ] as const) {
      const copy = await owner.copy(table, `person_id = '${lena.personId}'`);
      await owner.run(sql, [lena.personId]);
      tally.note(sql, await judge(vault, owner, [table], () => vault.decide(reset)));
      await copy.putBack();
    }
    await vault.decide(reset);
    await assert.rejects(vault.signIn(lena.email, lena.app, 1), (error) => isRootkeepError(error, "UNAUTHENTICATED"));
    tally.assertHeld();
  });

  it("does not let a session live again that was hidden while its person was suspended or reset", async () => {
    const tally = new AttackTally();
    const sven = await vault.enrol("Sven Suspended", ["requester"]);
    const isRefused = async (use: Promise<unknown>): Promise<string | null> =>
      await use.then(
        () => "was not refused",
        (error: unknown) => (isRootkeepError(error, "UNAUTHENTICATED") ? null : `ended with ${String(error)}`),
      );
    const session = await owner.copy("people.session", `person_id = '${sven.personId}'`);
    await owner.run("DELETE FROM people.session WHERE person_id = $1", [sven.personId]);
    await vault.people.people.suspend(sven.personId, ada.personId);
    await session.putBack();
    await vault.decide({ operation: "person.restore", subject: { personId: sven.personId } });
    tally.note("session hidden from a suspension", await isRefused(vault.people.sessions.authenticate(sven.token)));
    const rosa = await vault.enrol("Rosa Reset", ["requester"]);
    const second = await owner.copy("people.session", `person_id = '${rosa.personId}'`);
    await owner.run("DELETE FROM people.session WHERE person_id = $1", [rosa.personId]);
    await vault.decide({ operation: "authenticator.reset", subject: { personId: rosa.personId } });
    await second.putBack();
    tally.note("session hidden from a reset", await isRefused(vault.people.sessions.authenticate(rosa.token)));
    const form = formOf({ operation: "person.enrol", subject: { name: "Nobody", email: "nobody@example.com" } });
    tally.note("its id in an act", await isRefused(vault.requests.submit(rosa, form)));
    tally.assertHeld();
  });
});
