// real: the platform package, file modes and links, programs; double: nothing.
import assert from "node:assert/strict";
import { chmod, cp, link, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { hydrateSymlinks, locateBinaries, prepareBinaries } from "../../../src/database/embedded-binaries.adapter.js";
import { findUser } from "../../../src/database/embedded-state.js";

const isRoot = process.geteuid?.() === 0;

describe("the programs of the embedded PostgreSQL", () => {
  let parent = "";
  before(async () => {
    parent = await realpath(await mkdtemp(join(tmpdir(), "rootkeep-bin-")));
    await chmod(parent, 0o711);
  });
  after(() => rm(parent, { recursive: true, force: true }));

  it("get their library links where the package's install script did not run", async () => {
    const native = await copyPackage(join(parent, "bare"));
    const listed = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8")) as { target: string }[];
    assert.ok(listed.length > 0);
    assert.equal(await hydrateSymlinks(native), true);
    for (const { target } of listed) {
      assert.equal((await lstat(join(native, "lib", basename(target)))).isSymbolicLink(), true);
    }
    assert.equal(await prepareBinaries(native, undefined, join(parent, "unused")), native);
  });

  it("are staged where the server's user cannot reach the project", { skip: !isRoot && "only root has another user" }, async () => {
    const closed = join(parent, "closed");
    await mkdir(closed, { mode: 0o700 });
    const native = await copyPackage(join(closed, "project"));
    const run = join(parent, "run");
    await mkdir(run, { mode: 0o711 });
    const user = findUser(await readFile("/etc/passwd", "utf8"), "nobody");
    assert.ok(user);
    const staged = await prepareBinaries(native, user, run);
    assert.equal(staged, join(run, "native"));
    assert.deepEqual((await readdir(join(run, "native"))).sort(), ["bin", "lib", "pg-symlinks.json", "share"]);
    // A private directory for the copy does not help either: the answer is that it cannot be run, not a crash.
    assert.equal(await prepareBinaries(native, user, join(closed)), undefined);
  });
});

/** The package as npm unpacks it: without links. Hard links, so that it costs nothing, or copies on another disk. */
async function copyPackage(target: string): Promise<string> {
  const native = locateBinaries();
  const walk = async (from: string, to: string): Promise<void> => {
    await mkdir(to, { recursive: true, mode: 0o755 });
    for (const entry of await readdir(from, { withFileTypes: true })) {
      if (entry.isDirectory()) await walk(join(from, entry.name), join(to, entry.name));
      else if (entry.isFile()) {
        await link(join(from, entry.name), join(to, entry.name)).catch(() => cp(join(from, entry.name), join(to, entry.name)));
      }
    }
  };
  await walk(native, target);
  return target;
}
