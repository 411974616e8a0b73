// real: the program, the command line, PostgreSQL, a copy of its files as a backup, HTTP, the offline verifier; double: nothing.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { decodeBundle } from "../../../src/audit/bundle.js";
import { type Entry, parseEntry } from "../../../src/audit/entry.js";
import { exportAccount } from "../../../src/cli/export-account.js";
import { createEscrow } from "../../../src/keys/escrow-quorum.js";
import { formatShare } from "../../../src/keys/escrow-share.js";
import { runVerify } from "../../../src/verify/main.js";
import type { Report } from "../../../src/verify/report.js";
import {
  allow,
  type Crew,
  castParts,
  found,
  importAccounts,
  Member,
  newAccount,
  obtainGrant,
  refusal,
  verifyLog,
} from "../../support/crew.js";
import { beatAsReplica } from "../../support/other-replica.js";
import { withClient } from "../../support/postgres.js";
import { PROGRAMS, Program, pause, removeHome, superuserOf } from "../../support/program.js";
import { type RestDouble, startRestDouble } from "../../support/rest-double.js";
import { runCli } from "../../support/run-cli.js";

const ACCOUNT = newAccount("123456789012");
const WEBHOOK_SECRET = `whsec_${"A".repeat(43)}=`;
const ORIGIN = "rootkeep.local/audit/trial/1";

interface QuorumFiles {
  readonly recipient: string;
  readonly files: readonly string[];
}

interface Counts {
  readonly keys: number;
  readonly wraps: number;
}

interface Recovered {
  readonly seq: number;
  readonly recipient: string;
  readonly suspended: readonly string[];
  readonly paged: readonly string[] | null;
  readonly files: readonly string[];
}

