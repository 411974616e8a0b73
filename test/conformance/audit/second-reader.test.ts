import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { leafHash } from "../../../src/audit/chain.js";
import { type Bend, type SampleLog, sampleLog, sampleManifest, sampleTime, writeExport } from "../../support/sample-log.js";
import { ROOT } from "./vector-file.js";

const READER = fileURLToPath(new URL("test/conformance/second-readers/verify_export.py", ROOT));
const NO_PYTHON = spawnSync("python3", ["--version"]).status === 0 ? false : "python3 is not installed";
const NO_SHELL =
  spawnSync("sh", ["-c", "command -v od awk sed sha256sum openssl"]).status === 0
    ? false
    : "a tool is missing: od, awk, sed, sha256sum or openssl";

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
  await writeExport(directory, sampleManifest(head, log.entries.length, { from }), log.entries.slice(from), openings);
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
});

describe("the recipes in VERIFY.md", { skip: NO_SHELL }, () => {
  async function recipe(directory: string): Promise<string> {
    const guide = await readFile(join(directory, "VERIFY.md"), "utf8");
    const script = /```sh\n([\s\S]*?)```/.exec(guide)?.[1];
    assert.ok(script !== undefined);
    return script;
  }
  it("hash the first entry by hand", async () => {
    const directory = await newExport(sampleLog(5));
    const guide = await readFile(join(directory, "VERIFY.md"), "utf8");
    const script = [...guide.matchAll(/^ {4}(f=|n=|tail|\(printf)(.*)$/gm)].map(([line]) => line).join("\n");
    const { stdout, stderr } = spawnSync("sh", ["-eu", "-c", script], { cwd: directory, encoding: "utf8" });
    assert.ok(stdout.includes(leafHash(sampleLog(5).entries[0] ?? Buffer.alloc(0)).toString("hex")), `${stdout}${stderr}`);
  });
  it("follow the whole chain by hand, over more than one bundle", async () => {
    const directory = await newExport(sampleLog(260));
    const { stdout, stderr } = spawnSync("sh", ["-c", await recipe(directory)], { cwd: directory, encoding: "utf8" });
    assert.match(stdout, /^chain of 260 entries is whole; last hash [0-9a-f]{64}\n$/, stderr);
  });
  it("notice an edited entry, also the last one", async () => {
    for (const seq of [3, 7]) {
      const log = sampleLog(8);
      const bytes = Buffer.from((log.entries[seq] ?? "").toString().replace("close", "clone"));
      const directory = await newExport(log);
      const head = leafHash(log.entries.at(-1) ?? Buffer.alloc(0)).toString("hex");
      await writeExport(directory, sampleManifest(head, 8), log.entries.with(seq, bytes), log.openings);
      assert.equal(spawnSync("sh", ["-c", await recipe(directory)], { cwd: directory }).status, 1);
    }
  });
});
