import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "../../../src/audit/canonical-json.js";
import { leafHash } from "../../../src/audit/chain.js";
import { checkpointPath } from "../../../src/audit/export-format.js";
import { GLOBAL_ACTS } from "../../../src/audit/global-acts.js";
import { formatVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { type BendBeat, beatingLog, restated } from "../../support/beating-log.js";
import { buildGo, NO_GO } from "../../support/go-programs.js";
import {
  type Bend,
  SAMPLE_ORIGIN,
  SAMPLE_SIGNER,
  type SampleLog,
  sampleId,
  sampleLog,
  sampleManifest,
  sampleTime,
  writeExport,
  writeFiles,
} from "../../support/sample-log.js";
import { noteOf, tileFiles } from "../../support/signed-export.js";
import { noteSigner } from "../../support/tlog-keys.js";
import { ROOT } from "./vector-file.js";

const READER = fileURLToPath(new URL("test/conformance/second-readers/verify_export.py", ROOT));
const NO_PYTHON = spawnSync("python3", ["--version"]).status === 0 ? false : "python3 is not installed";
const NO_SHELL =
  spawnSync("sh", ["-c", "command -v od awk sed base64 cmp openssl"]).status === 0
    ? false
    : "a tool is missing: od, awk, sed, base64, cmp or openssl";

let folder = "";
let count = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rootkeep-reader-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function newExport(log: SampleLog, from = 0): Promise<string> {
  count += 1;
  const directory = join(folder, String(count));
  const head = leafHash(log.entries.at(-1) ?? Buffer.alloc(0)).toString("hex");
  const openings = log.openings.filter(({ seq }) => seq >= from);
  const leaves = log.entries.map((entry) => leafHash(entry));
  await writeExport(directory, sampleManifest(head, log.entries.length, { from }), log.entries.slice(from), openings, leaves);
  return directory;
}

function readIn(directory: string): { intact: boolean; entries: number; head?: string } {
  const { stdout } = spawnSync("python3", [READER, directory], { encoding: "utf8" });
  return JSON.parse(stdout) as { intact: boolean; entries: number; head?: string };
}

describe("a reader of the export in another language", { skip: NO_PYTHON }, () => {
  it("finds an export intact, and the same head", async () => {
    const log = sampleLog(600);
    const head = leafHash(log.entries.at(-1) ?? Buffer.alloc(0)).toString("hex");
    assert.deepEqual(readIn(await newExport(log)), { intact: true, entries: 600, head });
    assert.deepEqual(readIn(await newExport(log, 256)), { intact: true, entries: 344, head });
  });
  const edit = (log: SampleLog, seq: number, change: (text: string) => string): SampleLog => ({
    ...log,
    entries: log.entries.with(seq, Buffer.from(change(log.entries[seq]?.toString("utf8") ?? ""), "utf8")),
  });
  const bend =
    (change: Bend) =>
    (seq: number, ...rest: [Parameters<Bend>[1], Parameters<Bend>[2]]): ReturnType<Bend> =>
      seq === 20 ? change(seq, ...rest) : {};
  const attacks: readonly { readonly name: string; readonly log: () => SampleLog }[] = [
    { name: "an edited entry", log: () => edit(sampleLog(40), 20, (text) => text.replace("close", "clone")) },
    { name: "a space in the last entry", log: () => edit(sampleLog(40), 39, (text) => text.replace(",", ", ")) },
    { name: "a removed entry", log: () => ({ ...sampleLog(40), entries: sampleLog(40).entries.toSpliced(20, 1) }) },
    {
      name: "a backdated entry",
      log: () =>
        sampleLog(
          40,
          bend((_s, _d, position) => ({ position: { ...position, time: sampleTime(1) } })),
        ),
    },
    {
      name: "a gap in an account's chain",
      log: () =>
        sampleLog(
          40,
          bend((_s, _d, position) => ({ position: { ...position, sseq: 99 } })),
        ),
    },
    {
      name: "an altered opening",
      log: () => ({ ...sampleLog(40), openings: sampleLog(40).openings.map((opening) => ({ ...opening, value: "x" })) }),
    },
  ];
  for (const { name, log } of attacks) {
    it(`notices ${name}`, async () => {
      assert.equal(readIn(await newExport(log())).intact, false);
    });
  }
  it("computes every heartbeat anew, and notices a false one [AC-16]", async () => {
    const lie: BendBeat = (seq, beat) => (seq === 180 ? restated(beat, beat.tips.toSpliced(3, 1)) : undefined);
    for (const [bent, isIntact] of [
      [undefined, true],
      [lie, false],
    ] as const) {
      const { manifest, entries, openings } = await beatingLog(bent);
      const directory = join(folder, `beating-${String(isIntact)}`);
      await writeExport(directory, manifest, entries, openings);
      assert.equal(readIn(directory).intact, isIntact);
    }
  });
});

describe("the reader in another language, of the signed tree", { skip: NO_PYTHON }, () => {
  const log = sampleLog(300);
  const leaves = log.entries.map((entry) => leafHash(entry));

  it("notices a flipped bit in a tile of any level [AX-12]", async () => {
    for (const path of ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]) {
      const directory = await newExport(log);
      const bytes = await readFile(join(directory, path));
      bytes[7] = (bytes[7] ?? 0) ^ 1;
      await writeFiles(directory, { [path]: bytes });
      assert.equal(readIn(directory).intact, false, path);
    }
  });
  it("notices a checkpoint of another root, or of another size [AX-11] [AX-13]", async () => {
    const other = await noteOf(leaves, 300, { log: SAMPLE_SIGNER }, leaves[0]);
    const shorter = await noteOf(leaves, 299, { log: SAMPLE_SIGNER });
    for (const files of [{ checkpoint: other }, { checkpoint: shorter }, { "checkpoints/300.note": other }]) {
      const directory = await newExport(log);
      await writeFiles(directory, files);
      assert.equal(readIn(directory).intact, false, Object.keys(files).join());
    }
  });
});

