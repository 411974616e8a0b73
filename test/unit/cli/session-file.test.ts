import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { LocalError } from "../../../src/cli/failure.js";
import { deleteSession, readSession, type StoredSession, writeSession } from "../../../src/cli/session-file.js";
import { Secret } from "../../../src/kernel/secret.js";

describe("the session file", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-session-"));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const session: StoredSession = {
    address: "http://127.0.0.1:8480",
    token: Secret.of("rks_token"),
    personId: "per_1",
    expiresAt: "2026-01-01T08:00:00.000Z",
  };

  it("is readable by its owner alone, in a directory of its own, whatever the umask", async () => {
    const before = process.umask(0);
    const path = join(folder, "deep", "rootkeep", "session.json");
    try {
      await writeSession(path, session);
    } finally {
      process.umask(before);
    }
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, "deep", "rootkeep"))).mode & 0o777, 0o700);
    assert.deepEqual(await readdir(join(folder, "deep", "rootkeep")), ["session.json"]);
    const read = await readSession(path);
    assert.equal(
      read?.token.expose((token) => token),
      "rks_token",
    );
    assert.equal(read.address, session.address);
  });
  it("is written over by the next sign-in, and gone after signing out", async () => {
    const path = join(folder, "again.json");
    await writeSession(path, session);
    await writeSession(path, { ...session, token: Secret.of("rks_next") });
    assert.equal(
      (await readSession(path))?.token.expose((token) => token),
      "rks_next",
    );
    assert.equal(await deleteSession(path), true);
    assert.equal(await readSession(path), null);
    assert.equal(await deleteSession(path), false);
  });
  it("is not believed when others could read it", async () => {
    const path = join(folder, "open.json");
    await writeSession(path, session);
    await chmod(path, 0o640);
    await assert.rejects(readSession(path), LocalError);
  });
  it("is not followed when it is a link", async () => {
    const path = join(folder, "target.json");
    await writeSession(path, session);
    await symlink(path, join(folder, "link.json"));
    await assert.rejects(readSession(join(folder, "link.json")), LocalError);
  });
  it("is refused, without a word of its content, when it is no session", async () => {
    const path = join(folder, "broken.json");
    await writeFile(path, "rks_not-json-at-all", { mode: 0o600 });
    await assert.rejects(readSession(path), (error: unknown) => error instanceof LocalError && !error.message.includes("rks_"));
  });
});
