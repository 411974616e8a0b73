import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { checkpointPath, EXPORT_FILES } from "../../../src/audit/export-format.js";
import { formatVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { type Elsewhere, type Exported, exported, failedAt, leavesOf, SIZE, saidOf, verify } from "../../support/attacked-export.js";
import { SAMPLE_ORIGIN, SAMPLE_SIGNER, writeFiles } from "../../support/sample-log.js";
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

describe("what the verifier says of what a log has signed", () => {
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

  it("a chain that was recomputed from an entry on is between two checkpoints, of which the later one does not hold", async () => {
    const log = { ...forged(), leaves: good.leaves };
    assert.ok(failedAt(await verify(log), K).includes("leaves"));
    const report = await verify(log, (folder) => writeFiles(folder, tileFiles(leavesOf(log.entries))));
    assert.deepEqual(failedAt(report, SIGNED_BEFORE_K), ["tree", "consistency"]);
    assert.match(saidOf(report, "consistency"), /256 entries has another root: one of the entries 100 to 255/);
  });
  it("two signed roots of one size are a fork, wherever they stand [AX-13] [AX-15]", async () => {
    const other = await noteOf(good.leaves, SIZE, SIGNERS, rootOf(forged().leaves));
    const newest = await verify(good, (folder) => writeFiles(folder, { [EXPORT_FILES.checkpoint]: other }));
    assert.deepEqual(failedAt(newest, 280), ["tree", "consistency"]);
    assert.match(saidOf(newest, "consistency"), /has signed two roots of 300 entries .* it was forked/);
    const anchored = await verify(good, (folder) => writeFiles(folder, { "anchors/300.note": other }));
    assert.deepEqual(failedAt(anchored, 280), ["anchors"]);
    assert.match(saidOf(anchored, "anchors"), /it was forked/);
  });
  it("a receipt that was cut to fit another entry is named", async () => {
    const text = (await receiptOf(good.leaves, 290, 295, SIGNERS)).toString().replace("index 290", "index 291");
    const report = await verify(good, undefined, { trust: { origin: SAMPLE_ORIGIN, receipts: ["r"] }, files: { r: text } });
    assert.deepEqual(failedAt(report, 291), ["trust"]);
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

describe("cosignatures", () => {
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
  it("are not asked for without a policy, and the report says so", async () => {
    const report = await verify(good);
    assert.match(saidOf(report, "quorum"), /witnesses were not asked for/);
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