describe("the list of global acts", () => {
  const namesIn = async (path: string, list: RegExp, name: RegExp): Promise<string[]> => {
    const [, text = ""] = list.exec(await readFile(new URL(path, ROOT), "utf8")) ?? [];
    return [...text.matchAll(name)].map(([, act = ""]) => act).sort();
  };
  it("is one and the same in the service, in the specification and in the reader in another language [AC-6]", async () => {
    const acts = [...GLOBAL_ACTS].sort();
    const reader = await namesIn("test/conformance/second-readers/verify_export.py", /^ACTS = """([^"]*)"""/m, /(\S+)/g);
    assert.deepEqual(reader, acts, "verify_export.py");
    const page = await namesIn("docs/spec/account-export.md", /^- \[AC-6\] (.*(?:\n {2}.*)*)/m, /`([a-z_]+\.[a-z_.]+)`/g);
    assert.deepEqual(page, acts, "docs/spec/account-export.md");
  });
});

describe("the reader in another language, of a log that was reopened", { skip: NO_PYTHON }, () => {
  /** 300 entries were signed; 290 were restored; the log went on to 310. */
  const [LOST, LEFT, SIZE, SIGNED] = [300, 290, 310, 280] as const;
  const SECOND = "rootkeep.example/audit/sample/2";
  const lost = sampleLog(LOST).entries.map((entry) => leafHash(entry));
  const note = async (size: number, leaves = lost): Promise<string> => String(await noteOf(leaves, size, { log: SAMPLE_SIGNER }));
  interface Bent {
    readonly details?: JsonObject;
    readonly from?: number;
    readonly action?: "service.started";
    readonly oldNotes?: readonly number[];
    readonly origin?: string;
  }

  async function isIntact({
    details = {},
    from = LEFT,
    action,
    oldNotes = [1, 100, 256, SIGNED],
    origin = SECOND,
  }: Bent): Promise<boolean> {
    const honest = { previous: SAMPLE_ORIGIN, signed: await note(SIGNED), guard: await note(LOST), lost: { from: LEFT, to: LOST } };
    const { entries, openings } = sampleLog(SIZE, (seq, _draft, { sseq, sprev, ...position }) => {
      const log = seq < from ? SAMPLE_ORIGIN : origin;
      if (seq !== LEFT) return { position: { ...position, log, ...(sseq === undefined || sprev === undefined ? {} : { sseq, sprev }) } };
      const said = { ...honest, ...details };
      const reopening = { id: sampleId(seq), action: action ?? "log.reopened", outcome: "committed", actor: { type: "system" } } as const;
      return { draft: { ...reopening, details: said }, position: { ...position, log } };
    });
    count += 1;
    const directory = join(folder, String(count));
    const leaves = entries.map((entry) => leafHash(entry));
    await writeExport(directory, sampleManifest(leaves.at(-1)?.toString("hex") ?? "", SIZE, { origin }), entries, openings);
    for (const size of oldNotes) await writeFiles(directory, { [checkpointPath(size)]: await note(size, leaves) });
    return readIn(directory).intact;
  }

  it("reads it over both epochs [AL-15]", async () => {
    assert.equal(await isIntact({}), true);
  });
  it("reads it when the guard was lost [AL-16] [AL-17]", async () => {
    assert.equal(await isIntact({ details: { guard: null, lost: { from: LEFT, to: null } } }), true);
  });
  const attacks: readonly { readonly name: string; readonly bent: () => Bent | Promise<Bent> }[] = [
    { name: "entries of the next epoch without a beginning", bent: () => ({ from: LEFT + 3 }) },
    { name: "a beginning that is no reopening", bent: () => ({ action: "service.started" }) },
    { name: "a beginning behind another log", bent: () => ({ details: { previous: "rootkeep.example/audit/other/1" } }) },
    { name: "another log behind the beginning", bent: () => ({ origin: "rootkeep.example/audit/other/2" }) },
    { name: "an old epoch under a new name, without a word", bent: () => ({ from: SIZE }) },
    { name: "a gap that is told smaller", bent: () => ({ details: { lost: { from: LEFT, to: LOST - 5 } } }) },
    { name: "an earlier checkpoint as the last that holds", bent: async () => ({ details: { signed: await note(100) } }) },
    {
      name: "a last checkpoint that the entries do not lead to",
      bent: async () => ({ details: { signed: await note(SIGNED, [...lost].reverse()) } }),
    },
    { name: "a checkpoint of the old epoch from behind its end", bent: () => ({ oldNotes: [1, 100, 256, SIGNED, LEFT] }) },
    { name: "a checkpoint of the new epoch from before it", bent: () => ({ oldNotes: [1, 100, SIGNED] }) },
  ];
  for (const { name, bent } of attacks) {
    it(`notices ${name} [AL-15] [AL-17]`, async () => {
      assert.equal(await isIntact(await bent()), false);
    });
  }
});

