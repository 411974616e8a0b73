import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { entriesPath } from "../../../src/audit/tlog/tile-path.js";
import { runVerify } from "../../../src/verify/main.js";
import type { Report } from "../../../src/verify/report.js";
import { fingerprintOf, sampleLog, sampleManifest, writeExport, writeFiles } from "../../support/sample-log.js";

const { entries, openings } = sampleLog(600);
const leaves = entries.map((entry) => leafHash(entry));
const leafOf = (seq: number): string => leafHash(entries[seq] ?? Buffer.alloc(0)).toString("hex");
const origin = sampleManifest(leafOf(0), 1).origin;
let folder = "";
let count = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rootkeep-verify-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function newExport(from = 0, to = 600, disclosures = true): Promise<string> {
  count += 1;
  const directory = join(folder, String(count));
  const manifest = sampleManifest(leafOf(to - 1), to, { from, disclosures });
  const inside = openings.filter(({ seq }) => seq >= from && seq < to);
  await writeExport(directory, manifest, entries.slice(from, to), inside, leaves.slice(0, to));
  return directory;
}

async function run(...argv: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const exitCode = await runVerify(argv, { write: (text) => (out += text) }, { write: (text) => (err += text) });
  return { exitCode, out, err };
}

async function trustFile(trust: object | string): Promise<string> {
  count += 1;
  const path = join(folder, `trust-${String(count)}.json`);
  await writeFile(path, typeof trust === "string" ? trust : JSON.stringify(trust));
  return path;
}

describe("rootkeep audit verify", () => {
  it("says in words that an export is intact, and what that does not prove [AX-9]", async () => {
    const { exitCode, out, err } = await run(await newExport());
    assert.equal(exitCode, 0);
    assert.match(out, /^ok +chain /m);
    assert.match(out, /^ok +signatures +every checkpoint is signed by a key that the export names itself$/m);
    assert.match(out, /intact: consistent in itself and with the key in the export; origin not checked\n$/);
    assert.equal(err, "");
  });
  it("verifies a range, whose accounts' chains began before it [AX-1]", async () => {
    const { exitCode, out } = await run(await newExport(256, 600), "--from", "256");
    assert.equal(exitCode, 0);
    assert.match(out, /intact: from entry 256 on consistent in itself/);
    assert.equal((await run(await newExport(256, 300), "--from", "300")).exitCode, 0);
    assert.equal((await run(await newExport(0, 256, false), "--from", "256")).exitCode, 0);
  });
  it("does not call intact what begins later than its reader asked for: the export chose that itself [AX-18]", async () => {
    const directory = await newExport(256, 600);
    for (const asked of [[], ["--from", "0"], ["--from", "255"]]) {
      const { exitCode, out } = await run(directory, ...asked);
      assert.equal(exitCode, 2, asked.join(" "));
      assert.match(out, /^failed +manifest +entries 0 to 255 are not here; if you have checked them, say --from 256$/m);
    }
  });
  it("does not call intact what ends before its checkpoint: the last entries are kept back [AX-11]", async () => {
    const directory = await newExport();
    const text = String(await readFile(join(directory, "manifest.json")));
    const short = text.replace(leafOf(599), leafOf(255)).replace('"to":600', '"to":256');
    await writeFiles(directory, { "manifest.json": short });
    for (const path of [entriesPath(1, 256), entriesPath(2, 88)]) await rm(join(directory, path));
    const lines = String(await readFile(join(directory, "pii.ndjson"))).split("\n");
    await writeFiles(directory, { "pii.ndjson": lines.filter((line) => Number(/"seq":(\d+)/.exec(line)?.[1] ?? 0) < 256).join("\n") });
    const { exitCode, out } = await run(directory);
    assert.equal(exitCode, 2);
    assert.match(out, /manifest\.json does not end at its checkpoint/);
  });
  it("names the first bad entry in words and in JSON", async () => {
    const directory = await newExport();
    const bad = entries.with(300, Buffer.from((entries[300] ?? "").toString().replace("close", "clone")));
    await writeExport(directory, sampleManifest(leafOf(599), 600), bad, openings, leaves);
    const text = await run(directory);
    assert.equal(text.exitCode, 1);
    assert.match(text.out, /^failed +chain +entry 301 does not carry the hash of entry 300 \[seq 300\]$/m);
    assert.match(text.out, /^first bad entry: seq 300$/m);
    const { firstBadSeq, verdict } = JSON.parse((await run(directory, "--json")).out) as Report;
    assert.deepEqual({ firstBadSeq, verdict }, { firstBadSeq: 300, verdict: "tampered" });
  });
  it("answers 2 when the manifest is missing or cannot be read [AX-10]", async () => {
    const directory = await newExport();
    await rm(join(directory, "manifest.json"));
    assert.equal((await run(directory)).exitCode, 2);
    await writeFiles(directory, { "manifest.json": "{}" });
    assert.equal((await run(directory)).exitCode, 2);
  });
  it("does not follow links, and says that they do not belong there [AX-6]", async () => {
    const directory = await newExport();
    const path = join(directory, entriesPath(1, 256));
    await rm(path);
    await symlink("/dev/zero", path);
    const report = JSON.parse((await run(directory, "--json")).out) as Report;
    assert.equal(report.exitCode, 1);
    assert.equal(report.checks.find(({ check }) => check === "layout")?.status, "failed");
  });
  it("warns of files that it does not know, and does not fail for them", async () => {
    const directory = await newExport();
    await writeFiles(directory, { "notes.txt": "x", "anchors/checkpoint.tsr": "x", "policy.txt": "x" });
    const report = JSON.parse((await run(directory, "--json")).out) as Report;
    assert.equal(report.exitCode, 0);
    assert.deepEqual(report.warnings, ["there are files of another kind (layout, 3 times)"]);
  });
  it("fails when openings are missing that the manifest names, or there that it does not name [AX-8]", async () => {
    const without = await newExport();
    await rm(join(without, "pii.ndjson"));
    assert.equal((await run(without)).exitCode, 1);
    const withThem = await newExport(0, 600, false);
    await writeFiles(withThem, { "pii.ndjson": "" });
    assert.equal((await run(withThem)).exitCode, 1);
  });
  it("repeats no opening in its report, however broken: it is personal data", async () => {
    const directory = await newExport();
    await writeFiles(directory, { "pii.ndjson": '{"field":"request.reason","salt":"MARKER","seq":5,"value":"MARKER"}\nMARKER\n' });
    const { exitCode, out, err } = await run(directory);
    assert.equal(exitCode, 1);
    assert.equal(`${out}${err}`.includes("MARKER"), false);
  });
  it("answers 3 and shows the usage for a wrong call", async () => {
    const directory = await newExport();
    const file = await trustFile({ origin });
    const wrong = [
      [],
      [directory, directory],
      [directory, "--trsut", file],
      [join(folder, "none")],
      [file],
      [directory, "--trust", join(folder, "none")],
      [directory, "--from", "one"],
      [directory, "--from", "-1"],
    ];
    for (const argv of wrong) {
      const { exitCode, out, err } = await run(...argv);
      assert.equal(exitCode, 3, argv.join(" "));
      assert.equal(out, "");
      assert.match(err, /usage: rootkeep audit verify DIR/);
    }
  });
});

