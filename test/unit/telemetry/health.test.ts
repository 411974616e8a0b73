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

  it("asks once for all who ask at the same moment, and gives the answer again for a while", async () => {
    const health = new HealthRegistry(1_000, 60_000);
    let asked = 0;
    health.register("log", async () => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    const reports = await Promise.all(Array.from({ length: 300 }, () => health.report()));
    assert.equal(
      reports.every(({ isReady }) => isReady),
      true,
    );
    await health.report();
    assert.equal(asked, 1);
  });

  it("asks anew when the answer is old", async () => {
    const health = new HealthRegistry(1_000, 0);
    let isWell = true;
    health.register("log", () => (isWell ? Promise.resolve() : Promise.reject(new RootkeepError("AUDIT_UNAVAILABLE"))));
    assert.equal((await health.report()).isReady, true);
    isWell = false;
    assert.equal((await health.report()).isReady, false);
  });

  it("does not begin a check again that has not ended, and hears of it when it does", async () => {
    const health = new HealthRegistry(5, 0);
    let asked = 0;
    let end = (): void => undefined;
    health.register("guard", () => {
      asked += 1;
      return asked > 1 ? Promise.resolve() : new Promise<void>((resolve) => (end = resolve));
    });
    for (let probe = 0; probe < 3; probe++) assert.equal((await health.report()).isReady, false);
    assert.equal(asked, 1);
    end();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await health.report()).isReady, true);
    assert.equal(asked, 2);
  });

  it("refuses two answers to one question", () => {
    const health = new HealthRegistry();
    health.register("clock", async () => {});
    assert.throws(() => health.register("clock", async () => {}), /twice/);
  });
});
