import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { EscrowLook } from "../../../src/approvals/escrow-backfill.service.js";
import { isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import type { DataKeyRow } from "../../../src/keys/domain.js";
import { createEscrow, type NewEscrow } from "../../../src/keys/escrow-quorum.js";
import { formatShare } from "../../../src/keys/escrow-share.js";
import { backfill, entriesOf } from "../../support/escrow-backfill.js";
import { withClient } from "../../support/postgres.js";
import { Vault } from "../../support/vault.js";

// real: a vault on PostgreSQL, age, the runbook's statement as it stands there, Python. double: none.
const ROOT = new URL("../../../../", import.meta.url);
const READER = fileURLToPath(new URL("test/conformance/second-readers/open_escrow.py", ROOT));
const NO_PYTHON =
  spawnSync("python3", ["-c", "import cryptography"]).status === 0 ? false : "python3 with the package cryptography is missing";

interface WrapRow {
  readonly data_key_id: string;
  readonly recipient: string;
  readonly wrapped: Buffer;
}

async function wrapsOf(vault: Vault, recipient: string): Promise<WrapRow[]> {
  const all: WrapRow[] = await vault.dataSource.query("SELECT data_key_id, recipient, wrapped FROM keys.escrow_wrap ORDER BY 1");
  return all.filter((row) => row.recipient === recipient);
}

/** What the log says of wraps: data key and hash, by recipient. */
async function toldWraps(vault: Vault): Promise<Map<string, string>> {
  const told = new Map<string, string>();
  for (const { details } of await entriesOf(vault)) {
    for (const { dataKey, sha256 } of details?.escrow?.wraps ?? []) told.set(`${details?.escrow?.recipient ?? ""}/${dataKey}`, sha256);
  }
  return told;
}

async function assertTold(vault: Vault, recipient: string): Promise<void> {
  const told = await toldWraps(vault);
  for (const { data_key_id, wrapped } of await wrapsOf(vault, recipient))
    assert.equal(told.get(`${recipient}/${data_key_id}`), createHash("sha256").update(wrapped).digest("hex"), data_key_id);
}

describe("data keys and the escrow quorum", () => {
  let vault: Vault;
  let [first, second]: readonly NewEscrow[] = [];
  const recipientOf = (escrow: NewEscrow | undefined): string => escrow?.recipient ?? "";
  before(async () => {
    [first, second] = await Promise.all([createEscrow(3, 2), createEscrow(5, 3)]);
    vault = await Vault.open({ escrowRecipient: recipientOf(first) });
    await vault.found();
    await vault.import("111122223333");
  });
  after(() => vault.drop());

  it("are wrapped in the transaction that makes them, and its entry has the hash of each wrap [ES-8]", async () => {
    const wraps = await wrapsOf(vault, recipientOf(first));
    assert.equal(wraps.length, 2, "password and seed");
    await assertTold(vault, recipientOf(first));
  });

  it("of the deployment, which are older than any custodian, are wrapped by the run, once, with an entry [ES-8]", async () => {
    const looks: EscrowLook[] = [];
    const run = backfill(vault, { recipient: recipientOf(first), looks });
    assert.deepEqual(await run.run(), { wrapped: 2, missing: 0 });
    assert.deepEqual(looks[0], { wrapped: 0, missing: 2 });
    assert.equal((await wrapsOf(vault, recipientOf(first))).length, 4);
    await assertTold(vault, recipientOf(first));
    assert.deepEqual(await run.run(), { wrapped: 0, missing: 0 });
  });

  it("are wrapped for nobody whom custodians have not approved: who edits the environment is given no key [ES-9]", async () => {
    const evil = recipientOf(await createEscrow(2, 2));
    // As the process runs whose environment was edited: its keys would wrap to nobody else.
    const edited = await Vault.open({ replicaOf: vault, escrowRecipient: evil });
    try {
      assert.deepEqual(await backfill(edited, { recipient: evil, isApproved: false }).run(), { wrapped: 0, missing: 4 });
      assert.deepEqual(await wrapsOf(vault, evil), []);
    } finally {
      await edited.close();
    }
  });

  it("are all counted as missing where there is no recipient", async () => {
    assert.deepEqual(await backfill(vault, { recipient: null }).run(), { wrapped: 0, missing: 4 });
  });

  for (const [when, looks] of [
    ["when a key is made", 1],
    ["when its account is stored, at the log's head", 2],
  ] as const)
    it(`are not imported under a recipient that is no longer approved ${when} [ES-9]`, async () => {
      const approved = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(vault.trust), "approvedDigest");
      assert.ok(approved !== undefined);
      // Approved when the import began, and changed by then.
      let asked = 0;
      Object.defineProperty(vault.trust, "approvedDigest", { get: () => (asked++ < looks ? "ab" : "cd").repeat(32), configurable: true });
      try {
        await assert.rejects(vault.import("222233334444"), (error) => isRootkeepError(error, "CONFIG_UNAPPROVED"));
      } finally {
        Reflect.deleteProperty(vault.trust, "approvedDigest");
      }
      assert.equal((await wrapsOf(vault, recipientOf(first))).length, 4);
    });

  describe("after a change of the recipient", () => {
    let replica: Vault;
    before(async () => {
      replica = await Vault.open({ replicaOf: vault, escrowRecipient: recipientOf(second) });
    });
    after(() => replica.close());

    it("are wrapped anew; broken off by a root key that is away, the next run goes on with what is missing [ES-8]", async () => {
      let calls = 0;
      const away = async (row: DataKeyRow) => {
        calls += 1;
        if (calls > 3) throw new RootkeepError("KEY_UNAVAILABLE");
        return await replica.keys.escrow(row);
      };
      const run = { recipient: recipientOf(second) };
      await backfill(replica, { ...run, escrow: away }).run();
      const done = (await wrapsOf(vault, recipientOf(second))).length;
      assert.ok(done > 0 && done < 4, `${String(done)} of 4`);
      assert.deepEqual(await backfill(replica, run).run(), { wrapped: 4 - done, missing: 0 });
      assert.equal((await wrapsOf(vault, recipientOf(first))).length, 4, "what there was stays: the table is append-only");
      await assertTold(vault, recipientOf(second));
    });

    it("are wrapped once by two replicas at the same time [ES-8]", async () => {
      const { recipient } = await createEscrow(2, 2);
      const [one, other] = [
        await Vault.open({ replicaOf: vault, escrowRecipient: recipient }),
        await Vault.open({ replicaOf: vault, escrowRecipient: recipient }),
      ];
      try {
        const looks = await Promise.all([backfill(one, { recipient }).run(), backfill(other, { recipient }).run()]);
        assert.equal(looks[0].wrapped + looks[1].wrapped, 4);
        assert.equal((await wrapsOf(vault, recipient)).length, 4);
        await assertTold(vault, recipient);
      } finally {
        await Promise.all([one.close(), other.close()]);
      }
    });
  });

  it("that does not unwrap keeps no other from being wrapped, and stays missing", async () => {
    const { recipient } = await createEscrow(2, 2);
    const replica = await Vault.open({ replicaOf: vault, escrowRecipient: recipient });
    try {
      const failures: unknown[] = [];
      const broken = (row: DataKeyRow) =>
        row.domain === "mfa" ? Promise.reject(new RootkeepError("SEAL_BROKEN")) : replica.keys.escrow(row);
      const look = await backfill(replica, { recipient, escrow: broken, failures }).run();
      assert.deepEqual(look, { wrapped: 3, missing: 1 });
      assert.equal(failures.length, 1);
    } finally {
      await replica.close();
    }
  });

  it("stay as they were wrapped: the service may add and read, and not even the owner changes a row [ES-8]", async () => {
    const { rootkeep_service: service, rootkeep_migrate: owner } = vault.database.connections;
    for (const statement of [
      "UPDATE keys.escrow_wrap SET recipient = recipient",
      "DELETE FROM keys.escrow_wrap",
      "TRUNCATE keys.escrow_wrap",
    ]) {
      await assert.rejects(
        withClient(service, (client) => client.query(statement)),
        /permission denied/,
      );
      await assert.rejects(
        withClient(owner, (client) => client.query(statement)),
        /append-only/,
      );
    }
  });

  describe("after the loss of the root key", { skip: NO_PYTHON }, () => {
    const directory = mkdtempSync(join(tmpdir(), "rootkeep-drill-"));
    after(() => rmSync(directory, { recursive: true, force: true }));
    let rows = "";
    let files: string[] = [];
    before(async () => {
      const runbook = readFileSync(new URL("docs/operations.md", ROOT), "utf8");
      const statement = [...runbook.matchAll(/```sql\n([\s\S]*?)```/g)]
        .map(([, text]) => text)
        .find((text) => text?.includes("escrow_wrap"));
      assert.ok(statement !== undefined);
      const ours = statement.replace("'trial'", "'test'").replace("'age1…'", `'${recipientOf(first)}'`);
      const answer = await withClient(vault.database.superuser, (client) => client.query<{ json_build_object: object }>(ours));
      rows = answer.rows.map((row) => `${JSON.stringify(row.json_build_object)}\n`).join("");
      files = (first?.shares ?? []).map((share) => join(directory, `share-${String(share.index)}.txt`));
      for (const [at, share] of (first?.shares ?? []).entries()) writeFileSync(files[at] ?? "", formatShare(share), { mode: 0o600 });
      rmSync(join(vault.directory, "root-key.json"));
    });

    it("M shares, the tables and a page of Python get password and seed: no KMS, no HSM, no Rootkeep [L10]", () => {
      for (const some of [files.slice(0, 2), files.slice(1)]) {
        const { stdout, stderr } = spawnSync("python3", [READER, ...some], { input: rows, encoding: "utf8" });
        const opened = stdout
          .trimEnd()
          .split("\n")
          .map((line) => Buffer.from(line.replace("opens ", ""), "hex").toString("utf8"));
        assert.deepEqual(opened.sort(), ["12345678901234567890", "Tr0ub4dor-and-3-horses"], stderr);
      }
    });

    it("M - 1 shares get nothing [L10]", () => {
      const { stdout, stderr, status } = spawnSync("python3", [READER, files[0] ?? ""], { input: rows, encoding: "utf8" });
      assert.notEqual(status, 0);
      assert.equal(stdout, "");
      assert.match(stderr, /no identity: 1 shares, and 2 are needed/);
    });
  });
});
