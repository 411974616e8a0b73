import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { bundles } from "../../../src/audit/bundle.js";
import type { JsonObject } from "../../../src/audit/canonical-json.js";
import { leafHash } from "../../../src/audit/chain.js";
import type { EntryDraft } from "../../../src/audit/entry.js";
import { checkpointPath, EXPORT_FILES, manifestBytes } from "../../../src/audit/export-format.js";
import { formatKeyLine, type KeyLine } from "../../../src/audit/key-lines.js";
import { ExportDirectory } from "../../../src/verify/export-directory.js";
import type { Report } from "../../../src/verify/report.js";
import type { Trust } from "../../../src/verify/trust.js";
import { verifyExport } from "../../../src/verify/verify-export.js";
import { SAMPLE_ORIGIN, sampleId, sampleLog, sampleManifest } from "../../support/sample-log.js";
import { noteOf, tileFiles } from "../../support/signed-export.js";
import { type NoteSigner, noteSigner } from "../../support/tlog-keys.js";

const SECOND = "rootkeep.example/audit/sample/2";
const SEED = Buffer.alloc(32, 7);
const ONE = noteSigner(SAMPLE_ORIGIN, "ed25519", SEED);
const TWO = noteSigner(SECOND, "ed25519", SEED);
/** 300 entries were signed; 290 were restored; the log went on to 310. */
const [LOST, LEFT, SIZE, SIGNED] = [300, 290, 310, 280] as const;

interface Bent {
  readonly details?: JsonObject;
  /** Place from which on entries carry the second epoch's name. */
  readonly from?: number;
  readonly isOneNamed?: boolean;
  readonly keys?: readonly KeyLine[];
  readonly oldNotes?: readonly number[];
  readonly action?: EntryDraft["action"];
}

