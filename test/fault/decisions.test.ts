import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import { AuthenticatorApp } from "../support/authenticator-app.js";
import { type Actor, formOf, Vault } from "../support/vault.js";
import { assertWhole, awsIdOf, Closing, csvOf, race, Scene } from "./scene.js";
import { tally, times } from "./tally.js";

const ROUNDS = times(2, 20);
/** A purpose for standalone accounts that takes two approvals. */
const PURPOSE_OF_TWO = "s3-bucket-policy-unlock";

// real: PostgreSQL, two replicas, file root key, every service. double: none.
describe("people who decide at the same moment [L2, L3]", () => {
  const closing = new Closing();
  let scene: Scene;
  let replica: Vault;

  before(async () => {
    scene = await Scene.open({ accounts: 3 * ROUNDS });
    closing.add(() => scene.drop());
    replica = await Vault.open({ replicaOf: scene.vault });
    closing.add(() => replica.close());
  });
  after(() => closing.close());

  async function asked(purpose: string): Promise<Id<"request">> {
    const form = formOf({ operation: "secret.reveal", accountId: scene.account().id, purpose, ticket: "INC-42" });
    return (await scene.vault.requests.submit(scene.holder, form)).requestId;
  }

  async function approve(vault: Vault, approver: Actor, requestId: Id<"request">) {
    return await vault.requests.approve(approver, requestId, await approver.app.next(), "");
  }

  // Peer's mistake (sso-elevator#47): two people pressed Approve at once, and there were two of everything.
  it("makes one grant of two approvals that come at once, and counts both", async () => {
    const [alan, anna] = scene.approvers;
    for (let round = 0; round < ROUNDS; round++) {
      const requestId = await asked(PURPOSE_OF_TWO);
      const { won, refused } = await race([() => approve(scene.vault, alan, requestId), () => approve(replica, anna, requestId)]);
      assert.deepEqual(refused, {});
      assert.deepEqual(won.map(({ approvals }) => approvals).sort(), [1, 2]);
      const entries = await scene.assertWhole();
      const made = entries.filter(({ action, request }) => action === "request.opened" && request?.id === requestId);
      assert.equal(made.length, 1);
      const { grantId, approvals } = await replica.requests.read(requestId);
      assert.deepEqual(approvals.map(({ person }) => person).sort(), [alan.personId, anna.personId].sort());
      assert.ok(grantId);
      await scene.open(grantId, replica);
      tally("approvals at once", { tried: 1, calls: 2, opened: 1 });
    }
  });

  it("does not count one approver twice who approves on two replicas at once", async () => {
    const [alan] = scene.approvers;
    const requestId = await asked(PURPOSE_OF_TWO);
    const { won, refused } = await race([() => approve(scene.vault, alan, requestId), () => approve(replica, alan, requestId)]);
    assert.deepEqual([won.length, refused], [1, { STATE_CONFLICT: 1 }]);
    assert.equal((await scene.vault.requests.read(requestId)).grantId, null);
    await scene.assertWhole();
  });

  it("lets either the withdrawal or the approval happen, never both", async () => {
    const [alan] = scene.approvers;
    for (let round = 1; round < ROUNDS; round++) {
      const requestId = await asked("billing-root-only");
      const { won, refused } = await race<unknown>([
        () => approve(replica, alan, requestId),
        () => scene.vault.requests.withdraw(scene.holder, requestId, "asked by mistake"),
      ]);
      assert.deepEqual([won.length, refused], [1, { STATE_CONFLICT: 1 }]);
      const { state, grantId } = await scene.vault.requests.read(requestId);
      assert.deepEqual([state, grantId !== null], grantId === null ? ["WITHDRAWN", false] : ["APPROVED", true]);
      await scene.assertWhole();
      tally("withdrawal against approval", { tried: 1, calls: 2 });
    }
  });

  it("imports each account of a file once when the file comes twice at once", async () => {
    const lines = [20_000, 20_001, 20_002];
    const options = { onError: "reject", fromLine: 1 } as const;
    const [ada, ben] = [scene.custodian, scene.vault.custodians?.[1] ?? scene.custodian];
    const { won, refused } = await race([
      () => scene.vault.imports.run(ada, csvOf(lines), options),
      () => replica.imports.run(ben, csvOf(lines), options),
    ]);
    assert.deepEqual(
      [won.length <= 1, Object.keys(refused).filter((code) => code !== "ALREADY_EXISTS" && code !== "MALFORMED")],
      [true, []],
    );
    // Each may have stopped at a line that the other one had; a run that leaves out what is there completes the file.
    await scene.vault.imports.resume();
    await race([() => replica.imports.run(ada, csvOf(lines), { onError: "skip", fromLine: 1 })]);
    const accounts = (await replica.accounts.list("", 1000)).filter(({ awsId }) => lines.map(awsIdOf).includes(awsId));
    assert.deepEqual(accounts.map(({ awsId }) => awsId).sort(), lines.map(awsIdOf));
    for (const { id } of accounts) {
      const states = (await replica.secrets.ofAccount(id as Id<"account">)).flatMap(({ versions }) => versions.map(({ state }) => state));
      assert.deepEqual(states, ["ACTIVE", "ACTIVE"]);
    }
    const entries = await scene.assertWhole();
    assert.equal(
      entries.filter(({ action, target }) => action === "account.import" && accounts.some(({ id }) => id === target?.id)).length,
      3,
    );
    tally("imports at once", { tried: 1, calls: 2 });
  });

  // The last one, as its approver does not come back.
  it("opens nothing on the approval of somebody who is suspended in the same moment", async () => {
    const [, anna] = scene.approvers;
    const requestId = await asked("billing-root-only");
    const { won, refused } = await race<unknown>([
      () => approve(replica, anna, requestId),
      () => scene.vault.people.people.suspend(anna.personId, scene.custodian.personId),
    ]);
    assert.ok(won.length === 2 || refused["UNAUTHENTICATED"] === 1 || refused["NOT_ALLOWLISTED"] === 1, JSON.stringify(refused));
    const { grantId } = await scene.vault.requests.read(requestId);
    if (grantId !== null) {
      await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, "APPROVAL_REQUIRED"));
    }
    await scene.assertWhole();
    tally("approval against suspension", { tried: 1, calls: 2 });
  });
});

