import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { createEscrow } from "../../../src/keys/escrow-quorum.js";
import { CopiesBackfill, type CopiesLook } from "../../../src/secrets/copies-backfill.service.js";
import { createSecondStore } from "../../../src/secrets/create-second-store.service.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { backfill } from "../../support/escrow-backfill.js";
import { StoreOnBadDays } from "../../support/store-on-bad-days.js";
import { Vault } from "../../support/vault.js";

// real: a vault on PostgreSQL, a directory as the second store. double: a store on a bad day.
describe("the run that copies to the second store what is there already", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-copies-"));
  const store = new StoreOnBadDays(createSecondStore(`file:${directory}`));
  const versions: { password: Id<"version">; seed: Id<"version"> }[] = [];
  let vault: Vault;
  let owner: DatabaseOwner;
  const isAway = (error: unknown): boolean => isRootkeepError(error, "COPY_UNAVAILABLE") && error.reason === "second_store_is_not_there";
  const files = async (): Promise<string[]> => {
    const found = await readdir(directory, { recursive: true, withFileTypes: true });
    return found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  };
  const importOne = async (awsId: string): Promise<void> => {
    const secrets = await vault.secrets.ofAccount(await vault.import(awsId));
    const of = (kind: string) => secrets.find((secret) => secret.kind === kind)!.versions[0]!.id;
    versions.push({ password: of("root-password"), seed: of("mfa-seed") });
  };

  before(async () => {
    vault = await Vault.open({ secondStore: store });
    await vault.found();
    for (const awsId of ["111122223333", "222233334444", "333344445555"]) await importOne(awsId);
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  let now = 0;
  const looks: CopiesLook[] = [];
  const failures: unknown[] = [];
  const newRun = (trust = { isApproved: true }) =>
    new CopiesBackfill({
      copies: vault.copies,
      trust,
      now: () => vault.transactions.peek((tx) => tx.clock()),
      looked: (look) => void looks.push(look),
      failed: (error) => void failures.push(error),
      elapsedMs: () => now,
    });
  const run = { current: null as CopiesBackfill | null };

  it("copies all of them, and each is there afterwards", async () => {
    run.current = newRun();
    assert.deepEqual(await run.current.run(), { copied: 6, missing: 0 });
    assert.deepEqual(looks[0], { copied: 0, missing: 6 });
    for (const { password, seed } of versions) for (const id of [password, seed]) assert.equal(await vault.copies.isKept(id), true);
    assert.deepEqual(await run.current.run(), { copied: 0, missing: 0 });
  });

  it("copies what was imported within a minute, without a whole look", async () => {
    await importOne("444455556666");
    const calls = store.calls.length;
    assert.equal((await run.current!.run()).missing, 0);
    assert.ok(!store.calls.slice(calls).includes("list"));
    assert.equal(await vault.copies.isKept(versions.at(-1)!.password), true);
  });

  it("makes a copy anew within the hour when somebody removed it from the store", async () => {
    const lost = (await files())[0]!;
    await rm(lost);
    assert.deepEqual(await run.current!.run(), { copied: 0, missing: 0 });
    now += 3_600_000;
    assert.deepEqual(await run.current!.run(), { copied: 1, missing: 0 });
    assert.ok((await files()).includes(lost));
  });

  it("waits for a store that is away", async () => {
    await importOne("555566667777");
    store.isAway = true;
    await assert.rejects(run.current!.run(), isAway);
    assert.equal(vault.copies.isAway, true);
    store.isAway = false;
    assert.deepEqual(await run.current!.run(), { copied: 2, missing: 0 });
    assert.equal(vault.copies.isAway, false);
  });

  it("goes on behind a version that cannot be copied, and tries it again an hour later", async () => {
    await importOne("666677778888");
    const { password } = versions.at(-1)!;
    const row = await owner.copy("secrets.secret_version");
    await owner.run("UPDATE secrets.secret_version SET exposure = 'CLEAN' WHERE id = $1", [password]);
    failures.length = 0;
    assert.deepEqual(await run.current!.run(), { copied: 1, missing: 1 });
    assert.deepEqual(await run.current!.run(), { copied: 0, missing: 1 });
    assert.equal(failures.length, 1);
    await row.putBack();
    now += 3_600_000;
    assert.deepEqual(await run.current!.run(), { copied: 1, missing: 0 });
  });

  it("copies anew, beside the first copy, when a data key has got a wrap to a quorum [SC-4]", async () => {
    const { recipient } = await createEscrow(2, 2);
    const other = await Vault.open({ replicaOf: vault, secondStore: store, escrowRecipient: recipient });
    try {
      const { password } = versions[0]!;
      assert.equal(await other.copies.isKept(password), true);
      await backfill(other, { recipient }).run();
      assert.equal(await other.copies.isKept(password), false, "the wrap is to be in it");
      await other.copies.keep(password);
      assert.equal(await other.copies.isKept(password), true);
      assert.equal(await vault.copies.isKept(password), true);
      const copies = (await files()).filter((file) => file.includes(password));
      assert.equal(copies.length, 2);
    } finally {
      await other.close();
    }
  });

  it("copies nothing while the configuration is not approved", async () => {
    const calls = store.calls.length;
    await newRun({ isApproved: false }).run();
    assert.deepEqual(store.calls.slice(calls), []);
  });
});
