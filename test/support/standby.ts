// A real hot standby of a test's own server: a base backup of its files, the same program and settings, another socket.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { appendFile, chown, mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PgConnection } from "../../src/database/connection.js";
import { withClient } from "./postgres.js";

const WAIT_MS = 30_000;

export class Standby {
  private constructor(
    /** Where its socket is; everything else as on the primary. */
    readonly host: string,
    private readonly server: ChildProcess,
    private readonly directory: string,
  ) {}

  /** @param name by which `synchronous_standby_names` knows it. */
  static async of(primary: PgConnection, name: string): Promise<Standby> {
    const directory = await mkdtemp(join(tmpdir(), "rootkeep-standby-"));
    const files = join(directory, "data");
    const { path, uid, gid } = await baseBackup(primary, files);
    const host = join(directory, "s");
    await mkdir(host, { mode: 0o700 });
    await chown(directory, uid, gid);
    await chown(host, uid, gid);
    const password = primary.password?.expose((text) => text) ?? "";
    const line = `host=${primary.host} port=${String(primary.port)} user=${primary.user} password=${password} application_name=${name}`;
    await appendFile(join(files, "postgresql.auto.conf"), `\nsynchronous_standby_names = ''\nprimary_conninfo = '${line}'\n`);
    await writeFile(join(files, "standby.signal"), "");
    const [pid = ""] = (await readFile(join(path, "postmaster.pid"), "utf8")).split("\n");
    const program = await readlink(`/proc/${pid}/exe`);
    const given = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").slice(1, -1);
    const own = given.map((text) => text.replace(/^unix_socket_directories=.*/, `unix_socket_directories=${host}`));
    const server = spawn(program, own, { uid, gid, cwd: files, stdio: "ignore", env: { LC_ALL: "C", TZ: "UTC" } });
    const standby = new Standby(host, server, directory);
    await until(() => isUp({ ...primary, host }), "the standby");
    return standby;
  }

  /** The same role and database, here. */
  at(connection: PgConnection): PgConnection {
    return { ...connection, host: this.host };
  }

  /** It does nothing any more, or goes on. */
  pause(isPaused: boolean): void {
    // Its walreceiver is a process of its own.
    for (const pid of [this.server.pid ?? 0, ...childrenOf(this.server.pid ?? 0)]) process.kill(pid, isPaused ? "SIGSTOP" : "SIGCONT");
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.server.once("exit", resolve));
    this.pause(false);
    this.server.kill("SIGQUIT");
    await ended;
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function baseBackup(primary: PgConnection, files: string): Promise<{ path: string; uid: number; gid: number }> {
  return await withClient(primary, async (client) => {
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    // The server calls its directory "/proc/self/cwd".
    const path = await readlink(`/proc/${String(rows[0]?.pid)}/cwd`);
    await client.query("SELECT pg_backup_start('standby', fast => true)");
    // Files come and go while they are copied; what is missing then is in the log that the standby replays.
    if (spawnSync("cp", ["-a", path, files]).error !== undefined) throw new Error("the files could not be copied");
    const label = await client.query<{ labelfile: string }>("SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)");
    await writeFile(join(files, "backup_label"), label.rows[0]?.labelfile ?? "");
    await rm(join(files, "postmaster.pid"));
    const { uid, gid } = await stat(path);
    await chown(join(files, "backup_label"), uid, gid);
    return { path, uid, gid };
  });
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync("pgrep", ["-P", String(pid)]);
  return stdout.toString().split("\n").filter(Boolean).map(Number);
}

async function isUp(connection: PgConnection): Promise<boolean> {
  try {
    return await withClient(connection, async (client) => (await client.query("SELECT 1")).rows.length === 1);
  } catch {
    return false;
  }
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
