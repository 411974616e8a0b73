// real: the whole application and its signer, PostgreSQL, HTTP, the client's export, the offline verifier, Go's packages for logs; double: nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { GO_RECIPE } from "../../../src/audit/export-recipes.js";
import { type Exported, exportLog } from "../../../src/cli/export-log.js";
import { runVerify } from "../../../src/verify/main.js";
import type { Report } from "../../../src/verify/report.js";
import { type Crew, castParts } from "../../support/crew.js";
import { buildGo, NO_GO } from "../../support/go-programs.js";
import { appendAsReplica } from "../../support/other-replica.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

describe("an export of a real log", () => {
  let rest: RestApp;
  let crew: Crew;
  let folder: string;
  let first: Exported;
  let directory: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-real-"));
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    await appendAsReplica(rest.database, 600);
    directory = join(folder, "export");
    first = await exportNow();
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const exportNow = (): Promise<Exported> =>
    exportLog(crew.cyd.client, {
      directory,
      from: 0,
      hasDisclosures: true,
      tool: "rootkeep test",
      created: new Date(),
      onProgress: () => undefined,
    });
  async function verify(trust: object): Promise<Report> {
    const path = join(folder, "trust.json");
    await writeFile(path, JSON.stringify(trust));
    let out = "";
    await runVerify([directory, "--json", "--quiet", "--trust", path], { write: (text) => (out += text) }, { write: () => true });
    return JSON.parse(out) as Report;
  }
  const key = async (): Promise<string> => (await crew.cyd.client.bytes("/v1/audit/verifier-key")).toString("utf8").trim();

  it("holds every entry that the log had, signed, and verifies by the log's key", async () => {
    assert.ok(first.to > 600);
    assert.equal(first.uncovered, 0);
    const report = await verify({ origin: first.origin, keys: [await key()] });
    assert.deepEqual([report.exitCode, report.entries, report.warnings], [0, first.to, []]);
    // The first heartbeat comes ten seconds after the start.
    for (const { check, status } of report.checks)
      if (check !== "heartbeats") assert.equal(status, check === "quorum" ? "skipped" : check === "anchors" ? "not-present" : "ok", check);
  });
  it("is what Go's own packages read as one signed tree", { skip: NO_GO }, async () => {
    const source = join(folder, "verify.go");
    await writeFile(source, GO_RECIPE);
    const program = buildGo(source, join(folder, "go"));
    const { stdout, stderr } = spawnSync(program, [], { cwd: directory, encoding: "utf8" });
    assert.equal(
      `${stdout}${stderr}`,
      `${String(first.to)} entries are the ones that were signed, in a tree of ${String(first.to)} under ${first.origin}\n`,
    );
  });
  it("catches up, and still begins with what was seen before: a receipt, an older checkpoint", async () => {
    await writeFile(join(folder, "old.note"), await readFile(join(directory, "checkpoint")));
    await writeFile(join(folder, "a.tlog-proof"), await crew.cyd.client.bytes(`/v1/audit/entries/${String(first.to - 1)}/proof`));
    await appendAsReplica(rest.database, 200);
    const second = await exportNow();
    assert.ok(second.to >= first.to + 200);
    const report = await verify({ origin: first.origin, receipts: ["a.tlog-proof", "old.note"] });
    assert.equal(report.exitCode, 0, JSON.stringify(report.checks));
    assert.match(report.checks.find(({ check }) => check === "trust")?.message ?? "", /2 receipts/);
  });
});
