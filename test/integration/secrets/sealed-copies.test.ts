import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import { DataKeys } from "../../../src/keys/data-keys.service.js";
import { createEscrow } from "../../../src/keys/escrow-quorum.js";
import { formatShare } from "../../../src/keys/escrow-share.js";
import { checkCopies } from "../../../src/secrets/check-copies.service.js";
import { createSecondStore } from "../../../src/secrets/create-second-store.service.js";
import { readSealedCopy } from "../../../src/secrets/sealed-copy.js";
import { SecretVersion } from "../../../src/secrets/secret-version.entity.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { StoreOnBadDays } from "../../support/store-on-bad-days.js";
import { Vault } from "../../support/vault.js";

// real: a vault on PostgreSQL with an escrow quorum, a directory as the second store, Python. double: a store on a bad day.
const READER = fileURLToPath(new URL("../../../../test/conformance/second-readers/open_copy.py", import.meta.url));
const NO_PYTHON =
  spawnSync("python3", ["-c", "import cryptography"]).status === 0 ? false : "python3 with the package cryptography is missing";
const PASSWORD = "Tr0ub4dor-and-3-horses";
const SEED = "12345678901234567890";

const isAway = (error: unknown): boolean => isRootkeepError(error, "COPY_UNAVAILABLE") && error.reason === "second_store_is_not_there";

