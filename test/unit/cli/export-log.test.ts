import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { encodeBundle } from "../../../src/audit/bundle.js";
import { leafHash } from "../../../src/audit/chain.js";
import { formatKeyLine } from "../../../src/audit/key-lines.js";
import { parseEntriesPath, parseTilePath } from "../../../src/audit/tlog/tile-path.js";
import { ApiClient } from "../../../src/cli/api-client.js";
import { type ExportOptions, exportLog } from "../../../src/cli/export-log.js";
import { LocalError, UsageError } from "../../../src/cli/failure.js";
import { runVerify } from "../../../src/verify/main.js";
import { type DoubleReply, type DoubleRequest, startRestDouble } from "../../support/rest-double.js";
import { SAMPLE_ORIGIN, SAMPLE_SIGNER, sampleLog } from "../../support/sample-log.js";
import { noteOf } from "../../support/signed-export.js";
import { noteSigner } from "../../support/tlog-keys.js";
import { MemoryTree } from "../../support/tlog-tree.js";

const LOG = sampleLog(700);

const LEAVES = LOG.entries.map((entry) => leafHash(entry));
const TREE = new MemoryTree(LEAVES);
const WITNESS = noteSigner("witness.example/w1", "cosignature", Buffer.alloc(32, 3));

/** The service's reading side over the first entries of the sample log. */
class Auditor {
  /** Entries that there are, and those that are signed: one checkpoint for each hundred, and one for all. */
  size = 600;
  signed = 600;
  /** The newest checkpoint that a witness has cosigned. */
  cosigned = 300;
  fetched: string[] = [];

