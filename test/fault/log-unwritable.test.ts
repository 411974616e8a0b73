import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Client } from "pg";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import { isRootkeepError } from "../../src/kernel/errors.js";
import { LIMITS } from "../../src/kernel/limits.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import { setAppendable } from "../support/appendable.js";
import { withClient } from "../support/postgres.js";
import { temporaryRootKey } from "../support/root-key.js";
import { FaultyRootKey } from "./faulty-root-key.js";
import { Closing, Scene, sweeperOf } from "./scene.js";
import { tally } from "./tally.js";

// real: PostgreSQL, file root key, every service. double: none.
describe("the log cannot be written [L1]", () => {
  const closing = new Closing();
  let scene: Scene;
  let rootKey: FaultyRootKey;

  before(async () => {
    const temporary = await temporaryRootKey();
    closing.add(temporary.remove);
    rootKey = new FaultyRootKey(createRootKey(temporary.rootKey.uri));
    scene = await Scene.open({ accounts: 4, vault: { rootKey } });
    closing.add(() => scene.drop());
  });
  after(() => closing.close());

  async function asOwner<T>(use: (client: Client) => Promise<T>): Promise<T> {
    return await withClient(scene.vault.database.superuser, use);
  }

  it("opens nothing when no intent can be appended, and the grant stays whole", async () => {
    const { grantId, accountId, password } = await scene.granted();
    const unwraps = rootKey.unwraps;
    await setAppendable(scene.vault.database, false);
    await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
    await setAppendable(scene.vault.database, true);
    assert.equal(rootKey.unwraps, unwraps);
    assert.deepEqual(await scene.openingsOf(grantId), []);
    assert.equal(await scene.exposure(accountId), "EXPOSED");
    assert.equal(await scene.open(grantId), password);
    await scene.assertWhole();
    tally("log not writable", { tried: 1, calls: 2, opened: 1 });
  });

  it("sends nothing when the outcome cannot be appended, and the value counts as seen", async () => {
    const { grantId, accountId } = await scene.granted();
    rootKey.afterUnwrap = async () => {
      await setAppendable(scene.vault.database, false);
    };
    await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
    rootKey.heal();
    await setAppendable(scene.vault.database, true);
    await sweeperOf(scene.vault).sweep();
    assert.deepEqual(
      (await scene.openingsOf(grantId)).map(({ outcome }) => outcome),
      ["intent", "unknown"],
    );
    assert.equal(await scene.exposure(accountId), "BURNT");
    await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, "GRANT_SPENT"));
    tally("log not writable", { tried: 1, calls: 2 });
  });

  it("opens nothing while somebody else holds the log, and refuses at once what its queue has no room for", async () => {
    const { grantId, password } = await scene.granted();
    const unwraps = rootKey.unwraps;
    const draft = () => draftEntry({ action: "service.started", outcome: "committed", actor: SYSTEM_ACTOR });
    const { refused, reasons } = await asOwner(async (client) => {
      // The lock of the log, held by somebody who does not let go.
      await client.query("BEGIN; SELECT audit.lock_head()");
      const opening = assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
      // One batch is on its way at most; what is waiting behind it is bounded.
      const calls = LIMITS.appendQueueMax + LIMITS.batchEntriesMax + 50;
      const settled = await Promise.allSettled(Array.from({ length: calls }, () => scene.vault.log.record(draft())));
      await opening;
      await client.query("ROLLBACK");
      const errors = settled.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
      return {
        refused: errors.every((error) => isRootkeepError(error, "AUDIT_UNAVAILABLE")) ? errors.length : -1,
        reasons: new Set(errors.map((error) => (isRootkeepError(error) ? error.reason : "crash"))),
      };
    });
    assert.ok(refused >= 50);
    assert.ok(reasons.has("queue is full"));
    assert.equal(rootKey.unwraps, unwraps);
    // What nobody waits for any longer is still written down, and then the log is free for everybody again.
    for (;;) {
      const result = await scene.vault.log.record(draft()).catch((error: unknown) => error);
      if (!(result instanceof Error)) break;
      assert.ok(isRootkeepError(result, "AUDIT_UNAVAILABLE"));
    }
    assert.deepEqual(await scene.openingsOf(grantId), []);
    assert.equal(await scene.open(grantId), password);
    await scene.assertWhole();
    tally("log held by another", { tried: 1, calls: refused, opened: 1 });
  });
});
