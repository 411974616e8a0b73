// real: the whole application and its signer, PostgreSQL, HTTP, the verifier; double: nothing.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runVerify } from "../../../src/verify/main.js";
import type { Report } from "../../../src/verify/report.js";
import { type Crew, castParts } from "../../support/crew.js";
import { appendAsReplica } from "../../support/other-replica.js";
import { withClient } from "../../support/postgres.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

describe("a running service, verified over HTTP", () => {
  let rest: RestApp;
  let crew: Crew;
  let folder: string;
  let url: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-served-"));
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    await appendAsReplica(rest.database, 600);
    url = `${rest.address}/v1/audit/tlog`;
    await writeFile(join(folder, "token"), crew.cyd.token, { mode: 0o600 });
    await signed(600);
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Waits for a checkpoint that covers so many entries. */
  async function signed(size: number): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const note = (await crew.cyd.client.bytes("/v1/audit/tlog/checkpoint")).toString("utf8");
      if (Number(note.split("\n")[1]) >= size) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("nobody signs");
  }
  async function verify(...argv: string[]): Promise<Report> {
    let [out, err] = ["", ""];
    await runVerify([url, "--json", "--quiet", ...argv], { write: (text) => (out += text) }, { write: (text) => (err += text) });
    assert.notEqual(out, "", err);
    return JSON.parse(out) as Report;
  }
  const token = (): string[] => ["--token-file", join(folder, "token")];
  const said = (report: Report, check: string): string => report.checks.find((result) => result.check === check)?.message ?? "";

  it("is intact, with its older checkpoints and the openings that the auditor may read [AX-16] [AX-17]", async () => {
    const key = (await crew.cyd.client.bytes("/v1/audit/verifier-key")).toString("utf8").trim();
    const trust = join(folder, "trust.json");
    const unsaid = await verify(...token());
    await writeFile(trust, JSON.stringify({ origin: unsaid.origin, keys: [key] }));
    const report = await verify(...token(), "--trust", trust);
    assert.deepEqual([report.exitCode, report.from, report.warnings], [0, 0, []], JSON.stringify(report.checks));
    assert.ok((report.to ?? 0) >= 600 && report.entries === report.to);
    assert.match(said(report, "disclosures"), /^[1-9]\d* openings match/);
    assert.match(said(report, "consistency"), /^([2-9]|[1-9]\d+) signed checkpoints/);
    assert.match(unsaid.statement, /a key that came from where the log came from; origin not checked/);
    assert.match(report.statement, /consistent in itself and with the trust file/);
  });
  it("is read while it grows: what was signed first is what is verified", async () => {
    const isDone = new AbortController();
    const growing = (async () => {
      while (!isDone.signal.aborted) await appendAsReplica(rest.database, 50);
    })();
    try {
      const report = await verify(...token());
      assert.deepEqual([report.exitCode, report.entries], [0, report.to], JSON.stringify(report.checks));
    } finally {
      isDone.abort();
      await growing;
    }
  });
  it("shows nothing to whoever has no token, or one that may not read: incomplete, and it says why", async () => {
    const without = await verify();
    assert.equal(without.exitCode, 2);
    assert.match(said(without, "manifest"), /401: it wants a token, see --token-file/);
    await writeFile(join(folder, "wrong"), "nobodys-token");
    assert.match(said(await verify("--token-file", join(folder, "wrong")), "manifest"), /the token may not read this/);
  });
  it("is found out when its database was edited", async () => {
    await withClient(rest.database.superuser, (client) =>
      client.query("UPDATE audit.disclosure SET value = 'Somebody Else' WHERE seq = (SELECT min(seq) FROM audit.disclosure)"),
    );
    const report = await verify(...token());
    assert.equal(report.exitCode, 1);
    assert.deepEqual(
      report.checks.filter(({ status }) => status === "failed").map(({ check }) => check),
      ["disclosures"],
    );
  });
});
