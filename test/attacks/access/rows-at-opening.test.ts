import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Id } from "../../../src/kernel/ids.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { unusedCode, usedCode } from "../../support/act-code.js";
import { AttackTally } from "../../support/attack-tally.js";
import { CountingRootKey } from "../../support/counting-root-key.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { attackAll, judge, type Target } from "../../support/row-attacks.js";
import { type Actor, Vault } from "../../support/vault.js";

// real: PostgreSQL (attacked by its owner), file root key behind a counter, every service. double: none.
describe("opening, with a deciding row that the database's owner has touched [L11]", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-attack-"));
  const rootKey = new CountingRootKey(createRootKey(`file:${join(directory, "root-key.json")}`));
  let vault: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;
  let alan: Actor;
  let otto: Actor;
  let grantId: Id<"grant">;
  let otherGrantId: Id<"grant">;
  const targets: Target[] = [];

  const open = async (): Promise<unknown> => await vault.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));

  before(async () => {
    vault = await Vault.open({ rootKey });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    otto = await vault.enrol("Otto Other", ["requester", "approver"]);
    const account = await vault.import("111122223333");
    const otherAccount = await vault.import("444455556666");
    const first = await vault.grant(rita, [alan], account);
    const second = await vault.grant(otto, [alan], otherAccount);
    ({ grantId } = first);
    otherGrantId = second.grantId;
    owner = await DatabaseOwner.take(vault.database);
    const one = async (table: string, where: string): Promise<string> => {
      const rows = await owner.rows<{ id: string }>(`SELECT id FROM ${table} WHERE ${where} ORDER BY id`);
      assert.equal(rows.length, 1, `${table} where ${where}`);
      return rows[0]?.id ?? "";
    };
    const totp = (actor: Actor) => one("people.authenticator", `person_id = '${actor.personId}' AND kind = 'totp'`);
    const entry = (actor: Actor, role: string) => one("people.allowlist_entry", `person_id = '${actor.personId}' AND role = '${role}'`);
    const approval = (requestId: string) => one("approvals.approval", `request_id = '${requestId}'`);
    const secret = (id: string) => one("secrets.secret", `account_id = '${id}' AND kind = 'root-password'`);
    const version = async (id: string) => one("secrets.secret_version", `secret_id = '${await secret(id)}'`);
    const person = { table: "people.person", idKind: "person", owners: ["name", "email"], foundBy: [] } as const;
    const authenticator = { table: "people.authenticator", idKind: "authenticator", owners: ["person_id"] } as const;
    const allowed = { table: "people.allowlist_entry", idKind: "allowlist", owners: ["person_id"], foundBy: ["person_id"] } as const;
    targets.push(
      { ...person, kind: "holder's person", id: rita.personId, otherId: otto.personId },
      { ...person, kind: "approver's person", id: alan.personId, otherId: otto.personId },
      {
        ...authenticator,
        kind: "holder's authenticator",
        id: await totp(rita),
        otherId: await totp(otto),
        foundBy: ["person_id", "kind", "state"],
      },
      { ...authenticator, kind: "approver's authenticator", id: await totp(alan), otherId: await totp(otto), foundBy: [] },
      {
        kind: "session",
        table: "people.session",
        idKind: "session",
        id: rita.sessionId,
        otherId: otto.sessionId,
        owners: ["person_id"],
        foundBy: [],
        undecided: ["last_seen_at", "place"],
      },
      { ...allowed, kind: "holder's allowlist entry", id: await entry(rita, "requester"), otherId: await entry(otto, "requester") },
      { ...allowed, kind: "approver's allowlist entry", id: await entry(alan, "approver"), otherId: await entry(otto, "approver") },
      {
        kind: "request",
        table: "approvals.request",
        idKind: "request",
        id: first.requestId,
        otherId: second.requestId,
        owners: ["requester_id"],
        foundBy: [],
      },
      {
        kind: "approval",
        table: "approvals.approval",
        idKind: "approval",
        id: await approval(first.requestId),
        otherId: await approval(second.requestId),
        owners: ["request_id"],
        foundBy: ["request_id"],
      },
      {
        kind: "grant",
        table: "approvals.access_grant",
        idKind: "grant",
        id: grantId,
        otherId: otherGrantId,
        owners: ["holder_id"],
        foundBy: [],
      },
      {
        kind: "account",
        table: "accounts.account",
        idKind: "account",
        id: account,
        otherId: otherAccount,
        owners: ["aws_id"],
        foundBy: [],
      },
      {
        kind: "secret",
        table: "secrets.secret",
        idKind: "secret",
        id: await secret(account),
        otherId: await secret(otherAccount),
        owners: ["account_id"],
        foundBy: [],
      },
      {
        kind: "secret version",
        table: "secrets.secret_version",
        idKind: "version",
        id: await version(account),
        otherId: await version(otherAccount),
        owners: ["secret_id", "sealed_sha256"],
        foundBy: [],
      },
    );
  });
  after(async () => {
    await owner.close();
    await vault.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it("refuses before the root key is asked, logs and alarms, whatever was edited, deleted, cloned or exchanged", async () => {
    const tally = new AttackTally();
    const unwraps = rootKey.unwraps;
    await attackAll(vault, owner, targets, open, tally);
    assert.equal(rootKey.unwraps, unwraps);
    tally.assertHeld();
  });

  it("refuses a clone of the session in another person's name, and a clone of the grant under a new id", async () => {
    const tally = new AttackTally();
    const session = await owner.copy("people.session");
    const grants = await owner.copy("approvals.access_grant");
    await owner.run("UPDATE people.session SET person_id = $1 WHERE id = $2", [rita.personId, otto.sessionId]);
    const stolen = { personId: rita.personId, sessionId: otto.sessionId };
    const asRita = async () => vault.reveals.reveal(stolen, grantId, "root-password", await unusedCode(rita));
    tally.note("session in another's name", await judge(vault, owner, ["people.session"], asRita));
    tally.note("its token", await judge(vault, owner, ["people.session"], () => vault.people.sessions.authenticate(otto.token)));
    await session.putBack();
    const clonedId: Id<"grant"> = `grt_${"0".repeat(26)}`;
    await owner.run(
      `INSERT INTO approvals.access_grant SELECT (jsonb_populate_record(g, jsonb_build_object('id', $2::text))).*
       FROM approvals.access_grant g WHERE id = $1`,
      [grantId, clonedId],
    );
    const clone = async () => vault.reveals.reveal(rita, clonedId, "root-password", await unusedCode(rita));
    tally.note("cloned grant", await judge(vault, owner, ["approvals.access_grant"], clone));
    await grants.putBack();
    tally.assertHeld();
  });

  it("opens once everything stands as the log knows it: the refusals were for the attacks", async () => {
    usedCode(rita);
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
    assert.equal(await vault.open(otto, otherGrantId), "Tr0ub4dor-and-3-horses");
  });
});
