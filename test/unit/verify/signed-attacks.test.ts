import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { checkpointPath, EXPORT_FILES } from "../../../src/audit/export-format.js";
import { formatVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import {
  type Elsewhere,
  type Exported,
  exported,
  failedAt,
  headOf,
  leavesOf,
  SIZE,
  saidOf,
  verify,
} from "../../support/attacked-export.js";
import { SAMPLE_ORIGIN, SAMPLE_SIGNER, sampleManifest, sampleSizes, writeFiles } from "../../support/sample-log.js";
import { noteFiles, noteOf, receiptOf, rootOf, tileFiles } from "../../support/signed-export.js";
import { noteSigner } from "../../support/tlog-keys.js";

const K = 128;
/** Size of the newest checkpoint before entry K: from there on the log's word is missing. */
const SIGNED_BEFORE_K = 100;
const KEY = formatVerifierKey(SAMPLE_SIGNER.key);
const SIGNERS = { log: SAMPLE_SIGNER };
const WITNESSES = [1, 2, 3].map((n) => noteSigner(`witness.example/w${String(n)}`, "cosignature", Buffer.alloc(32, 20 + n)));
const POLICY = [
  ...WITNESSES.map(({ key }, index) => `witness w${String(index + 1)} ${formatVerifierKey(key)}`),
  "group two 2 w1 w2 w3",
  "quorum two",
  "",
].join("\n");

/** A history in which entry K says something else, and everything behind it follows. */
const forged = (): Exported => exported((seq, draft) => (seq === K ? { draft: { ...draft, outcome: "denied" } } : {}));

describe("the attacks on a signed log", () => {
  const good = exported();
  let receipt: Buffer;
  let note: Buffer;
  before(async () => {
    receipt = await receiptOf(good.leaves, 290, 295, SIGNERS);
    note = await noteOf(good.leaves, SIZE, SIGNERS);
  });
  const withReceipt = (): Elsewhere => ({
    trust: { origin: SAMPLE_ORIGIN, receipts: ["a.tlog-proof"] },
    files: { "a.tlog-proof": receipt },
  });
  const withNote = (): Elsewhere => ({ trust: { origin: SAMPLE_ORIGIN, receipts: ["seen.note"] }, files: { "seen.note": note } });
  const withKey: Elsewhere = { trust: { origin: SAMPLE_ORIGIN, keys: [KEY] } };

  it("none: a good log is intact by every kind of knowledge", async () => {
    for (const elsewhere of [withReceipt(), withNote(), withKey]) {
      const report = await verify(good, undefined, elsewhere);
      assert.deepEqual([report.exitCode, report.statement], [0, "consistent in itself and with the trust file"]);
    }
    const report = await verify(good, (folder) => writeFiles(folder, { "anchors/bucket/300.note": note }));
    assert.equal(report.exitCode, 0);
    assert.equal(saidOf(report, "anchors"), "1 notes lie on this tree");
    assert.equal(saidOf(report, "consistency"), "5 signed checkpoints lie on one tree");
  });

  it("T2: an entry that was edited with its leaf hash is named", async () => {
    const entry = Buffer.from((good.entries[K] ?? "").toString().replace("close-account", "break-account"));
    const log = { ...good, entries: good.entries.with(K, entry) };
    const leaves = leavesOf(log.entries);
    const report = await verify(log, (folder) => writeFiles(folder, tileFiles(leaves)));
    const checks = failedAt(report, SIGNED_BEFORE_K);
    assert.ok(checks.includes("chain") && checks.includes("tree"));
    assert.match(saidOf(report, "chain"), /entry 129 does not carry the hash of entry 128/);
  });
  it("T3: a chain that was recomputed from an entry on is between two checkpoints, of which the later one does not hold", async () => {
    const log = { ...forged(), leaves: good.leaves };
    assert.ok(failedAt(await verify(log), K).includes("leaves"));
    const report = await verify(log, (folder) => writeFiles(folder, tileFiles(leavesOf(log.entries))));
    assert.deepEqual(failedAt(report, SIGNED_BEFORE_K), ["tree", "consistency"]);
    assert.match(saidOf(report, "consistency"), /256 entries has another root: one of the entries 100 to 255/);
  });
  it("T5: a tail that is missing is known to the checkpoint", async () => {
    const entries = good.entries.slice(0, 290);
    const openings = good.openings.filter(({ seq }) => seq < 290);
    const cut = { ...good, entries, openings, manifest: sampleManifest(headOf(entries), 290), leaves: good.leaves.slice(0, 290) };
    const report = await verify(cut, (folder) => writeFiles(folder, { [EXPORT_FILES.checkpoint]: note }));
    assert.deepEqual(failedAt(report, 290), ["tree"]);
  });
  it("T6: a tail that was cut with everything signed behind it is known to a receipt, a note, a head", async () => {
    const entries = good.entries.slice(0, 290);
    const openings = good.openings.filter(({ seq }) => seq < 290);
    const cut = { entries, openings, manifest: sampleManifest(headOf(entries), 290), leaves: good.leaves.slice(0, 290) };
    assert.equal((await verify(cut)).exitCode, 0, "nothing in the export tells");
    const head = { trust: { origin: SAMPLE_ORIGIN, head: [{ size: SIZE, leaf: good.manifest.head }] } };
    for (const elsewhere of [withReceipt(), withNote(), head])
      assert.deepEqual(failedAt(await verify(cut, undefined, elsewhere), 290), ["trust"]);
    const anchored = await verify(cut, (folder) => writeFiles(folder, { "anchors/300.note": note }));
    assert.deepEqual(failedAt(anchored, 290), ["anchors"]);
  });
  it("T10: two signed roots of one size are a fork, wherever they stand [AX-13] [AX-15]", async () => {
    const other = await noteOf(good.leaves, SIZE, SIGNERS, rootOf(forged().leaves));
    const newest = await verify(good, (folder) => writeFiles(folder, { [EXPORT_FILES.checkpoint]: other }));
    assert.deepEqual(failedAt(newest, 280), ["tree", "consistency"]);
    assert.match(saidOf(newest, "consistency"), /has signed two roots of 300 entries .* it was forked/);
    const anchored = await verify(good, (folder) => writeFiles(folder, { "anchors/300.note": other }));
    assert.deepEqual(failedAt(anchored, 280), ["anchors"]);
    assert.match(saidOf(anchored, "anchors"), /it was forked/);
  });
  it("T13: a log that was signed anew with another key passes by that key, and not by the one that is known [AX-14]", async () => {
    const thief = noteSigner(SAMPLE_ORIGIN, "ed25519", Buffer.alloc(32, 66));
    const log = forged();
    const resign = async (folder: string): Promise<void> =>
      writeFiles(folder, await noteFiles(log.leaves, sampleSizes(SIZE), { log: thief }));
    const report = await verify(log, resign);
    assert.equal(report.exitCode, 0, "nothing in the export tells");
    assert.match(report.statement, /origin not checked/);
    assert.ok(failedAt(await verify(log, resign, withKey), 0).includes("signatures"));
    assert.ok(failedAt(await verify(log, resign, withReceipt()), 0).includes("trust"));
  });
  it("T14: a log that was signed anew with the stolen key passes without anchors, and not with one", async () => {
    const log = forged();
    assert.equal((await verify(log)).exitCode, 0, "nothing in the export tells");
    assert.equal((await verify(log, undefined, withKey)).exitCode, 0, "nor does the key");
    const anchored = await verify(log, (folder) => writeFiles(folder, { "anchors/300.note": note }));
    assert.deepEqual(failedAt(anchored, 280), ["anchors"]);
    assert.match(saidOf(anchored, "anchors"), /has signed two roots of 300 entries/);
    assert.deepEqual(failedAt(await verify(log, undefined, withReceipt()), 280), ["trust"]);
    assert.deepEqual(failedAt(await verify(log, undefined, withNote()), 280), ["trust"]);
    const earlier = { trust: { origin: SAMPLE_ORIGIN, receipts: ["b"] }, files: { b: await noteOf(good.leaves, 130, SIGNERS) } };
    assert.deepEqual(failedAt(await verify(log, undefined, earlier), SIGNED_BEFORE_K), ["trust"]);
  });
  it("a receipt that was cut to fit another entry is named", async () => {
    const text = (await receiptOf(good.leaves, 290, 295, SIGNERS)).toString().replace("index 290", "index 291");
    const report = await verify(good, undefined, { trust: { origin: SAMPLE_ORIGIN, receipts: ["r"] }, files: { r: text } });
    assert.deepEqual(failedAt(report, 291), ["trust"]);
  });
  it("T24: a checkpoint beyond the head is named", async () => {
    const longer = exported(undefined, 310);
    const beyond = await noteOf(longer.leaves, 310, SIGNERS);
    assert.deepEqual(failedAt(await verify(good, (folder) => writeFiles(folder, { [EXPORT_FILES.checkpoint]: beyond })), SIZE), ["tree"]);
    assert.deepEqual(failedAt(await verify(good, (folder) => writeFiles(folder, { [checkpointPath(310)]: beyond })), SIZE), [
      "consistency",
    ]);
  });
  it("T24: a checkpoint before the head is named: nothing vouches for what is behind it", async () => {
    const older = await noteOf(good.leaves, 290, SIGNERS);
    assert.deepEqual(failedAt(await verify(good, (folder) => writeFiles(folder, { [EXPORT_FILES.checkpoint]: older })), 290), ["tree"]);
  });
  it("a note of another log, or under another size, is named", async () => {
    const foreign = noteSigner("rootkeep.example/audit/other/1", "ed25519", Buffer.alloc(32, 7));
    const other = await noteOf(good.leaves, SIZE, { log: foreign });
    const report = await verify(good, (folder) => writeFiles(folder, { [checkpointPath(280)]: other }));
    assert.deepEqual(failedAt(report, 256), ["signatures"]);
    const moved = await verify(good, (folder) => writeFiles(folder, { [checkpointPath(280)]: note }));
    assert.deepEqual(failedAt(moved, 256), ["consistency"]);
    assert.match(saidOf(moved, "consistency"), /holds the checkpoint of another size/);
  });
  it("without checkpoint or key the answer is incomplete, never intact", async () => {
    for (const path of [EXPORT_FILES.checkpoint, EXPORT_FILES.keys])
      assert.equal((await verify(good, (folder) => rm(join(folder, path)))).exitCode, 2, path);
    assert.equal(
      (await verify(good, (folder) => rm(join(folder, EXPORT_FILES.keys)), withKey)).exitCode,
      0,
      "the trust file knows the key",
    );
  });
});

describe("T15 and T17: the tiles of an export", () => {
  const good = exported();
  const flip =
    (path: string, at: number) =>
    async (folder: string): Promise<void> => {
      const bytes = await readFile(join(folder, path));
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(join(folder, path), bytes);
    };

  it("name the entry whose hash has a flipped bit", async () => {
    assert.ok(failedAt(await verify(good, flip("tile/0/000", 32 * K + 5)), SIGNED_BEFORE_K).includes("leaves"));
    const report = await verify(good, flip("tile/0/001.p/44", 32 * 43));
    assert.equal(report.checks.find(({ check }) => check === "leaves")?.seq, SIZE - 1);
  });
  it("name the first entry under a higher hash that has a flipped bit", async () => {
    assert.deepEqual(failedAt(await verify(good, flip("tile/1/000.p/1", 3)), 0), ["tree"]);
    const large = exported(undefined, 600);
    assert.deepEqual(failedAt(await verify(large, flip("tile/1/000.p/2", 35)), 256), ["tree"]);
  });
  it("cannot be missing, cut or doubled", async () => {
    for (const [path, seq] of [
      ["tile/0/000", 0],
      ["tile/0/001.p/44", 256],
      ["tile/1/000.p/1", 0],
    ] as const) {
      assert.deepEqual(failedAt(await verify(good, (folder) => rm(join(folder, path))), seq), ["tree"], path);
      const cut = async (folder: string): Promise<void> => writeFile(join(folder, path), (await readFile(join(folder, path))).subarray(32));
      assert.ok(failedAt(await verify(good, cut), seq).includes("tree"), path);
    }
    const report = await verify(good, (folder) => writeFiles(folder, { "tile/0/001.p/3": Buffer.concat(good.leaves.slice(256, 259)) }));
    assert.equal(report.exitCode, 1);
    assert.equal(report.checks.find(({ check }) => check === "layout")?.status, "failed");
  });
});

describe("T16: cosignatures", () => {
  const good = exported();
  const trust = { origin: SAMPLE_ORIGIN, keys: [KEY], policy: "policy.txt" };
  const elsewhere: Elsewhere = { trust, files: { "policy.txt": POLICY } };
  const cosigned =
    (count: number, sizes: readonly number[]) =>
    async (folder: string): Promise<void> => {
      const witnesses = WITNESSES.slice(0, count);
      await writeFiles(folder, { [EXPORT_FILES.checkpoint]: await noteOf(good.leaves, SIZE, { log: SAMPLE_SIGNER, witnesses }) });
      for (const size of sizes)
        await writeFiles(folder, { [checkpointPath(size)]: await noteOf(good.leaves, size, { log: SAMPLE_SIGNER, witnesses: WITNESSES }) });
    };

  it("of a quorum make the log intact [AL-11]", async () => {
    const report = await verify(good, cosigned(2, []), elsewhere);
    assert.equal(report.exitCode, 0);
    assert.equal(saidOf(report, "quorum"), "the witnesses of the policy have cosigned all entries");
  });
  it("below the quorum are named with the first entry that nobody cosigned", async () => {
    assert.deepEqual(failedAt(await verify(good, cosigned(1, []), elsewhere), 0), ["quorum"]);
    assert.deepEqual(failedAt(await verify(good, cosigned(1, [280]), elsewhere), 280), ["quorum"]);
  });
  it("are not asked for without a policy, and the report says so", async () => {
    const report = await verify(good);
    assert.match(saidOf(report, "quorum"), /witnesses were not asked for/);
  });
  it("that do not verify spoil the note", async () => {
    const spoil = async (folder: string): Promise<void> => {
      const note = (await noteOf(good.leaves, SIZE, { log: SAMPLE_SIGNER, witnesses: WITNESSES })).toString();
      const other = (await noteOf(good.leaves, 299, { log: SAMPLE_SIGNER, witnesses: WITNESSES })).toString();
      const line = (text: string): string => text.split("\n").find((part) => part.includes("/w1 ")) ?? "";
      await writeFiles(folder, { [EXPORT_FILES.checkpoint]: note.replace(line(note), line(other)) });
    };
    assert.ok(failedAt(await verify(good, spoil, elsewhere), 0).includes("signatures"));
  });
});

describe("a key that another one has followed", () => {
  const good = exported();
  const next = noteSigner(SAMPLE_ORIGIN, "ed25519", Buffer.alloc(32, 9));
  const keys = [`${KEY} 256`, formatVerifierKey(next.key)];
  const rotated = async (folder: string): Promise<void> => {
    const notes = await noteFiles(good.leaves, [280, SIZE], { log: next });
    await writeFiles(folder, { ...notes, [EXPORT_FILES.keys]: `${keys.join("\n")}\n` });
  };

  it("may sign up to its last size, and the next one from there on", async () => {
    assert.equal((await verify(good, rotated)).exitCode, 0);
    assert.equal((await verify(good, rotated, { trust: { origin: SAMPLE_ORIGIN, keys } })).exitCode, 0);
  });
  it("may not sign beyond it [AL-6]", async () => {
    const late = async (folder: string): Promise<void> => {
      await rotated(folder);
      await writeFiles(folder, { [checkpointPath(280)]: await noteOf(good.leaves, 280, SIGNERS) });
    };
    assert.deepEqual(failedAt(await verify(good, late), 256), ["signatures"]);
  });
});
