import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openingBytes } from "../../src/approvals/request-body.js";
import { isRootkeepError } from "../../src/kernel/errors.js";
import { deriveEventId, type Id } from "../../src/kernel/ids.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import { temporaryRootKey } from "../support/root-key.js";
import { formOf, Vault } from "../support/vault.js";
import { FaultyRootKey } from "./faulty-root-key.js";
import { Closing, race, Scene, sweeperOf } from "./scene.js";
import { tally, times } from "./tally.js";

const CALLERS = 50;
const ROUNDS = times(1, 10);
/**
 * What a caller who came too late may hear; `UNAVAILABLE` when it waited longer than a lock or a connection may be waited for, and
 * `STEP_UP_REQUIRED` when its second factor grew stale meanwhile: a time step is one second here.
 */
const TOO_LATE = ["GRANT_SPENT", "UNAVAILABLE", "STEP_UP_REQUIRED"];

function assertOnlyRefusedAs(refused: Record<string, number>, codes: readonly string[]): void {
  assert.deepEqual(
    Object.keys(refused).filter((code) => !codes.includes(code)),
    [],
  );
}

// real: PostgreSQL, two replicas, file root key, every service. double: none; the root key only stops where a test asks it to.
describe("one grant, many openings at once [L4]", () => {
  const closing = new Closing();
  let scene: Scene;
  let replica: Vault;
  let rootKey: FaultyRootKey;

  before(async () => {
    const temporary = await temporaryRootKey();
    closing.add(temporary.remove);
    rootKey = new FaultyRootKey(createRootKey(temporary.rootKey.uri));
    scene = await Scene.open({ accounts: 5 * ROUNDS + 3, authenticators: CALLERS, vault: { rootKey } });
    closing.add(() => scene.drop());
    replica = await Vault.open({ replicaOf: scene.vault, rootKey });
    closing.add(() => replica.close());
  });
  after(() => closing.close());

  async function openAtOnce(vaults: readonly Vault[]): Promise<void> {
    const { grantId, password } = await scene.granted();
    const codes = await Promise.all(Array.from({ length: CALLERS }, () => scene.holder.app.next()));
    const { won, refused } = await race(codes.map((code, index) => () => scene.open(grantId, vaults[index % vaults.length], code)));
    assert.deepEqual(won, [password]);
    assert.equal(
      Object.values(refused).reduce((sum, count) => sum + count, 0),
      CALLERS - 1,
    );
    assertOnlyRefusedAs(refused, TOO_LATE);
    const openings = await scene.openingsOf(grantId);
    assert.deepEqual(
      openings.map(({ outcome }) => outcome),
      ["intent", "allowed"],
    );
    // The intent's event id is derived, so the log itself would take no second one, whatever became of the grant's row.
    const { id, target } = openings[0] ?? assert.fail();
    assert.equal(id, deriveEventId(openingBytes(grantId, target?.id as Id<"version">, 1)));
    tally("openings at once", { tried: 1, calls: CALLERS, opened: won.length });
  }

  it("gives one plaintext to fifty callers, each with a second factor that is valid on its own", async () => {
    for (let round = 0; round < ROUNDS; round++) await openAtOnce([scene.vault]);
  });

  it("gives one plaintext to fifty callers on two replicas", async () => {
    for (let round = 0; round < ROUNDS; round++) await openAtOnce([scene.vault, replica]);
  });

  it("hands a time step of an account's MFA seed out once, whoever asks", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { grantId } = await scene.granted();
      const codes = await Promise.all(Array.from({ length: 20 }, () => scene.holder.app.next()));
      const { won, refused } = await race(
        codes.map((code, index) => async () => {
          const vault = index % 2 === 0 ? scene.vault : replica;
          return scene.keep(grantId, await vault.reveals.code(scene.holder, grantId, code));
        }),
      );
      // The race may run over the end of a time step; then the next one is given too.
      assert.ok(won.length === 1 || won.length === 2, `${String(won.length)} codes`);
      assert.equal(new Set(won).size, won.length);
      assertOnlyRefusedAs(refused, ["CODE_WAIT", ...TOO_LATE]);
      assert.equal((await scene.openingsOf(grantId)).filter(({ outcome }) => outcome === "intent").length, won.length);
      tally("codes at once", { tried: 1, calls: codes.length, opened: won.length });
    }
  });

  it("opens nothing after a revocation that came first, and at most once before it", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { grantId } = await scene.granted();
      const [one, two] = [await scene.holder.app.next(), await scene.holder.app.next()];
      const { won } = await race<string | undefined>([
        () => scene.open(grantId, scene.vault, one),
        () => scene.vault.grants.revoke(scene.approvers[0], grantId).then(() => undefined),
        () => scene.open(grantId, replica, two),
      ]);
      assert.ok(won.includes(undefined) && won.length <= 2);
      const entries = await scene.assertWhole();
      const revoked = entries.find(({ action, target }) => action === "grant.revoke" && target?.id === grantId);
      const intents = entries.filter(({ outcome, request }) => outcome === "intent" && request?.grant === grantId);
      assert.ok(revoked !== undefined && intents.every(({ seq }) => seq < revoked.seq));
      assert.equal(intents.length, won.length - 1);
      tally("openings against a revocation", { tried: 1, calls: 3, opened: won.length - 1 });
    }
  });

  it("lets the sweeper run while openings run", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { grantId, password } = await scene.granted();
      const [opened] = await Promise.all([
        scene.open(grantId),
        scene.vault.requests.sweep(),
        replica.grants.sweep(),
        scene.vault.grants.sweep(),
      ]);
      assert.equal(opened, password);
      await scene.assertWhole();
      tally("sweeps while opening", { tried: 1, calls: 4, opened: 1 });
    }
  });

  it("sends nothing when somebody has closed the opening as unknown meanwhile", async () => {
    const { grantId, accountId } = await scene.granted();
    // The root key takes so long that the sweeper of the other replica gives the opening up.
    rootKey.beforeUnwrap = () => sweeperOf(replica).sweep();
    await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error));
    rootKey.heal();
    assert.deepEqual(
      (await scene.openingsOf(grantId)).map(({ outcome }) => outcome),
      ["intent", "unknown"],
    );
    assert.equal(await scene.exposure(accountId), "BURNT");
  });

  it("keeps an account checked out to one grant when two are approved at once", async () => {
    const { id } = scene.account();
    const form = formOf({ operation: "secret.reveal", accountId: id, purpose: "billing-root-only", ticket: "INC-42" });
    const requests = await Promise.all([scene.vault.requests.submit(scene.holder, form), replica.requests.submit(scene.holder, form)]);
    const codes = await Promise.all(scene.approvers.map(({ app }) => app.next()));
    const { won, refused } = await race(
      requests.map(
        ({ requestId }, index) =>
          () =>
            (index === 0 ? scene.vault : replica).requests.approve(scene.approvers[index === 0 ? 0 : 1], requestId, codes[index] ?? "", ""),
      ),
    );
    assert.equal(won.length, 1);
    assertOnlyRefusedAs(refused, ["CHECKED_OUT"]);
    await scene.assertWhole();
  });
});
