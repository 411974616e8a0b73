import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { ChainVerifier } from "../../../src/audit/chain-verifier.js";
import { heartbeatDetails, heartbeatId, heartbeatIdBeside } from "../../../src/audit/heartbeat.js";
import { headsRoot, type StreamTip } from "../../../src/audit/stream-heads.js";
import { HeadsReplay } from "../../../src/verify/heads-replay.js";
import { HeartbeatCheck } from "../../../src/verify/heartbeat-check.js";
import { EXPORT_CHECKS, type Report, ReportBuilder } from "../../../src/verify/report.js";
import { failedAt, saidOf, verify } from "../../support/attacked-export.js";
import { BEATING_SIZE, type Beat, type BendBeat, beatingLog, type OtherEntry, restated } from "../../support/beating-log.js";
import { SAMPLE_ORIGIN, sampleId, sampleTime } from "../../support/sample-log.js";
import { naiveRoot } from "../../support/tlog-tree.js";

const WRONG = 180;
/** One heartbeat states other tips; everything else in the log is right. */
const stating =
  (tipsOf: (beat: Beat, tipsAt: (size: number) => StreamTip[]) => readonly StreamTip[]): BendBeat =>
  (seq, beat, tipsAt) =>
    seq === WRONG ? restated(beat, tipsOf(beat, tipsAt)) : undefined;

