import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { unusedCode, usedCode } from "../../support/act-code.js";
import { AttackTally } from "../../support/attack-tally.js";
import { type Copy, DatabaseOwner } from "../../support/database-owner.js";
import { judge } from "../../support/row-attacks.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const TABLES = [
  "people.person",
  "people.authenticator",
  "people.session",
  "people.allowlist_entry",
  "people.invitation",
  "approvals.request",
  "approvals.approval",
  "approvals.access_grant",
  "accounts.account",
  "secrets.secret",
  "secrets.secret_version",
];

// real: PostgreSQL (attacked by its owner), every service. double: none.
describe("a row put back from an older copy, HMAC and search columns and all [L11]", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let ada: Actor;
  let ben: Actor;
  let rita: Actor;
  let alan: Actor;
  let tally: AttackTally;

  /** Every deciding table as it stands now. */
  const copyAll = async (): Promise<Map<string, Copy>> => {
    const copies = new Map<string, Copy>();
    for (const table of TABLES) copies.set(table, await owner.copy(table));
    return copies;
  };

  /** Puts `table` back as of `older`, calls `use`, and makes good. */
  const attack = async (older: Map<string, Copy>, tables: readonly string[], name: string, use: () => Promise<unknown>): Promise<void> => {
    const today = await copyAll();
    // Every call reads first who calls, so the service has followed the log this far.
    await vault.accounts.list("", 1);
    for (const table of tables) await older.get(table)?.putBack();
    tally.note(name, await judge(vault, owner, tables, use));
    for (const table of tables) await today.get(table)?.putBack();
    await owner.run("DELETE FROM people.signin_failure");
  };

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    owner = await DatabaseOwner.take(vault.database);
  });
  beforeEach(() => {
    tally = new AttackTally();
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  it("a session that was ended", async () => {
    const second = await vault.signIn(rita.email, rita.app);
    const older = await copyAll();
    await vault.people.sessions.revoke(rita.personId, second.sessionId);
    await attack(older, ["people.session"], "session", () => vault.people.sessions.authenticate(second.token));
    tally.assertHeld();
  });

  it("a person who was suspended", async () => {
    const eve = await vault.enrol("Eve Leaving", ["requester"]);
    const older = await copyAll();
    await vault.people.people.suspend(eve.personId, ada.personId);
    const both = ["people.person", "people.session"];
    await attack(older, both, "person, by token", () => vault.people.sessions.authenticate(eve.token));
    await attack(older, ["people.person"], "person", async () => vault.signIn(eve.email, eve.app, 1));
    tally.assertHeld();
  });

  it("an allowlist entry that was taken off", async () => {
    const carl = await vault.enrol("Carl Custodian", ["custodian"]);
    const older = await copyAll();
    for (const entry of await vault.people.allowlist.list()) {
      if (entry.personId === carl.personId) await vault.people.allowlist.revoke(entry.id, ada.personId);
    }
    const subject = { name: "Mallory", email: "mallory@example.com" };
    // His sessions ended with it; he is still somebody and signs in anew.
    const again = await vault.signIn(carl.email, carl.app);
    await attack(older, ["people.allowlist_entry"], "allowlist entry", () =>
      vault.requests.submit(again, formOf({ operation: "person.enrol", subject })),
    );
    tally.assertHeld();
  });

  it("an authenticator's last step turned back, and its code used again", async () => {
    const code = await unusedCode(ben);
    const subject = { name: "Nora New", email: "nora@example.com" };
    const one = await vault.requests.submit(ada, formOf({ operation: "person.enrol", subject }));
    const two = await vault.requests.submit(
      ada,
      formOf({ operation: "person.enrol", subject: { name: "Nick", email: "nick@example.com" } }),
    );
    const older = await copyAll();
    await vault.requests.approve(ben, one.requestId, code, "");
    usedCode(ben);
    await attack(older, ["people.authenticator"], "last step", () => vault.requests.approve(ben, two.requestId, code, ""));
    await assert.rejects(vault.requests.approve(ben, two.requestId, code, ""), (error) => isRootkeepError(error, "STEP_UP_REQUIRED"));
    tally.assertHeld();
  });

  it("an authenticator that was reset, and the session and invitation of before", async () => {
    const lost = await vault.enrol("Lena Lost", ["requester"]);
    const older = await copyAll();
    await vault.decide({ operation: "authenticator.reset", subject: { personId: lost.personId } });
    await attack(older, ["people.authenticator"], "authenticator", async () => vault.signIn(lost.email, lost.app, 1));
    await attack(older, ["people.session"], "session of before", () => vault.people.sessions.authenticate(lost.token));
    tally.assertHeld();
  });

  it("an invitation whose halves were taken, that was accepted, or confirmed", async () => {
    const { requestId } = await vault.decide({ operation: "person.enrol", subject: { name: "Ines", email: "ines@example.com" } });
    const fresh = await copyAll();
    const { token, code } = await vault.invitation(requestId);
    const { halves } = vault.people;
    await attack(fresh, ["people.invitation"], "link", async () => halves.takeLink(requestId, ada, await unusedCode(ada)));
    await attack(fresh, ["people.invitation"], "code", async () => halves.takeCode(requestId, ben, await unusedCode(ben)));
    const taken = await copyAll();
    await vault.people.enrolment.accept({ token, code, password: "a long pass phrase of hers" });
    await attack(taken, ["people.invitation"], "accept", () =>
      vault.people.enrolment.accept({ token, code, password: "a long pass phrase of mine" }),
    );
    tally.assertHeld();
  });

  it("a request that was denied", async () => {
    const account = await vault.import("100000000001");
    const form = formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-1" });
    const { requestId } = await vault.requests.submit(rita, form);
    const older = await copyAll();
    await vault.requests.deny(alan, requestId, "not today");
    await attack(older, ["approvals.request"], "request", async () => {
      await vault.requests.approve(alan, requestId, await unusedCode(alan), "");
    });
    const without = ["approvals.request", "approvals.approval"];
    await attack(older, without, "request, without the denial", async () =>
      vault.requests.approve(alan, requestId, await unusedCode(alan), ""),
    );
    tally.assertHeld();
  });

  it("a grant that has opened, was given back or revoked, alone and with every other table", async () => {
    const account = await vault.import("100000000002");
    const { grantId } = await vault.grant(rita, [alan], account);
    const older = await copyAll();
    await vault.open(rita, grantId);
    const again = async (): Promise<unknown> => vault.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));
    await attack(older, ["approvals.access_grant"], "opened grant", again);
    await attack(older, ["approvals.access_grant", "secrets.secret_version", "approvals.request"], "opened grant and version", again);
    // Only the log itself stays: then it is the holder's own rows that are the first to be refused.
    const rest = TABLES.filter(
      (table) => table !== "people.session" && table !== "people.authenticator" && table !== "approvals.access_grant",
    );
    await attack(older, ["approvals.access_grant", ...rest], "opened grant and all the rest", again);
    await vault.grants.giveBack(rita, grantId);
    await attack(older, ["approvals.access_grant", "approvals.request", "accounts.account"], "returned grant", again);
    await attack(older, ["secrets.secret_version"], "burnt version", () =>
      vault.requests.submit(
        rita,
        formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-2" }),
      ),
    );
    tally.assertHeld();
  });

  it("the code ledger of a seed turned back, and the code of the same time step asked for again", async () => {
    const account = await vault.import("100000000003");
    const { grantId } = await vault.grant(rita, [alan], account);
    const code = async (): Promise<unknown> => vault.reveals.code(rita, grantId, await unusedCode(rita));
    const older = await copyAll();
    await code();
    usedCode(rita);
    await attack(older, ["secrets.secret_version"], "code ledger", code);
    await attack(older, ["secrets.secret_version", "approvals.access_grant"], "code ledger and grant", code);
    tally.assertHeld();
  });

  it("an account that was checked out", async () => {
    const account: Id<"account"> = await vault.import("100000000004");
    const form = formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-3" });
    const first = await vault.requests.submit(rita, form);
    const second = await vault.requests.submit(rita, form);
    const older = await copyAll();
    await vault.requests.approve(alan, first.requestId, await unusedCode(alan), "");
    usedCode(alan);
    await attack(older, ["accounts.account"], "check-out", async () =>
      vault.requests.approve(alan, second.requestId, await unusedCode(alan), ""),
    );
    tally.assertHeld();
  });
});
