import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { REPORT_COLUMNS } from "../../../src/audit/report-line.js";
import { Prompt } from "../../../src/cli/prompt.js";
import { runRootkeep } from "../../../src/cli/run.js";
import { writeSession } from "../../../src/cli/session-file.js";
import { Secret } from "../../../src/kernel/secret.js";
import { type DoubleReply, type DoubleRequest, type RestDouble, refusal, startRestDouble } from "../../support/rest-double.js";

const ROOT = "ef".repeat(32);
const line = (seq: number): object => ({
  ...Object.fromEntries(REPORT_COLUMNS.map((name) => [name, null])),
  seq,
  leaf: "ab".repeat(32),
  kind: "opening",
  actor: "per_1",
  ticket: "=cmd|' /C calc'!A0",
});

function answer({ url }: DoubleRequest): DoubleReply | undefined {
  if (url.pathname === "/v1/people") return { body: { items: [{ id: "per_1", name: '=Ada "A", Quist' }], next: null } };
  if (url.pathname !== "/v1/reports/activity") return undefined;
  if (url.searchParams.get("account") === "acc_broken" && url.searchParams.has("after")) return refusal(500, "CHAIN_BROKEN", { seq: 3 });
  const after = url.searchParams.get("after");
  // Another checkpoint was signed meanwhile: without a size the second page would be of another tree.
  const size = Number(url.searchParams.get("size") ?? (after === null ? 10 : 11));
  const items = after === null ? [line(1)] : after === "2" ? [] : [line(7)];
  return { body: { items, next: after === null ? "2" : after === "2" ? "6" : null, origin: "rootkeep.test/1", size, root: ROOT } };
}

describe("rootkeep audit report", () => {
  let folder = "";
  let double: RestDouble;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-cli-"));
    double = await startRestDouble(answer);
    const session = { address: double.address, token: Secret.of("rks_token"), personId: "per_1", expiresAt: "x" };
    await writeSession(join(folder, "session.json"), session);
  });
  after(async () => {
    await double.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function run(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
    const out = { stdout: "", stderr: "" };
    const stderr = { write: (text: string) => (out.stderr += text) };
    const status = await runRootkeep(["audit", "report", ...argv], {
      stdout: { isTTY: false, write: (text: string) => (out.stdout += text) },
      stderr,
      prompt: new Prompt((async function* () {})(), stderr),
      environment: { address: double.address, sessionFile: join(folder, "session.json") },
    });
    return { status, ...out };
  }

  it("writes page after page of one tree as CSV, with names, and nothing in it runs in a spreadsheet", async () => {
    const { status, stdout, stderr } = await run("--from", "2026-01-01", "--kind", "opening", "--kind", "code");
    assert.equal(status, 0, stderr);
    const [head, ...records] = stdout.split("\r\n");
    assert.equal(head, [...REPORT_COLUMNS, "actorName", "personName"].join(","));
    assert.deepEqual(
      records.map((record) => record.split(",")[0]),
      ["1", "7", ""],
    );
    assert.match(records[0] ?? "", /,'=cmd\|' \/C calc'!A0,/);
    assert.match(records[0] ?? "", /,"'=Ada ""A"", Quist",$/);
    assert.equal(stderr, `2 lines out of the signed tree of 10 entries of rootkeep.test/1, root ${ROOT}\n`);
    const last = double.requests.at(-1)?.url.searchParams;
    assert.deepEqual([last?.get("size"), last?.get("kinds"), last?.get("from")], ["10", "opening,code", "2026-01-01"]);
  });

  it("writes one object a line, and asks for no names where none are wanted", async () => {
    const before = double.requests.length;
    const { stdout } = await run("--json", "--no-names");
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ seq }) => seq),
      [1, 7],
    );
    assert.ok(lines.every((one) => !("actorName" in one)));
    assert.ok(double.requests.slice(before).every(({ url }) => url.pathname !== "/v1/people"));
  });

  it("writes a file that only its owner reads, and never over one", async () => {
    const path = join(folder, "report.csv");
    assert.equal((await run("--out", path)).status, 0);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await readFile(path, "utf8")).split("\r\n").length, 4);
    const { status, stderr } = await run("--out", path);
    assert.equal(status, 1);
    assert.match(stderr, /exists already/);
  });

  it("leaves no half of a report behind when the log breaks in the middle", async () => {
    const { status, stderr } = await run("--account", "acc_broken", "--out", join(folder, "half.csv"));
    assert.equal(status, 2);
    assert.match(stderr, /CHAIN_BROKEN/);
    assert.ok(!(await readdir(folder)).includes("half.csv"));
  });
});
