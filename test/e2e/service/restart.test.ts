// real: the program, PostgreSQL, processes and signals, HTTP; double: nothing.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  type Crew,
  castParts,
  found,
  importAccounts,
  newAccount,
  obtainGrant,
  type Receipt,
  refusal,
  verifyLog,
} from "../../support/crew.js";
import { killServer, Program, postmasterOf, removeHome, serverProcesses, stillRunning } from "../../support/program.js";

const ACCOUNTS = [newAccount("123456789012"), newAccount("210987654321")];

/** One data directory through everything that can end a service; the tests build on each other. */
describe("a service that ends and starts again", () => {
  let parent = "";
  let directory = "";
  let service: Program;
  let crew: Crew;
  let accountIds: readonly string[] = [];
  let grantId = "";
  let size = 0;
  const receipts: Receipt[] = [];

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    directory = join(parent, "data");
    // As an operator may have made it, open to all.
    await mkdir(directory);
    await chmod(directory, 0o755);
    service = await Program.start({ directory });
  });
  after(async () => {
    await (service as Program | undefined)?.kill();
    await removeHome(directory);
    await rm(parent, { recursive: true, force: true });
  });

  /** Everything that was there is there, the log has grown and verifies against what was given out before, and no grant opens again. */
  async function assertWhole(): Promise<void> {
    for (const member of Object.values(crew)) member.moveTo(service.address);
    const { ada, ben, cyd } = crew;
    assert.equal((await ada.client.get("/v1/people/self")).text("id"), ada.id);
    const [first = "", second = ""] = accountIds;
    assert.equal((await ben.client.get(`/v1/accounts/${first}`)).textOrNull("checkedOutBy"), grantId);
    assert.equal((await ben.client.get(`/v1/accounts/${second}`)).textOrNull("checkedOutBy"), null);
    assert.equal(await refusal(ada.open(grantId)), "GRANT_SPENT");
    const verified = await verifyLog(cyd, receipts);
    assert.equal(verified.report.exitCode, 0, JSON.stringify(verified.report.checks));
    assert.ok(verified.size > size);
    size = verified.size;
  }

  it("keeps its data directory to itself, also one that was open before", async () => {
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    assert.equal((await stat(join(directory, "postgres"))).mode & 0o777, 0o700);
    assert.equal((await stat(join(directory, "root-key.json"))).mode & 0o777, 0o600);
    assert.equal((await stat(join(directory, "postgres", "passwords.json"))).mode & 0o777, 0o600);
  });

  it("does its work, and the log verifies", async () => {
    crew = await found(service.address, await service.invitations());
    await castParts(crew);
    accountIds = await importAccounts(crew.cyd, ACCOUNTS);
    grantId = await obtainGrant(crew, accountIds[0] ?? "");
    const opened = await crew.ada.open(grantId);
    assert.equal(
      opened.secret.expose((value) => value),
      ACCOUNTS[0]?.password,
    );
    assert.ok(opened.receipt !== null);
    receipts.push(opened.receipt);
    await assertWhole();
  });

  it("ends on SIGTERM and leaves neither process nor socket", async () => {
    const pids = await serverProcesses(directory);
    const socket = (await postmasterOf(directory))?.socketDirectory ?? "";
    assert.ok(pids.length > 1 && existsSync(socket));
    await service.stop();
    assert.deepEqual(await stillRunning(pids), []);
    assert.equal(await postmasterOf(directory), undefined);
    assert.equal(existsSync(dirname(socket)), false);
  });

  it("keeps sessions, accounts and grants over a restart, and goes on with its log", async () => {
    service = await Program.start({ directory });
    assert.equal(service.events("database.ready")[0]?.["isAdopted"], false);
    assert.equal((await crew.ada.visitor.get("/livez").catch(() => null)) === null, true, "the old address is gone");
    await assertWhole();
  });

  it("refuses a second service on the same data directory, which disturbs nothing", async () => {
    const pid = (await postmasterOf(directory))?.pid;
    const second = await Program.fail({ directory });
    assert.equal(second.status, 1);
    assert.match(second.stderr, /^Rootkeep did not start: another program uses the database in /m);
    assert.ok(!second.stdout.includes("listens"));
    assert.equal((await postmasterOf(directory))?.pid, pid);
    await assertWhole();
  });

  it("takes over the database of a service that was killed; an opened grant stays spent", async () => {
    await service.kill();
    const pid = (await postmasterOf(directory))?.pid ?? -1;
    assert.deepEqual(await stillRunning([pid]), [pid]);
    service = await Program.start({ directory });
    assert.equal(service.events("database.ready")[0]?.["isAdopted"], true);
    assert.equal((await postmasterOf(directory))?.pid, pid);
    await assertWhole();
  });

  it("recovers after service and database were killed at once; an opened grant stays spent", async () => {
    service.signal("SIGKILL");
    await killServer(directory);
    await service.ended();
    service = await Program.start({ directory });
    assert.equal(service.events("database.ready")[0]?.["isAdopted"], false);
    await assertWhole();
  });

  it("serves on when only its database was killed and comes back, or says that it is not ready", async () => {
    await killServer(directory);
    const ready = await fetch(new URL("/readyz", service.address));
    assert.equal(ready.status, 503);
    assert.equal(await refusal(crew.ada.open(grantId)), "UNAVAILABLE");
    const ended = service.ended();
    service.signal("SIGTERM");
    await ended;
    service = await Program.start({ directory });
    await assertWhole();
  });
});
