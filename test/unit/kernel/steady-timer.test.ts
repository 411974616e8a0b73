import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { SteadyTimer } from "../../../src/kernel/steady-timer.js";

/** Lets promises that are settled be followed. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

describe("work that is done every so often", () => {
  it("is done at its times, never twice at once, goes on after a failure, and has ended when it was stopped", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval"] });
    const ends: (() => void)[] = [];
    const failed = mock.fn();
    let begun = 0;
    const timer = new SteadyTimer(
      1_000,
      () => {
        begun += 1;
        if (begun === 2) throw new Error("away");
        return new Promise<void>((resolve) => ends.push(resolve));
      },
      failed,
    );
    timer.startNow();
    assert.equal(begun, 1);
    test.mock.timers.tick(3_000);
    assert.equal(begun, 1, "left out while the first one works");
    ends.shift()?.();
    await settle();
    test.mock.timers.tick(1_000);
    await settle();
    assert.deepEqual([begun, failed.mock.callCount()], [2, 1]);
    test.mock.timers.tick(1_000);
    assert.equal(begun, 3);
    let hasStopped = false;
    const stopping = timer.stop().then(() => (hasStopped = true));
    await settle();
    assert.equal(hasStopped, false, "waits for what is being done");
    ends.shift()?.();
    await stopping;
    test.mock.timers.tick(5_000);
    assert.equal(begun, 3);
  });

  it("begins one period after its start, and ends without having begun", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval"] });
    const work = mock.fn(() => Promise.resolve());
    const timer = new SteadyTimer(1_000, work, (error) => assert.fail(String(error)));
    timer.start();
    test.mock.timers.tick(999);
    assert.equal(work.mock.callCount(), 0);
    test.mock.timers.tick(1);
    assert.equal(work.mock.callCount(), 1);
    await timer.stop();
    await new SteadyTimer(1_000, work, (error) => assert.fail(String(error))).stop();
  });
});