describe("copies of sealed versions in the second store", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-copies-"));
  const shares = mkdtempSync(join(tmpdir(), "rootkeep-shares-"));
  const store = new StoreOnBadDays(createSecondStore(`file:${directory}`));
  const versions: { account: Id<"account">; password: Id<"version">; seed: Id<"version"> }[] = [];
  let vault: Vault;
  let owner: DatabaseOwner;
  let shareFiles: string[] = [];
  let recipient = "";

  const files = async (): Promise<string[]> => {
    const found = await readdir(directory, { recursive: true, withFileTypes: true });
    return found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  };
  const versionsOf = async (account: Id<"account">) => {
    const secrets = await vault.secrets.ofAccount(account);
    const of = (kind: string) => secrets.find((secret) => secret.kind === kind)!.versions[0]!.id;
    return { account, password: of("root-password"), seed: of("mfa-seed") };
  };
  const accounts: Id<"account">[] = [];

  before(async () => {
    const escrow = await createEscrow(3, 2);
    recipient = escrow.recipient;
    shareFiles = escrow.shares.map((_, at) => join(shares, `share-${String(at)}.txt`));
    for (const [at, file] of shareFiles.entries()) await writeFile(file, formatShare(escrow.shares[at]!));
    vault = await Vault.open({ secondStore: store, escrowRecipient: escrow.recipient });
    await vault.found();
    for (const awsId of ["111122223333", "222233334444", "333344445555"]) {
      accounts.push(await vault.import(awsId));
      versions.push(await versionsOf(accounts.at(-1)!));
    }
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
    for (const path of [directory, shares]) rmSync(path, { recursive: true, force: true });
  });

  it("are there when it says so, once however often it is asked [L5] [SC-1]", async () => {
    const { password } = versions[0]!;
    assert.equal(await vault.copies.isKept(password), false);
    await vault.copies.keep(password);
    assert.equal(await vault.copies.isKept(password), true);
    const [file = "", ...others] = await files();
    assert.deepEqual(others, []);
    const bytes = await readFile(file);
    await Promise.all([vault.copies.keep(password), vault.copies.keep(password), vault.copies.keep(password)]);
    assert.deepEqual(await files(), [file]);
    assert.deepEqual(await readFile(file), bytes);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it("hold sealed bytes, wraps and ids, and nothing in the clear: no password, no person, no customer, no e-mail address [L8] [SC-2]", async () => {
    for (const { password, seed } of versions) for (const id of [password, seed]) await vault.copies.keep(id);
    const found = await files();
    assert.equal(found.length, 6);
    for (const file of found) {
      const text = await readFile(file, "utf8");
      for (const mark of [PASSWORD, SEED, "GEZDGNBV", "Acme", "example.com", "Ada", "Ben", vault.directory, tmpdir()])
        for (const form of [mark, Buffer.from(mark).toString("base64").replace(/=+$/, ""), Buffer.from(mark).toString("hex")])
          assert.ok(!text.includes(form), form);
      const copy = readSealedCopy(Buffer.from(text), vault.keys.records);
      assert.equal(copy?.dataKey.rootKey, "file:");
      assert.notEqual(copy.escrow, null);
    }
  });

  it("open with the root key's file alone, and with the shares alone, without database and program [L10] [SC-6]", {
    skip: NO_PYTHON,
  }, async () => {
    for (const key of [[join(vault.directory, "root-key.json")], ["--escrow", shareFiles.slice(1).join(",")]]) {
      const { stdout, stderr } = spawnSync("python3", [READER, ...key, ...(await files())], { encoding: "utf8" });
      const opened = stdout
        .trimEnd()
        .split("\n")
        .map((line) => {
          const [, id, kind, hex = ""] = /^(\S+) (\S+) 1 opens ([0-9a-f]+)$/.exec(line) ?? [];
          return `${String(id)} ${String(kind)} ${Buffer.from(hex, "hex").toString()}`;
        });
      const expected = versions.flatMap(({ password, seed }) => [`${password} root-password ${PASSWORD}`, `${seed} mfa-seed ${SEED}`]);
      assert.deepEqual(opened.sort(), expected.sort(), stderr);
    }
  });

  it("are not said to be there while the store is away: nobody is to see the value then [L5]", async () => {
    store.isAway = true;
    try {
      await assert.rejects(vault.copies.keep(versions[0]!.password), isAway);
      await assert.rejects(vault.copies.isKept(versions[0]!.password), isAway);
      assert.equal(vault.copies.isAway, true);
    } finally {
      store.isAway = false;
    }
    await vault.copies.keep(versions[0]!.password);
    assert.equal(vault.copies.isAway, false);
  });

  it("are not said to be there when something else lies under their name, and that pages [L11] [SC-4]", async () => {
    const { seed } = versions[0]!;
    const file = (await files()).find((name) => name.includes(seed))!;
    const genuine = await readFile(file);
    for (const bytes of [Buffer.from("x"), Buffer.alloc(0), genuine.subarray(1), Buffer.concat([genuine, Buffer.from("\n")])]) {
      await writeFile(file, bytes);
      assert.equal(await vault.copies.isKept(seed), false);
      await assert.rejects(vault.copies.keep(seed), (error) => isRootkeepError(error, "COPY_UNAVAILABLE"));
    }
    assert.deepEqual(vault.alarms.at(-1), { kind: "copy-changed", what: seed });
    await writeFile(file, genuine);
    assert.equal(await vault.copies.isKept(seed), true);
  });

  it("are of rows that the log knows: an edited version, or other sealed bytes, are not copied [L11]", async () => {
    const { password } = versions[1]!;
    const calls = store.calls.length;
    const version = await owner.copy("secrets.secret_version");
    await owner.run("UPDATE secrets.secret_version SET number = 2 WHERE id = $1", [password]);
    await assert.rejects(vault.copies.keep(password), (error) => isRootkeepError(error, "ROW_REFUSED"));
    await version.putBack();
    const sealed = await owner.copy("secrets.sealed_value", "true", "version_id");
    await owner.run("UPDATE secrets.sealed_value SET sealed = sealed || '\\x00' WHERE version_id = $1", [password]);
    await assert.rejects(vault.copies.keep(password), (error) => isRootkeepError(error, "SEAL_BROKEN"));
    await sealed.putBack();
    await assert.rejects(vault.copies.keep(newId("version")), (error) => isRootkeepError(error, "NOT_FOUND"));
    assert.deepEqual(store.calls.slice(calls), []);
    await vault.copies.keep(password);
  });

  it("go to no store that custodians have not approved", async () => {
    const other = await Vault.open({ replicaOf: vault, secondStore: store, configDigest: "cd".repeat(32) });
    try {
      const calls = store.calls.length;
      for (const act of [() => other.copies.keep(versions[0]!.seed), () => other.copies.isKept(versions[0]!.seed)])
        await assert.rejects(act(), (error) => isRootkeepError(error, "CONFIG_UNAPPROVED"));
      // The one that is asked may be another: that nothing lies there would say nothing.
      await assert.rejects(other.copies.forget(accounts[0]!), (error) => isRootkeepError(error, "CONFIG_UNAPPROVED"));
      assert.deepEqual(store.calls.slice(calls), []);
    } finally {
      await other.close();
    }
  });

  it("do nothing where no store is configured", async () => {
    const other = await Vault.open({ replicaOf: vault });
    try {
      await other.copies.keep(versions[0]!.seed);
      assert.equal(await other.copies.isKept(versions[0]!.seed), false);
      assert.deepEqual(await other.copies.forget(accounts[0]!), []);
      assert.equal(other.copies.isConfigured, false);
    } finally {
      await other.close();
    }
  });

  describe("of a destroyed account", () => {
    /** As destruction will, with an entry: the right to set the state is lent for it. */
    const destroy = async (id: Id<"version">): Promise<void> => {
      await owner.run("GRANT UPDATE (state) ON secrets.secret_version TO rootkeep_service");
      await vault.transactions.run(async (tx) => {
        const row = (await tx.lock(SecretVersion, id))!;
        tx.change(SecretVersion, row, { state: "DESTROYED" });
        const target = { type: "secret-version", id };
        const draft = draftEntry({ action: "secret.destroyed", outcome: "committed", actor: SYSTEM_ACTOR, target, details: {} });
        return { result: undefined, entries: [{ draft }] };
      });
      await owner.run("REVOKE UPDATE (state) ON secrets.secret_version FROM rootkeep_service");
    };

    it("are not put there again by a copy that was under way, whichever of the two was first [SC-7]", async () => {
      const { account, password } = versions[2]!;
      await vault.copies.forget(account);
      store.beforePut = async () => {
        store.beforePut = () => Promise.resolve();
        await destroy(password);
        assert.deepEqual(await vault.copies.forget(account), []);
      };
      await assert.rejects(vault.copies.keep(password), (error) => isRootkeepError(error, "STATE_CONFLICT"));
      assert.deepEqual(
        (await files()).filter((file) => file.includes(account)),
        [],
      );
      await assert.rejects(vault.copies.keep(password), (error) => isRootkeepError(error, "STATE_CONFLICT"));
    });

    it("are told apart by the operator's look: intact, changed, left behind, and of a version that the database has lost", async () => {
      const check = () =>
        checkCopies({
          entities: vault.dataSource.manager,
          dataKeys: new DataKeys(),
          keys: vault.keys,
          store: createSecondStore(`file:${directory}`),
          deployment: "test",
          recipient,
        });
      const { password, seed, account } = versions[1]!;
      const before = await check();
      // It was forgotten above, with its password that is destroyed.
      assert.deepEqual(before, { ...before, missing: [versions[2]!.seed], changed: [], unknown: [] });
      const lost = await owner.copy("secrets.secret_version");
      await owner.run("DELETE FROM secrets.secret_version WHERE id = $1", [password]);
      await owner.run("UPDATE secrets.secret_version SET state = 'DESTROYED' WHERE id = $1", [seed]);
      const [moved = ""] = (await files()).filter((file) => file.includes(versions[0]!.seed));
      // A genuine copy under another's name.
      await writeFile(join(directory, "copies", account, "elsewhere.json"), await readFile(moved));
      const after = await check();
      assert.deepEqual(after.unknown, [{ versionId: password, accountId: account, kind: "root-password", number: 1 }]);
      assert.deepEqual(after.changed, [`copies/${account}/elsewhere.json`]);
      assert.equal(after.left.length, before.left.length + 1);
      assert.equal(after.copies, before.copies);
      assert.equal(after.versions, before.versions - 2);
      await lost.putBack();
      await rm(join(directory, "copies", account, "elsewhere.json"));
      assert.deepEqual(await check(), before);
    });

    it("are removed for good, drafts and spoilt ones too, and told [SC-7]", async () => {
      const account = accounts[1]!;
      const mine = (await files()).filter((file) => file.includes(account));
      assert.equal(mine.length, 2);
      await writeFile(`${mine[0]!}.${"a".repeat(36)}.draft`, "half a copy");
      await writeFile(join(directory, "copies", account, "anything"), "somebody's");
      store.isAway = true;
      await assert.rejects(vault.copies.forget(account), isAway);
      store.isAway = false;
      const forgotten = await vault.copies.forget(account);
      assert.deepEqual(forgotten.map(({ versionId }) => versionId).sort(), [null, versions[1]!.password, versions[1]!.seed].sort());
      assert.deepEqual(
        (await files()).filter((file) => file.includes(account)),
        [],
      );
      assert.deepEqual(await vault.copies.forget(account), []);
    });
  });
});
