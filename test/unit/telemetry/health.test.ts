import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RootkeepError } from "../../../src/kernel/errors.js";
import { HealthRegistry } from "../../../src/telemetry/health.js";

describe("readiness", () => {
  it("is ready when every check is", async () => {
    const health = new HealthRegistry();
    health.register("database", async () => {});
    assert.deepEqual(await health.report(), { isReady: true, checks: { database: { status: "ok" } } });
  });

  it("says the code of a failing check and nothing else of its error", async () => {
    const health = new HealthRegistry();
    health.register("root_keys", async () => {
      throw new RootkeepError("KEY_UNAVAILABLE", { reason: "cAnArY" });
    });
    health.register("log", () => {
      throw new Error("cAnArY");
    });
    const report = await health.report();
    assert.deepEqual(report, {
      isReady: false,
      checks: { root_keys: { status: "failing", code: "KEY_UNAVAILABLE" }, log: { status: "failing", code: "INTERNAL" } },
    });
  });

  it("is not ready when a check hangs, and answers all the same", async () => {
    const health = new HealthRegistry(5);
    health.register("guard", () => new Promise<void>(() => {}));
    assert.deepEqual(await health.report(), { isReady: false, checks: { guard: { status: "failing", code: "DEADLINE" } } });
  });

  it("refuses two answers to one question", () => {
    const health = new HealthRegistry();
    health.register("clock", async () => {});
    assert.throws(() => health.register("clock", async () => {}), /twice/);
  });
});
