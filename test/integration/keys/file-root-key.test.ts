import assert from "node:assert/strict";
import { copyFileSync, existsSync, watch } from "node:fs";
import { chmod, chown, link, lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import type { WrapContext } from "../../../src/keys/wrap-context.js";
import { temporaryRootKey } from "../../support/root-key.js";

// real: the adapter and the file system.

const CONTEXT: WrapContext = {
  app: "rootkeep",
  deployment: "test",
  accountId: "-",
  awsAccountId: "-",
  dataKeyId: "dk_1",
  domain: "people",
};
const unavailable = (reason: string) => (error: unknown) => isRootkeepError(error, "KEY_UNAVAILABLE") && error.reason === reason;

/** A keystore that exists, one data key of it, and the way to open it from the file again. */
async function used(test: { after(act: () => Promise<void>): void }) {
  const home = await temporaryRootKey();
  test.after(home.remove);
  const path = join(home.directory, "root-key.json");
  const { wrapped } = await home.rootKey.generateDataKey(CONTEXT);
  return { ...home, path, wrapped, reopen: () => createRootKey(`file:${path}`).unwrap(wrapped, CONTEXT) };
}

describe("local root key", () => {
  it("is created at the first wrap with mode 0600, and nothing lies beside it", async (test) => {
    const { path, directory, reopen } = await used(test);
    assert.equal((await lstat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(directory), ["root-key.json"]);
    await reopen();
  });

  it("is never created to unwrap or to be checked: a lost key must show", async (test) => {
    const { path, reopen } = await used(test);
    await rm(path);
    await assert.rejects(reopen(), unavailable("keystore_missing"));
    assert.equal((await createRootKey(`file:${path}`).check()).reason, "keystore_missing");
    await assert.rejects(lstat(path));
  });

  it("two that start together end with one key", async (test) => {
    const home = await temporaryRootKey();
    test.after(home.remove);
    const uri = `file:${join(home.directory, "new", "key.json")}`;
    const made = await Promise.all(Array.from({ length: 8 }, () => createRootKey(uri).generateDataKey(CONTEXT)));
    for (const { wrapped } of made) await createRootKey(uri).unwrap(wrapped, CONTEXT);
    assert.deepEqual(await readdir(join(home.directory, "new")), ["key.json"]);
  });

  it("one that another program made in the meantime is kept and used", async (test) => {
    const [home, winner] = [await temporaryRootKey(), await used(test)];
    test.after(home.remove);
    const path = join(home.directory, "root-key.json");
    // As soon as the draft appears, the other program's keystore is in place: after the look-up, before the link.
    const race = { isPlaced: false };
    const watcher = watch(home.directory, () => {
      if (race.isPlaced || existsSync(path)) return;
      copyFileSync(winner.path, path);
      race.isPlaced = true;
    });
    const { wrapped } = await home.rootKey.generateDataKey(CONTEXT).finally(() => {
      watcher.close();
    });
    await createRootKey(`file:${path}`).unwrap(wrapped, CONTEXT);
    await home.rootKey.unwrap(wrapped, CONTEXT);
    // Where the watcher came too late there was no race to win.
    if (race.isPlaced) await home.rootKey.unwrap(winner.wrapped, CONTEXT);
  });

  it("is refused when group or others may read or write it [RW-3]", async (test) => {
    const { path, reopen } = await used(test);
    for (const mode of [0o640, 0o604, 0o620, 0o644]) {
      await chmod(path, mode);
      await assert.rejects(reopen(), unavailable("keystore_is_open_to_others"));
    }
    await chmod(path, 0o400);
    await reopen();
  });

  it("is refused behind a symbolic link", async (test) => {
    const { path, reopen } = await used(test);
    await rename(path, `${path}.real`);
    await symlink(`${path}.real`, path);
    await assert.rejects(reopen(), unavailable("keystore_is_a_link"));
  });

  it("is refused when it belongs to another user", {
    skip: process.getuid?.() === 0 ? false : "only root can give files away",
  }, async (test) => {
    const { path, reopen } = await used(test);
    await chown(path, 65_534, 65_534);
    await assert.rejects(reopen(), unavailable("keystore_has_another_owner"));
  });

  it("is refused when it is a directory", async (test) => {
    const { path, reopen } = await used(test);
    await rm(path);
    await mkdir(path, { mode: 0o700 });
    await assert.rejects(reopen(), unavailable("keystore_is_no_file"));
  });

  it("is refused, unquoted, when it does not parse [RW-2]", async (test) => {
    const { path, reopen } = await used(test);
    const good = JSON.parse(await readFile(path, "utf8")) as Record<string, string>;
    const texts = [
      "",
      "marker",
      "[]",
      "null",
      JSON.stringify({ ...good, format: "rootkeep-file-root-key/2" }),
      JSON.stringify({ ...good, more: "x" }),
      JSON.stringify({ ...good, key: "c2hvcnQ=" }),
      JSON.stringify({ ...good, key: `${good["key"] ?? ""}=` }),
      JSON.stringify({ ...good, id: "" }),
      JSON.stringify({ ...good, key: 7 }),
      "x".repeat(5_000),
    ];
    for (const text of texts) {
      await writeFile(path, text, { mode: 0o600 });
      const refusal: unknown = await reopen().catch((error: unknown) => error);
      assert.ok(unavailable("keystore_is_malformed")(refusal));
      assert.equal(refusal instanceof Error && refusal.cause, undefined);
    }
  });

  it("wrapped bytes name the keystore: the same key under another id refuses [RW-5]", async (test) => {
    const { path, reopen } = await used(test);
    const good = JSON.parse(await readFile(path, "utf8")) as Record<string, string>;
    await writeFile(path, JSON.stringify({ ...good, id: "another" }), { mode: 0o600 });
    await assert.rejects(reopen(), (error) => isRootkeepError(error, "SEAL_BROKEN"));
  });

  it("wrapped bytes have one length and one format byte [RW-4]", async (test) => {
    const { rootKey, wrapped } = await used(test);
    assert.equal(wrapped.length, 61);
    const other = Buffer.from(wrapped);
    other.writeUInt8(2, 0);
    for (const bytes of [other, wrapped.subarray(0, 60), Buffer.concat([wrapped, Buffer.of(0)]), Buffer.alloc(0)]) {
      await assert.rejects(rootKey.unwrap(bytes, CONTEXT), (error) => isRootkeepError(error, "SEAL_BROKEN"));
    }
  });

  it("a file that a failed start left behind does not hinder the next one", async (test) => {
    const { path, wrapped, rootKey, directory } = await used(test);
    await link(path, join(directory, "root-key.json.left-over"));
    await rootKey.unwrap(wrapped, CONTEXT);
  });
});
