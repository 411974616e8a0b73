import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../../src/config/config.js";
import { parseConfig } from "../../../src/config/parse-config.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createSecondStore, openSecondStore } from "../../../src/secrets/create-second-store.service.js";

// real: the adapter, the file system, processes and SIGKILL.
const WRITER = fileURLToPath(new URL("../../support/guard-writer.js", import.meta.url));
const NAME = "copies/a/b.json";
const KMS_KEY = "aws-kms:arn:aws:kms:eu-central-1:444455556666:key/mrk-0123456789abcdef0123456789abcdef";
const home = await mkdtemp(join(tmpdir(), "rootkeep-store-"));
after(() => rm(home, { recursive: true, force: true }));

const newPlace = (): Promise<string> => mkdtemp(join(home, "place-"));
const storeOf = (path: string) => createSecondStore(`file:${path}`);
const refusedFor = (reason: string) => (error: unknown) => isRootkeepError(error, "UNAVAILABLE") && error.reason === reason;
const namesOf = async (names: AsyncIterable<string>): Promise<string[]> => {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
};

describe("a second store in a directory", () => {
  it("holds the whole copy or none, at whatever call to the file system the writer is killed, and takes it afterwards [SC-8] [L5]", async () => {
    const bytes = Buffer.from("a copy of some length");
    const killedAt: string[] = [];
    for (let step = 1; ; step++) {
      const place = await newPlace();
      const { stdout, stderr } = spawnSync(process.execPath, [WRITER, place, bytes.toString(), String(step), "store"], {
        encoding: "utf8",
      });
      if (stdout === "taken\n") break;
      const call = /^killed at (\w+)\n$/.exec(stdout)?.[1];
      assert.ok(call !== undefined, stdout + stderr);
      killedAt.push(call);
      const left = await storeOf(place).get(NAME);
      assert.ok(left === null || left.equals(bytes), `step ${String(step)}, ${call}`);
      await storeOf(place).put(NAME, bytes);
      assert.deepEqual(await storeOf(place).get(NAME), bytes);
      // A draft that was left behind is no copy, and goes with the copy.
      assert.deepEqual(await namesOf(storeOf(place).list("")), [NAME]);
      await storeOf(place).remove(NAME);
      assert.deepEqual(await readdir(join(place, "copies/a")), [], `step ${String(step)}, ${call}`);
    }
    for (const call of ["mkdir", "open", "writeFile", "sync", "link", "rm"]) assert.ok(killedAt.includes(call), call);
  });

  it("makes files and directories for its user alone, and follows no link [SC-8]", async () => {
    const place = await newPlace();
    await storeOf(place).put(NAME, Buffer.from("x"));
    assert.equal((await stat(join(place, NAME))).mode & 0o777, 0o600);
    for (const folder of ["copies", "copies/a"]) assert.equal((await stat(join(place, folder))).mode & 0o777, 0o700);
    await writeFile(join(place, "elsewhere"), "y");
    await symlink(join(place, "elsewhere"), join(place, "copies/a/link"));
    await assert.rejects(storeOf(place).get("copies/a/link"), refusedFor("second_store_file_system_ELOOP"));
    await assert.rejects(storeOf(place).put("copies/a/link", Buffer.from("y")), refusedFor("second_store_file_system_ELOOP"));
  });

  it("must be there, be a directory, and be nobody else's: a mount point without its volume is not written to [SC-8]", async () => {
    const place = await newPlace();
    const bytes = Buffer.from("x");
    await assert.rejects(storeOf(join(place, "none")).put(NAME, bytes), refusedFor("second_store_is_not_there"));
    assert.deepEqual(await readdir(place), []);
    await writeFile(join(place, "file"), "");
    await assert.rejects(storeOf(join(place, "file")).put(NAME, bytes), refusedFor("second_store_is_no_directory"));
    await mkdir(join(place, "open"));
    await chmod(join(place, "open"), 0o770);
    await assert.rejects(storeOf(join(place, "open")).put(NAME, bytes), refusedFor("second_store_is_open_to_others"));
    await symlink(await newPlace(), join(place, "link"));
    await assert.rejects(storeOf(join(place, "link")).put(NAME, bytes), refusedFor("second_store_is_no_directory"));
  });

  it("refuses the start of a production whose embedded database it lies beside, also behind a link", async () => {
    const data = await newPlace();
    const behind = await newPlace();
    await mkdir(join(data, "copies"));
    const production = { ROOTKEEP_ROOT_KEY: KMS_KEY, ROOTKEEP_DATA_DIR: data };
    const config = parseConfig({ ...production, ROOTKEEP_SECOND_STORE: `file:${behind}/link/copies` }, { cwd: home });
    await symlink(data, join(behind, "link"));
    await assert.rejects(openSecondStore(config), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /ROOTKEEP_SECOND_STORE lies beside the database, whose loss it is to survive\./);
      return true;
    });
    const apart = parseConfig({ ...production, ROOTKEEP_SECOND_STORE: `file:${await newPlace()}` }, { cwd: home });
    assert.notEqual(await openSecondStore(apart), null);
  });

  it("that cannot be reached is no reason not to start: what opens today needs no copy", async () => {
    const config = parseConfig({ ROOTKEEP_SECOND_STORE: `file:${join(home, "none")}` }, { cwd: home });
    assert.notEqual(await openSecondStore(config), null);
    assert.equal(await openSecondStore(parseConfig({}, { cwd: home })), null);
  });
});
