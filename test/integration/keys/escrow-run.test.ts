import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { EscrowLook } from "../../../src/approvals/escrow-backfill.service.js";
import { isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { DataKeys } from "../../../src/keys/data-keys.service.js";
import type { DataKeyRow } from "../../../src/keys/domain.js";
import { createEscrow } from "../../../src/keys/escrow-quorum.js";
import type { KeyService } from "../../../src/keys/keys.service.js";
import { type BackfillOptions, backfill, type EscrowEntry, entriesOf } from "../../support/escrow-backfill.js";
import { withClient } from "../../support/postgres.js";
import { Vault } from "../../support/vault.js";

// real: a vault on PostgreSQL, age, the locks, the log. double: the root key's name for a call, and its bad days.
const ACCOUNTS = ["111122223333", "222233334444", "333344445555", "444455556666"];
/** Password and seed of each account, and the two keys of the deployment. */
const KEYS = ACCOUNTS.length * 2 + 2;
const HOUR_MS = 3_600_000;

/** What the root key was asked for, and the names that it gave these calls. */
class Asked {
  readonly ids: string[] = [];
  readonly requestIds: string[] = [];

  /** The vault's own answers; `refuse` makes some keys fail, each with a name for the call as well. */
  over(vault: Vault, refuse: (row: DataKeyRow) => Error | null = () => null): KeyService["escrow"] {
    return async (row) => {
      const requestId = `call-${String(this.requestIds.length)}`;
      this.ids.push(row.id);
      this.requestIds.push(requestId);
      const refusal = refuse(row);
      if (refusal !== null) throw refusal instanceof RootkeepError ? named(refusal, requestId) : refusal;
      const one = await vault.keys.escrow(row);
      return one === null ? null : { ...one, requestId };
    };
  }
}

function named(error: RootkeepError, rootKeyRequestId: string): RootkeepError {
  return new RootkeepError(error.code, { facts: { rootKeyRequestId }, ...(error.reason === undefined ? {} : { reason: error.reason }) });
}

describe("the run that wraps keys to the escrow quorum", () => {
  let first: Vault;
  let vault: Vault;
  let recipient = "";
  let known = 0;
  before(async () => {
    first = await Vault.open();
    await first.found();
    for (const awsId of ACCOUNTS) await first.import(awsId);
  });
  after(() => first.drop());

  /** A recipient of which nothing is wrapped yet, and a replica that runs with it. */
  async function underNewRecipient(test: () => Promise<void>): Promise<void> {
    ({ recipient } = await createEscrow(2, 2));
    vault = await Vault.open({ replicaOf: first, escrowRecipient: recipient });
    known = (await entriesOf(first)).length;
    try {
      await test();
    } finally {
      await vault.close();
    }
  }
  const run = (options: Omit<BackfillOptions, "recipient">) => backfill(vault, { recipient, ...options });
  const newEntries = async (): Promise<EscrowEntry[]> => (await entriesOf(first)).slice(known);
  const toldCalls = async (): Promise<string[]> => (await newEntries()).flatMap(({ details }) => details?.requestIds ?? []);
  const wrapped = async (): Promise<string[]> => {
    const rows: { data_key_id: string }[] = await first.dataSource.query(
      "SELECT data_key_id FROM keys.escrow_wrap WHERE recipient = $1 ORDER BY 1",
      [recipient],
    );
    return rows.map((row) => row.data_key_id);
  };

  it("asks for each key once where two replicas are at it, and each call stands in the log [ES-8]", () =>
    underNewRecipient(async () => {
      const other = await Vault.open({ replicaOf: first, escrowRecipient: recipient });
      try {
        const asked = new Asked();
        const runs = [run({ escrow: asked.over(vault) }), backfill(other, { recipient, escrow: asked.over(other) })];
        await Promise.all(runs.map((one) => one.run()));
        assert.deepEqual(asked.ids.toSorted(), await wrapped());
        assert.equal(asked.ids.length, KEYS);
        assert.deepEqual((await toldCalls()).sort(), asked.requestIds.toSorted());
      } finally {
        await other.close();
      }
    }));

  it("looks for a key's wrap once more right before it asks for the key [ES-8]", () =>
    underNewRecipient(async () => {
      const asked = new Asked();
      const answers = asked.over(vault);
      // As a replica whose turn had ended without its knowing: it wraps the rest while this one has it on its list.
      const escrow: KeyService["escrow"] = async (row) => {
        if (asked.ids.length === 0) {
          const { rows } = await new DataKeys().listUnescrowed(vault.dataSource.manager, recipient, "", KEYS);
          for (const other of rows.filter(({ accountId }) => accountId !== row.accountId)) {
            const one = await vault.keys.escrow(other);
            if (one !== null) await new DataKeys().insertEscrow(vault.dataSource.manager, one.wrap);
          }
        }
        return await answers(row);
      };
      assert.deepEqual(await run({ escrow }).run(), { wrapped: 2, missing: 0 });
      assert.equal(asked.ids.length, 2);
    }));

  it("says that it begins before the first key is unwrapped [L1]", () =>
    underNewRecipient(async () => {
      let begun: EscrowEntry[] = [];
      const escrow: KeyService["escrow"] = async (row) => {
        if (begun.length === 0) begun = await newEntries();
        return await vault.keys.escrow(row);
      };
      await run({ escrow }).run();
      assert.deepEqual(
        begun.map(({ action, outcome }) => ({ action, outcome })),
        [{ action: "key.unwrapped", outcome: "allowed" }],
      );
    }));

  it("asks the root key for nothing while the log takes no entry [L1]", () =>
    underNewRecipient(async () => {
      const asked = new Asked();
      const owner = first.database.connections.rootkeep_migrate;
      const [signature] = await withClient(owner, async (client) => {
        const { rows } = await client.query<{ name: string }>(
          "SELECT oid::regprocedure::text AS name FROM pg_proc WHERE proname = 'append'",
        );
        return rows.map(({ name }) => name);
      });
      await withClient(owner, (client) => client.query(`REVOKE EXECUTE ON FUNCTION ${signature ?? ""} FROM rootkeep_service`));
      try {
        const one = run({ escrow: asked.over(vault) });
        for (let minute = 0; minute < 3; minute++) await assert.rejects(one.run());
        assert.deepEqual(asked.ids, []);
      } finally {
        await withClient(owner, (client) => client.query(`GRANT EXECUTE ON FUNCTION ${signature ?? ""} TO rootkeep_service`));
      }
      assert.equal((await run({ escrow: asked.over(vault) }).run()).missing, 0);
    }));

  for (const code of ["SEAL_BROKEN", "KEY_UNAVAILABLE", "KEY_DISABLED", "ROW_REFUSED", "CLOCK_SKEW", "INTERNAL"] as const)
    it(`goes on behind a key that does not unwrap (${code}), tells of the call, and asks again an hour later`, () =>
      underNewRecipient(async () => {
        const asked = new Asked();
        const failures: unknown[] = [];
        let [bad, now] = ["", 0];
        const escrow = asked.over(vault, ({ id, domain }) => {
          if (bad === "" && domain === "password") bad = id;
          return id === bad ? new RootkeepError(code) : null;
        });
        const one = run({ escrow, failures, elapsedMs: () => now });
        assert.deepEqual(await one.run(), { wrapped: KEYS - 1, missing: 1 });
        assert.equal(failures.length, 1);
        assert.deepEqual(await toldCalls(), asked.requestIds);
        assert.deepEqual(
          (await newEntries()).flatMap(({ details }) => details?.failed ?? []),
          [{ dataKey: bad, code }],
        );
        now += HOUR_MS - 1;
        const calls = asked.ids.length;
        assert.deepEqual(await one.run(), { wrapped: 0, missing: 1 });
        assert.equal(asked.ids.length, calls);
        now += 1;
        await one.run();
        assert.deepEqual(asked.ids.slice(calls), [bad]);
        assert.deepEqual(await toldCalls(), asked.requestIds);
      }));

  it("leaves a domain alone whose root key does not answer, wraps the others, and comes to every key of it in time", () =>
    underNewRecipient(async () => {
      const asked = new Asked();
      let isAway = true;
      const escrow = asked.over(vault, ({ domain }) => (isAway && domain === "password" ? new RootkeepError("KEY_UNAVAILABLE") : null));
      const one = run({ escrow, elapsedMs: () => 0 });
      assert.deepEqual(await one.run(), { wrapped: KEYS - 4, missing: 4 });
      assert.equal(asked.ids.length, KEYS - 4 + 3);
      // The fourth was not asked for: three rows that are never answered must not keep it waiting for ever.
      isAway = false;
      assert.deepEqual(await one.run(), { wrapped: 1, missing: 3 });
      assert.deepEqual(await toldCalls(), asked.requestIds);
    }));

  it("stores no wrap when the recipient is no longer approved at the log's head, and tells of the calls [ES-9]", () =>
    underNewRecipient(async () => {
      const asked = new Asked();
      let looks = 0;
      const one = run({ escrow: asked.over(vault), isApprovedAtHead: () => looks++ === 0 });
      await assert.rejects(one.run(), (error) => isRootkeepError(error, "CONFIG_UNAPPROVED"));
      assert.deepEqual(await wrapped(), []);
      assert.ok(asked.requestIds.length > 0);
      assert.deepEqual(await toldCalls(), asked.requestIds);
    }));

  it("counts a wrap only if it is ours: a row that the database's owner puts there hides no missing key [ES-10]", () =>
    underNewRecipient(async () => {
      const owner = first.database.connections.rootkeep_migrate;
      const put = (dataKeyId: string, junk: Buffer, mac: Buffer) =>
        withClient(owner, (client) =>
          client.query("INSERT INTO keys.escrow_wrap VALUES ($1, $2, $3, now(), $4)", [dataKeyId, recipient, junk, mac]),
        );
      const keys: { id: string }[] = await first.dataSource.query("SELECT id FROM keys.data_key ORDER BY id");
      for (const { id } of keys) await put(id, randomBytes(300), Buffer.alloc(0));
      const waiting = await run({ isApproved: false }).run();
      assert.deepEqual(waiting, { wrapped: 0, missing: KEYS });
      assert.deepEqual(await run({}).run(), { wrapped: KEYS, missing: 0 });
      // A genuine one, under another key's name.
      const genuine: { wrapped: Buffer; mac: Buffer }[] = await first.dataSource.query(
        "SELECT wrapped, mac FROM keys.escrow_wrap WHERE recipient = $1 AND data_key_id = $2 AND mac <> ''",
        [recipient, keys[0]?.id],
      );
      const moved = {
        dataKeyId: keys[1]?.id ?? "",
        recipient,
        wrapped: genuine[0]?.wrapped ?? Buffer.of(),
        mac: genuine[0]?.mac ?? Buffer.of(),
      };
      assert.equal(vault.keys.isOwnEscrow(moved), false);
      assert.equal(vault.keys.isOwnEscrow({ ...moved, dataKeyId: keys[0]?.id ?? "" }), true);
    }));

  it("finds within the hour that a wrap was replaced by garbage, and wraps the key anew [ES-10]", () =>
    underNewRecipient(async () => {
      let now = 0;
      const looks: EscrowLook[] = [];
      const one = run({ looks, elapsedMs: () => now });
      await one.run();
      await withClient(first.database.superuser, async (client) => {
        await client.query("SET session_replication_role = replica; ALTER TABLE keys.escrow_wrap DISABLE TRIGGER no_mutation");
        await client.query("UPDATE keys.escrow_wrap SET wrapped = '\\x00' WHERE recipient = $1", [recipient]);
        await client.query("ALTER TABLE keys.escrow_wrap ENABLE ALWAYS TRIGGER no_mutation");
      });
      now += HOUR_MS;
      looks.length = 0;
      assert.deepEqual(await one.run(), { wrapped: KEYS, missing: 0 });
      assert.deepEqual(looks[0], { wrapped: 0, missing: KEYS });
    }));

  it("goes on behind a row that is no data key, which the table's constraints forbid while they are there", () =>
    underNewRecipient(async () => {
      await withClient(first.database.superuser, async (client) => {
        await client.query("ALTER TABLE keys.data_key DROP CONSTRAINT data_key_domain_ok");
        await client.query(
          `INSERT INTO keys.data_key (id, account_id, aws_account_id, domain, key_use, version, state, root_key_uri, wrapped)
           VALUES ('dk_00000000000000000000000000', $1, '111122223333', 'elsewhere', 'seal', 1, 'ACTIVE', 'file:/x', '\\x00')`,
          [newId("account")],
        );
      });
      const failures: unknown[] = [];
      const one = run({ failures, elapsedMs: () => 0 });
      assert.deepEqual(await one.run(), { wrapped: KEYS, missing: 1 });
      await one.run();
      assert.equal(failures.length, 1, "told once an hour");
    }));
});
