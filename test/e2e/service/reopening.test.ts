// real: the program, the command line, PostgreSQL, a copy of its files as a backup, HTTP, the offline verifier; double: nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { decodeBundle } from "../../../src/audit/bundle.js";
import { type Entry, parseEntry } from "../../../src/audit/entry.js";
import { exportAccount } from "../../../src/cli/export-account.js";
import { exportLog } from "../../../src/cli/export-log.js";
import { runVerify } from "../../../src/verify/main.js";
import type { Report } from "../../../src/verify/report.js";
import { type Crew, castParts, found, importAccounts, newAccount, obtainGrant, refusal, refusalOf } from "../../support/crew.js";
import { beatAsReplica } from "../../support/other-replica.js";
import { Program, pause, removeHome, superuserOf } from "../../support/program.js";
import { runCli } from "../../support/run-cli.js";

const ACCOUNTS = [newAccount("123456789012"), newAccount("210987654321")];
const FIRST = "rootkeep.local/audit/trial/1";
const SECOND = "rootkeep.local/audit/trial/2";

/** Yesterday's backup in the place of today's database, and nothing to bring the lost part back from. */
describe("a log that was put back and is reopened [AL-15] [AL-16] [AL-17] [AL-18] [AL-19]", () => {
  let parent = "";
  let directory = "";
  let service: Program;
  let crew: Crew;
  let grantId = "";
  let pendingId = "";
  let accountId = "";
  let sizes = { backup: 0, lost: 0 };

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    directory = join(parent, "data");
    service = await Program.start({ directory });
    crew = await found(service.address, await service.invitations());
    await castParts(crew);
    [accountId = ""] = await importAccounts(crew.ada, ACCOUNTS);
    grantId = await obtainGrant(crew, accountId);
    await beat(FIRST);
    await writeFile(join(parent, "import.tlog-proof"), await proofOfImport());
    pendingId = await crew.ada.ask({ operation: "config.approve", subject: { digest: await digest("/v1/configuration") } });
    await service.stop();
    copy(join(directory, "postgres"), join(parent, "backup"));
    await start();
    sizes = { ...sizes, backup: await size() };
    await crew.ada.open(grantId);
    await crew.ada.client.post(`/v1/grants/${grantId}/returns`);
    await beat(FIRST);
    await exportTo("before");
    await exportAccountTo("mine-before");
    await service.stop();
    sizes = { ...sizes, lost: JSON.parse(await readFile(join(parent, "before", "manifest.json"), "utf8")).size as number };
    await rm(join(directory, "postgres"), { recursive: true });
    copy(join(parent, "backup"), join(directory, "postgres"));
  });
  after(async () => {
    await (service as Program | undefined)?.kill();
    await removeHome(directory);
    await rm(parent, { recursive: true, force: true });
  });

  async function start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    service = await Program.start({ directory, environment });
    for (const member of Object.values(crew)) member.moveTo(service.address);
  }

  async function reopen(origin?: string, ...more: readonly string[]) {
    const environment = { ROOTKEEP_DATA_DIR: directory, ...(origin === undefined ? {} : { ROOTKEEP_LOG_ORIGIN: origin }) };
    return await runCli(["audit", "reopen", "--reason", "the disk of the 26th died", "--json", ...more], { environment });
  }

  async function size(): Promise<number> {
    return (await crew.cyd.client.get("/v1/audit/head")).count("size");
  }

  async function digest(path: string): Promise<string> {
    return (await crew.ada.client.get(path)).text("digest");
  }

  async function exportTo(name: string): Promise<string> {
    const target = join(parent, name);
    const options = { from: 0, hasDisclosures: true, tool: "test", created: new Date(), onProgress: () => undefined };
    await exportLog(crew.cyd.client, { directory: target, ...options });
    return target;
  }

  async function exportAccountTo(name: string): Promise<string> {
    const target = join(parent, name);
    await exportAccount(crew.cyd.client, { directory: target, account: accountId, tool: "test", created: new Date() });
    return target;
  }

  /** A heartbeat, and the checkpoint that covers it. */
  async function beat(origin: string): Promise<number> {
    const seq = await beatAsReplica(await superuserOf(directory), origin, "trial");
    for (let tries = 0; tries < 300; tries++) {
      const [, size = ""] = (await crew.cyd.client.bytes("/v1/audit/tlog/checkpoint")).toString("utf8").split("\n");
      if (Number(size) > seq) return seq;
      await pause(50);
    }
    throw new Error("nobody signs");
  }

  /** The receipt of the account's first entry. */
  async function proofOfImport(): Promise<Buffer> {
    for await (const item of crew.cyd.client.items("/v1/audit/entries")) {
      const { action, stream, seq } = item.object("entry").members;
      if (action === "account.import" && stream === accountId) return await crew.cyd.client.bytes(`/v1/audit/entries/${String(seq)}/proof`);
    }
    throw new Error("the account was not imported");
  }

  async function trustIn(origin: string): Promise<{ origin: string; keys: string[] }> {
    return { origin, keys: (await crew.cyd.client.bytes("/v1/audit/verifier-key")).toString("utf8").trimEnd().split("\n") };
  }

  async function entriesIn(folder: string): Promise<Entry[]> {
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const bundles = await Promise.all(files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))));
    return bundles.flatMap((bundle) => decodeBundle(bundle).map((bytes) => parseEntry(bytes)));
  }

  function saidOf(report: Report, check: string): string {
    return report.checks.find((result) => result.check === check)?.message ?? "";
  }

  async function verify(target: string, trust?: object, ...more: string[]): Promise<Report> {
    const known = trust === undefined ? [] : ["--trust", join(parent, "trust.json")];
    if (trust !== undefined) await writeFile(join(parent, "trust.json"), JSON.stringify(trust));
    let text = "";
    await runVerify([target, "--json", "--quiet", ...known, ...more], { write: (part) => (text += part) }, { write: () => undefined });
    return JSON.parse(text) as Report;
  }

  it("is not reopened under its own name, nor under one that skips an epoch", async () => {
    for (const origin of [undefined, "rootkeep.local/audit/trial/3", "rootkeep.local/audit/other/2"]) {
      const { status, stderr } = await reopen(origin);
      assert.equal(status, 1);
      assert.match(stderr, /ROOTKEEP_LOG_ORIGIN is rootkeep\.local\/audit\/trial\/2/);
    }
  });

  it("is not reopened while a service runs on it", async () => {
    await start();
    const { status } = await reopen(SECOND);
    assert.equal(status, 1);
    await service.stop();
  });

  it("is reopened with an entry that names what is lost, and again does nothing more", async () => {
    const { status, stdout, stderr } = await reopen(SECOND);
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout) as { seq: number; previous: string; lost: { from: number; to: number }; verifierKey: string };
    assert.equal(report.previous, FIRST);
    assert.equal(report.seq, report.lost.from);
    assert.ok(report.lost.from <= sizes.backup && report.lost.to >= sizes.lost, JSON.stringify({ report, sizes }));
    assert.ok(report.verifierKey.startsWith(`${SECOND}+`));
    assert.deepEqual(JSON.parse((await reopen(SECOND)).stdout), report);
  });

  it("does not go on under the old name", async () => {
    const { status } = await Program.fail({ directory });
    assert.equal(status, 1);
  });

  it("voids sessions, requests and grants before it answers anybody", async () => {
    await start({ ROOTKEEP_LOG_ORIGIN: SECOND });
    assert.equal(await refusal(crew.ada.open(grantId)), "UNAUTHENTICATED");
    for (const member of Object.values(crew)) await member.signIn();
    assert.equal((await crew.cyd.client.get(`/v1/grants/${grantId}`)).text("state"), "REVOKED");
    assert.equal((await crew.cyd.client.get(`/v1/requests/${pendingId}`)).text("state"), "EXPIRED");
  });

  it("opens nothing until two custodians have approved the configuration and certified the allowlist", async () => {
    const { ada, ben, cyd } = crew;
    await becomes("CONFIG_UNAPPROVED");
    await ben.approve(await ada.ask({ operation: "config.approve", subject: { digest: await digest("/v1/configuration") } }));
    await becomes("ALLOWLIST_UNCERTIFIED");
    grantId = await healingGrant();
    assert.equal(await refusal(ada.open(grantId)), "ALLOWLIST_UNCERTIFIED");
    const other = await refusalOf(ada.ask({ operation: "allowlist.certify", subject: { digest: "00".repeat(32) } }));
    assert.equal(other.code, "MALFORMED");
    await cyd.approve(await ben.ask({ operation: "allowlist.certify", subject: { digest: await digest("/v1/allowlist/certification") } }));
    await becomes(undefined);
    const { secret } = await ada.open(grantId);
    assert.equal(
      secret.expose((value) => value),
      ACCOUNTS[0]?.password,
    );
    await ada.client.post(`/v1/grants/${grantId}/returns`);
  });

  it("takes every password as seen, because the lost part may tell that it was", async () => {
    const { ada, ben, cyd } = crew;
    const [, second = ""] = await accounts();
    const request = { operation: "secret.reveal", accountId: second, purpose: "billing-root-only", ticket: "OPS-1" };
    assert.equal(await refusal(ada.ask(request)), "BURNT");
    const versionId = await versionOf(second);
    await cyd.approve(await ben.ask({ operation: "secret.waive", subject: { versionId } }));
    await ben.approve(await ada.ask(request));
  });

  it("verifies in both epochs, and names the gap", async () => {
    const keys = (await crew.cyd.client.bytes("/v1/audit/verifier-key")).toString("utf8").trimEnd().split("\n");
    assert.equal(keys.length, 2);
    const target = await exportTo("after");
    const report = await verify(target, { origin: SECOND, keys });
    assert.equal(report.verdict, "intact", JSON.stringify(report.checks.filter(({ status }) => status === "failed")));
    const epochs = report.checks.find(({ check }) => check === "epochs");
    assert.match(
      epochs?.message ?? "",
      /^entry \d+ begins rootkeep\.local\/audit\/trial\/2: of rootkeep\.local\/audit\/trial\/1 entries \d+ to \d+ are lost/,
    );
    assert.equal((await verify(join(parent, "before"), { origin: FIRST, keys: [(keys[1] ?? "").split(" ")[0] ?? ""] })).verdict, "intact");
  });

  it("holds heartbeats of both epochs, each the one behind the last that was restored, in an export and over HTTP [AC-8] [AC-16]", async () => {
    const [first, second] = [await beat(SECOND), await beat(SECOND)];
    assert.ok(first < second);
    const report = await verify(await exportTo("beaten"), await trustIn(SECOND));
    assert.equal(report.verdict, "intact", JSON.stringify(report.checks.filter(({ status }) => status === "failed")));
    const counted = Number(/^(\d+) heartbeats state/.exec(saidOf(report, "heartbeats"))?.[1]);
    assert.ok(counted >= 3, saidOf(report, "heartbeats"));
    await writeFile(join(parent, "token"), crew.cyd.token, { mode: 0o600 });
    const url = new URL("/v1/audit/tlog/", service.address).href;
    const served = await verify(url, await trustIn(SECOND), "--token-file", join(parent, "token"));
    assert.equal(served.verdict, "intact", JSON.stringify(served.checks.filter(({ status }) => status === "failed")));
    assert.match(saidOf(served, "heartbeats"), new RegExp(`^${String(counted)} heartbeats state`));
    assert.match(saidOf(served, "epochs"), /begins rootkeep\.local\/audit\/trial\/2/);
  });

  it("is exported for one account's owner across both epochs, with its reopening among the acts [AC-6] [AC-17]", async () => {
    const target = await exportAccountTo("mine-after");
    const trust = { ...(await trustIn(SECOND)), receipts: ["import.tlog-proof"] };
    const report = await verify(target, trust, "--account", accountId);
    assert.equal(report.verdict, "intact", JSON.stringify(report.checks.filter(({ status }) => status === "failed")));
    assert.match(saidOf(report, "trust"), /origin and 1 known entries/);
    assert.deepEqual(report.warnings, []);
    const acts = await entriesIn(join(target, "global"));
    assert.equal(acts.filter(({ action, log }) => action === "log.reopened" && log === SECOND).length, 1);
    const mine = await entriesIn(join(target, "entries"));
    assert.deepEqual([...new Set(mine.map(({ log }) => log))], [FIRST, SECOND]);
    // Whoever knows the new key alone cannot check what was signed under the old name.
    const [key = ""] = trust.keys;
    assert.equal((await verify(target, { ...trust, keys: [key] }, "--account", accountId)).verdict, "incomplete");
    // The owner's export of before has entries that were lost: its checkpoint is the proof.
    await cp(join(parent, "mine-before", "checkpoint"), join(parent, "mine-before.note"));
    const lost = await verify(target, { ...trust, receipts: ["mine-before.note"] }, "--account", accountId);
    assert.equal(lost.verdict, "tampered");
    assert.match(saidOf(lost, "trust"), /what is behind them was lost/);
    // And that export still holds by itself, under the name that it was made under.
    const before = await verify(
      join(parent, "mine-before"),
      { origin: FIRST, keys: [(trust.keys[1] ?? "").split(" ")[0]] },
      "--account",
      accountId,
    );
    assert.equal(before.verdict, "intact", JSON.stringify(before.checks.filter(({ status }) => status === "failed")));
  });

  it("is found by whoever knows an entry that was lost", async () => {
    const note = join(parent, "lost.note");
    await cp(join(parent, "before", "checkpoint"), note);
    const keys = (await crew.cyd.client.bytes("/v1/audit/verifier-key")).toString("utf8").trimEnd().split("\n");
    const report = await verify(join(parent, "after"), { origin: SECOND, keys, receipts: ["lost.note"] });
    assert.equal(report.verdict, "tampered");
    assert.match(report.checks.find(({ check }) => check === "trust")?.message ?? "", /what is behind them was lost/);
    await service.stop();
  });

  /** The report of a moment ago is good for a second. */
  async function becomes(code: string | undefined): Promise<void> {
    const deadline = performance.now() + 10_000;
    while ((await readiness()) !== code && performance.now() < deadline) await pause(200);
    assert.equal(await readiness(), code);
  }

  async function readiness(): Promise<string | undefined> {
    const response = await fetch(new URL("/readyz", service.address));
    const { checks } = (await response.json()) as { checks: Record<string, { status: string; code?: string }> };
    return checks["config"]?.code;
  }

  async function accounts(): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const { awsId } of ACCOUNTS)
      for await (const account of crew.ada.client.items("/v1/accounts")) if (account.text("awsId") === awsId) ids.push(account.text("id"));
    return ids;
  }

  /** A purpose that heals a burnt password opens it. */
  async function healingGrant(): Promise<string> {
    const { ada, ben } = crew;
    const fields = { operation: "secret.reveal", accountId, purpose: "rotate-after-use", ticket: "OPS-2" };
    await ada.client.post(`/v1/accounts/${accountId}/candidates`, { kind: "root-password" });
    const requestId = await ada.ask(fields);
    await ben.approve(requestId);
    return (await ada.client.get(`/v1/requests/${requestId}`)).text("grantId");
  }

  async function versionOf(account: string): Promise<string> {
    for await (const secret of crew.ada.client.items(`/v1/accounts/${account}/secrets`)) {
      if (secret.text("kind") !== "root-password") continue;
      const [version] = secret.members["versions"] as readonly { readonly id: string }[];
      return version?.id ?? "";
    }
    return "";
  }
});

/** With owners and modes: PostgreSQL may run as another user than this program. */
function copy(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["-a", from, to]);
  assert.equal(status, 0, String(stderr));
}