// real: PostgreSQL, two replicas with invitations of their own, file root key. double: none.
describe("founding by several people at the same moment", () => {
  it("happens once when the last two founders of one replica confirm at once", async () => {
    const vault = await Vault.open();
    try {
      const apps = await Promise.all(vault.people.founding.invite(new Date()).map((token, index) => seat(vault, token, index)));
      const { won } = await race(apps.map(({ confirm }) => confirm));
      assert.deepEqual(won.map(({ isFounded }) => isFounded).sort(), [false, true]);
      await assertFoundedOnce(vault);
    } finally {
      await vault.drop();
    }
  });

  it("happens once when two replicas have invited founders of their own", async () => {
    const vault = await Vault.open();
    const replica = await Vault.open({ replicaOf: vault });
    try {
      const seats = [];
      for (const [at, where] of [vault, replica].entries()) {
        for (const [index, token] of where.people.founding.invite(new Date()).entries())
          seats.push(await seat(where, token, at * 2 + index));
      }
      await seats[0]?.confirm();
      await seats[2]?.confirm();
      const { won, refused } = await race([seats[1], seats[3]].flatMap((last) => last?.confirm ?? []));
      assert.deepEqual(
        won.map(({ isFounded }) => isFounded),
        [true],
      );
      assert.equal(Object.values(refused).join(), "1");
      await assertFoundedOnce(vault);
      // Two founders at once are nobody's attack: no row was refused, nobody is paged.
      assert.deepEqual([...vault.alarms, ...replica.alarms], []);
    } finally {
      await replica.close();
      await vault.drop();
    }
  });

  async function seat(vault: Vault, token: string, index: number) {
    const name = `Founder ${"ABCD".charAt(index)}`;
    const email = `founder-${String(index)}@example.com`;
    const { otpauth } = await vault.people.founding.accept({ token, name, email, password: "a long pass phrase of tests" });
    const app = new AuthenticatorApp(otpauth);
    return { confirm: async () => await vault.people.founding.confirm(token, await app.next()) };
  }

  async function assertFoundedOnce(vault: Vault): Promise<void> {
    const entries = await assertWhole(vault.database);
    assert.equal(entries.filter(({ action }) => action === "people.founded").length, 1);
    assert.equal((await vault.people.people.list()).length, 2);
    tally("foundings at once", { tried: 1, calls: 2 });
  }
});
