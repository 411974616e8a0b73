import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { encodeBundle } from "../../../src/audit/bundle.js";
import { leafHash } from "../../../src/audit/chain.js";
import { ApiClient } from "../../../src/cli/api-client.js";
import { type ExportOptions, exportLog } from "../../../src/cli/export-log.js";
import { LocalError, UsageError } from "../../../src/cli/failure.js";
import { runVerify } from "../../../src/verify/main.js";
import { type DoubleReply, type DoubleRequest, startRestDouble } from "../../support/rest-double.js";
import { SAMPLE_ORIGIN, sampleLog } from "../../support/sample-log.js";

const LOG = sampleLog(700);

/** The service's reading side over the first entries of the sample log; `more` may grow between two answers. */
class Auditor {
  size = 600;
  /** Entries that were appended after the head was asked for. */
  growth = 0;
  bundles: number[] = [];

  answer({ url }: DoubleRequest): DoubleReply | undefined {
    if (url.pathname === "/v1/audit/head") {
      const head = leafHash(LOG.entries[this.size - 1] ?? Buffer.alloc(0)).toString("hex");
      return { body: { origin: SAMPLE_ORIGIN, size: this.size, head } };
    }
    if (url.pathname === "/v1/audit/disclosures") {
      const [from, to] = [Number(url.searchParams.get("from")), Number(url.searchParams.get("to"))];
      const items = LOG.openings
        .filter(({ seq }) => seq >= from && seq < to)
        .map((opening) => ({ ...opening, salt: opening.salt.toString("base64") }));
      return url.searchParams.size === 2 ? { body: { items: items.reverse(), next: null } } : undefined;
    }
    const n = Number(/^\/v1\/audit\/bundles\/(\d+)$/.exec(url.pathname)?.[1] ?? "NaN");
    if (Number.isNaN(n)) return undefined;
    this.bundles.push(n);
    const entries = LOG.entries.slice(n * 256, Math.min((n + 1) * 256, this.size + this.growth));
    return { body: encodeBundle(entries) };
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
  const verify = (directory: string) => runVerify([directory, "--quiet"], { write: () => true }, { write: () => true });

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
  it("goes on where it was interrupted: whole bundles are not fetched again, torn ones are", async () => {
    const { auditor, directory, run } = await setUp();
    await run();
    await rm(join(directory, "manifest.json"));
    await truncate(join(directory, "tile/entries/001"), 5_000);
    await writeFile(join(directory, "tile/entries/000.part"), "half a file");
    auditor.bundles = [];
    await run();
    assert.deepEqual(auditor.bundles, [1, 2]);
    assert.deepEqual(await readdir(join(directory, "tile/entries")), ["000", "001", "002.p"]);
    assert.equal(await verify(directory), 0);
  });
  it("is incomplete, not intact, while it is being written", async () => {
    const { auditor, directory, run } = await setUp();
    await run();
    auditor.size = 700;
    const answer = auditor.answer.bind(auditor);
    auditor.answer = (request) => (request.url.pathname.endsWith("/bundles/2") ? { status: 500, body: {} } : answer(request));
    await assert.rejects(run(), LocalError);
    assert.equal(await verify(directory), 2);
  });
  it("catches up with a log that has grown, and leaves no bundle of the shorter one", async () => {
    const { auditor, directory, run } = await setUp();
    await run();
    auditor.size = 700;
    await run();
    assert.deepEqual(await readdir(join(directory, "tile/entries/002.p")), ["188"]);
    assert.equal(await verify(directory), 0);
  });
  it("ends at the head that was named first, also when entries are appended meanwhile", async () => {
    const { auditor, directory, run } = await setUp();
    auditor.growth = 40;
    assert.equal((await run()).to, 600);
    assert.equal(await verify(directory), 0);
  });
  it("begins where it is told, at a whole bundle", async () => {
    const { directory, run } = await setUp();
    await run({ from: 256 });
    assert.deepEqual(await readdir(join(directory, "tile/entries")), ["001", "002.p"]);
    assert.equal(await verify(directory), 0);
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
  it("refuses a last entry that is not the head that the service named", async () => {
    const { auditor, run } = await setUp();
    const answer = auditor.answer.bind(auditor);
    auditor.answer = (request) => {
      const reply = answer(request);
      return request.url.pathname.endsWith("/head") ? { body: { ...(reply?.body as object), head: "0".repeat(64) } } : reply;
    };
    await assert.rejects(run(), LocalError);
  });
});