  async answer({ url }: DoubleRequest): Promise<DoubleReply | undefined> {
    if (url.pathname === "/v1/audit/head") {
      const head = LEAVES[this.size - 1]?.toString("hex");
      return { body: { origin: SAMPLE_ORIGIN, size: this.size, head } };
    }
    if (url.pathname === "/v1/audit/disclosures") {
      const [from, to] = [Number(url.searchParams.get("from")), Number(url.searchParams.get("to"))];
      const items = LOG.openings
        .filter(({ seq }) => seq >= from && seq < to)
        .map((opening) => ({ ...opening, salt: opening.salt.toString("base64") }));
      return url.searchParams.size === 2 ? { body: { items: items.reverse(), next: null } } : undefined;
    }
    if (url.pathname === "/v1/audit/verifier-key")
      return { body: Buffer.from(`${formatKeyLine({ key: SAMPLE_SIGNER.key, lastSize: null })}\n`) };
    if (url.pathname === "/v1/audit/checkpoints") return await this.#checkpoints(Number(url.searchParams.get("after") ?? "0"));
    if (url.pathname === "/v1/audit/tlog/checkpoint") return { body: await this.#note(this.signed) };
    const path = url.pathname.replace("/v1/audit/tlog/", "");
    const bundle = parseEntriesPath(path);
    const tile = parseTilePath(path);
    if (bundle === null && tile === null) return undefined;
    this.fetched.push(path);
    if (bundle !== null) return { body: encodeBundle(LOG.entries.slice(bundle.n * 256, bundle.n * 256 + bundle.width)) };
    return tile === null ? undefined : { body: TREE.tile(tile) };
  }

  async #checkpoints(after: number): Promise<DoubleReply> {
    const sizes = [100, 200, 300, 400, 500, 600, 700, this.signed].filter(
      (size, index, all) => size <= this.signed && all.indexOf(size) === index,
    );
    const page = sizes.filter((size) => size > after).slice(0, 2);
    const items = await Promise.all(page.map(async (size) => ({ size, root: "", note: (await this.#note(size)).toString("utf8") })));
    const last = page.at(-1);
    return { body: { items, next: last === undefined || last === sizes.at(-1) ? null : String(last) } };
  }

  #note(size: number): Promise<Buffer> {
    const witnesses = size <= this.cosigned ? [WITNESS] : [];
    return noteOf(LEAVES, size, { log: SAMPLE_SIGNER, witnesses });
  }
}

describe("an export of the log", () => {
  const closing: (() => Promise<void>)[] = [];
  after(async () => {
    for (const close of closing) await close();
  });

  async function setUp(): Promise<{
    auditor: Auditor;
    directory: string;
    run: (changes?: Partial<ExportOptions>) => ReturnType<typeof exportLog>;
  }> {
    const auditor = new Auditor();
    const double = await startRestDouble((request) => auditor.answer(request));
    const folder = await mkdtemp(join(tmpdir(), "rootkeep-export-"));
    closing.push(
      () => double.close(),
      () => rm(folder, { recursive: true, force: true }),
    );
    const directory = join(folder, "export");
    const options = {
      directory,
      from: 0,
      hasDisclosures: true,
      tool: "rootkeep test",
      created: new Date(Date.UTC(2026, 1, 1)),
      onProgress: () => undefined,
    };
    return { auditor, directory, run: (changes = {}) => exportLog(new ApiClient(double.address, null), { ...options, ...changes }) };
  }
  const verify = (directory: string, ...more: string[]) =>
    runVerify([directory, "--quiet", ...more], { write: () => true }, { write: () => true });

  it("verifies as intact, for its owner's eyes only", async () => {
    const { directory, run } = await setUp();
    const progress: string[] = [];
    const manifest = await run({ onProgress: (done, total) => progress.push(`${String(done)}/${String(total)}`) });
    assert.equal(manifest.to, 600);
    assert.deepEqual(progress, ["256/600", "512/600", "600/600"]);
    assert.equal(await verify(directory), 0);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const name of ["manifest.json", "pii.ndjson", "tile/entries/000"])
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
  });
  it("goes on where it was interrupted: what is there and whole is not fetched again, torn files are", async () => {
    const { auditor, directory, run } = await setUp();
    await run();
    await rm(join(directory, "manifest.json"));
    await truncate(join(directory, "tile/entries/001"), 5_000);
    await truncate(join(directory, "tile/0/000"), 320);
    await writeFile(join(directory, "tile/entries/000.part"), "half a file");
    await writeFile(join(directory, "tile/0/001.part"), "half a file");
    auditor.fetched = [];
    await run();
    assert.deepEqual(auditor.fetched, ["tile/entries/001", "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"]);
    assert.deepEqual(await readdir(join(directory, "tile/entries")), ["000", "001", "002.p"]);
    assert.deepEqual(await readdir(join(directory, "tile/0")), ["000", "001", "002.p"]);
    assert.equal(await verify(directory), 0);
  });
  it("is incomplete, not intact, while it is being written", async () => {
    const { auditor, directory, run } = await setUp();
    await run();
    [auditor.size, auditor.signed] = [700, 700];
    const answer = auditor.answer.bind(auditor);
    auditor.answer = async (request) => (request.url.pathname.includes("/entries/002") ? { status: 500, body: {} } : await answer(request));
    await assert.rejects(run(), LocalError);
    assert.equal(await verify(directory), 2);
  });
  it("catches up with a log that has grown, and leaves no tile and no bundle of the shorter one", async () => {
    const { auditor, directory, run } = await setUp();
    await run();
    [auditor.size, auditor.signed] = [700, 700];
    await run();
    assert.deepEqual(await readdir(join(directory, "tile/entries/002.p")), ["188"]);
    assert.deepEqual(await readdir(join(directory, "tile/0/002.p")), ["188"]);
    assert.deepEqual(
      await readdir(join(directory, "checkpoints")),
      [100, 200, 300, 400, 500, 600, 700].map((size) => `${String(size)}.note`),
    );
    assert.equal(await verify(directory), 0);
  });
  it("waits a while for the last entries to be signed, and says how many are not [AX-11]", async () => {
    const { auditor, directory, run } = await setUp();
    auditor.size = 640;
    setTimeout(() => (auditor.signed = 640), 300);
    const { to, uncovered } = await run();
    assert.deepEqual([to, uncovered], [640, 0]);
    assert.equal(await verify(directory), 0);
  });
  it("ends at the newest checkpoint that so many witnesses have cosigned, where that is asked for", async () => {
    const { auditor, directory, run } = await setUp();
    const { to, uncovered } = await run({ cosignatures: 1 });
    assert.deepEqual([to, uncovered], [300, 300]);
    assert.equal(await verify(directory), 0);
    auditor.cosigned = 0;
    await assert.rejects(run({ cosignatures: 1 }), LocalError);
    await assert.rejects(run({ cosignatures: 2 }), LocalError);
  });
  it("begins where it is told, at a whole bundle", async () => {
    const { directory, run } = await setUp();
    await run({ from: 256 });
    assert.deepEqual(await readdir(join(directory, "tile/entries")), ["001", "002.p"]);
    assert.equal(await verify(directory, "--from", "256"), 0);
    await assert.rejects(run({ from: 100 }), UsageError);
    await assert.rejects(run({ from: 768 }), LocalError);
  });
  it("leaves personal data out on demand, also what an earlier run left", async () => {
    const { directory, run } = await setUp();
    await run();
    await run({ hasDisclosures: false });
    assert.ok(!(await readdir(directory)).includes("pii.ndjson"));
    assert.equal(await verify(directory), 0);
  });
  it("is not mixed with another one", async () => {
    const { directory, run } = await setUp();
    await run({ from: 256 });
    await assert.rejects(run({ from: 0 }), LocalError);
    await mkdir(join(directory, "..", "other"), { recursive: true });
    await writeFile(join(directory, "..", "other", "manifest.json"), "{}");
    await assert.rejects(run({ directory: join(directory, "..", "other") }), LocalError);
  });
  it("refuses a bundle of another width, and a checkpoint that is none", async () => {
    for (const [path, body] of [
      ["entries/002", encodeBundle(LOG.entries.slice(512, 520))],
      ["tlog/checkpoint", Buffer.from("x")],
    ] as const) {
      const { auditor, run } = await setUp();
      const answer = auditor.answer.bind(auditor);
      auditor.answer = async (request) => (request.url.pathname.includes(path) ? { body } : await answer(request));
      await assert.rejects(run(), LocalError, path);
    }
  });
});
