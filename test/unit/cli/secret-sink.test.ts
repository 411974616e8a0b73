import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { LocalError } from "../../../src/cli/failure.js";
import { delivering } from "../../../src/cli/secret-sink.js";
import { Secret } from "../../../src/kernel/secret.js";

class Stream {
  text = "";
  constructor(readonly isTTY: boolean | undefined) {}
  write(text: string): void {
    this.text += text;
  }
}

describe("the place of a revealed secret", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-out-"));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const release = () => Promise.resolve({ secret: Secret.of("opened value") });

  it("is a terminal", async () => {
    const stdout = new Stream(true);
    await delivering(stdout, undefined, release);
    assert.equal(stdout.text, "opened value\n");
  });
  for (const isTTY of [undefined, false]) {
    it(`is never a pipe or a redirected file (isTTY ${String(isTTY)}), and the secret is not even asked for`, async () => {
      const stdout = new Stream(isTTY);
      let wasAsked = false;
      await assert.rejects(
        delivering(stdout, undefined, () => {
          wasAsked = true;
          return release();
        }),
        LocalError,
      );
      assert.equal(wasAsked, false, "a grant opens once: the place comes first");
      assert.equal(stdout.text, "");
    });
  }
  it("is a new file of mode 0600 that holds the value and nothing else", async () => {
    const path = join(folder, "value");
    const stdout = new Stream(undefined);
    const before = process.umask(0);
    try {
      await delivering(stdout, path, release);
    } finally {
      process.umask(before);
    }
    assert.equal(await readFile(path, "utf8"), "opened value");
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(stdout.text, "");
  });
  it("is no file that is there already, nor a link to one", async () => {
    const [path, link] = [join(folder, "there"), join(folder, "link")];
    await writeFile(path, "older");
    await symlink(join(folder, "absent"), link);
    for (const place of [path, link]) {
      let wasAsked = false;
      await assert.rejects(
        delivering(new Stream(true), place, () => {
          wasAsked = true;
          return release();
        }),
        LocalError,
      );
      assert.equal(wasAsked, false);
    }
    assert.equal(await readFile(path, "utf8"), "older");
  });
  it("is taken away again when nothing comes", async () => {
    const before = await readdir(folder);
    await assert.rejects(
      delivering(new Stream(true), join(folder, "refused"), () => Promise.reject(new Error("refused"))),
      /refused/,
    );
    assert.deepEqual(await readdir(folder), before);
  });
  it("shows what a terminal would obey instead of obeying it", async () => {
    const stdout = new Stream(true);
    await delivering(stdout, undefined, () => Promise.resolve({ secret: Secret.of("\u001b[2Jgone") }));
    assert.equal(stdout.text, "\\u{1b}[2Jgone\n");
  });
});
