import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createGuard } from "../../../src/audit/create-guard.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";

// real: the adapter, the file system, processes and SIGKILL.

const WRITER = fileURLToPath(new URL("../../support/guard-writer.js", import.meta.url));
const directory = await mkdtemp(join(tmpdir(), "rootkeep-guard-"));
after(() => rm(directory, { recursive: true, force: true }));

let count = 0;
const newPath = (): string => join(directory, String(++count), "guard");
const guardOf = (path: string) => createGuard(`file:${path}`);
const noteIn = async (path: string) => (await guardOf(path).read())?.note ?? null;
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
const refusedFor = (reason: string) => (error: unknown) => isRootkeepError(error, "UNAVAILABLE") && error.reason === reason;

/** A mount point of our own can be tried only by root, and where mounting is forbidden not even by root. */
function mayMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync("mount", ["-t", "tmpfs", "none", directory], { stdio: "ignore" });
    execFileSync("umount", [directory], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function advanceOnce(path: string, note: string, step: number): Promise<string> {
  const writer = spawn(process.execPath, [WRITER, path, note, String(step)], { stdio: ["ignore", "pipe", "inherit"] });
  return await text(writer.stdout);
}

/** Kills a program that advances to "new" at each call to the file system in turn, and looks at what is left every time. */
async function killAtEachStep(prepare: (path: string) => Promise<void>, old: string | null): Promise<readonly string[]> {
  const killedAt: string[] = [];
  for (let step = 1; ; step++) {
    const path = newPath();
    await prepare(path);
    const output = await advanceOnce(path, "new", step);
    if (output === "taken\n") return killedAt;
    const call = /^killed at (\w+)\n$/.exec(output)?.[1];
    assert.ok(call !== undefined, output);
    killedAt.push(call);
    const left = await noteIn(path);
    assert.ok(left === old || left === "new", `step ${String(step)}, ${call}: ${String(left)}`);
    // Whatever was left, the next writer goes on from it, and nothing of the dead one stays in the way.
    const guard = guardOf(path);
    for (const next of ["next", "and next"])
      assert.equal(await guard.advance(await guard.read(), next), true, `step ${String(step)}, ${call}`);
    assert.equal(await noteIn(path), "and next");
  }
}

describe("a file guard whose writer is killed", () => {
  it("holds the old note or the new one, at whatever call to the file system the first advance is killed", async () => {
    const killedAt = await killAtEachStep(async () => undefined, null);
    for (const call of ["mkdir", "open", "writeFile", "sync", "rename"]) assert.ok(killedAt.includes(call), call);
  });

  it("holds the old note or the new one, at whatever call to the file system a later advance is killed", async () => {
    const prepare = async (path: string): Promise<void> => {
      const guard = guardOf(path);
      for (const note of ["oldest", "older", "old"]) await guard.advance(await guard.read(), note);
    };
    const killedAt = await killAtEachStep(prepare, "old");
    for (const call of ["open", "writeFile", "sync", "rename", "rm"]) assert.ok(killedAt.includes(call), call);
  });

  it("keeps every promise among three writers that are killed again and again, and gives no number twice", async () => {
    const path = newPath();
    const promised: number[] = [];
    const writers = new Set<ChildProcess>();
    let killsLeft = 18;
    await new Promise<void>((resolve) => {
      const start = (): void => {
        const writer = spawn(process.execPath, [WRITER, path], { stdio: ["ignore", "pipe", "inherit"] });
        writers.add(writer);
        let linesLeft = 1 + Math.floor(Math.random() * 12);
        createInterface(writer.stdout).on("line", (line) => {
          promised.push(Number(line));
          linesLeft--;
          if (linesLeft === 0) writer.kill("SIGKILL");
        });
        writer.on("close", () => {
          writers.delete(writer);
          killsLeft--;
          if (killsLeft > 2) start();
          else if (writers.size === 0) resolve();
        });
      };
      for (let started = 0; started < 3; started++) start();
    });
    const last = Number((await noteIn(path))?.split("\n")[0]);
    assert.equal(new Set(promised).size, promised.length);
    assert.ok(Math.max(...promised) <= last);
    // A writer that is killed after its advance and before its word loses at most that one.
    assert.ok(last - promised.length <= 18, `${String(last)} notes, ${String(promised.length)} promised`);
    const files = await readdir(join(path, "state"));
    assert.equal(files.filter((file) => file.endsWith(".head")).length, 1);
  });
});

describe("a file guard's directory", () => {
  it("is made with rights for its owner alone, and so are its files", async () => {
    const path = newPath();
    await guardOf(path).advance(null, "note");
    assert.equal(await modeOf(path), 0o700);
    assert.equal(await modeOf(join(path, "..")), 0o700);
    assert.equal(await modeOf(join(path, "state")), 0o700);
    for (const file of await readdir(join(path, "state"))) assert.equal(await modeOf(join(path, "state", file)), 0o600);
  });

  it("does not grow: the newest note and the one before it stay", async () => {
    const path = newPath();
    const guard = guardOf(path);
    for (let round = 0; round < 6; round++) await guard.advance(await guard.read(), `note ${String(round)}`);
    assert.equal((await readdir(join(path, "state"))).length, 3);
    assert.deepEqual(await readdir(path), ["state"]);
  });

  it("is refused when others may write there, and when it is a link or a file", async () => {
    const open = newPath();
    await guardOf(open).advance(null, "note");
    await chmod(open, 0o770);
    await assert.rejects(guardOf(open).read(), refusedFor("guard_is_open_to_others"));
    const linked = join(directory, "link");
    await symlink(open, linked);
    await assert.rejects(guardOf(linked).read(), refusedFor("guard_is_no_directory"));
    const file = join(directory, "file");
    await writeFile(file, "");
    await assert.rejects(guardOf(file).advance(null, "note"), refusedFor("guard_is_no_directory"));
  });

  it("is refused when its state's name or note is gone, has two states, or the note is a link or another's", async () => {
    const damages: readonly [string, (path: string, head: string, note: string) => Promise<void>][] = [
      ["guard_is_incomplete", (path, head) => unlink(join(path, head))],
      ["guard_is_incomplete", (path, _, note) => unlink(join(path, note))],
      ["guard_has_two_states", (path, head) => writeFile(join(path, head.replace(/^0{20}|^\d{20}/, "00000000000000000009")), "")],
      ["guard_is_malformed", (path, _, note) => writeFile(join(path, note), "older note")],
      [
        "guard_file_system_ELOOP",
        async (path, _, note) => {
          await rename(join(path, note), join(path, "elsewhere"));
          await symlink("elsewhere", join(path, note));
        },
      ],
    ];
    for (const [reason, damage] of damages) {
      const path = newPath();
      await guardOf(path).advance(null, "note");
      const home = join(path, "state");
      const files = await readdir(home);
      const endingIn = (ending: string) => files.find((file) => file.endsWith(ending))!;
      await damage(home, endingIn(".head"), endingIn(".note"));
      await assert.rejects(guardOf(path).read(), refusedFor(reason));
      await assert.rejects(guardOf(path).advance(null, "another first"), refusedFor(reason));
    }
  });

  it("may be a volume of its own, empty or fresh with its lost+found", {
    skip: mayMount() ? false : "needs the right to mount",
  }, async () => {
    for (const found of [false, true]) {
      const path = await mkdtemp(join(directory, "volume-"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "mode=700", "none", path]);
      try {
        if (found) await mkdir(join(path, "lost+found"));
        assert.equal(await noteIn(path), null);
        const taken = await Promise.all(["a", "b", "c"].map((note) => guardOf(path).advance(null, note)));
        assert.deepEqual(taken.filter(Boolean), [true]);
        assert.equal(await guardOf(path).advance(await guardOf(path).read(), "next"), true);
        assert.equal(await noteIn(path), "next");
      } finally {
        execFileSync("umount", [path]);
      }
    }
  });

  it("may hold other things, which are none of its business", async () => {
    const path = await mkdtemp(join(directory, "shared-"));
    await mkdir(join(path, "lost+found"));
    await writeFile(join(path, "README"), "of the operator's");
    assert.equal(await noteIn(path), null);
    assert.equal(await guardOf(path).advance(null, "note"), true);
    assert.equal(await noteIn(path), "note");
  });

  it("goes on where an older build began, in the directory itself", async () => {
    const path = newPath();
    await guardOf(path).advance(null, "old");
    const home = join(path, "state");
    for (const file of await readdir(home)) await rename(join(home, file), join(path, file));
    await rm(home, { recursive: true });
    assert.equal(await noteIn(path), "old");
    assert.equal(await guardOf(path).advance(null, "another first"), false);
    assert.equal(await guardOf(path).advance(await guardOf(path).read(), "new"), true);
    assert.equal(await noteIn(path), "new");
    assert.equal((await readdir(path)).includes("state"), false);
  });

  it("may be there and empty before the first note", async () => {
    const path = await mkdtemp(join(directory, "empty-"));
    assert.equal(await noteIn(path), null);
    assert.equal(await guardOf(path).advance(null, "note"), true);
    assert.equal(await noteIn(path), "note");
  });
});
