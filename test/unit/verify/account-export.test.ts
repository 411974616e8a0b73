import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ACCOUNT_FILES, headsBytes, parseHeads } from "../../../src/audit/account-export-format.js";
import { leafHash } from "../../../src/audit/chain.js";
import { HEARTBEAT_LAG_MAX, readHeartbeat } from "../../../src/audit/heartbeat.js";
import { cosignNote, parseNote, signatureLine } from "../../../src/audit/tlog/note.js";
import { formatVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import type { AccountCheck } from "../../../src/verify/account-checks.js";
import { runVerify } from "../../../src/verify/main.js";
import type { Report } from "../../../src/verify/report.js";
import {
  ACCOUNT_LOG_ORIGIN,
  ACCOUNT_LOG_SIGNER,
  type AccountLogSample,
  accountExportOf,
  bundlesOf,
  type ExportChanges,
  type ExportFiles,
  sampleAccountLog,
} from "../../support/account-export.js";
import { ACCOUNTS, fingerprintOf, writeFiles } from "../../support/sample-log.js";
import { noteOf, receiptOf } from "../../support/signed-export.js";
import { noteSigner } from "../../support/tlog-keys.js";

const [ACCOUNT, OTHER] = ACCOUNTS;
const SIZE = 1_000;
const folders: string[] = [];
const TRUST = { origin: ACCOUNT_LOG_ORIGIN, keys: [formatVerifierKey(ACCOUNT_LOG_SIGNER.key)] };

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "rootkeep-account-"));
  folders.push(path);
  return path;
}

interface Prepared {
  readonly prepare?: (directory: string) => Promise<void>;
  /** Whose export the reader expects. */
  readonly account?: string;
}

async function verify(files: ExportFiles, trust?: object, { prepare, account = ACCOUNT }: Prepared = {}): Promise<Report<AccountCheck>> {
  const place = await folder();
  const directory = join(place, "export");
  await mkdir(directory);
  await writeFiles(directory, files);
  await prepare?.(directory);
  if (trust !== undefined) await writeFiles(place, { "trust.json": JSON.stringify(trust) });
  let out = "";
  const args = trust === undefined ? [] : ["--trust", join(place, "trust.json")];
  const exitCode = await runVerify(
    [directory, "--account", account, "--json", "--quiet", ...args],
    { write: (text) => (out += text) },
    { write: () => true },
  );
  const report = JSON.parse(out) as Report<AccountCheck>;
  assert.equal(exitCode, report.exitCode);
  return report;
}

/** The checks that failed, of an export that must be found to be tampered with. */
function failed(report: Report<AccountCheck>): AccountCheck[] {
  const bad = report.checks.filter(({ status }) => status === "failed");
  assert.equal(report.exitCode, 1, JSON.stringify(report.checks));
  return bad.map(({ check }) => check);
}

/** What the report says of a check. */
function said(report: Report<AccountCheck>, check: AccountCheck): string {
  return report.checks.find((one) => one.check === check)?.message ?? "";
}

/** What it warns of, but that the sample's heartbeat is of long ago. */
function warned(report: Report<AccountCheck>): string[] {
  return report.warnings.filter((warning) => !warning.startsWith("the heartbeat is "));
}