/** Everybody who was a custodian has lost the phone, or left. What is left is a quorum of shares. */
describe("recover custodians", () => {
  let parent = "";
  let directory = "";
  let service: Program;
  let crew: Crew;
  let quorums: Readonly<Record<"older" | "ours" | "evil", QuorumFiles>>;
  let accountId = "";
  let grantId = "";
  let pendingId = "";
  let recovered: Recovered;
  let room: RestDouble;
  let isRoomAway = false;
  let channels: Readonly<Record<string, string>>;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    directory = join(parent, "data");
    room = await startRestDouble(() => ({ status: isRoomAway ? 503 : 204 }));
    channels = { ROOTKEEP_NOTICE_WEBHOOK: `${room.address}/hook`, ROOTKEEP_NOTICE_WEBHOOK_SECRET: WEBHOOK_SECRET };
    quorums = { older: await quorum("older"), ours: await quorum("ours"), evil: await quorum("evil") };
    service = await Program.start({ directory, environment: { ROOTKEEP_ESCROW_RECIPIENT: quorums.older.recipient } });
    crew = await found(service.address, await service.invitations());
    await castParts(crew);
    [accountId = ""] = await importAccounts(crew.ada, [ACCOUNT]);
    await service.stop();
    copy(join(directory, "postgres"), join(parent, "backup"));
    await start();
    const { digest } = (await crew.ada.client.get("/v1/configuration")).members as { digest: string };
    await crew.ben.approve(await crew.ada.ask({ operation: "config.approve", subject: { digest } }));
    grantId = await obtainGrant(crew, accountId);
    pendingId = await crew.cyd.ask({ operation: "person.enrol", subject: { name: "Mallory Moss", email: "mallory@example.com" } });
    await beat();
  });
  after(async () => {
    await (service as Program | undefined)?.kill();
    await room.close();
    await removeHome(directory);
    await rm(parent, { recursive: true, force: true });
  });

  async function quorum(name: string): Promise<QuorumFiles> {
    const { recipient, shares } = await createEscrow(3, 2);
    const files = shares.map(({ index }) => join(parent, `${name}-${String(index)}.txt`));
    for (const [at, share] of shares.entries()) await writeFile(files[at] ?? "", formatShare(share), { mode: 0o600 });
    return { recipient, files };
  }

  async function start(): Promise<void> {
    service = await Program.start({ directory, environment: { ROOTKEEP_ESCROW_RECIPIENT: quorums.ours.recipient, ...channels } });
    for (const member of Object.values(crew)) member.moveTo(service.address);
  }

  const NAMED = [
    { name: "Ada Quist", email: "ada.quist@example.com" },
    { name: "Dana Rue", email: "dana.rue@example.com" },
    { name: "Eli Sand", email: "eli.sand@example.com" },
  ];

  interface Attempt {
    readonly shares: readonly string[];
    readonly custodians?: readonly object[];
    readonly flags?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    readonly out?: string;
  }

  async function argvOf({
    shares,
    custodians = NAMED,
    flags = ["--replace-active"],
    out = join(parent, "out"),
  }: Attempt): Promise<string[]> {
    await writeFile(join(parent, "custodians.json"), JSON.stringify(custodians));
    const named = ["--custodians", join(parent, "custodians.json"), "--reason", "nobody is left", "--out", out, "--json"];
    return ["recover", "custodians", ...shares.flatMap((file) => ["--share", file]), ...named, ...flags];
  }

  /** Of the service's configuration only where its data are and what counts for this: the rest stands in the log. */
  async function recover(attempt: Attempt) {
    return await runCli(await argvOf(attempt), { environment: { ROOTKEEP_DATA_DIR: directory, ...channels, ...attempt.environment } });
  }

  async function assertRefused(attempt: Attempt, message: RegExp): Promise<void> {
    const { status, stdout, stderr } = await recover(attempt);
    assert.equal(status, 1, stdout);
    assert.match(stderr, message);
    const left = (await readdir(parent)).includes("out");
    assert.equal(left, /The invitations stay in .*: worth nothing, unless/.test(stderr), stderr);
    await rm(join(parent, "out"), { recursive: true, force: true });
  }

  it("refuses while a service runs on the database", async () => {
    await assertRefused({ shares: quorums.ours.files.slice(0, 2) }, /a service is running: stop it first/);
    await service.stop();
  });

  it("refuses M - 1 shares, shares of an older recipient, and of one that the environment alone names", async () => {
    await assertRefused({ shares: quorums.ours.files.slice(0, 1) }, /shares are 1; this set needs 2 of its 3/);
    await assertRefused(
      { shares: quorums.older.files },
      new RegExp(`shares are of ${quorums.older.recipient}; custodians last approved ${quorums.ours.recipient}`),
    );
    const environment = { ROOTKEEP_ESCROW_RECIPIENT: quorums.evil.recipient };
    await assertRefused({ shares: quorums.evil.files, environment }, /shares are of .*; custodians last approved/);
    await assertRefused({ shares: [...quorums.ours.files.slice(0, 1), ...quorums.older.files.slice(1, 2)] }, /of two sets/);
  });

  it("refuses too few custodians, one twice, and a name that is somebody else's", async () => {
    const shares = quorums.ours.files.slice(1);
    await assertRefused({ shares, custodians: NAMED.slice(0, 1) }, /custodians are 2 to 9/);
    await assertRefused({ shares, custodians: [...NAMED.slice(1), { name: "DANA  RUE", email: "other@example.com" }] }, /different people/);
    await assertRefused(
      { shares, custodians: [...NAMED.slice(1), { name: "Ben Okoro", email: "ben@elsewhere.example" }] },
      /ALREADY_EXISTS/,
    );
    await assertRefused({ shares, custodians: [...NAMED.slice(1), { name: "Ben Okoro" }] }, /names no custodians/);
  });

  it("refuses while two custodians stand by the allowlist, unless it is told that they cannot act", async () => {
    await assertRefused({ shares: quorums.ours.files.slice(0, 2), flags: [] }, /3 custodians stand; see --replace-active/);
  });

  it("refuses a log that was put back: in it, other custodians stand, and another quorum", async () => {
    await rm(join(parent, "today"), { recursive: true, force: true });
    copy(join(directory, "postgres"), join(parent, "today"));
    await rm(join(directory, "postgres"), { recursive: true });
    copy(join(parent, "backup"), join(directory, "postgres"));
    await assertRefused(
      { shares: quorums.older.files, environment: { ROOTKEEP_ESCROW_RECIPIENT: quorums.older.recipient } },
      /ROLLBACK_DETECTED/,
    );
    await rm(join(directory, "postgres"), { recursive: true });
    copy(join(parent, "today"), join(directory, "postgres"));
  });

  it("refuses another guard, another log key and other channels than custodians approved, and says which", async () => {
    const shares = quorums.ours.files.slice(0, 2);
    copy(join(directory, "guard"), join(parent, "guard"));
    const elsewhere = { ROOTKEEP_NOTICE_WEBHOOK: `${room.address}/elsewhere` };
    const none = { ROOTKEEP_NOTICE_WEBHOOK: "", ROOTKEEP_NOTICE_WEBHOOK_SECRET: "" };
    for (const [environment, member] of [
      [{ ROOTKEEP_GUARD: `file:${join(parent, "guard")}` }, /not as custodians last approved it: guard;/],
      [elsewhere, /not as custodians last approved it: notices;/],
      [none, /not as custodians last approved it: notices;/],
    ] as const)
      await assertRefused({ shares, environment }, member);
    assert.deepEqual(pages(), []);
  });

  it("refuses while no channel takes the page before it; then nobody has an invitation", async () => {
    isRoomAway = true;
    await assertRefused({ shares: quorums.ours.files.slice(0, 2) }, /PAGE_UNACCEPTED/);
    assert.ok(!(await readdir(parent)).includes("out"));
    isRoomAway = false;
  });

  it("killed at any moment leaves all as it was or all done, and never invitations that are worth something without the entry", async () => {
    const outcomes: boolean[] = [];
    for (const delay of [0, 30, 200]) {
      const out = join(parent, `killed-${String(delay)}`);
      const argv = await argvOf({ shares: quorums.ours.files.slice(0, 2), out });
      const env = { PATH: process.env["PATH"] ?? "", ROOTKEEP_DATA_DIR: directory, ...channels };
      const child = spawn(process.execPath, [PROGRAMS.cli, ...argv], { cwd: "/", env, stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("close", resolve));
      // The invitations come just before the transaction that makes them good.
      while ((await filesIn(out)).length === 0 && child.exitCode === null) await pause(5);
      await pause(delay);
      child.kill("SIGKILL");
      await ended;
      await start();
      const isRecovered = (await recoveries()) > outcomes.filter(Boolean).length;
      const invitations = await filesIn(out);
      const worth = await Promise.all(invitations.map((file) => isGood(file)));
      assert.ok(isRecovered ? worth.length === 3 && worth.every(Boolean) : !worth.some(Boolean), `${String(delay)} ms`);
      await service.stop();
      outcomes.push(isRecovered);
    }
  });

  it("names who they are in one entry, suspends those before, and gives each an invitation of their own", async () => {
    const { status, stdout, stderr } = await recover({ shares: quorums.ours.files.slice(0, 2) });
    assert.equal(status, 0, stderr);
    recovered = JSON.parse(stdout) as Recovered;
    assert.equal(recovered.recipient, quorums.ours.recipient);
    assert.ok(recovered.seq > 0);
    assert.equal(recovered.files.length, 3);
    assert.deepEqual(recovered.paged, ["webhook"]);
    assert.equal(pages().at(-1), "custodians.recovering");
    assert.equal((await stat(join(parent, "out"))).mode & 0o777, 0o700);
    for (const file of recovered.files) assert.equal((await stat(file)).mode & 0o777, 0o600);
    for (const file of [...recovered.files, ...quorums.ours.files]) {
      for (const [, secret = ""] of (await readFile(file, "utf8")).matchAll(/^(?:token|code|data): (.+)$/gm))
        assert.ok(!stdout.includes(secret));
    }
  });

  it("ends sessions, authenticators, requests and grants before anybody is answered, and the start pages", async () => {
    await start();
    const [told] = service.events("custodians.recovered");
    assert.deepEqual([told?.["page"], told?.["seq"]], [true, recovered.seq]);
    for (const member of Object.values(crew)) assert.equal(await refusal(member.client.get("/v1/people/self")), "UNAUTHENTICATED");
    for (const member of Object.values(crew)) await assert.rejects(member.signIn());
  });

  it("finds every data key wrapped to the recipient that custodians approved, soon after a start [ES-8]", async () => {
    const sql = `SELECT count(*)::int AS keys, count(w.data_key_id)::int AS wraps FROM keys.data_key k
      LEFT JOIN keys.escrow_wrap w ON w.data_key_id = k.id AND w.recipient = $1`;
    const ours = [quorums.ours.recipient];
    const look = async () => (await withClient(await superuserOf(directory), (client) => client.query(sql, ours))).rows[0] as Counts;
    let counts = await look();
    for (let tries = 0; counts.wraps < counts.keys && tries < 100; tries++) {
      await pause(100);
      counts = await look();
    }
    assert.deepEqual(counts, { keys: 4, wraps: 4 });
  });

  it("lets the new custodians in by their invitations, once, and nobody else", async () => {
    const members = NAMED.map(({ name }) => new Member(name, service.address));
    for (const [at, member] of members.entries()) {
      const { token, code } = await invitationIn(recovered.files[at] ?? "");
      const { password, visitor } = member;
      member.enrolAuthenticator(await visitor.release("/v1/invitations/acceptances", { token, code, password }, "otpauth"));
      await member.withCode((typed) => visitor.post("/v1/invitations/confirmations", { token, code: typed }));
      assert.equal(await refusal(visitor.release("/v1/invitations/acceptances", { token, code, password }, "otpauth")), "NOT_FOUND");
      await member.signIn();
    }
    const [ada, dana, eli] = members as [Member, Member, Member];
    assert.equal(ada.id, crew.ada.id, "one human is one person");
    crew = { ada, ben: dana, cyd: eli };
    const states = new Map<string, string>();
    for await (const person of ada.client.items("/v1/people")) states.set(person.text("name"), person.text("state"));
    assert.deepEqual(Object.fromEntries(states), {
      "Ada Quist": "ACTIVE",
      "Ben Okoro": "SUSPENDED",
      "Cyd Ilves": "SUSPENDED",
      "Dana Rue": "ACTIVE",
      "Eli Sand": "ACTIVE",
    });
    assert.equal((await ada.client.get(`/v1/grants/${grantId}`)).text("state"), "REVOKED");
    assert.equal((await ada.client.get(`/v1/requests/${pendingId}`)).text("state"), "EXPIRED");
  });

  it("opens nothing until the new custodians have certified the allowlist", async () => {
    const { ada, ben: dana, cyd: eli } = crew;
    assert.equal(await readiness(), "ALLOWLIST_UNCERTIFIED");
    await allow(ada, eli, dana, "approver");
    await allow(ada, dana, eli, "auditor");
    const grant = await obtainGrant(crew, accountId);
    assert.equal(await refusal(ada.open(grant)), "ALLOWLIST_UNCERTIFIED");
    const { digest } = (await ada.client.get("/v1/allowlist/certification")).members as { digest: string };
    await dana.approve(await ada.ask({ operation: "allowlist.certify", subject: { digest } }));
    for (let tries = 0; (await readiness()) !== undefined && tries < 50; tries++) await pause(200);
    assert.equal(await readiness(), undefined);
    const { secret } = await ada.open(await obtainGrant(crew, accountId).catch(() => grant));
    assert.equal(
      secret.expose((value) => value),
      ACCOUNT.password,
    );
  });

  it("pages everybody whom the deployment knows", async () => {
    const lines = (await readFile(join(directory, "notices.jsonl"), "utf8")).trimEnd().split("\n");
    const pages = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ topic }) => topic === "custodians.recovered");
    assert.ok(pages.length > 0, lines.at(-1));
    assert.ok(pages.every((page) => JSON.stringify(page).includes("PAGE")));
  });

  it("is in an export that verifies, and among the acts that every account's owner is shown [AC-6]", async () => {
    const { report } = await verifyLog(crew.cyd);
    assert.equal(report.verdict, "intact", JSON.stringify(report.checks.filter(({ status }) => status === "failed")));
    await beat();
    const target = join(parent, "mine");
    await exportAccount(crew.cyd.client, { directory: target, account: accountId, tool: "test", created: new Date() });
    const acts = (await entriesIn(join(target, "global"))).filter(({ action }) => action === "people.recovered");
    assert.ok(acts.some(({ seq }) => seq === recovered.seq));
    const details = acts.find(({ seq }) => seq === recovered.seq)?.["details"] as Record<string, unknown>;
    assert.equal(details["recipient"], quorums.ours.recipient);
    assert.equal(details["shares"], 2);
    assert.deepEqual(details["paged"], ["webhook"]);
    assert.equal((details["custodians"] as unknown[]).length, 3);
    const text = JSON.stringify(acts);
    for (const { name, email } of NAMED) assert.ok(!text.includes(name) && !text.includes(email), "personal data stand in openings");
    let told = "";
    await runVerify([target, "--json", "--quiet", "--account", accountId], { write: (part) => (told += part) }, { write: () => undefined });
    const verdict = JSON.parse(told) as Report;
    assert.notEqual(verdict.verdict, "tampered", JSON.stringify(verdict.checks.filter(({ status }) => status === "failed")));
    await service.stop();
  });

  it("run a second time refuses, because two custodians stand now", async () => {
    await assertRefusedAgain();
  });

  it("refuses before the deployment is founded", async () => {
    const fresh = join(parent, "fresh");
    const { status, stderr } = await recover({
      shares: quorums.ours.files,
      environment: { ROOTKEEP_DATA_DIR: fresh },
      out: join(parent, "none"),
    });
    assert.equal(status, 1);
    assert.match(stderr, /NOT_FOUNDED/);
    await removeHome(fresh);
  });

  async function assertRefusedAgain(): Promise<void> {
    const { status, stderr } = await recover({ shares: quorums.ours.files, flags: [], out: join(parent, "again") });
    assert.equal(status, 1);
    assert.match(stderr, /3 custodians stand/);
    const other = await recover({ shares: quorums.ours.files, out: join(parent, "out") });
    assert.equal(other.status, 1);
    assert.match(other.stderr, /exists already/);
  }

  /** Topics that the room was told, taken or not. */
  function pages(): string[] {
    const topics = room.requests.map(({ body }) => (JSON.parse(body) as { topic: string }).topic);
    return topics.filter((topic) => topic.startsWith("custodians."));
  }

  async function readiness(): Promise<string | undefined> {
    const response = await fetch(new URL("/readyz", service.address));
    const { checks } = (await response.json()) as { checks: Record<string, { status: string; code?: string }> };
    return checks["config"]?.code;
  }

  /** A heartbeat, and the checkpoint that covers it. */
  async function beat(): Promise<void> {
    const seq = await beatAsReplica(await superuserOf(directory), ORIGIN, "trial");
    for (let tries = 0; tries < 300; tries++) {
      const [, size = ""] = (await crew.cyd.client.bytes("/v1/audit/tlog/checkpoint")).toString("utf8").split("\n");
      if (Number(size) > seq) return;
      await pause(50);
    }
    throw new Error("nobody signs");
  }

  /** Entries of the log that tell of a recovery. */
  async function recoveries(): Promise<number> {
    const sql = "SELECT count(*)::int AS count FROM audit.entry WHERE action = 'people.recovered'";
    const { rows } = await withClient(await superuserOf(directory), (client) => client.query<{ count: number }>(sql));
    return rows[0]?.count ?? 0;
  }

  async function filesIn(path: string): Promise<string[]> {
    return (await readdir(path).catch(() => [])).map((name) => join(path, name));
  }

  async function invitationIn(file: string): Promise<{ token: string; code: string; email: string }> {
    const text = await readFile(file, "utf8");
    const of = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? "";
    return { token: of(/^token: (.+)$/m), code: of(/^code: (.+)$/m), email: of(/<(.+)>$/m) };
  }

  /** An invitation that is known refuses its owner's e-mail as a password; one that is not, itself. */
  async function isGood(file: string): Promise<boolean> {
    const { token, code, email } = await invitationIn(file);
    if (token === "" || code === "") return false;
    const answer = crew.ada.visitor.release("/v1/invitations/acceptances", { token, code, password: email }, "otpauth");
    return (await refusal(answer)) === "MALFORMED";
  }

  async function entriesIn(folder: string): Promise<Entry[]> {
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const bundles = await Promise.all(files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))));
    return bundles.flatMap((bundle) => decodeBundle(bundle).map((bytes) => parseEntry(bytes)));
  }
});

/** With owners and modes: PostgreSQL may run as another user than this program. */
function copy(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["-a", from, to]);
  assert.equal(status, 0, String(stderr));
}
