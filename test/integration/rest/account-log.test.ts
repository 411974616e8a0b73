// real: the whole application, its signer, PostgreSQL, HTTP, the command's writer, the offline verifier; double: nothing.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AuditLog } from "../../../src/audit/audit-log.service.js";
import { decodeBundle } from "../../../src/audit/bundle.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { parseEntry } from "../../../src/audit/entry.js";
import { GLOBAL_ACTS } from "../../../src/audit/global-acts.js";
import { heartbeatDetails } from "../../../src/audit/heartbeat.js";
import { HeartbeatWriter } from "../../../src/audit/heartbeat-writer.service.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { type AccountExportOptions, exportAccount } from "../../../src/cli/export-account.js";
import { LocalError } from "../../../src/cli/failure.js";
import { parseConfig } from "../../../src/config/parse-config.js";
import { newId } from "../../../src/kernel/ids.js";
import { runVerify } from "../../../src/verify/main.js";
import { type Crew, castParts, importAccounts, newAccount, obtainGrant } from "../../support/crew.js";
import { withClient } from "../../support/postgres.js";
import { assertProblem } from "../../support/problem-check.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

describe("the log for the owner of one account", () => {
  let rest: RestApp;
  let crew: Crew;
  let replica: AuditLog;
  let parent: string;
  let mine = "";
  let other = "";
  const { logOrigin, deployment } = parseConfig({}, { cwd: "." });
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-account-log-"));
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    const nothing = (): void => undefined;
    const alarms = { chainBroken: nothing, rolledBack: nothing, clockRefused: nothing, rowRefused: nothing, appendFailed: nothing };
    replica = new AuditLog(() => connectLog(rest.database.connections.rootkeep_service), alarms);
    await replica.open(logOrigin, deployment);
    [mine = "", other = ""] = await importAccounts(crew.ada, [newAccount("111122223333"), newAccount("444455556666")]);
    for (const account of [mine, other]) await crew.ada.open(await obtainGrant(crew, account));
  });
  after(async () => {
    await (replica as AuditLog | undefined)?.close();
    await (rest as RestApp | undefined)?.close();
    await rm(parent, { recursive: true, force: true });
  });

  /** A heartbeat of another replica, and the checkpoint that covers it. */
  async function beat(): Promise<number> {
    const connect = () => connectLog(rest.database.connections.rootkeep_service);
    const receipt = await new HeartbeatWriter(replica, { connect, origin: logOrigin, onFailed: () => undefined, intervalMs: 0 }).beat();
    const seq = receipt?.facts.seq ?? -1;
    await signedTo(seq + 1);
    return seq;
  }
  async function signedTo(size: number): Promise<void> {
    for (const deadline = performance.now() + 15_000; ; ) {
      const note = (await crew.cyd.client.bytes("/v1/audit/tlog/checkpoint")).toString("utf8");
      if (Number(note.split("\n")[1]) >= size) return;
      assert.ok(performance.now() < deadline, "nobody signs");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const options = (name: string, account: string): AccountExportOptions => ({
    directory: join(parent, name),
    account,
    tool: "rootkeep test",
    created: new Date(),
  });
  async function verified(name: string, account = mine): Promise<{ exitCode: number; text: string }> {
    const vkey = (await crew.cyd.client.bytes("/v1/audit/verifier-key")).toString("utf8").trim();
    await writeFile(join(parent, "trust.json"), JSON.stringify({ origin: logOrigin, keys: [vkey] }));
    let text = "";
    const args = [join(parent, name), "--account", account, "--trust", join(parent, "trust.json")];
    return { exitCode: await runVerify(args, { write: (part) => (text += part) }, { write: () => true }), text };
  }
  async function bundlesIn(name: string, folder: string): Promise<Buffer[]> {
    const entries: Buffer[] = [];
    const files = await readdir(join(parent, name, folder), { recursive: true, withFileTypes: true });
    for (const file of files) if (file.isFile()) entries.push(...decodeBundle(await readFile(join(file.parentPath, file.name))));
    return entries;
  }

  it("cannot be had before a signed heartbeat knows the account", async () => {
    const strange = newId("account");
    assertProblem(await get(`/v1/audit/accounts/${strange}/head`), "NOT_FOUND");
    assertProblem(await get("/v1/audit/accounts/acc_x/head"), "NOT_FOUND");
    await assert.rejects(exportAccount(crew.cyd.client, options("none", strange)), LocalError);
    assert.deepEqual(await readdir(parent), []);
  });

  it("holds all entries of the account and none of another's, verifies offline, and is caught up [AC-9]", async () => {
    const heartbeat = await beat();
    const first = await exportAccount(crew.cyd.client, options("mine", mine));
    assert.equal(first.heartbeat, heartbeat);
    const { exitCode, text } = await verified("mine");
    assert.equal(exitCode, 0, text);
    assert.match(text, new RegExp(`intact: all entries of ${mine} among the first`));
    const entries = (await bundlesIn("mine", "entries")).map((bytes) => parseEntry(bytes));
    assert.equal(entries.length, first.entries);
    for (const action of ["account.import", "request.submit", "request.approve", "request.opened", "secret.reveal"])
      assert.ok(
        entries.some((entry) => entry.action === action),
        action,
      );
    const everything = (await Promise.all(["entries", "global"].map((folder) => bundlesIn("mine", folder)))).flat();
    for (const bytes of everything) assert.ok(!bytes.toString("utf8").includes(other) && !bytes.toString("utf8").includes("444455556666"));

    // More happens; the same directory then holds the newer state, and nothing of the older.
    await Promise.all(
      Array.from({ length: 260 }, () =>
        replica.record(draftEntry({ action: "grant.expired", outcome: "committed", actor: SYSTEM_ACTOR, stream: mine })),
      ),
    );
    await beat();
    const second = await exportAccount(crew.cyd.client, options("mine", mine));
    assert.ok(second.entries >= first.entries + 260);
    const again = await verified("mine");
    assert.equal(again.exitCode, 0, again.text);
    assert.deepEqual((await readdir(join(parent, "mine", "entries"))).sort(), ["000", "001.p"]);
  });

  it("holds every global act that there was, and they name no account [AC-6]", async () => {
    const acts = (await bundlesIn("mine", "global")).map((bytes) => parseEntry(bytes));
    const counted = new Map<string, number>();
    for (const { action } of acts) counted.set(action, (counted.get(action) ?? 0) + 1);
    assert.deepEqual([counted.get("people.founded"), counted.get("allowlist.grant")], [1, 3]);
    let all = 0;
    for await (const item of crew.cyd.client.items("/v1/audit/entries")) {
      const { action, outcome, stream } = item.object("entry").members;
      if (GLOBAL_ACTS.has(String(action)) && outcome === "committed" && stream === undefined) all += 1;
    }
    assert.equal(acts.length, all);
    for (const act of acts) assert.doesNotMatch(JSON.stringify(act), /acc_|111122223333/);
  });

  it("is not written over another account's, and not over what is no export", async () => {
    await assert.rejects(exportAccount(crew.cyd.client, options("mine", other)), /holds another export/);
    assert.equal((await verified("mine")).exitCode, 0);
    assert.ok((await exportAccount(crew.cyd.client, options("other", other))).entries > 0);
    assert.equal((await verified("other", other)).exitCode, 0);
  });

  it("is proven to any checkpoint that was issued, and to no other size", async () => {
    const size = (await crew.cyd.client.get(`/v1/audit/accounts/${mine}/head`)).count("size");
    for (const path of [`accounts/${mine}/entries`, "global-acts"]) {
      const { body } = await get(`/v1/audit/${path}?size=${String(size)}&limit=2`);
      assert.equal(body.items.length, 2, path);
      assert.equal(body.next, "1");
      const next = await get(`/v1/audit/${path}?size=${String(size)}&limit=2&after=1`);
      assert.equal(next.body.items[0].number, 2);
      assertProblem(await get(`/v1/audit/${path}?size=${String(size + 1_000)}`), "NOT_FOUND", path);
      for (const bad of ["", "?size=-1", "?size=1e3", `?size=${String(size)}&after=x`])
        assertProblem(await get(`/v1/audit/${path}${bad}`), "MALFORMED", path);
    }
  });

  it("is the auditor's to give", async () => {
    for (const path of [`accounts/${mine}/head`, `accounts/${mine}/entries?size=1`, "global-acts?size=1"])
      assertProblem(await rest.http.get(`/v1/audit/${path}`).set("Authorization", `Bearer ${crew.ben.token}`), "FORBIDDEN", path);
  });

  it("is refused under a heartbeat that does not count rightly: the next good one is given again", async () => {
    const details = heartbeatDetails({ asOf: 5, streams: 2, streamsRoot: Buffer.alloc(32, 1) }, null);
    const { facts } = await replica.record(draftEntry({ action: "log.heartbeat", outcome: "committed", actor: SYSTEM_ACTOR, details }));
    await signedTo(facts.seq + 1);
    assertProblem(await get(`/v1/audit/accounts/${mine}/head`), "CHAIN_BROKEN");
    await beat();
    assert.equal((await get(`/v1/audit/accounts/${mine}/head`)).status, 200);
  });

  it("is refused under a checkpoint that the log's key has not signed, whatever its root", async () => {
    const size = (await crew.cyd.client.get(`/v1/audit/accounts/${mine}/head`)).count("size");
    const entries = `/v1/audit/accounts/${mine}/entries?size=${String(size)}&limit=2`;
    assert.equal((await get(entries)).status, 200);
    await withClient(rest.database.superuser, async (client) => {
      const { rows } = await client.query<{ note: string }>("SELECT note FROM audit.checkpoint WHERE size = $1", [size]);
      const note = rows[0]?.note ?? "";
      const forged = note.replace(/^(.*\n.*\n)(.*)\n/, (_all, head: string) => `${head}${Buffer.alloc(32, 7).toString("base64")}\n`);
      assert.notEqual(forged, note);
      await client.query("ALTER TABLE audit.checkpoint DISABLE TRIGGER ALL");
      await client.query("UPDATE audit.checkpoint SET note = $1 WHERE size = $2", [forged, size]);
    });
    assertProblem(await get(entries), "ROLLBACK_DETECTED");
  });

  const get = (path: string) => rest.http.get(path).set("Authorization", `Bearer ${crew.cyd.token}`);
});
