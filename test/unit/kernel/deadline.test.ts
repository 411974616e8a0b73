import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { withDeadline } from "../../../src/kernel/deadline.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";

/** Waits for the signal and holds nothing else. */
function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("aborted");
    signal.addEventListener("abort", () => resolve("aborted"), { once: true });
  });
}

describe("a deadline", () => {
  it("comes, whatever the garbage collector takes meanwhile", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const waiting = withDeadline(200, untilAborted, new AbortController().signal);
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
    }
    assert.equal(await waiting, "aborted");
  });

  it("comes earlier with the caller's signal, and at once where that was aborted before", async () => {
    const controller = new AbortController();
    const waiting = withDeadline(60_000, untilAborted, controller.signal);
    controller.abort();
    assert.equal(await waiting, "aborted");
    assert.equal(await withDeadline(60_000, untilAborted, AbortSignal.abort()), "aborted");
  });

  it("ends work that does not end by its signal, by the timer and by the caller's", async () => {
    const deaf = (): Promise<never> => new Promise(() => undefined);
    const timedOut = (error: unknown): boolean => isRootkeepError(error, "UNAVAILABLE") && error.reason === "timed_out";
    await assert.rejects(withDeadline(10, deaf), timedOut);
    const controller = new AbortController();
    const waiting = withDeadline(60_000, deaf, controller.signal);
    controller.abort();
    await assert.rejects(waiting, timedOut);
  });

  it("hands on what the work gives or throws, and keeps no timer behind", async () => {
    assert.equal(await withDeadline(60_000, () => Promise.resolve(7)), 7);
    await assert.rejects(
      withDeadline(60_000, () => Promise.reject(new Error("it failed"))),
      /it failed/,
    );
  });
});