describe("an account export", () => {
  let log: AccountLogSample;
  let mine: readonly number[];
  let acts: readonly number[];
  before(async () => {
    log = await sampleAccountLog(SIZE);
    mine = log.places.get(ACCOUNT) ?? [];
    acts = log.places.get("global") ?? [];
    assert.ok(mine.length > 256 && acts.length > 10);
  });
  after(async () => {
    for (const path of folders) await rm(path, { recursive: true, force: true });
  });

  const files = (changes?: ExportChanges): Promise<ExportFiles> => accountExportOf(log, ACCOUNT, changes);
  /** Without the files that `paths` match. */
  const without = (from: ExportFiles, path: RegExp): ExportFiles =>
    Object.fromEntries(Object.entries(from).filter(([name]) => !path.test(name)));

  it("is intact, and says no more without a trust file than that it is consistent [AC-9] [AC-15]", async () => {
    const report = await verify(await files());
    assert.deepEqual(
      report.checks.filter(({ status }) => status !== "ok").map(({ check, status }) => [check, status]),
      [
        ["quorum", "skipped"],
        ["trust", "skipped"],
      ],
    );
    assert.deepEqual([report.exitCode, report.entries, warned(report)], [0, mine.length + acts.length, []]);
    assert.match(report.statement, /origin not checked/);
    const trusted = await verify(await files(), TRUST);
    assert.equal(trusted.exitCode, 0);
    const told = `all entries of ${ACCOUNT} among the first 1000 entries of the log, of which the last known time is 2026-01-01T00:00:00.000000Z`;
    assert.equal(trusted.statement, `${told}, as the log counted them under a key of the trust file`);
  });
  it("can hold an account of one entry, and a log without global acts", async () => {
    const small = await sampleAccountLog(4, { draft: (draft, seq) => (seq === 1 ? { ...draft, action: "service.started" } : draft) });
    assert.equal(small.places.get("global")?.length, 0);
    const report = await verify(await accountExportOf(small, ACCOUNT), TRUST);
    assert.deepEqual([report.exitCode, report.entries], [0, 1], JSON.stringify(report.checks));
  });

  it("T23: shows a missing entry, wherever it stood, and whatever else was put right [AC-14]", async () => {
    for (const number of [0, 1, 100, 255, 256, mine.length - 1]) {
      const report = await verify(await files({ entries: mine.toSpliced(number, 1) }));
      const bad = failed(report);
      assert.ok(bad.includes("end"), String(number));
      assert.equal(bad.includes("chain"), number < mine.length - 1);
      if (number === mine.length - 1) continue;
      assert.equal(report.firstBadSeq, mine[number + 1]);
      assert.match(said(report, "chain"), new RegExp(`^entry number ${String(number)} of the account is missing`));
    }
  });
  it("shows a cut tail, also where the manifest and the head were cut with it [AC-12]", async () => {
    const cut = mine.slice(0, -3);
    assert.deepEqual(failed(await verify(await files({ entries: cut }))), ["end"]);
    const last = leafHash(log.entries[cut.at(-1)!]!);
    const short = await files({ entries: cut });
    const heads = parseHeads(short[ACCOUNT_FILES.heads] as Buffer);
    const forged = headsBytes({ ...heads, account: { ...heads.account, tip: { ...heads.account.tip, size: cut.length, leaf: last } } });
    assert.deepEqual(failed(await verify({ ...short, [ACCOUNT_FILES.heads]: forged })), ["heads"]);
  });
  it("shows another account's entries, or head, in the place of the asked for one's", async () => {
    const others = log.places.get(OTHER) ?? [];
    assert.ok(failed(await verify(await files({ entries: others }))).includes("account"));
    const swapped = { ...(await files()), [ACCOUNT_FILES.heads]: (await accountExportOf(log, OTHER))[ACCOUNT_FILES.heads]! };
    assert.deepEqual(failed(await verify(swapped)), ["heads"]);
    const renamed = await accountExportOf(log, OTHER, { manifest: { account: ACCOUNT } });
    const bad = failed(await verify(renamed));
    assert.ok(bad.includes("heads") && bad.includes("account"));
    const strange = await verify(await files({ entries: mine.with(9, others[9]!) }));
    assert.deepEqual([failed(strange).includes("account"), strange.firstBadSeq], [true, others[9]]);
  });
  it("shows entries twice, or in another order", async () => {
    const twice = await verify(await files({ entries: mine.toSpliced(10, 0, mine[9]!) }));
    assert.deepEqual([failed(twice).includes("chain"), twice.firstBadSeq], [true, mine[9]]);
    const turned = await verify(await files({ entries: [...mine.slice(0, 10), mine[11]!, mine[10]!, ...mine.slice(12)] }));
    assert.ok(failed(turned).includes("chain"));
    const swapped = await verify(await files({ acts: [acts[1]!, acts[0]!, ...acts.slice(2)] }));
    assert.deepEqual(failed(swapped), ["acts"]);
    assert.match(said(swapped, "acts"), /out of the order of the log/);
    assert.equal(swapped.firstBadSeq, acts[0]);
  });
  it("T1, T18: shows an edited entry, also one that says the same in other bytes", async () => {
    const change = (edit: (text: string) => string, seq = mine[20]!): AccountLogSample => {
      const bytes = Buffer.from(edit(log.entries[seq]!.toString("utf8")), "utf8");
      return { ...log, entries: log.entries.with(seq, bytes) };
    };
    const put = async (changed: AccountLogSample): Promise<ExportFiles> => ({
      ...(await files()),
      ...bundlesOf("entries", changed, mine),
      ...bundlesOf("global", changed, acts),
    });
    const last = await verify(await put(change((text) => text.replace("committed", "denied"), mine.at(-1))));
    assert.deepEqual([failed(last), last.firstBadSeq], [["end", "inclusion"], mine.at(-1)]);
    const act = await verify(await put(change((text) => text.replace("alw_100", "alw_999"), 100)));
    assert.deepEqual([failed(act), act.firstBadSeq], [["acts", "inclusion"], 100]);
    const edited = await verify(await put(change((text) => text.replace("committed", "denied"))));
    assert.deepEqual(failed(edited), ["chain", "inclusion"]);
    assert.equal(edited.firstBadSeq, mine[20]);
    assert.ok(failed(await verify(await put(change((text) => text.replace(",", ", "))))).includes("canonical"));
    assert.ok(failed(await verify(await put(change((text) => text.replace('"v":1', '"v":2'))))).includes("form"));
    assert.ok(
      failed(await verify(await put(change((text) => text.replace(ACCOUNT_LOG_ORIGIN, "other.example/audit/x/1"))))).includes("origin"),
    );
  });
  it("shows a global act that was left out, added or put in another's place", async () => {
    assert.deepEqual(failed(await verify(await files({ acts: acts.slice(1) }))), ["acts"]);
    assert.deepEqual(failed(await verify(await files({ acts: acts.slice(0, -1) }))), ["acts"]);
    for (const [place, seq] of [
      [0, 51],
      [acts.length, SIZE],
    ] as const) {
      const report = await verify(await files({ acts: acts.toSpliced(place, 1, seq) }));
      assert.deepEqual(failed(report), ["acts"]);
      assert.match(said(report, "acts"), /is no global act|later than the heartbeat/);
    }
    const noAct = await verify(await files({ acts: acts.toSpliced(1, 0, 51) }));
    assert.match(said(noAct, "acts"), /is no global act/);
  });
  it("shows a heartbeat that is none, another one, or not of this log", async () => {
    const good = await files();
    const other = await sampleAccountLog(SIZE, { tips: (tips) => tips.slice(1) });
    assert.ok(failed(await verify({ ...good, [ACCOUNT_FILES.heartbeat]: other.entries[SIZE]! })).includes("heartbeat"));
    assert.ok(failed(await verify({ ...good, [ACCOUNT_FILES.heartbeat]: log.entries[5]! })).includes("heartbeat"));
    const plain = await files({ manifest: { heartbeat: 5 } });
    assert.ok(failed(await verify(plain)).includes("heartbeat"));
    const later = await accountExportOf(await sampleAccountLog(SIZE + 1), ACCOUNT);
    for (const name of [ACCOUNT_FILES.checkpoint, ACCOUNT_FILES.heartbeatProof])
      assert.ok(failed(await verify({ ...good, [name]: later[name]! })).some((check) => check === "heartbeat" || check === "signatures"));
  });
  it("shows entries that are later than the heartbeat counts [AC-7]", async () => {
    const early = await sampleAccountLog(SIZE, { asOf: 900 });
    const report = await verify(await accountExportOf(early, ACCOUNT));
    assert.deepEqual(failed(report), ["chain", "acts"]);
    assert.match(said(report, "chain"), /later than the heartbeat counts/);
    assert.match(said(report, "acts"), /later than the heartbeat counts/);
  });
  it("claims no more than what the heartbeat has counted, however late it was written [AC-15]", async () => {
    const early = await sampleAccountLog(200);
    const late = new Date().toISOString().replace("Z", "000Z");
    const held = await sampleAccountLog(SIZE, { asOf: 200, tips: () => early.tips, beatAt: late });
    const before = (seqs: readonly number[]): number[] => seqs.filter((seq) => seq < 200);
    const report = await verify(await accountExportOf(held, ACCOUNT, { entries: before(mine), acts: before(acts) }), TRUST);
    assert.equal(report.exitCode, 0);
    assert.match(report.statement, /among the first 200 entries of the log, of which the last known time is 2026-01-01T00:00:00\.000000Z,/);
    assert.ok(!report.statement.includes(late), "the time of the heartbeat is not that of what it counts");
    assert.match(said(report, "heartbeat"), /^entry 1000 of .* it counts the first 200 entries$/);
  });
  it("is warned of where its heartbeat is old: what came since was perhaps kept back [AC-15]", async () => {
    for (const [minutes, warnings] of [
      [0, 0],
      [15, 0],
      [25, 1],
      [60 * 24 * 3, 1],
    ] as const) {
      const beatAt = new Date(Date.now() - minutes * 60_000).toISOString().replace("Z", "000Z");
      const report = await verify(await accountExportOf(await sampleAccountLog(20, { beatAt }), ACCOUNT), TRUST);
      assert.deepEqual([report.exitCode, report.warnings.length], [0, warnings], report.warnings.join());
      if (warnings > 0) assert.match(report.warnings.join(), /^the heartbeat is (25 minutes|3 days) old: /);
    }
  });
  it("needs a heartbeat that counts all but what others appended meanwhile [AC-7]", () => {
    const facts = { action: "log.heartbeat", outcome: "committed", seq: 500_000 };
    const counting = (asOf: number) => readHeartbeat({ ...facts, details: { asOf, streams: 3, streamsRoot: "ab".repeat(32) } });
    for (const asOf of [500_000, 500_000 - HEARTBEAT_LAG_MAX]) assert.equal(counting(asOf)?.asOf, asOf);
    for (const asOf of [500_001, 500_000 - HEARTBEAT_LAG_MAX - 1, 0, -1, 1.5]) assert.equal(counting(asOf), null);
  });
  it("shows a checkpoint that is not the manifest's, or not the one that the heartbeat is proven to [AC-10] [AC-12]", async () => {
    assert.ok(failed(await verify(await files({ manifest: { size: SIZE + 9 } }))).includes("signatures"));
    const renamed = failed(await verify(await files({ manifest: { origin: "rootkeep.example/audit/other/1" } })));
    assert.ok(renamed.includes("signatures") && renamed.includes("origin"));
    const good = await files();
    const witness = noteSigner("witness.example/w1", "cosignature", Buffer.alloc(32, 9));
    const note = Buffer.from(String(good[ACCOUNT_FILES.checkpoint]), "utf8");
    const line = signatureLine(await cosignNote(parseNote(note).text, witness.key, 1_767_225_600, witness.sign));
    const report = await verify({ ...good, [ACCOUNT_FILES.checkpoint]: Buffer.concat([note, Buffer.from(line)]) });
    assert.deepEqual(failed(report), ["heartbeat"]);
    assert.match(said(report, "heartbeat"), /another checkpoint/);
  });
  it("shows heads that the heartbeat does not vouch for [AC-4]", async () => {
    const good = await files();
    const heads = parseHeads(good[ACCOUNT_FILES.heads] as Buffer);
    assert.deepEqual(failed(await verify({ ...good, [ACCOUNT_FILES.heads]: headsBytes({ ...heads, streams: heads.streams + 1 }) })), [
      "heads",
    ]);
    // The whole of it is made anew: a heartbeat that leaves the account's last entries out cannot be told from here, and is told by whoever
    // computes its root again; but then the entries must fit it.
    const cutTips = await sampleAccountLog(SIZE, {
      tips: (tips) =>
        tips.map((tip) => (tip.stream === ACCOUNT ? { ...tip, size: tip.size - 1, leaf: leafHash(log.entries[mine.at(-2)!]!) } : tip)),
    });
    assert.deepEqual(failed(await verify(await accountExportOf(cutTips, ACCOUNT))), ["end"]);
  });
  it("T13: shows a log that was signed by another key, to whoever knows the right one", async () => {
    const forger = noteSigner(ACCOUNT_LOG_ORIGIN, "ed25519", Buffer.alloc(32, 8));
    const forged = await files({ signer: forger });
    assert.equal((await verify(forged)).exitCode, 0);
    assert.ok(failed(await verify(forged, TRUST)).includes("signatures"));
    assert.ok(
      failed(await verify({ ...(await files()), [ACCOUNT_FILES.keys]: `${formatVerifierKey(forger.key)}\n` })).includes("signatures"),
    );
    assert.ok(
      failed(await verify(await files(), { ...TRUST, origin: "rootkeep.example/audit/other/1", keys: undefined })).includes("trust"),
    );
  });
  it("T16: asks for the witnesses of the reader's policy", async () => {
    const witness = noteSigner("witness.example/w1", "cosignature", Buffer.alloc(32, 9));
    const policy = `log ${TRUST.keys[0]!}\nwitness w1 ${formatVerifierKey(witness.key)}\nquorum w1\n`;
    const report = await verify(
      await files(),
      { origin: ACCOUNT_LOG_ORIGIN, policy: "policy.txt" },
      {
        prepare: (directory) => writeFiles(join(directory, ".."), { "policy.txt": policy }),
      },
    );
    assert.deepEqual(failed(report), ["quorum"]);
  });
  it("is held against hashes, receipts and the founding that its reader knows", async () => {
    const leaf = leafHash(log.entries[mine[7]!]!).toString("hex");
    assert.equal((await verify(await files(), { ...TRUST, head: [{ size: mine[7]! + 1, leaf }] })).exitCode, 0);
    const wrong = await verify(await files(), { ...TRUST, head: [{ size: mine[8]! + 1, leaf }] });
    assert.deepEqual([failed(wrong), wrong.firstBadSeq], [["trust"], mine[8]]);
    assert.deepEqual(failed(await verify(await files(), { ...TRUST, foundingFingerprints: ["5e88"] })), ["trust"]);
    const receipt = (await files())[ACCOUNT_FILES.heartbeatProof]!;
    const held = await verify(
      await files(),
      { ...TRUST, receipts: ["r.tlog-proof"] },
      {
        prepare: (directory) => writeFiles(join(directory, ".."), { "r.tlog-proof": receipt }),
      },
    );
    assert.equal(held.exitCode, 0);
    assert.match(held.warnings.join(), /receipt r\.tlog-proof is of an entry that is not here/);
  });
  it("knows older and newer states from the trust file, and says when nothing of it could be checked [AC-17]", async () => {
    const held = async (trust: object, log = files()): Promise<Report<AccountCheck>> => verify(await log, trust, { prepare: beside });
    const leaves = log.entries.map((entry) => leafHash(entry));
    const early = await sampleAccountLog(300);
    assert.ok(
      early.entries.slice(0, 300).every((entry, seq) => entry.equals(log.entries[seq]!)),
      "one log, at two times",
    );
    const notes = {
      "newer.note": await noteOf(leaves, 900, { log: ACCOUNT_LOG_SIGNER }),
      "receipt.tlog-proof": await receiptOf(leaves, mine.at(-1)!, SIZE + 1, { log: ACCOUNT_LOG_SIGNER }),
      "same.note": await noteOf(leaves, SIZE + 1, { log: ACCOUNT_LOG_SIGNER }),
      "other.note": await noteOf(leaves.toReversed(), SIZE + 1, { log: ACCOUNT_LOG_SIGNER }),
    };
    const beside = (directory: string): Promise<void> => writeFiles(join(directory, ".."), notes);
    const older = accountExportOf(early, ACCOUNT);
    for (const known of [
      { receipts: ["newer.note"] },
      { receipts: ["receipt.tlog-proof"] },
      { head: [{ size: 1_000, leaf: leaves[999]!.toString("hex") }] },
    ]) {
      const report = await held({ ...TRUST, ...known }, older);
      assert.deepEqual(failed(report), ["trust"]);
      assert.match(said(report, "trust"), /knows (900|1000|1001) entries: the log was cut, or the export is older/);
    }
    assert.match(said(await held({ ...TRUST, receipts: ["other.note"] }), "trust"), /it was forked/);
    const same = { origin: ACCOUNT_LOG_ORIGIN, receipts: ["same.note"] };
    assert.equal((await held(same)).exitCode, 0);
    const alone = await held({ ...TRUST, receipts: ["newer.note"] });
    assert.equal(alone.exitCode, 0);
    assert.match(warned(alone).join(), /^receipt newer\.note is a checkpoint alone/);
    const nothing = await held({ origin: ACCOUNT_LOG_ORIGIN, genesis: "ab".repeat(32) });
    assert.equal(nothing.exitCode, 2);
    assert.match(said(nothing, "trust"), /nothing in the trust file is of an entry of the export/);
    assert.equal(
      (await held({ origin: ACCOUNT_LOG_ORIGIN, head: [{ size: mine[7]! + 1, leaf: leaves[mine[7]!]!.toString("hex") }] })).exitCode,
      0,
    );
  });
  it("without a founding is found by whoever knows the founders [AC-17]", async () => {
    const forger = noteSigner(ACCOUNT_LOG_ORIGIN, "ed25519", Buffer.alloc(32, 99));
    const forged = await sampleAccountLog(100, { draft: (draft, seq) => (seq === 1 ? { ...draft, action: "service.started" } : draft) });
    const known = { origin: ACCOUNT_LOG_ORIGIN, foundingFingerprints: ["alice", "bob"].map(fingerprintOf), genesis: "ab".repeat(32) };
    const report = await verify(await accountExportOf(forged, ACCOUNT, { signer: forger }), known);
    assert.deepEqual(failed(report), ["trust"]);
    assert.match(said(report, "trust"), /no founding is in the export/);
  });
  it("is of the account that its reader names, and is never taken for an export of the log [AC-18]", async () => {
    const other = await verify(await files(), TRUST, { account: OTHER });
    assert.deepEqual(failed(other), ["account"]);
    const place = await folder();
    await writeFiles(place, await files());
    let [out, err] = ["", ""];
    const run = (...argv: string[]) => runVerify([place, ...argv], { write: (text) => (out += text) }, { write: (text) => (err += text) });
    assert.equal(await run(), 2);
    assert.match(
      out,
      /^failed +manifest +manifest\.json is of one account's export: say of which account you expect it, --account acc_…$/m,
    );
    assert.ok(!out.includes(ACCOUNT), "the export's own word is not what the reader is told to repeat");
    for (const wrong of [
      ["--account", "acme"],
      ["--account", ACCOUNT, "--from", "256"],
    ])
      assert.equal(await run(...wrong), 3);
    assert.equal(
      await runVerify(["https://vault.example/v1/audit/tlog/", "--account", ACCOUNT], { write: () => true }, { write: () => true }),
      3,
    );
    assert.match(err, /--account is/);
  });
  it("shows a proof that is missing, of something else, or out of order [AC-13]", async () => {
    const good = await files();
    const lines = String(good[ACCOUNT_FILES.proofs]).trimEnd().split("\n");
    const put = (changed: readonly string[]): ExportFiles => ({ ...good, [ACCOUNT_FILES.proofs]: `${changed.join("\n")}\n` });
    const gone = await verify(put(lines.toSpliced(30, 1)));
    assert.deepEqual(failed(gone), ["inclusion"]);
    const [first, second, ...rest] = lines;
    assert.deepEqual(failed(await verify(put([second!, first!, ...rest]))), ["inclusion"]);
    assert.deepEqual(failed(await verify(put([...lines, "{}"]))), ["inclusion"]);
    assert.deepEqual(failed(await verify(put([first!.replace('"seq":1}', '"seq":2}'), second!, ...rest]))), ["inclusion"]);
    const extra = await files({ acts: [...acts, 901] });
    assert.deepEqual(failed(await verify({ ...good, [ACCOUNT_FILES.proofs]: extra[ACCOUNT_FILES.proofs]! })), ["inclusion"]);
  });
  it("is incomplete where something is missing that is needed, and never intact [AC-15]", async () => {
    const good = await files();
    for (const name of Object.values(ACCOUNT_FILES)) {
      const report = await verify(without(good, new RegExp(`^${name.replace(".", "\\.")}$`)));
      assert.equal(report.exitCode, name === ACCOUNT_FILES.guide ? 0 : 2, name);
    }
    assert.ok(failed(await verify(without(good, /^entries\/000$/))).includes("bundles"));
    assert.ok(failed(await verify(without(good, /^global\//))).includes("bundles"));
    const odd = { ...good, [ACCOUNT_FILES.manifest]: String(good[ACCOUNT_FILES.manifest]).replace('"acts"', '"act"') };
    assert.equal((await verify(odd)).exitCode, 2);
  });
  it("is soon done with where its manifest asks for more than there is anywhere", async () => {
    for (const count of ["entries", "acts"]) {
      const report = await verify(await files({ manifest: { [count]: Number.MAX_SAFE_INTEGER } }), TRUST);
      assert.ok(failed(report).includes("bundles"), count);
    }
  });
  it("holds no other bundles, follows no links, and warns of other files [AC-11]", async () => {
    const good = await files();
    assert.deepEqual(failed(await verify({ ...good, ...bundlesOf("entries", log, mine.slice(0, 7)) })), ["layout"]);
    assert.deepEqual(
      failed(await verify(good, undefined, { prepare: (directory) => symlink("/dev/null", join(directory, "entries", "x")) })),
      ["layout"],
    );
    assert.match((await verify({ ...good, "note.txt": "hello" })).warnings.join(), /another kind/);
    const linked = await verify(without(good, /^heartbeat\.json$/), undefined, {
      prepare: (directory) => symlink(join(directory, "manifest.json"), join(directory, "heartbeat.json")),
    });
    assert.notEqual(linked.exitCode, 0);
  });
});
