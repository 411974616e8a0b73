import assert from "node:assert/strict";
import { copyFileSync, existsSync, watch } from "node:fs";
import { chmod, chown, lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createLogKey } from "../../../src/keys/log-keys.service.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { temporaryRootKey } from "../../support/root-key.js";

// real: the adapter and the file system.

type Test = { after(act: () => Promise<void>): void };

const MESSAGE = Buffer.from("a message\n");
const unavailable = (reason: string) => (error: unknown) => isRootkeepError(error, "KEY_UNAVAILABLE") && error.reason === reason;

async function emptyDirectory(test: Test): Promise<string> {
  const { directory, remove } = await temporaryRootKey();
  test.after(remove);
  return directory;
}

/** A key's file that exists, and the way to sign with it as after a restart. */
async function made(test: Test) {
  const directory = await emptyDirectory(test);
  const path = join(directory, "log-key.json");
  const signer = createLogKey(`file:${path}`, { create: true });
  const publicKey = await signer.publicKey();
  return { directory, path, signer, publicKey, reopened: async () => createLogKey(`file:${path}`).sign(MESSAGE) };
}

describe("the log's key in a file", () => {
  it("is created with mode 0600, nothing lies beside it, and it is the format of the page [LK-2]", async (test) => {
    const { path, directory, reopened } = await made(test);
    assert.equal((await lstat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(directory), ["log-key.json"]);
    const { format, key, id, ...more } = JSON.parse(await readFile(path, "utf8")) as Record<string, string>;
    assert.deepEqual([format, Buffer.from(key ?? "", "base64").length, more], ["rootkeep-log-key/1", 48, {}]);
    assert.match(id ?? "", /^[0-9a-f-]{36}$/);
    assert.equal((await reopened()).length, 64);
  });

  it("is created by the first signature as well", async (test) => {
    const uri = `file:${join(await emptyDirectory(test), "log-key.json")}`;
    const signature = await createLogKey(uri, { create: true }).sign(MESSAGE);
    assert.deepEqual(await createLogKey(uri).sign(MESSAGE), signature);
  });

  it("is not created unless that is said: a lost key must show [LK-4]", async (test) => {
    const { path, reopened } = await made(test);
    await rm(path);
    await assert.rejects(reopened(), unavailable("keystore_missing"));
    await assert.rejects(createLogKey(`file:${path}`, { create: false }).publicKey(), unavailable("keystore_missing"));
    await assert.rejects(lstat(path));
  });

  it("that exists is kept where one may be created [LK-4]", async (test) => {
    const { path, publicKey } = await made(test);
    const before = await readFile(path);
    assert.deepEqual(await createLogKey(`file:${path}`, { create: true }).publicKey(), publicKey);
    assert.deepEqual(await readFile(path), before);
  });

  it("that does not parse is not replaced where one may be created [LK-4]", async (test) => {
    const { path } = await made(test);
    await writeFile(path, "{");
    await assert.rejects(createLogKey(`file:${path}`, { create: true }).publicKey(), unavailable("keystore_is_malformed"));
    assert.equal(await readFile(path, "utf8"), "{");
  });

  it("of two that are created at once is one [LK-4]", async (test) => {
    const directory = await emptyDirectory(test);
    const uri = `file:${join(directory, "new", "deep", "log-key.json")}`;
    const keys = await Promise.all(Array.from({ length: 8 }, () => createLogKey(uri, { create: true }).publicKey()));
    assert.equal(new Set(keys.map((key) => key.toString("hex"))).size, 1);
    assert.deepEqual(await readdir(join(directory, "new", "deep")), ["log-key.json"]);
    assert.equal((await lstat(join(directory, "new"))).mode & 0o777, 0o700);
  });

  it("that another program made in the meantime is used, and stays [LK-4]", async (test) => {
    const winner = await made(test);
    /** Whether the other program's file was in place in time: after the look-up, before the link. */
    const race = async (): Promise<boolean> => {
      const directory = await emptyDirectory(test);
      const path = join(directory, "log-key.json");
      const placed: string[] = [];
      // The first that happens in the directory is that the draft appears.
      const watcher = watch(directory, () => {
        if (existsSync(path)) return;
        copyFileSync(winner.path, path);
        placed.push(path);
      });
      const publicKey = await createLogKey(`file:${path}`, { create: true })
        .publicKey()
        .finally(() => {
          watcher.close();
        });
      if (placed.length === 0) return false;
      assert.deepEqual(publicKey, winner.publicKey);
      assert.deepEqual(await readdir(directory), ["log-key.json"]);
      return true;
    };
    for (let attempt = 0; attempt < 20; attempt++) if (await race()) return;
    test.skip("the file system told of the draft too late each time");
  });

  it("that cannot be created says so, names no path and leaves nothing behind", async (test) => {
    const directory = await emptyDirectory(test);
    // A name that is just short enough, so that its draft's is not; and a place where nobody makes directories.
    for (const path of [join(directory, "marker".padEnd(250, "x")), "/sys/marker/log-key.json"]) {
      const refusal: unknown = await createLogKey(`file:${path}`, { create: true })
        .publicKey()
        .catch((error: unknown) => error);
      assert.ok(isRootkeepError(refusal, "KEY_UNAVAILABLE"));
      assert.match(refusal.reason ?? "", /^keystore_cannot_be_created_E[A-Z]+$/);
      assert.equal(inspect(refusal).includes("marker"), false);
    }
    assert.deepEqual(await readdir(directory), []);
  });

  it("is refused when group or others may read or write it [LK-3]", async (test) => {
    const { path, reopened } = await made(test);
    for (const mode of [0o640, 0o604, 0o620, 0o644]) {
      await chmod(path, mode);
      await assert.rejects(reopened(), unavailable("keystore_is_open_to_others"));
    }
    await chmod(path, 0o400);
    await reopened();
  });

  it("is refused behind a symbolic link, and none is created at the end of one [LK-3]", async (test) => {
    const { path, directory, reopened } = await made(test);
    await rename(path, `${path}.real`);
    await symlink(`${path}.real`, path);
    await assert.rejects(reopened(), unavailable("keystore_is_a_link"));
    await rm(path);
    await symlink(join(directory, "nowhere"), path);
    await assert.rejects(createLogKey(`file:${path}`, { create: true }).publicKey(), unavailable("keystore_is_a_link"));
    await assert.rejects(lstat(join(directory, "nowhere")));
  });

  it("is refused when it belongs to another user [LK-3]", {
    skip: process.getuid?.() === 0 ? false : "only root can give files away",
  }, async (test) => {
    const { path, reopened } = await made(test);
    await chown(path, 65_534, 65_534);
    await assert.rejects(reopened(), unavailable("keystore_has_another_owner"));
  });

  it("is refused when it is a directory", async (test) => {
    const { path, reopened } = await made(test);
    await rm(path);
    await mkdir(path, { mode: 0o700 });
    await assert.rejects(reopened(), unavailable("keystore_is_no_file"));
  });

  it("is no root key, and a root key's file is no key of the log [LK-1]", async (test) => {
    const { path } = await made(test);
    const health = await createRootKey(`file:${path}`).check();
    assert.deepEqual([health.isUsable, health.reason], [false, "keystore_is_malformed"]);
  });

  it("is not printed with the signer", async (test) => {
    const { path, signer } = await made(test);
    const { key = "" } = JSON.parse(await readFile(path, "utf8")) as Record<string, string>;
    const printed = inspect(signer, { depth: 10, showHidden: true }) + JSON.stringify(signer);
    assert.equal(printed.includes(key) || printed.includes(Buffer.from(key, "base64").subarray(-32).toString("hex")), false);
  });
});
