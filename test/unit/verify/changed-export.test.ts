import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { edited, exported, failedAt, headOf, SIZE, verify } from "../../support/attacked-export.js";
import { sampleId } from "../../support/sample-log.js";

const K = 128;

describe("an untouched export", () => {
  it("is intact, and without a trust file the report does not claim more [AX-9]", async () => {
    const report = await verify(exported());
    assert.deepEqual(
      report.checks.filter(({ status }) => status === "failed"),
      [],
    );
    assert.equal(report.exitCode, 0);
    assert.equal(report.entries, SIZE);
    assert.equal(report.statement, "consistent in itself and with the key in the export; origin not checked");
    assert.deepEqual(report.warnings, []);
  });
});

describe("what the verifier says of a log that was changed", () => {
  it("an edited prev names the entry that holds it, not its neighbour", async () => {
    const log = edited(exported(), K, (text) =>
      text.replace(/("prev":")(.)/, (_, head: string, digit: string) => head + (digit === "0" ? "1" : "0")),
    );
    failedAt(await verify(log), K);
    const last = edited(exported(), SIZE - 1, (text) =>
      text.replace(/("prev":")(.)/, (_, h: string, digit: string) => h + (digit === "0" ? "1" : "0")),
    );
    failedAt(await verify(last), SIZE - 1);
  });
  it("of two edited neighbours the first is named: the chain alone could not tell", async () => {
    const one = edited(exported(), K, (text) => text.replace("close-account", "break-account"));
    const report = await verify(edited(one, K + 1, (text) => text.replace("close-account", "break-account")));
    assert.ok(failedAt(report, K).includes("leaves"));
    assert.match(report.checks.find(({ check }) => check === "chain")?.message ?? "", /entry 129 was changed, entry 128 perhaps too/);
  });
  it("a deleted tail is named", async () => {
    const log = exported();
    const report = await verify({ ...log, entries: log.entries.slice(0, 290) });
    assert.ok(failedAt(report, 290).includes("end"));
    assert.equal(report.checks.find(({ check }) => check === "end")?.message, "entries 290 to 299 are missing");
    assert.ok(failedAt(await verify({ ...log, entries: log.entries.slice(0, 256) }), 256).includes("end"));
  });
  it("a manifest of another log is named", async () => {
    const log = exported();
    const manifest = { ...log.manifest, origin: "rootkeep.example/audit/other/1" };
    assert.deepEqual(failedAt(await verify({ ...log, manifest }), 0), ["origin"]);
    const renamed = { ...log.manifest, origin: "rootkeep.example/audit/sample/2" };
    assert.deepEqual(failedAt(await verify({ ...log, manifest: renamed }), log.entries.length - 1), ["origin"]);
    const trust = { origin: manifest.origin, genesis: headOf(log.entries.slice(0, 1)) };
    assert.ok(failedAt(await verify(log, undefined, { trust }), 0).includes("trust"));
  });
  it("a manifest that asks for more than there is anywhere is not followed without end", async () => {
    const log = exported();
    const report = await verify({ ...log, manifest: { ...log.manifest, to: 2 ** 52, size: 2 ** 52 } });
    assert.equal(report.exitCode, 1);
    assert.equal(report.entries, SIZE);
  });
  it("a derived event id that stands twice, a second opening, is named", async () => {
    const log = exported((seq, draft) => (seq === K ? { draft: { ...draft, id: sampleId(8, 8) } } : {}));
    assert.deepEqual(failedAt(await verify(log), K), ["ids"]);
  });
});
