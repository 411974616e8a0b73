// real: the whole application, its signer, PostgreSQL, HTTP; double: nothing.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Response } from "supertest";
import { decodeBundle } from "../../../src/audit/bundle.js";
import { leafHash } from "../../../src/audit/chain.js";
import { parseKeyLines } from "../../../src/audit/key-lines.js";
import { openCheckpoint, type SignedCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import { verifyConsistency, verifyInclusion } from "../../../src/audit/tlog/proof.js";
import { rightEdge, rootFromRightEdge } from "../../../src/audit/tlog/tile.js";
import { entriesPath, tilePath } from "../../../src/audit/tlog/tile-path.js";
import { parseTlogProof } from "../../../src/audit/tlog/tlog-proof.js";
import type { VerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { type Crew, castParts } from "../../support/crew.js";
import { appendAsReplica } from "../../support/other-replica.js";
import { assertProblem } from "../../support/problem-check.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const ENTRIES_MIN = 300;

describe("the signed tree over REST", () => {
  let rest: RestApp;
  let crew: Crew;
  let key: VerifierKey;
  let newest: SignedCheckpoint;
  let entries: readonly Buffer[] = [];
  before(async () => {
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    await appendAsReplica(rest.database, ENTRIES_MIN);
    const wanted = Number((await get("/v1/audit/head")).body.size);
    key = parseKeyLines((await text("/v1/audit/verifier-key")).text)[0]!.key;
    for (const deadline = performance.now() + 15_000; performance.now() < deadline; ) {
      newest = await checkpoint();
      if (newest.checkpoint.size >= wanted) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { size } = newest.checkpoint;
    assert.ok(size >= ENTRIES_MIN, String(size));
    const read: Buffer[] = [];
    for (let n = 0; n * 256 < size; n++) read.push(...decodeBundle(await octets(`/${entriesPath(n, Math.min(256, size - n * 256))}`)));
    entries = read;
  });
  after(() => (rest as RestApp | undefined)?.close());

  const get = (path: string, token: string = crew.cyd.token): Promise<Response> =>
    rest.http.get(path).set("Authorization", `Bearer ${token}`).buffer(true);
  async function text(path: string): Promise<Response> {
    const response = await get(path);
    assert.equal(response.status, 200, JSON.stringify(response.body));
    assert.equal(response.headers["content-type"], "text/plain; charset=utf-8");
    return response;
  }
  async function octets(path: string): Promise<Buffer> {
    const response = await get(`/v1/audit/tlog${path}`);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers["content-type"], "application/octet-stream");
    return response.body as Buffer;
  }
  async function checkpoint(): Promise<SignedCheckpoint> {
    const { text: note } = await text("/v1/audit/tlog/checkpoint");
    return openCheckpoint(Buffer.from(note, "utf8"), { logs: [key], witnesses: [] });
  }
  const hashesOf = (body: unknown, member: string): Buffer => Buffer.from((body as Record<string, string>)[member] ?? "", "base64");
  const proofOf = (body: unknown): Buffer[] => (body as { hashes: string[] }).hashes.map((hash) => Buffer.from(hash, "base64"));

  it("is signed by the key that it names, over the root of its own tiles [AL-3] [AL-10]", async () => {
    const { size, root, origin } = newest.checkpoint;
    assert.equal(origin, key.name);
    const edge: Buffer[] = [];
    for (const tile of rightEdge(size)) edge.push(await octets(`/${tilePath(tile)}`));
    assert.ok(rootFromRightEdge(size, edge).equals(root));
  });
  it("has the hashes of its bundles' entries in its lowest tiles [AL-8]", async () => {
    const tile = await octets("/tile/0/000");
    assert.ok(tile.equals(Buffer.concat(entries.slice(0, 256).map((entry) => leafHash(entry)))));
  });
  it("lets a full tile be kept, and nothing else", async () => {
    assert.match(String((await get("/v1/audit/tlog/tile/0/000")).headers["cache-control"]), /^private, .*immutable$/);
    assert.match(String((await get("/v1/audit/tlog/tile/entries/000")).headers["cache-control"]), /immutable/);
    for (const path of ["tile/0/000.p/3", "tile/entries/000.p/255", "checkpoint"])
      assert.equal((await get(`/v1/audit/tlog/${path}`)).headers["cache-control"], "no-store", path);
  });
  it("gives the narrow tiles of smaller sizes, too [AL-9]", async () => {
    assert.ok((await octets("/tile/0/000.p/7")).equals((await octets("/tile/0/000")).subarray(0, 7 * 32)));
    assert.deepEqual(decodeBundle(await octets("/tile/entries/000.p/7")), entries.slice(0, 7));
    assert.equal((await octets("/tile/1/000.p/1")).length, 32);
  });
  it("has nothing behind its newest checkpoint, and no path but the one of each tile [AL-9]", async () => {
    const beyond = [
      "tile/0/001",
      "tile/1/000",
      "tile/1/000.p/2",
      "tile/2/000.p/1",
      "tile/0/x001/000",
      "tile/entries/001",
      "tile/entries/009.p/1",
    ];
    const odd = [
      "tile/0/0",
      "tile/0/000.p/256",
      "tile/0/000.p/0",
      "tile/0/x000/000",
      "tile/00/000",
      "tile/64/000",
      "tile/entries/000/",
      "tile/",
      "tile",
      "tile/data/000",
    ];
    for (const path of [...beyond, ...odd, "tile/0/..%2f..%2fhead"]) assertProblem(await get(`/v1/audit/tlog/${path}`), "NOT_FOUND", path);
    assertProblem(await get("/v1/audit/bundles/0"), "NOT_FOUND");
  });
  it("is the auditor's: to a custodian it shows checkpoints, proofs and the key, no tiles", async () => {
    for (const path of ["tlog/checkpoint", "tlog/tile/0/000", "tlog/tile/entries/000"])
      assertProblem(await get(`/v1/audit/${path}`, crew.ben.token), "FORBIDDEN", path);
    for (const path of ["checkpoints", "verifier-key", "entries/0/proof", "proofs/inclusion?index=0&size=1"])
      assert.equal((await get(`/v1/audit/${path}`, crew.ben.token)).status, 200, path);
  });
  it("proves an entry with a file that stands for itself [AL-12]", async () => {
    for (const seq of [0, 5, 255, 256, entries.length - 1]) {
      const proof = parseTlogProof(Buffer.from((await text(`/v1/audit/entries/${String(seq)}/proof`)).text, "utf8"));
      const { checkpoint } = openCheckpoint(proof.note, { logs: [key], witnesses: [] });
      assert.equal(proof.index, seq);
      verifyInclusion(seq, checkpoint.size, leafHash(entries[seq]!), proof.hashes, checkpoint.root);
    }
    for (const seq of ["999999", "-1", "01", "x"]) assertProblem(await get(`/v1/audit/entries/${seq}/proof`), "NOT_FOUND", seq);
  });
  it("proves inclusion and consistency between any two sizes", async () => {
    const { size } = newest.checkpoint;
    for (const [index, at] of [
      [0, 1],
      [3, 7],
      [200, 256],
      [1, size],
    ] as const) {
      const { body } = await get(`/v1/audit/proofs/inclusion?index=${String(index)}&size=${String(at)}`);
      verifyInclusion(index, at, leafHash(entries[index]!), proofOf(body), hashesOf(body, "root"));
    }
    for (const [from, to] of [
      [1, 2],
      [5, 257],
      [256, size],
      [size, size],
    ] as const) {
      const { body } = await get(`/v1/audit/proofs/consistency?from=${String(from)}&to=${String(to)}`);
      verifyConsistency(from, to, proofOf(body), hashesOf(body, "fromRoot"), hashesOf(body, "toRoot"));
      if (to === size) assert.ok(hashesOf(body, "toRoot").equals(newest.checkpoint.root));
    }
    for (const query of ["consistency?from=0&to=1", "consistency?from=3&to=2", "consistency?from=1&to=99999", "inclusion?index=5&size=5"])
      assertProblem(await get(`/v1/audit/proofs/${query}`), "NOT_FOUND", query);
    assertProblem(await get("/v1/audit/proofs/inclusion?index=x&size=5"), "MALFORMED");
  });
  it("lists every checkpoint that was issued, page by page, each consistent with the newest [AL-4]", async () => {
    const items: { size: number; root: string; note: string }[] = [];
    for (let after: string | null = "0"; after !== null; ) {
      const { body } = await get(`/v1/audit/checkpoints?limit=1&after=${after}`);
      const page = body as { items: typeof items; next: string | null };
      items.push(...page.items);
      after = page.next;
    }
    assert.ok(items.length >= 2);
    for (const { size, root, note } of items) {
      const opened = openCheckpoint(Buffer.from(note, "utf8"), { logs: [key], witnesses: [] }).checkpoint;
      assert.deepEqual([opened.size, opened.root.toString("base64")], [size, root]);
      if (size > newest.checkpoint.size) continue;
      const { body } = await get(`/v1/audit/proofs/consistency?from=${String(size)}&to=${String(newest.checkpoint.size)}`);
      verifyConsistency(size, newest.checkpoint.size, proofOf(body), opened.root, newest.checkpoint.root);
    }
    assertProblem(await get("/v1/audit/checkpoints?after=-1"), "MALFORMED");
  });
});