/** An export in which the entries from K on, or all that stands around them, were exchanged. */
async function attacked(log: SampleLog, change: (log: SampleLog) => SampleLog): Promise<string> {
  count += 1;
  const directory = join(folder, String(count));
  const { entries, openings } = change(log);
  const head = leafHash(log.entries.at(-1) ?? Buffer.alloc(0)).toString("hex");
  const leaves = log.entries.map((entry) => leafHash(entry));
  await writeExport(directory, sampleManifest(head, log.entries.length), entries, openings, leaves);
  return directory;
}

const clone =
  (seq: number) =>
  (log: SampleLog): SampleLog => ({
    ...log,
    entries: log.entries.with(seq, Buffer.from((log.entries[seq] ?? "").toString().replace("close", "clone"))),
  });
const otherTiles = async (log: SampleLog, directory: string): Promise<void> =>
  writeFiles(directory, tileFiles(log.entries.map((entry) => leafHash(entry))));
const otherKey = async (directory: string): Promise<void> => {
  const other = noteSigner(SAMPLE_ORIGIN, "ed25519", Buffer.alloc(32, 99));
  await writeFiles(directory, { "log.vkey": `${formatVerifierKey(other.key)}\n` });
};

async function recipe(directory: string, language: string): Promise<string> {
  const guide = await readFile(join(directory, "VERIFY.md"), "utf8");
  const script = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1];
  assert.ok(script !== undefined);
  return script;
}

