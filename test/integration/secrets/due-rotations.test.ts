import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { DueRotations } from "../../../src/secrets/due-rotations.service.js";
import { RotationWatch } from "../../../src/secrets/rotation-watch.service.js";
import { SuspectSecret } from "../../../src/secrets/suspect-secret.service.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const refused = (code: ErrorCode) => (error: unknown) => isRootkeepError(error, code);

// real: PostgreSQL, file root key, every service, the outbox of notices. double: none.
describe("the queue of what is to be rotated", () => {
  let vault: Vault;
  let replica: Vault;
  let rita: Actor;
  let otto: Actor;
  let vera: Actor;
  let alan: Actor;
  let account: Id<"account">;

  const queueOf = (of: Vault) => new DueRotations(of.transactions, of.accounts, of.log);
  const reasons = async (of = vault, kind = "root-password") => {
    const { items } = await queueOf(of).page("", 50);
    return items.filter((item) => item.accountId === account && item.kind === kind).flatMap(({ due }) => due.map(({ reason }) => reason));
  };
  const watchOf = (of: Vault) =>
    new RotationWatch(
      of.dataSource,
      queueOf(of),
      () => undefined,
      (error) => {
        throw error;
      },
    );
  const told = async () =>
    await withClient(vault.database.superuser, async (client) => {
      const { rows } = await client.query<{ facts: string }>("SELECT facts FROM notices.notice WHERE topic = 'rotation.due' ORDER BY id");
      return rows.map(({ facts }) => JSON.parse(facts) as unknown);
    });

  /** A rotation from staging to its verdict, by Otto, verified by Vera. */
  const rotate = async (): Promise<void> => {
    const { grantId } = await vault.grant(otto, [alan], account, "rotate-after-use");
    (await vault.reveals.reveal(otto, grantId, "root-password", await otto.app.next(), null, "candidate")).value.wipe();
    await vault.grants.giveBack(otto, grantId);
    const verifying = await vault.grant(vera, [alan], account, "rotate-verify");
    const seen = await vault.reveals.reveal(vera, verifying.grantId, "root-password", await vera.app.next(), null, "candidate");
    seen.value.wipe();
    await vault.grants.giveBack(vera, verifying.grantId);
    const evidence = { kind: "sign-in", personId: vera.personId, at: new Date().toISOString() };
    const subject = { versionId: seen.versionId, verdict: "works", evidence };
    const { requestId } = await vault.requests.submit(vera, formOf({ operation: "candidate.settle", subject }));
    await vault.requests.approve(alan, requestId, await alan.app.next(), "");
  };

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    otto = await vault.enrol("Otto Other", ["requester"]);
    vera = await vault.enrol("Vera Verifier", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("500000000001");
    replica = await Vault.open({ replicaOf: vault });
  });
  after(async () => {
    await replica.close();
    await vault.drop();
  });

  it("begins with what was imported, password and seed, and reminds nobody of that", async () => {
    assert.deepEqual(await reasons(), ["imported"]);
    assert.deepEqual(await reasons(vault, "mfa-seed"), ["imported"]);
    assert.equal(await watchOf(vault).look(), 0);
  });

  it("names what was shown and not settled, and forgets all of it with the verdict", async () => {
    const { grantId } = await vault.grant(rita, [alan], account, "rotate-after-use");
    const seen = await vault.reveals.reveal(rita, grantId, "root-password", await rita.app.next(), null, "candidate");
    seen.value.wipe();
    await vault.reports.report(rita, seen.versionId, "unknown");
    await vault.grants.giveBack(rita, grantId);
    assert.deepEqual((await reasons()).sort(), ["imported", "unsettled"]);
    const subject = {
      versionId: seen.versionId,
      verdict: "does-not-work",
      evidence: { kind: "cloudtrail", eventIds: ["0f0e0d0c-0b0a-4908-8706-050403020100"] },
    };
    const { requestId } = await vault.requests.submit(vera, formOf({ operation: "candidate.settle", subject }));
    await vault.requests.approve(alan, requestId, await alan.app.next(), "");
    assert.deepEqual(await reasons(), ["imported"]);
    await rotate();
    assert.deepEqual(await reasons(), []);
  });

  it("has what a person saw afterwards, and what they have seen once they have left; each is told once, whoever looks", async () => {
    const { grantId } = await vault.grant(rita, [alan], account);
    (await vault.reveals.reveal(rita, grantId, "root-password", await rita.app.next())).value.wipe();
    await vault.grants.giveBack(rita, grantId);
    assert.deepEqual(await reasons(), ["seen"]);
    assert.deepEqual(await Promise.all([watchOf(vault).look(), watchOf(replica).look()]).then((counts) => counts.sort()), [0, 1]);
    assert.equal(await watchOf(replica).look(), 0);
    assert.deepEqual(await told(), [{ account, "aws account": "500000000001", entries: "1" }]);
    const [ada] = vault.custodians as [Actor, Actor];
    await vault.people.people.suspend(rita.personId, ada.personId);
    assert.deepEqual((await reasons(replica)).sort(), ["leaver", "seen"]);
    assert.equal(await watchOf(vault).look(), 1);
    assert.equal((await told()).length, 2);
  });

  it("has what somebody suspects, by one person's word, until it is rotated", async () => {
    const suspicion = new SuspectSecret(vault.transactions);
    const elsewhere = await vault.enrol("Elsa Elsewhere", ["requester"], { kind: "customer", values: ["Globex"] });
    await assert.rejects(suspicion.suspect(elsewhere, account, "root-password"), refused("NOT_ALLOWLISTED"));
    await suspicion.suspect(alan, account, "root-password");
    assert.ok((await reasons()).includes("suspected"));
    await rotate();
    assert.deepEqual(await reasons(), []);
    // The log is all that a new process knows who saw what from.
    const fresh = await Vault.open({ replicaOf: vault });
    assert.deepEqual(await reasons(fresh), []);
    await fresh.close();
  });
});
