// real: the launcher, PostgreSQL, processes and signals; double: nothing.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { exists } from "../../../src/database/embedded-home.adapter.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../src/database/embedded-postgres.adapter.js";
import { isPostgresProcess, pause } from "../../../src/database/embedded-program.adapter.js";
import { DATABASE_ROLES } from "../../../src/database/roles.js";
import { withClient } from "../../support/postgres.js";

const PROGRAM = fileURLToPath(new URL("../../support/embedded-program.js", import.meta.url));
const isRoot = process.geteuid?.() === 0;
const REMEMBER = "CREATE TABLE IF NOT EXISTS memory (word text); INSERT INTO memory VALUES ('kept')";

interface Started {
  readonly isStarted: boolean;
  readonly isAdopted: boolean;
  readonly pid: number;
  readonly socketDirectory: string;
  readonly message: string;
}

describe("embedded PostgreSQL", () => {
  let parent = "";
  let directory = "";
  let count = 0;
  const programs: ChildProcess[] = [];

  before(async () => {
    // mkdtemp makes it 0700: as root, the server's user can enter neither this directory nor anything below it.
    parent = await mkdtemp(join(tmpdir(), "rootkeep-epg-"));
  });
  after(async () => {
    for (const program of programs) program.kill("SIGKILL");
    for (const name of await readdir(parent)) await killPostmaster(join(parent, name));
    await rm(parent, { recursive: true, force: true });
  });

  const fresh = (): string => {
    directory = join(parent, `d${++count}`);
    return directory;
  };
  const start = async (): Promise<EmbeddedPostgres> => await startEmbeddedPostgres({ directory });
  const program = async (uid?: number, gid?: number, sql: string = REMEMBER): Promise<{ child: ChildProcess; started: Started }> => {
    const identity = uid === undefined || gid === undefined ? {} : { uid, gid };
    const child = spawn(process.execPath, [PROGRAM, directory, sql], { stdio: ["pipe", "pipe", "inherit"], cwd: "/", ...identity });
    programs.push(child);
    assert.ok(child.stdout);
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    return { child, started: JSON.parse(line) as Started };
  };

  it("starts on an empty directory below one that nobody else may enter, private and without a network", async () => {
    fresh();
    const server = await start();
    try {
      assert.equal(server.isAdopted, false);
      assert.equal((await stat(directory)).mode & 0o777, 0o700);
      assert.equal((await stat(join(directory, "passwords.json"))).mode & 0o777, 0o600);
      for (const role of DATABASE_ROLES) {
        const rows = await withClient(
          server.connections[role],
          async (client) => (await client.query<object>("SELECT current_user AS who")).rows,
        );
        assert.deepEqual(rows, [{ who: role }]);
      }
      const settings = await withClient(server.superuser, async (client) => {
        const names = "'listen_addresses', 'fsync', 'data_checksums', 'password_encryption', 'unix_socket_permissions'";
        const { rows } = await client.query(`SELECT name, setting FROM pg_settings WHERE name IN (${names}) ORDER BY name`);
        const { rows: locale } = await client.query("SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()");
        return { rows: rows.map((row: { name: string; setting: string }) => `${row.name}=${row.setting}`), locale };
      });
      assert.deepEqual(settings.rows, [
        "data_checksums=on",
        "fsync=on",
        "listen_addresses=",
        "password_encryption=scram-sha-256",
        "unix_socket_permissions=0700",
      ]);
      assert.deepEqual(settings.locale, [{ datlocprovider: "b", datlocale: "C.UTF-8" }]);
    } finally {
      await server.stop();
    }
  });

  it("keeps its content over a restart", async () => {
    fresh();
    const first = await start();
    await withClient(first.superuser, (client) => client.query(REMEMBER));
    await first.stop();
    await assertRemembers();
  });

  it("leaves no process, socket or file but the data after a stop, and may be stopped twice", async () => {
    fresh();
    const { child, started } = await program();
    child.stdin?.end();
    await once(child, "exit");
    assert.equal(await isPostgresProcess(started.pid), false);
    assert.equal(await exists(dirname(started.socketDirectory)), false);
    assert.deepEqual((await readdir(directory)).sort(), ["passwords.json", "pgdata"]);
    assert.equal(await exists(join(directory, "pgdata", "postmaster.pid")), false);
    const server = await start();
    await server.stop();
    await server.stop();
  });

  it("adopts the server that a killed program left, with its content", async () => {
    fresh();
    const { child, started } = await program();
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(await isPostgresProcess(started.pid), true);
    const server = await assertRemembers();
    assert.equal(server.isAdopted, true);
    assert.equal(await isPostgresProcess(started.pid), false);
    assert.equal(await exists(dirname(started.socketDirectory)), false);
  });

  it("recovers after program and server were killed together, and cleans up after both", async () => {
    fresh();
    const { child, started } = await program();
    child.kill("SIGKILL");
    process.kill(started.pid, "SIGKILL");
    await once(child, "exit");
    const server = await assertRemembers();
    assert.equal(server.isAdopted, false);
    assert.equal(await exists(dirname(started.socketDirectory)), false);
    assert.deepEqual((await readdir(directory)).sort(), ["passwords.json", "pgdata"]);
  });

  it("cleans up when the server was killed under a living program", async () => {
    fresh();
    const server = await start();
    await killPostmaster(directory);
    await server.stop();
    assert.deepEqual((await readdir(directory)).sort(), ["passwords.json", "pgdata"]);
    assert.equal(await exists(dirname(server.superuser.host)), false);
  });

  it("refuses a second program, whose refusal does not touch the first one's server", async () => {
    fresh();
    const server = await start();
    try {
      await assert.rejects(start(), /another program uses the database/);
      const { started } = await program();
      assert.match(started.message, /another program uses the database/);
      await withClient(server.connections.rootkeep_service, (client) => client.query("SELECT 1"));
    } finally {
      await server.stop();
    }
  });

  it("lets one of two first starts win and tells the other", async () => {
    fresh();
    const both = await Promise.all([program(), program()]);
    const winners = both.filter(({ started }) => started.isStarted);
    assert.equal(winners.length, 1, JSON.stringify(both.map(({ started }) => started)));
    const loser = both.find(({ started }) => !started.isStarted);
    assert.match(loser?.started.message ?? "", /another program uses the database/);
    winners[0]?.child.stdin?.end();
    if (winners[0] !== undefined) await once(winners[0].child, "exit");
    await assertRemembers();
    assert.deepEqual((await readdir(directory)).sort(), ["passwords.json", "pgdata"]);
  });

  it("takes the lock again after a crash of one of the server's processes, and still refuses a second program", async () => {
    fresh();
    const server = await start();
    try {
      const holder = async (): Promise<number | undefined> => {
        const held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'";
        const rows = await withClient(server.superuser, async (client) => (await client.query<object>(held)).rows).catch(
          (): unknown[] => [],
        );
        return (rows[0] as { pid: number } | undefined)?.pid;
      };
      const first = await holder();
      assert.ok(first);
      process.kill(first, "SIGKILL");
      let now = await holder();
      for (let tries = 0; tries < 500 && (now === undefined || now === first); tries++) {
        await pause(20);
        now = await holder();
      }
      assert.notEqual(now, first);
      assert.notEqual(now, undefined);
      await assert.rejects(start(), /another program uses the database/);
    } finally {
      await server.stop();
    }
  });

  it("starts where the process id in a left lock file has become somebody else's", async () => {
    fresh();
    await (await start()).stop();
    const owner = await stat(join(directory, "pgdata"));
    const stranger = spawn("sleep", ["600"], { stdio: "ignore", ...(isRoot ? { uid: owner.uid, gid: owner.gid } : {}) });
    programs.push(stranger);
    const file = join(directory, "pgdata", "postmaster.pid");
    await writeFile(file, `${stranger.pid}\n${directory}/pgdata\n1700000000\n5432\n/nowhere\n\n  1234567         0\nready   \n`, {
      mode: 0o600,
    });
    if (isRoot) await chown(file, owner.uid, owner.gid);
    await (await start()).stop();
    assert.equal(stranger.exitCode, null);
    assert.equal(stranger.signalCode, null);
  });

  it("says at once what is permanent, and leaves nothing running", async () => {
    fresh();
    await (await start()).stop();
    await writeFile(join(directory, "pgdata", "PG_VERSION"), "9\n");
    await assert.rejects(start(), /PostgreSQL does not start: .*(not compatible|incompatible)/);
    assert.deepEqual((await readdir(directory)).sort(), ["passwords.json", "pgdata"]);
  });

  it("refuses a directory of something else, one that lost its passwords, and reserved settings", async () => {
    fresh();
    await mkdir(directory);
    await writeFile(join(directory, "letter.txt"), "dear");
    await assert.rejects(start(), /holds files of something else/);
    fresh();
    await mkdir(join(directory, "pgdata"), { recursive: true });
    await assert.rejects(start(), /has lost passwords\.json/);
    fresh();
    for (const name of ["listen_addresses", "log_statement", "port", "unix_socket_directories", "Fsync", "a b"]) {
      await assert.rejects(startEmbeddedPostgres({ directory, settings: { [name]: "x" } }), /is not for callers/);
    }
    assert.equal(await exists(directory), false);
  });

  it("survives a first start that was killed in the middle", async () => {
    fresh();
    await mkdir(join(directory, "init-0123456789ab", "pgdata"), { recursive: true });
    await writeFile(join(directory, "init-0123456789ab", "password"), "left over");
    await (await start()).stop();
    assert.deepEqual((await readdir(directory)).sort(), ["passwords.json", "pgdata"]);
  });

  it("runs for an ordinary user too", { skip: !isRoot && "it is one already" }, async (t) => {
    fresh();
    const uid = 65_534;
    await chmod(parent, 0o711);
    await mkdir(directory);
    await chown(directory, uid, uid);
    const check = spawn(process.execPath, ["--check", PROGRAM], { uid, gid: uid, cwd: "/", stdio: "ignore" });
    if ((await once(check, "exit"))[0] !== 0) {
      t.skip("another user cannot read this project");
      return;
    }
    const { child, started } = await program(uid, uid);
    assert.equal(started.isStarted, true, started.message);
    assert.equal((await stat(join(directory, "pgdata"))).uid, uid);
    assert.equal(dirname(started.socketDirectory).startsWith(directory), true);
    child.stdin?.end();
    await once(child, "exit");
    assert.deepEqual((await readdir(directory)).sort(), ["passwords.json", "pgdata"]);
    // Root takes over what an ordinary user began, as that user.
    await assertRemembers();
    assert.equal((await stat(join(directory, "pgdata"))).uid, uid);
  });

  it("shows a password nowhere: arguments, environment, log, settings files, inspection", async () => {
    fresh();
    process.env["ROOTKEEP_TEST_MARK"] = "mark-in-our-environment";
    const server = await start();
    try {
      await withClient(server.superuser, async (client) => {
        await client.query("SELECT $1::int", ["mark-in-a-parameter"]).catch(() => undefined);
        await client.query("SELECT 'mark-in-a-statement'::int").catch(() => undefined);
      });
      const passwords = Object.values(JSON.parse(await readFile(join(directory, "passwords.json"), "utf8")) as Record<string, string>);
      assert.equal(passwords.length, 5);
      const seen = [inspect(server, { depth: 9, showHidden: true }), JSON.stringify(server)];
      const run = dirname(server.superuser.host);
      seen.push(await readFile(join(run, "server.log"), "utf8"));
      for (const name of ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "postmaster.opts", "postmaster.pid"]) {
        seen.push(await readFile(join(directory, "pgdata", name), "utf8"));
      }
      if (process.platform === "linux") {
        const pid = Number.parseInt(await readFile(join(directory, "pgdata", "postmaster.pid"), "utf8"), 10);
        seen.push(await readFile(`/proc/${pid}/cmdline`, "latin1"), await readFile(`/proc/${pid}/environ`, "latin1"));
      }
      const all = seen.join("\n");
      for (const word of [...passwords, "mark-in-"]) assert.equal(all.includes(word), false);
    } finally {
      delete process.env["ROOTKEEP_TEST_MARK"];
      await server.stop();
    }
  });

  async function assertRemembers(): Promise<EmbeddedPostgres> {
    const server = await start();
    try {
      const words = await withClient(
        server.superuser,
        async (client) => (await client.query<object>("SELECT DISTINCT word FROM memory")).rows,
      );
      assert.deepEqual(words, [{ word: "kept" }]);
    } finally {
      await server.stop();
    }
    return server;
  }
});

/** Kills the server of `directory`, if one runs there, and waits until it is gone. */
async function killPostmaster(directory: string): Promise<void> {
  const pid = Number.parseInt(await readFile(join(directory, "pgdata", "postmaster.pid"), "utf8").catch(() => ""), 10);
  if (Number.isNaN(pid) || !(await isPostgresProcess(pid))) return;
  process.kill(pid, "SIGKILL");
  while (await isPostgresProcess(pid)) await pause(5);
}