describe("the heartbeats of a log, computed from its entries", () => {
  it("state the heads that the entries have [AC-16]", async () => {
    const report = await verify(await beatingLog());
    assert.equal(report.exitCode, 0, JSON.stringify(report.checks));
    assert.equal(saidOf(report, "heartbeats"), "5 heartbeats state the heads that the entries have");
  });
  it("are not computed where the log's beginning is not there, and are said not to be there where there is none", async () => {
    const log = await beatingLog();
    const manifest = { ...log.manifest, from: 256 };
    const report = await verify({ ...log, manifest, entries: log.entries.slice(256) });
    assert.deepEqual(
      report.checks.flatMap(({ check, status }) => (status === "failed" ? [check] : [])),
      ["manifest"],
    );
    assert.equal(report.checks.find(({ check }) => check === "heartbeats")?.status, "skipped");
    assert.equal(saidOf(await verify(await beatingLog(undefined, 10, [])), "heartbeats"), "there is no heartbeat");
  });

  const attacks: readonly { readonly name: string; readonly bend: BendBeat; readonly says: RegExp }[] = [
    {
      name: "leaves an account out",
      bend: stating(({ tips }) => tips.toSpliced(3, 1)),
      says: /counts 59 heads, the first 180 entries have 60/,
    },
    {
      name: "leaves an account out and counts another twice as big a tree",
      bend: stating(({ tips }) => [...tips.slice(1), { ...tips[0]!, stream: "zzz_00000000000000000000000000" }]),
      says: /states other heads/,
    },
    {
      name: "states an old head of one account",
      bend: stating(({ tips }, tipsAt) => {
        const old = new Map(tipsAt(120).map((tip) => [tip.stream, tip]));
        const moved = tips.findIndex(({ stream, size }) => stream !== "global" && (old.get(stream)?.size ?? size) < size);
        return tips.with(moved, old.get(tips[moved]?.stream ?? "") ?? assert.fail());
      }),
      says: /states other heads/,
    },
    {
      name: "states another account's head for one",
      bend: stating(({ tips }) => tips.with(4, { ...tips[4]!, leaf: tips[5]!.leaf })),
      says: /states other heads/,
    },
    {
      name: "states the head of an account that the log has not",
      bend: stating(({ tips }) => [{ stream: "aaa_00000000000000000000000000", size: 1, leaf: leafHash(Buffer.from("x")) }, ...tips]),
      says: /counts 61 heads/,
    },
    {
      name: "leaves a global act out",
      bend: stating((beat, tipsAt) =>
        beat.tips.map((tip) => (tip.stream === "global" ? tipsAt(100).find(({ stream }) => stream === "global")! : tip)),
      ),
      says: /states other heads/,
    },
    {
      name: "states the heads of before the last one",
      bend: (seq, _beat, tipsAt) =>
        seq === WRONG ? restated({ ..._beat, heartbeat: { ..._beat.heartbeat, asOf: 90 } }, tipsAt(90)) : undefined,
      says: /states heads of 90 entries, which are of long before/,
    },
    { name: "states nothing", bend: (seq) => (seq === WRONG ? Promise.resolve({ details: {} }) : undefined), says: /has not its form/ },
    {
      name: "comes from a person",
      bend: (seq) => (seq === WRONG ? Promise.resolve({ actor: { type: "person", id: "per_x" } }) : undefined),
      says: /has not its form/,
    },
    {
      name: "follows another one",
      bend: (seq) => (seq === WRONG ? Promise.resolve({ id: heartbeatId(SAMPLE_ORIGIN, sampleId(5)) }) : undefined),
      says: /does not follow the one before it/,
    },
  ];
  for (const { name, bend, says } of attacks) {
    it(`name the first one that ${name} [AC-16]`, async () => {
      const report = await verify(await beatingLog(bend));
      assert.deepEqual(failedAt(report, WRONG), ["heartbeats"]);
      assert.match(saidOf(report, "heartbeats"), says);
    });
  }

  describe("stand under another id where somebody has taken theirs [AC-8]", () => {
    /** Somebody takes the id of heartbeat 180 long before; its writer goes beside. */
    const squat: OtherEntry = (seq, before) =>
      seq === 105 ? { id: heartbeatId(SAMPLE_ORIGIN, before), action: "service.started" } : undefined;
    const beside =
      (leafOf: (beat: Beat) => Buffer | undefined): BendBeat =>
      (seq, beat) => {
        const leaf = leafOf(beat)?.toString("hex");
        if (seq !== WRONG || leaf === undefined) return undefined;
        const details = { ...heartbeatDetails(beat.heartbeat, null), beside: leaf };
        return Promise.resolve({ id: heartbeatIdBeside(SAMPLE_ORIGIN, beat.before, leaf), details });
      };
    const lastCounted = ({ leaves, heartbeat }: Beat): Buffer | undefined => leaves[heartbeat.asOf - 1];
    const of = async (bend: BendBeat, other?: OtherEntry): Promise<Report> => verify(await beatingLog(bend, undefined, undefined, other));
    it("and are right there, and so is the next one", async () => {
      const report = await of(beside(lastCounted), squat);
      assert.equal(report.exitCode, 0, JSON.stringify(report.checks));
    });
    it("but only there: with the hash of another entry, or where theirs was free, they are found", async () => {
      for (const report of [
        await of(
          beside(({ leaves, heartbeat }) => leaves[heartbeat.asOf - 2]),
          squat,
        ),
        await of(beside(lastCounted)),
      ]) {
        assert.deepEqual(failedAt(report, WRONG), ["heartbeats"]);
        assert.match(saidOf(report, "heartbeats"), /does not follow the one before it/);
      }
    });
  });
  it("are told to have stayed away for long [AC-8]", async () => {
    const night = (seq: number): string =>
      new Date(Date.parse(sampleTime(seq)) + (seq > 150 ? 9 * 3_600_000 : 0)).toISOString().replace("Z", "000Z");
    const report = await verify(await beatingLog(undefined, undefined, undefined, undefined, night));
    assert.equal(report.exitCode, 0, JSON.stringify(report.checks));
    assert.match(saidOf(report, "heartbeats"), /; the longest time without one was 9 hours, up to entry 180$/);
  });
  it("may not lie further behind than a verifier keeps in mind [AC-7]", async () => {
    const log = await beatingLog((seq, beat, tipsAt) =>
      seq === WRONG ? restated({ ...beat, heartbeat: { ...beat.heartbeat, asOf: 110 } }, tipsAt(110)) : undefined,
    );
    for (const [lagMax, exitCode] of [
      [70, 0],
      [69, 1],
    ] as const) {
      const report = new ReportBuilder(EXPORT_CHECKS);
      const chain = new ChainVerifier(SAMPLE_ORIGIN);
      const check = new HeartbeatCheck({ from: 0 }, report, chain, lagMax);
      for (const entry of log.entries) check.add(chain.add(entry));
      check.finish();
      const built = report.build({ origin: null, from: 0, to: BEATING_SIZE, entries: BEATING_SIZE }, "");
      assert.equal(built.exitCode, exitCode);
      assert.equal(built.firstBadSeq, exitCode === 0 ? null : WRONG);
    }
  });
});

const account = (number: number): string => `acc_${String(number).padStart(26, "0")}`;

describe("the tree of heads, kept while a log is read", () => {
  it("has the root of a tree that is built at once, whatever grew and came between [AC-3]", async () => {
    const replay = new HeadsReplay();
    const tips = new Map<string, StreamTip>();
    const acts: Buffer[] = [];
    for (let step = 0; step < 2_000; step++) {
      const leaf = leafHash(Buffer.from(String(step)));
      const stream = account((step * step * 7919) % (step % 3 === 0 ? 400 : 90));
      if (step % 13 === 0) {
        acts.push(leaf);
        replay.act(leaf);
      } else {
        tips.set(stream, { stream, size: (tips.get(stream)?.size ?? 0) + 1, leaf });
        replay.extend(stream, leaf);
      }
      if (step % 17 > 2) continue;
      tips.set("global", { stream: "global", size: acts.length, leaf: naiveRoot(acts) });
      const all = [...tips.values()].sort((one, other) => (one.stream < other.stream ? -1 : 1));
      assert.equal(replay.size, all.length);
      assert.deepEqual(replay.root(), await headsRoot(all), String(step));
      assert.deepEqual(replay.root(), await headsRoot(all), "asked again");
    }
  });
});
