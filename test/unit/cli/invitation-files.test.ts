// real: the file system; double: the act, which fails as one does whose commit nobody has heard of.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { LocalError } from "../../../src/cli/failure.js";
import { withInvitations } from "../../../src/cli/invitation-files.js";
import { RootkeepError } from "../../../src/kernel/errors.js";

const ADA = { person: { name: "Ada", email: "ada@example.com" }, token: "a token", code: "a code" };
const BEN = { person: { name: "Ben", email: "ben@example.com" }, token: "another token", code: "another code" };

describe("invitations that are kept before the act", () => {
  let parent = "";
  let said = "";
  const stderr = { write: (text: string) => (said += text) };

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-invitations-"));
  });
  after(async () => {
    await rm(parent, { recursive: true, force: true });
  });

  for (const error of [
    new RootkeepError("AUDIT_UNAVAILABLE"),
    new RootkeepError("DEADLINE"),
    new RootkeepError("STATE_CONFLICT"),
    new Error("the connection was closed"),
  ]) {
    it(`stay where the act fails with ${error.message}: it may be committed, and they are the only way in`, async () => {
      said = "";
      const out = join(await mkdtemp(join(parent, "case-")), "out");
      const failing = withInvitations(out, stderr, async (keep) => {
        await keep([ADA, BEN]);
        throw error;
      });
      await assert.rejects(failing, error);
      const files = (await readdir(out)).sort();
      assert.deepEqual(files, ["custodian-invitation-1.txt", "custodian-invitation-2.txt"]);
      assert.equal(
        await readFile(join(out, files[1] ?? ""), "utf8"),
        "for: Ben <ben@example.com>\ntoken: another token\ncode: another code\n",
      );
      assert.equal((await stat(join(out, files[0] ?? ""))).mode & 0o777, 0o600);
      assert.equal((await stat(out)).mode & 0o777, 0o700);
      assert.match(said, /stay in .*: worth nothing, unless the log holds people\.recovered/);
    });
  }

  it("are none where the act fails before it has any, and the operator hears nothing of them", async () => {
    said = "";
    const out = join(parent, "none");
    await assert.rejects(
      withInvitations(out, stderr, () => Promise.reject(new RootkeepError("NOT_FOUNDED"))),
      RootkeepError,
    );
    assert.ok(!(await readdir(parent)).includes("none"));
    assert.equal(said, "");
  });

  it("go into no directory that is there already, and leave it as it was", async () => {
    const act = (keep: (invitations: readonly (typeof ADA)[]) => Promise<void>) => keep([ADA]);
    const out = join(parent, "twice");
    await withInvitations(out, stderr, act);
    await assert.rejects(withInvitations(out, stderr, act), LocalError);
    assert.equal((await readdir(out)).length, 1);
  });
});