describe("a trust file", () => {
  it("is compared with origin, genesis, heads and founding [AX-2]", async () => {
    const trust = {
      origin,
      genesis: leafOf(0),
      head: [
        { size: 10, leaf: leafOf(9) },
        { size: 600, leaf: leafOf(599) },
      ],
      foundingFingerprints: [fingerprintOf("bob"), fingerprintOf("alice")],
    };
    const { exitCode, out } = await run(await newExport(), "--trust", await trustFile(trust));
    assert.equal(exitCode, 0);
    assert.match(out, /origin, 3 known hashes, 0 receipts and 1 foundings are as the trust file says/);
    assert.match(out, /intact: consistent in itself and with the trust file\n$/);
  });
  const wrong: readonly { readonly name: string; readonly trust: object; readonly seq: number }[] = [
    { name: "another origin", trust: { origin: "rootkeep.example/audit/other/1" }, seq: 0 },
    { name: "another genesis", trust: { origin, genesis: "ab".repeat(32) }, seq: 0 },
    { name: "another head", trust: { origin, head: [{ size: 50, leaf: "ab".repeat(32) }] }, seq: 49 },
    { name: "a head beyond the log", trust: { origin, head: [{ size: 601, leaf: "ab".repeat(32) }] }, seq: 600 },
    { name: "other founders", trust: { origin, foundingFingerprints: [fingerprintOf("alice"), fingerprintOf("mallory")] }, seq: 1 },
    { name: "one founder more", trust: { origin, foundingFingerprints: [fingerprintOf("alice")] }, seq: 1 },
  ];
  for (const { name, trust, seq } of wrong) {
    it(`that names ${name} makes the answer "tampered"`, async () => {
      const { exitCode, out } = await run(await newExport(), "--json", "--trust", await trustFile(trust));
      assert.equal(exitCode, 1);
      assert.equal((JSON.parse(out) as Report).firstBadSeq, seq);
    });
  }
  it("that names only the origin proves only a name, and the report says so", async () => {
    const { exitCode, out } = await run(await newExport(), "--trust", await trustFile({ origin }));
    assert.equal(exitCode, 0);
    assert.match(out, /of its origin only the name was checked/);
  });
  it("that knows a hash before the range is checked all the same: the tree is whole", async () => {
    const trust = await trustFile({ origin, genesis: leafOf(0) });
    assert.equal((await run(await newExport(256, 600), "--from", "256", "--trust", trust)).exitCode, 0);
    const other = await trustFile({ origin, genesis: leafOf(1) });
    assert.equal((await run(await newExport(256, 600), "--from", "256", "--trust", other)).exitCode, 1);
  });
  it("that knows nothing of the range leaves the answer open", async () => {
    const trust = await trustFile({ origin, foundingFingerprints: [fingerprintOf("alice"), fingerprintOf("bob")] });
    const { exitCode, out } = await run(await newExport(256, 600), "--from", "256", "--trust", trust);
    assert.equal(exitCode, 2);
    assert.match(out, /nothing in the trust file lies in the range/);
  });
  it("that cannot be understood whole is refused", async () => {
    const directory = await newExport();
    const broken = [
      "",
      "[]",
      "{}",
      { origin: "a b" },
      { origin, genesys: "ab".repeat(32) },
      { origin, genesis: "ab" },
      { origin, head: {} },
    ];
    for (const trust of [...broken, { origin, head: [{ size: 0, leaf: leafOf(0) }] }, { origin, foundingFingerprints: [] }]) {
      assert.equal((await run(directory, "--trust", await trustFile(trust))).exitCode, 3);
    }
    await mkdir(join(folder, "dir"));
    assert.equal((await run(directory, "--trust", join(folder, "dir"))).exitCode, 3);
  });
});
