import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ACCOUNT_FILES, parseHeads } from "../../../src/audit/account-export-format.js";
import { leafHash } from "../../../src/audit/chain.js";
import { inclusionProof } from "../../../src/audit/tlog/proof-plan.js";
import { Prompt } from "../../../src/cli/prompt.js";
import { runRootkeep } from "../../../src/cli/run.js";
import { writeSession } from "../../../src/cli/session-file.js";
import { Secret } from "../../../src/kernel/secret.js";
import { type AccountLogSample, accountExportOf, type ExportFiles, sampleAccountLog } from "../../support/account-export.js";
import { type DoubleReply, type DoubleRequest, type RestDouble, startRestDouble } from "../../support/rest-double.js";
import { ACCOUNTS } from "../../support/sample-log.js";
import { MemoryTree } from "../../support/tlog-tree.js";

const [ACCOUNT, OTHER] = ACCOUNTS;

/** The service's reading side over a sample log: what it would say of `account`. */
class Auditor {
  /** Entries that it keeps back from the end of each list. */
  keptBack = 0;
  readonly #tree: MemoryTree;

  constructor(
    private readonly log: AccountLogSample,
    private readonly files: ReadonlyMap<string, ExportFiles>,
  ) {
    this.#tree = new MemoryTree(log.entries.map((entry) => leafHash(entry)));
  }

  async answer({ url }: DoubleRequest): Promise<DoubleReply | undefined> {
    const [, , , kind, account = "", what] = url.pathname.split("/");
    const size = this.log.entries.length;
    if (kind === "verifier-key") return { body: Buffer.from(String(this.files.get(ACCOUNT)?.[ACCOUNT_FILES.keys])) };
    if (kind === "global-acts") return await this.#page("global", url.searchParams);
    const files = this.files.get(account);
    if (kind !== "accounts" || files === undefined) return undefined;
    if (what === "entries") return await this.#page(account, url.searchParams);
    const heads = parseHeads(files[ACCOUNT_FILES.heads] as Buffer);
    const tip = ({ tip: { stream, size: count, leaf }, index, hashes }: (typeof heads)["account"]) => ({
      stream,
      size: count,
      leaf: leaf.toString("base64"),
      index,
      hashes: hashes.map((hash) => hash.toString("base64")),
    });
    const heartbeat = (files[ACCOUNT_FILES.heartbeat] as Buffer).toString("base64");
    const proof = (files[ACCOUNT_FILES.heartbeatProof] as Buffer).toString("utf8");
    const body = { heartbeatSeq: this.log.heartbeat, heartbeat, proof, size, streams: heads.streams };
    return { body: { ...body, account: tip(heads.account), global: tip(heads.global) } };
  }

  async #page(stream: string, query: URLSearchParams): Promise<DoubleReply | undefined> {
    const size = this.log.entries.length;
    if (query.get("size") !== String(size)) return undefined;
    const from = query.has("after") ? Number(query.get("after")) + 1 : 0;
    const places = this.log.places.get(stream) ?? [];
    const seqs = places.slice(from, Math.min(from + 100, places.length - this.keptBack));
    const items = [];
    for (const [index, seq] of seqs.entries()) {
      const hashes = await inclusionProof(seq, size, this.#tree.read);
      items.push({
        number: from + index,
        seq,
        entry: this.log.entries[seq]?.toString("base64"),
        hashes: hashes.map((hash) => hash.toString("base64")),
      });
    }
    const next = from + seqs.length < places.length - this.keptBack ? String(from + seqs.length - 1) : null;
    return { body: { items, next } };
  }
}

describe("rootkeep audit export --account", () => {
  let folder = "";
  let double: RestDouble;
  let auditor: Auditor;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-export-account-"));
    const log = await sampleAccountLog(1_000);
    const files = new Map<string, ExportFiles>();
    for (const account of [ACCOUNT, OTHER]) files.set(account, await accountExportOf(log, account));
    auditor = new Auditor(log, files);
    double = await startRestDouble((request) => auditor.answer(request));
    const session = { address: double.address, token: Secret.of("rks_x"), personId: "per_1", expiresAt: "x" };
    await writeSession(join(folder, "session.json"), session);
  });
  after(async () => {
    await double.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function run(...argv: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
    const out = { stdout: "", stderr: "" };
    const stderr = { write: (text: string) => (out.stderr += text) };
    const status = await runRootkeep(argv, {
      stdout: { isTTY: false, write: (text: string) => (out.stdout += text) },
      stderr,
      prompt: new Prompt({ [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }) }, stderr),
      environment: { address: double.address, sessionFile: join(folder, "session.json") },
    });
    return { status, ...out };
  }
  const place = (name: string): string => join(folder, name);

  it("writes what the verifier finds intact, and the same again", async () => {
    const { status, stdout } = await run("audit", "export", place("mine"), "--account", ACCOUNT);
    assert.equal(status, 0);
    assert.match(stdout, /^exported all \d{3} entries of acc_\w+ and 20 global acts up to heartbeat 1000$/m);
    assert.match((await run("audit", "verify", place("mine"), "--account", ACCOUNT)).stdout, /^intact: all entries of acc_/m);
    // Left behind by a run that was broken off, and by somebody else.
    await writeFile(join(place("mine"), "entries", "001.part"), "torn");
    await writeFile(join(place("mine"), "mine.txt"), "kept");
    await rm(join(place("mine"), ACCOUNT_FILES.manifest));
    const again = await run("audit", "export", place("mine"), "--account", ACCOUNT, "--json");
    assert.equal((JSON.parse(again.stdout) as { account: string }).account, ACCOUNT);
    assert.deepEqual((await readdir(join(place("mine"), "entries"))).sort(), ["000", "001.p"]);
    assert.equal(await readFile(join(place("mine"), "mine.txt"), "utf8"), "kept");
    assert.equal((await run("audit", "verify", place("mine"), "--account", ACCOUNT)).status, 0);
  });

  it("leaves no manifest where the service keeps entries back: the directory verifies as incomplete", async () => {
    auditor.keptBack = 1;
    const { status, stderr } = await run("audit", "export", place("short"), "--account", ACCOUNT);
    auditor.keptBack = 0;
    assert.equal(status, 1);
    assert.match(stderr, /the service sent \d+ of \d+ entries/);
    assert.equal((await run("audit", "verify", place("short"), "--account", ACCOUNT)).status, 2);
  });

  it("says what is wrong with the call, or in the way", async () => {
    assert.equal((await run("audit", "export", place("x"), "--account", "acc_x")).status, 3);
    assert.equal((await run("audit", "export", place("x"), "--account", ACCOUNT, "--from", "0")).status, 3);
    assert.equal((await run("audit", "export", place("x"), "--account", ACCOUNT, "--no-disclosures")).status, 3);
    const strange = await run("audit", "export", place("x"), "--account", "acc_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    assert.deepEqual([strange.status, strange.stderr.includes("every ten minutes")], [1, true]);
    await mkdir(place("foreign"));
    await writeFile(join(place("foreign"), ACCOUNT_FILES.manifest), "{}\n");
    assert.match((await run("audit", "export", place("foreign"), "--account", ACCOUNT)).stderr, /holds another export/);
    assert.match((await run("audit", "export", place("mine"), "--account", OTHER)).stderr, /holds another export/);
    assert.equal((await run("audit", "verify", place("mine"), "--account", ACCOUNT)).status, 0);
  });
});
