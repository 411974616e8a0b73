// real: the program, PostgreSQL, processes, HTTP; double: nothing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ApiClient } from "../../../src/cli/api-client.js";
import { refusal } from "../../support/crew.js";
import { PROGRAMS, Program, postmasterOf, removeHome, serverProcesses, stillRunning } from "../../support/program.js";

const isRoot = process.geteuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };

const accept = (address: string, token: string): Promise<unknown> => {
  const founder = { name: "Ada Quist", email: "ada@example.com", password: "a password for the trial" };
  return new ApiClient(address, null).release("/v1/founding/acceptances", { token, ...founder }, "otpauth");
};

describe("the start of a service", () => {
  let parent = "";
  let directory = "";
  const programs: Program[] = [];
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    directory = join(parent, "data");
  });
  after(async () => {
    for (const program of programs) await program.kill();
    for (const name of await readdir(parent)) await removeHome(join(parent, name));
    await rm(parent, { recursive: true, force: true });
  });

  async function start(options: Partial<Parameters<typeof Program.start>[0]> = {}): Promise<Program> {
    const program = await Program.start({ directory, ...options });
    programs.push(program);
    return program;
  }

  it("is refused for a variable that is not known, before anything is made, and the value is not repeated", async () => {
    const environment = { ROOTKEEP_TOTP_PERIOD: "mark-of-a-value", ROOTKEEP_POOL_SIZE: "mark-of-another" };
    const { status, stdout, stderr } = await Program.fail({ directory, environment });
    assert.equal(status, 1);
    assert.match(stderr, /ROOTKEEP_TOTP_PERIOD is not known here\./);
    assert.match(stderr, /ROOTKEEP_POOL_SIZE must be a whole number from 2 to 200\./);
    assert.equal(`${stdout}${stderr}`.includes("mark-of"), false);
    assert.equal(existsSync(directory), false);
  });

  it("voids the invitations of an earlier start that was not founded", async () => {
    const first = await start();
    const [old = ""] = await first.invitations();
    assert.equal(await refusal(new ApiClient(first.address, null).get("/v1/people")), "NOT_FOUNDED");
    await first.stop();

    const second = await start();
    const [fresh = ""] = await second.invitations();
    assert.notEqual(fresh, old);
    assert.equal(await refusal(accept(second.address, old)), "NOT_FOUND");
    await accept(second.address, fresh);
    // A founder who had a seat, but had not confirmed, has to begin again too.
    await second.stop();
    const third = await start();
    assert.equal(await refusal(accept(third.address, fresh)), "NOT_FOUND");
    await third.stop();
  });

  it("hands out invitations in files of mode 0600, where they are not printed", async () => {
    const service = await start({ environment: { ROOTKEEP_TRIAL_PRINT_INVITATIONS: "no" } });
    const tokens = await service.invitations();
    assert.equal(tokens.length, 3);
    for (const [index, token] of tokens.entries()) {
      assert.match(token, /^rkf_[A-Za-z0-9_-]{43}$/);
      assert.equal(service.output.includes(token), false);
      assert.equal((await stat(join(directory, `founding-invitation-${String(index + 1)}.txt`))).mode & 0o777, 0o600);
    }
    await service.stop();
  });

  it("fails where the port is taken, says so, and leaves no database running", async () => {
    const squatter = createServer().listen(0, "127.0.0.1");
    await once(squatter, "listening");
    const { port } = squatter.address() as { port: number };
    try {
      const { status, stderr } = await Program.fail({ directory, environment: { ROOTKEEP_LISTEN_PORT: String(port) } });
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(`^Rootkeep did not start: .*address already in use.*${String(port)}`, "m"));
      assert.equal(await postmasterOf(directory), undefined);
      assert.equal(
        (await readdir(join(directory, "postgres"))).some((name) => name.startsWith("run-")),
        false,
      );
    } finally {
      squatter.close();
    }
  });

  it("is broken off by SIGTERM, and leaves no database running", async () => {
    for (const isServerUp of [false, true]) {
      const program = Program.spawn({ directory });
      programs.push(program);
      let pids: readonly number[] = [];
      while (isServerUp && pids.length < 2) pids = await serverProcesses(directory);
      program.signal("SIGTERM");
      await program.ended();
      assert.deepEqual(await stillRunning(pids), []);
      assert.equal(await postmasterOf(directory), undefined);
    }
  });

  it("runs the database as somebody else than root", { skip: !isRoot && "not root here" }, async () => {
    const service = await start();
    const pid = (await postmasterOf(directory))?.pid ?? -1;
    const uid = /^Uid:\s+(\d+)/m.exec(await readFile(`/proc/${String(pid)}/status`, "utf8"))?.[1];
    assert.notEqual(uid, undefined);
    assert.notEqual(uid, "0");
    await service.stop();
  });

  it("works for an ordinary user", { skip: !isRoot && "it is one already" }, async (t) => {
    const home = join(parent, "nobody");
    await chmod(parent, 0o711);
    await mkdir(home, { mode: 0o700 });
    await chown(home, NOBODY.uid, NOBODY.gid);
    const check = spawn(process.execPath, ["--check", PROGRAMS.service], { ...NOBODY, cwd: "/", stdio: "ignore" });
    if ((await once(check, "exit"))[0] !== 0) {
      t.skip("another user cannot read this project");
      return;
    }
    const service = await start({ directory: home, user: NOBODY });
    await accept(service.address, (await service.invitations())[0] ?? "");
    const pids = await serverProcesses(home);
    for (const path of ["root-key.json", "postgres", join("postgres", "pgdata")])
      assert.equal((await stat(join(home, path))).uid, NOBODY.uid);
    await service.stop();
    assert.deepEqual(await stillRunning(pids), []);
    assert.deepEqual((await readdir(join(home, "postgres"))).sort(), ["passwords.json", "pgdata"]);
  });
});