describe("the shell recipe in VERIFY.md", { skip: NO_SHELL }, () => {
  const shell = async (directory: string): Promise<{ status: number | null; stdout: string; stderr: string }> =>
    spawnSync("sh", ["-c", await recipe(directory, "sh")], { cwd: directory, encoding: "utf8" });

  it("hashes the first entry by hand", async () => {
    const directory = await newExport(sampleLog(5));
    const guide = await readFile(join(directory, "VERIFY.md"), "utf8");
    const [, byHand = ""] = guide.split("## 4.");
    const script = [...byHand.matchAll(/^ {4}(.*)$/gm)].map(([, line]) => line).join("\n");
    const { stdout, stderr } = spawnSync("sh", ["-eu", "-c", script], { cwd: directory, encoding: "utf8" });
    assert.ok(stdout.includes(leafHash(sampleLog(5).entries[0] ?? Buffer.alloc(0)).toString("hex")), `${stdout}${stderr}`);
  });
  it("checks signature, tree and entries over more than one bundle [AX-12]", async () => {
    const { stdout, stderr } = await shell(await newExport(sampleLog(260)));
    const lines = [
      "the checkpoint of 260 entries of .* is signed by .*",
      "the tree of 260 entries has the root that was signed",
      "260 entries are the ones that were signed; last hash [0-9a-f]{64}",
    ];
    assert.match(stdout, new RegExp(`^${lines.join("\n")}\n$`), stderr);
  });
  it("checks a range, whose tree begins before it", async () => {
    const { stdout, stderr } = await shell(await newExport(sampleLog(270), 256));
    assert.match(stdout, /^14 entries are the ones that were signed/m, stderr);
  });
  it("notices an edited entry, also the last one, another tree, another key", async () => {
    const log = sampleLog(8);
    for (const seq of [3, 7])
      assert.equal(
        (await shell(await attacked(log, clone(seq)))).stdout.split("\n").at(-2),
        `entry ${String(seq)} is not the one that was signed`,
      );
    const tree = await newExport(log);
    await otherTiles(clone(3)(log), tree);
    assert.match((await shell(tree)).stdout, /another root than the one that was signed\n$/);
    const key = await newExport(log);
    await otherKey(key);
    assert.match((await shell(key)).stdout, /has not signed the checkpoint\n$/);
  });
});

describe("the Go recipe in VERIFY.md, with Go's own packages for logs", { skip: NO_GO }, () => {
  let program = "";
  before(async () => {
    const source = join(folder, "verify.go");
    await writeFile(source, await recipe(await newExport(sampleLog(2)), "go"));
    program = buildGo(source, join(folder, "go"));
  });
  const run = (directory: string): string => {
    const { stdout, stderr } = spawnSync(program, [], { cwd: directory, encoding: "utf8" });
    return `${stdout}${stderr}`;
  };

  it("finds what was signed, over several tiles, and in a range [AX-12]", async () => {
    for (const size of [1, 2, 255, 256, 257, 700]) {
      const said = `${String(size)} entries are the ones that were signed, in a tree of ${String(size)} under ${SAMPLE_ORIGIN}\n`;
      assert.equal(run(await newExport(sampleLog(size))), said);
    }
    assert.match(run(await newExport(sampleLog(700), 512)), /^188 entries .* in a tree of 700 /);
  });
  it("notices an edited entry, another tree, another key", async () => {
    const log = sampleLog(300);
    assert.match(run(await attacked(log, clone(270))), /entry 270 is not the one that was signed/);
    const tree = await newExport(log);
    await otherTiles(clone(3)(log), tree);
    await writeExport(
      tree,
      sampleManifest("0".repeat(64), 300),
      clone(3)(log).entries,
      [],
      log.entries.map((entry) => leafHash(entry)),
    );
    await otherTiles(clone(3)(log), tree);
    assert.match(run(tree), /another root than the one that was signed/);
    const key = await newExport(log);
    await otherKey(key);
    assert.match(run(key), /no verifiable signatures/);
  });
});
