import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { leafHash } from "../../../src/audit/chain.js";
import { formatCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import { cosignNote, formatNote, signNote } from "../../../src/audit/tlog/note.js";
import { consistencyProof, inclusionProof } from "../../../src/audit/tlog/proof-plan.js";
import { CompactRange } from "../../../src/audit/tlog/tree.js";
import { formatVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { buildGo, NO_GO } from "../../support/go-programs.js";
import { sampleLog } from "../../support/sample-log.js";
import { noteSigner } from "../../support/tlog-keys.js";
import { MemoryTree } from "../../support/tlog-tree.js";
import { ROOT } from "./vector-file.js";

const SOURCE = fileURLToPath(new URL("test/conformance/second-readers/check_tlog.go", ROOT));
const LOG = noteSigner("vault.example.com/audit/test/1", "ed25519", Buffer.alloc(32, 1));
const WITNESS = noteSigner("witness.example.com/w1", "cosignature", Buffer.alloc(32, 2));

interface LogFile {
  readonly vkey: string;
  readonly note: string;
  readonly leaves: readonly Buffer[];
  readonly inclusion: readonly { readonly index: number; readonly proof: readonly Buffer[] }[];
  readonly consistency: readonly { readonly oldSize: number; readonly oldRoot: Buffer; readonly proof: readonly Buffer[] }[];
}

/** A log of `size` entries, signed and cosigned, with the proof of every entry and from every smaller size. */
async function logFile(size: number): Promise<LogFile> {
  const leaves = sampleLog(size).entries;
  const hashes = leaves.map((entry) => leafHash(entry));
  const tree = new MemoryTree(hashes);
  const range = new CompactRange();
  const roots = hashes.map((hash) => {
    range.append(hash);
    return range.root();
  });
  const text = formatCheckpoint({ origin: LOG.key.name, size, root: range.root(), extensions: [] });
  const signatures = [await signNote(text, LOG.key, LOG.sign), await cosignNote(text, WITNESS.key, 1_767_225_600, WITNESS.sign)];
  const inclusion = hashes.map(async (_, index) => ({ index, proof: await inclusionProof(index, size, tree.read) }));
  const consistency = roots.map(async (oldRoot, index) => ({
    oldSize: index + 1,
    oldRoot,
    proof: await consistencyProof(index + 1, size, tree.read),
  }));
  return {
    vkey: formatVerifierKey(LOG.key),
    note: formatNote({ text, signatures }).toString("utf8"),
    leaves,
    inclusion: await Promise.all(inclusion),
    consistency: await Promise.all(consistency),
  };
}

describe("Go's own packages for notes and logs", { skip: NO_GO }, () => {
  let folder = "";
  let program = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-go-"));
    program = buildGo(SOURCE, folder);
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function check(file: LogFile): Promise<{ readonly checked: number; readonly faults: readonly string[] }> {
    const path = join(folder, "log.json");
    const base64 = (_: string, value: unknown): unknown => (isBufferJson(value) ? Buffer.from(value.data).toString("base64") : value);
    await writeFile(path, JSON.stringify(file, base64));
    const { stdout, stderr } = spawnSync(program, [path], { encoding: "utf8" });
    assert.ok(stdout.startsWith("{"), stderr);
    return JSON.parse(stdout) as { checked: number; faults: readonly string[] };
  }

  for (const size of [1, 2, 7, 8, 100, 257]) {
    it(`find note, root and every proof of a log of ${size} entries right`, async () => {
      assert.deepEqual(await check(await logFile(size)), { checked: 2 + 2 * size, faults: [] });
    });
  }
  it("find every fault that is put in", async () => {
    const file = await logFile(12);
    const other = Buffer.alloc(32, 9);
    const faultsOf = async (change: Partial<LogFile>): Promise<readonly string[]> => (await check({ ...file, ...change })).faults;
    const names = (faults: readonly string[]): string[] => faults.map((fault) => fault.split(":")[0]!);
    assert.ok((await faultsOf({ note: file.note.replace("\n12\n", "\n13\n") })).some((fault) => fault.startsWith("note:")));
    assert.deepEqual(names(await faultsOf({ leaves: file.leaves.with(3, Buffer.from("x")) })), ["root", "inclusion of 3"]);
    const inclusion = file.inclusion.with(5, { index: 5, proof: file.inclusion[5]!.proof.with(1, other) });
    assert.deepEqual(names(await faultsOf({ inclusion })), ["inclusion of 5"]);
    const consistency = file.consistency.with(6, { ...file.consistency[6]!, oldRoot: other });
    assert.deepEqual(names(await faultsOf({ consistency })), ["consistency with 7"]);
  });
});

function isBufferJson(value: unknown): value is { readonly type: "Buffer"; readonly data: readonly number[] } {
  return typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";
}
