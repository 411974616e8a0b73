import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { decodeBundle, encodeBundle } from "../../../src/audit/bundle.js";
import { canonicalJson } from "../../../src/audit/canonical-json.js";
import { entriesPath } from "../../../src/audit/tlog/tile-path.js";
import { type Exported, edited, exported, failedAt, headOf, leavesOf, SIZE, verify } from "../../support/attacked-export.js";
import { sampleId, sampleManifest, sampleTime, writeFiles } from "../../support/sample-log.js";

const K = 128;

/** The log with manifest, tiles and signatures made to fit its entries. */
function rehashed(log: Exported): Exported {
  return { ...log, manifest: sampleManifest(headOf(log.entries), SIZE), leaves: leavesOf(log.entries) };
}

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

describe("the attacks on a log", () => {
  it("T1: an edited entry is named", async () => {
    assert.ok(failedAt(await verify(edited(exported(), K, (text) => text.replace("close-account", "break-account"))), K).includes("chain"));
  });
  it("T1: an edited last entry is named", async () => {
    assert.ok(failedAt(await verify(edited(exported(), SIZE - 1, (text) => text.replace("close", "clone"))), SIZE - 1).includes("end"));
  });
  it("T1: an edited first entry is named", async () => {
    assert.ok(failedAt(await verify(edited(exported(), 0, (text) => text.replace("committed", "allowed"))), 0).includes("chain"));
  });
  it("T1: an edited prev names the entry that holds it, not its neighbour", async () => {
    const log = edited(exported(), K, (text) =>
      text.replace(/("prev":")(.)/, (_, head: string, digit: string) => head + (digit === "0" ? "1" : "0")),
    );
    failedAt(await verify(log), K);
    const last = edited(exported(), SIZE - 1, (text) =>
      text.replace(/("prev":")(.)/, (_, h: string, digit: string) => h + (digit === "0" ? "1" : "0")),
    );
    failedAt(await verify(last), SIZE - 1);
  });
  it("T1: of two edited neighbours the first is named: the chain alone could not tell", async () => {
    const one = edited(exported(), K, (text) => text.replace("close-account", "break-account"));
    const report = await verify(edited(one, K + 1, (text) => text.replace("close-account", "break-account")));
    assert.ok(failedAt(report, K).includes("leaves"));
    assert.match(report.checks.find(({ check }) => check === "chain")?.message ?? "", /entry 129 was changed, entry 128 perhaps too/);
  });
  it("T4: a deleted entry is named as missing", async () => {
    const log = exported();
    assert.ok(failedAt(await verify({ ...log, entries: log.entries.toSpliced(K, 1) }), K).includes("gaps"));
  });
  it("T5: a deleted tail is named", async () => {
    const log = exported();
    const report = await verify({ ...log, entries: log.entries.slice(0, 290) });
    assert.ok(failedAt(report, 290).includes("end"));
    assert.equal(report.checks.find(({ check }) => check === "end")?.message, "entries 290 to 299 are missing");
    assert.ok(failedAt(await verify({ ...log, entries: log.entries.slice(0, 256) }), 256).includes("end"));
  });
  it("T7: two swapped entries are named at the first of them", async () => {
    const log = exported();
    const [first, second] = [log.entries[K], log.entries[K + 1]];
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(failedAt(await verify({ ...log, entries: log.entries.with(K, second).with(K + 1, first) }), K).includes("gaps"));
  });
  it("T8: an inserted entry is named", async () => {
    const log = exported();
    const entry = JSON.parse(log.entries[K]?.toString("utf8") ?? "") as Record<string, unknown>;
    const forged = Buffer.from(canonicalJson({ ...entry, id: sampleId(9999) }), "utf8");
    assert.ok(failedAt(await verify({ ...log, entries: log.entries.toSpliced(K, 0, forged) }), K).includes("gaps"));
  });
  it("T8: an entry inserted twice is named", async () => {
    const log = exported();
    const copy = log.entries[K];
    assert.ok(copy !== undefined);
    assert.ok(failedAt(await verify({ ...log, entries: log.entries.toSpliced(K, 0, copy) }), K).includes("gaps"));
  });
  it("T12: a backdated entry is named, also where all hashes were made to fit", async () => {
    const log = exported((seq, _draft, position) => (seq === K ? { position: { ...position, time: sampleTime(K - 2) } } : {}));
    assert.deepEqual(failedAt(await verify(log), K), ["time"]);
  });
  it("T18: an entry that is equal as JSON but not to the byte is named", async () => {
    const log = edited(exported(), K, (text) => text.replace(',"seq"', ', "seq"'));
    assert.ok(failedAt(await verify(log), K).includes("canonical"));
  });
  it("T18: and it is named where all hashes were made to fit", async () => {
    const log = edited(exported(), SIZE - 1, (text) => text.replace(/^\{(.*),"v":1\}$/, '{"v":1,$1}'));
    assert.deepEqual(failedAt(await verify(rehashed(log)), SIZE - 1), ["canonical"]);
  });
  it("T19: an entry of an unknown version is named", async () => {
    const log = edited(exported(), SIZE - 1, (text) => text.replace('"v":1}', '"v":2}'));
    assert.deepEqual(failedAt(await verify(rehashed(log)), SIZE - 1), ["form"]);
  });
  it("T20: an entry of another log is named", async () => {
    const log = exported((seq, _draft, position) =>
      seq === K ? { position: { ...position, log: "rootkeep.example/audit/sample/2" } } : {},
    );
    assert.deepEqual(failedAt(await verify(log), K), ["origin"]);
  });
  it("T20: a manifest of another log is named", async () => {
    const log = exported();
    const manifest = { ...log.manifest, origin: "rootkeep.example/audit/other/1" };
    assert.deepEqual(failedAt(await verify({ ...log, manifest }), 0), ["origin"]);
    const renamed = { ...log.manifest, origin: "rootkeep.example/audit/sample/2" };
    assert.deepEqual(failedAt(await verify({ ...log, manifest: renamed }), log.entries.length - 1), ["origin"]);
    const trust = { origin: manifest.origin, genesis: headOf(log.entries.slice(0, 1)) };
    assert.ok(failedAt(await verify(log, undefined, { trust }), 0).includes("trust"));
  });
  it("T21: an altered opening is named", async () => {
    const log = exported();
    const openings = log.openings.map((opening) => (opening.seq === 130 ? { ...opening, value: "INC-130: harmless" } : opening));
    assert.deepEqual(failedAt(await verify({ ...log, openings }), 130), ["disclosures"]);
  });
  it("T21: an opening of a field that the entry does not have, or of no entry, is named", async () => {
    const log = exported();
    const opening = { ...log.openings[0], salt: Buffer.alloc(16), value: "x" };
    const field = { ...opening, seq: 129, field: "actor.name" };
    const openings = [...log.openings, field].sort((one, other) => one.seq - other.seq);
    assert.deepEqual(failedAt(await verify({ ...log, openings }), 129), ["disclosures"]);
    assert.deepEqual(failedAt(await verify({ ...log, openings: [...log.openings, { ...field, seq: SIZE }] }), SIZE), ["disclosures"]);
  });
  it("T21: openings out of order or twice are named [AX-8]", async () => {
    const log = exported();
    assert.ok(
      failedAt(await verify({ ...log, openings: log.openings.flatMap((opening) => [opening, opening]) }), 5).includes("disclosures"),
    );
    assert.equal((await verify({ ...log, openings: log.openings.toReversed() })).exitCode, 1);
  });
  it("T23: a gap in an account's own chain is named, where all other hashes fit", async () => {
    const skipped = exported((seq, draft, position) =>
      seq === K && draft.stream !== undefined ? { position: { ...position, sseq: (position.sseq ?? 0) + 1 } } : {},
    );
    assert.deepEqual(failedAt(await verify(skipped), K), ["streams"]);
    const torn = exported((seq, _draft, position) => (seq === K ? { position: { ...position, sprev: Buffer.alloc(32, 7) } } : {}));
    assert.deepEqual(failedAt(await verify(torn), K), ["streams"]);
  });
  it("T23: an account's chain that does not begin at its beginning is named", async () => {
    const log = exported((seq, _draft, position) => (seq === 2 ? { position: { ...position, sseq: 4, sprev: Buffer.alloc(32, 7) } } : {}));
    assert.deepEqual(failedAt(await verify(log), 2), ["streams"]);
  });
  it("a derived event id that stands twice, a second opening, is named", async () => {
    const log = exported((seq, draft) => (seq === K ? { draft: { ...draft, id: sampleId(8, 8) } } : {}));
    assert.deepEqual(failedAt(await verify(log), K), ["ids"]);
  });
});

describe("T17: the bundles of an export", () => {
  const [first, second] = [entriesPath(0, 256), entriesPath(1, SIZE - 256)];

  it("cannot miss one", async () => {
    assert.ok(failedAt(await verify(exported(), (folder) => rm(join(folder, first))), 0).includes("bundles"));
    assert.ok(failedAt(await verify(exported(), (folder) => rm(join(folder, second))), 256).includes("bundles"));
  });
  it("cannot be cut within an entry", async () => {
    const log = exported();
    const bytes = encodeBundle(log.entries.slice(256));
    const report = await verify(log, (folder) => writeFiles(folder, { [second]: bytes.subarray(0, -5) }));
    assert.ok(failedAt(report, SIZE - 1).includes("bundles"));
  });
  it("cannot be cut between entries", async () => {
    const log = exported();
    const report = await verify(log, (folder) => writeFiles(folder, { [first]: encodeBundle(log.entries.slice(0, 200)) }));
    assert.ok(failedAt(report, 200).includes("bundles"));
  });
  it("cannot be reordered inside", async () => {
    const log = exported();
    const report = await verify(log, (folder) => writeFiles(folder, { [first]: encodeBundle(log.entries.slice(0, 256).toReversed()) }));
    assert.ok(failedAt(report, 0).includes("gaps"));
  });
  it("cannot repeat another", async () => {
    const log = exported();
    const report = await verify(log, (folder) => writeFiles(folder, { [second]: encodeBundle(log.entries.slice(0, SIZE - 256)) }));
    assert.ok(failedAt(report, 256).includes("gaps"));
  });
  it("cannot hold more than is asked for", async () => {
    const log = exported();
    const bytes = encodeBundle([...log.entries.slice(256), ...log.entries.slice(0, 1)]);
    assert.ok(failedAt(await verify(log, (folder) => writeFiles(folder, { [second]: bytes })), SIZE).includes("bundles"));
  });
  it("cannot be more than the manifest asks for [AX-6]", async () => {
    const log = exported();
    for (const path of [entriesPath(2, 256), entriesPath(7, 3), "tile/entries/0"]) {
      const report = await verify(log, (folder) => writeFiles(folder, { [path]: encodeBundle(log.entries.slice(0, 3)) }));
      assert.equal(report.exitCode, 1);
      assert.equal(report.checks.find(({ check }) => check === "layout")?.status, "failed");
    }
  });
  it("cannot be looked for without end, where a manifest asks for more than there is anywhere", async () => {
    const log = exported();
    const report = await verify({ ...log, manifest: { ...log.manifest, to: 2 ** 52, size: 2 ** 52 } });
    assert.equal(report.exitCode, 1);
    assert.equal(report.entries, SIZE);
  });
  it("cannot stand beside another bundle of the same entries [AX-6]", async () => {
    const log = exported();
    const other = entriesPath(1, 3);
    assert.deepEqual(decodeBundle(encodeBundle(log.entries.slice(0, 3))).length, 3);
    const report = await verify(log, (folder) => writeFiles(folder, { [other]: encodeBundle(log.entries.slice(0, 3)) }));
    assert.deepEqual(failedAt(report, 256), ["layout"]);
  });
});