describe("the verifier, of a log that was reopened", () => {
  const made: string[] = [];
  after(async () => {
    for (const directory of made) await rm(directory, { recursive: true, force: true });
  });

  const lostLeaves = sampleLog(LOST).entries.map((entry) => leafHash(entry));

  async function honest(signer: NoteSigner = ONE): Promise<JsonObject> {
    const [signed, guard] = await Promise.all([SIGNED, LOST].map((size) => noteOf(lostLeaves, size, { log: signer })));
    return { previous: SAMPLE_ORIGIN, signed: String(signed), guard: String(guard), lost: { from: LEFT, to: LOST } };
  }

  async function verified(bent: Bent = {}, trust?: Trust): Promise<Report> {
    const details = bent.details ?? (await honest());
    const { from = LEFT, action = "log.reopened" } = bent;
    const { entries } = sampleLog(SIZE, (seq, draft, position) => ({
      draft: seq === LEFT ? { id: sampleId(seq), action, outcome: "committed", actor: { type: "system" }, details } : draft,
      position:
        seq === LEFT
          ? withoutStream({ ...position, log: seq < from ? SAMPLE_ORIGIN : SECOND })
          : { ...position, log: seq < from ? SAMPLE_ORIGIN : SECOND },
    }));
    const leaves = entries.map((entry) => leafHash(entry));
    const directory = await mkdtemp(join(tmpdir(), "rootkeep-epochs-"));
    made.push(directory);
    const keys = bent.keys ?? [
      { key: TWO.key, lastSize: null },
      { key: ONE.key, lastSize: SIGNED },
    ];
    const files: Record<string, string | Buffer> = {
      [EXPORT_FILES.keys]: keys.map((line) => `${formatKeyLine(line)}\n`).join(""),
      [EXPORT_FILES.checkpoint]: await noteOf(leaves, SIZE, { log: TWO }),
      [EXPORT_FILES.manifest]: manifestBytes(
        sampleManifest(leaves.at(-1)?.toString("hex") ?? "", SIZE, { origin: SECOND, disclosures: false }),
      ),
      [checkpointPath(LEFT + 1)]: await noteOf(leaves, LEFT + 1, { log: TWO }),
      [checkpointPath(SIZE)]: await noteOf(leaves, SIZE, { log: TWO }),
      ...tileFiles(leaves),
    };
    for (const size of bent.oldNotes ?? [100, SIGNED]) files[checkpointPath(size)] = await noteOf(leaves, size, { log: ONE });
    for await (const { path, bytes } of bundles(each(entries), 0)) files[path] = bytes;
    for (const [path, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), bytes);
    }
    return await verifyExport(new ExportDirectory(directory), trust === undefined ? {} : { trust });
  }

  function epochs(report: Report) {
    return report.checks.find(({ check }) => check === "epochs");
  }

  it("finds both epochs whole and names the gap", async () => {
    const report = await verified();
    assert.equal(report.verdict, "intact", JSON.stringify(report.checks.filter(({ status }) => status === "failed")));
    assert.match(epochs(report)?.message ?? "", /entries 290 to 299 are lost; entries 280 to 289 were restored, but never signed/);
  });

  const attacks: readonly {
    readonly name: string;
    readonly bend: () => Promise<Bent>;
    readonly check: string;
    readonly verdict?: string;
  }[] = [
    {
      name: "a gap that is told smaller",
      bend: async () => ({ details: { ...(await honest()), lost: { from: LEFT, to: LOST - 5 } } }),
      check: "epochs",
    },
    {
      name: "a gap that is told to be unknown",
      bend: async () => ({ details: { ...(await honest()), lost: { from: LEFT, to: null } } }),
      check: "epochs",
    },
    {
      name: "a guard's note that another key signed",
      bend: async () => ({
        details: { ...(await honest()), guard: (await honest(noteSigner(SAMPLE_ORIGIN, "ed25519", Buffer.alloc(32, 9))))["guard"] ?? null },
      }),
      check: "epochs",
    },
    {
      name: "an earlier checkpoint as the last that holds, to call signed entries lost",
      bend: async () => ({ details: { ...(await honest()), signed: String(await noteOf(lostLeaves, 100, { log: ONE })) } }),
      check: "epochs",
    },
    {
      name: "a last checkpoint that the entries do not lead to",
      bend: async () => ({
        details: { ...(await honest()), signed: String(await noteOf([...lostLeaves].reverse(), SIGNED, { log: ONE })) },
      }),
      check: "epochs",
    },
    { name: "entries of the next epoch without a beginning", bend: () => Promise.resolve({ from: LEFT + 3 }), check: "origin" },
    { name: "a beginning that is no reopening", bend: () => Promise.resolve({ action: "service.started" as const }), check: "origin" },
    { name: "a beginning without its facts", bend: () => Promise.resolve({ details: {} }), check: "origin" },
    {
      name: "a beginning behind another log",
      bend: async () => ({ details: { ...(await honest()), previous: "rootkeep.example/audit/other/1" } }),
      check: "origin",
    },
    { name: "an old epoch under a new name, without a word", bend: () => Promise.resolve({ from: SIZE }), check: "origin" },
    {
      name: "a checkpoint of the old epoch from behind its end",
      bend: () => Promise.resolve({ oldNotes: [100, SIGNED, LEFT] }),
      check: "signatures",
    },
    {
      name: "the last checkpoint of the old epoch kept back",
      bend: () => Promise.resolve({ oldNotes: [100] }),
      check: "epochs",
      verdict: "incomplete",
    },
    {
      name: "the old epoch's key kept back",
      bend: () => Promise.resolve({ keys: [{ key: TWO.key, lastSize: null }] }),
      check: "signatures",
      verdict: "incomplete",
    },
  ];
  for (const { name, bend, check, verdict = "tampered" } of attacks) {
    it(`finds ${name}`, async () => {
      const report = await verified(await bend());
      assert.equal(report.verdict, verdict);
      const failed = report.checks.filter(({ status }) => status === "failed");
      assert.ok(
        failed.some((result) => result.check === check),
        JSON.stringify(failed),
      );
    });
  }

  it("tells a reader who knows the old name only that the log was reopened", async () => {
    const report = await verified({}, { origin: SAMPLE_ORIGIN, keys: [{ key: ONE.key, lastSize: null }] });
    assert.equal(report.verdict, "tampered");
    assert.match(report.checks.find(({ check }) => check === "trust")?.message ?? "", /was reopened since the trust file was written/);
  });

  it("tells a holder of a receipt of a lost entry that it was lost", async () => {
    const trust: Trust = {
      origin: SECOND,
      keys: [
        { key: TWO.key, lastSize: null },
        { key: ONE.key, lastSize: SIGNED },
      ],
      receipts: [{ name: "mine", note: await noteOf(lostLeaves, LOST, { log: ONE }), proof: null }],
    };
    const report = await verified({}, trust);
    assert.equal(report.verdict, "tampered");
    assert.match(report.checks.find(({ check }) => check === "trust")?.message ?? "", /was lost/);
  });
});

function withoutStream<P extends object>(position: P): Omit<P, "sseq" | "sprev"> {
  const { sseq: _sseq, sprev: _sprev, ...rest } = position as P & { sseq?: unknown; sprev?: unknown };
  return rest;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void, void> {
  yield* await Promise.resolve(items);
}
