import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { AccountRow } from "../../../src/accounts/account.entity.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { entryExtras } from "../../../src/audit/entry.js";
import { decidingBytes } from "../../../src/database/deciding-bytes.js";
import { DecidingRow } from "../../../src/database/deciding-row.entity.js";
import type { DecidingEntity } from "../../../src/database/work-transaction.js";
import { ENTITIES } from "../../../src/entities.js";
import { RootkeepError } from "../../../src/kernel/errors.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import { Session } from "../../../src/people/session.entity.js";
import { withClient } from "../../support/postgres.js";
import { Vault } from "../../support/vault.js";

// real: PostgreSQL, the log, the keys, the transaction runner. double: nothing; the attacker is the server's superuser.

const DECIDING = [
  "access_grant",
  "account",
  "account_life",
  "allowlist_entry",
  "approval",
  "authenticator",
  "board_ticket",
  "brake_raise",
  "checklist",
  "destruction",
  "glass_use",
  "identity",
  "invitation",
  "person",
  "person_team",
  "policy_book",
  "posture",
  "request",
  "root_address",
  "secret",
  "secret_version",
  "session",
  "step",
];

describe("a deciding row", () => {
  let vault: Vault;
  before(async () => {
    vault = await Vault.open();
  });
  after(() => vault.drop());

  const attack = (statement: string, values: unknown[] = []): Promise<unknown> =>
    withClient(vault.database.superuser, (client) => client.query(statement, values));

  /** Registers an account and returns its id and the position of its entry. */
  async function register(customer = "Northwind"): Promise<{ id: Id<"account">; seq: number }> {
    const id = newId("account");
    const { receipts } = await vault.transactions.run(async (tx) => {
      tx.insert(AccountRow, {
        id,
        awsId: String(100_000_000_000 + Math.floor(Math.random() * 899_999_999_999)),
        partition: "aws",
        kind: "member",
        customer,
        tags: "{}",
        rootEmail: "root@example.com",
        state: "assuming",
        custody: null,
        organizationId: null,
        contacts: null,
        checkoutGrantId: null,
        createdAt: await tx.clock(),
      });
      const target = { type: "account", id };
      return {
        result: undefined,
        entries: [{ draft: draftEntry({ action: "account.import", outcome: "committed", actor: SYSTEM_ACTOR, target }) }],
      };
    });
    return { id, seq: receipts[0]?.facts.seq ?? -1 };
  }

  async function rename(id: string, customer: string): Promise<void> {
    await vault.transactions.run(async (tx) => {
      const row = await tx.lock(AccountRow, id);
      assert.ok(row !== null);
      tx.change(AccountRow, row, { customer });
      const target = { type: "account", id };
      return {
        result: undefined,
        entries: [{ draft: draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR, target }) }],
      };
    });
  }

  const read = (id: string): Promise<AccountRow | null> => vault.transactions.peek((tx) => tx.read(AccountRow, id));

  function refusedFor(why: string) {
    return (error: unknown): boolean => error instanceof RootkeepError && error.code === "ROW_REFUSED" && error.reason === why;
  }

  it("is one of the kinds that the format names, each with seq and HMAC, and no other table has them [DR-1]", () => {
    const deciding = vault.dataSource.entityMetadatas.filter(
      ({ target }) => (target as { prototype: unknown }).prototype instanceof DecidingRow,
    );
    assert.deepEqual(deciding.map(({ tableName }) => tableName).sort(), DECIDING);
    for (const { columns } of deciding) {
      assert.deepEqual(
        columns
          .map(({ databaseName }) => databaseName)
          .filter((name) => name === "seq" || name === "mac")
          .sort(),
        ["mac", "seq"],
      );
    }
  });

  it("leaves out of its HMAC what may only bar: when a session was seen and from where, how often a code failed [DR-11]", () => {
    const undecided = ENTITIES.flatMap((entity) =>
      ((entity as DecidingEntity).undecided ?? []).map((column) => `${entity.name}.${column}`),
    );
    assert.deepEqual(undecided.sort(), ["Invitation.failures", "Session.lastSeenAt", "Session.place"]);
  });

  it("leaves a column that came later out while it is null, and covers it once it holds something [DR-16]", async () => {
    const [ada, ben] = await vault.found();
    const session = await vault.transactions.peek((tx) => tx.read(Session, ada.sessionId));
    assert.ok(session !== null);
    // As a service wrote it that did not know the column.
    const before = new Map<string, string | Date | Buffer | null>([
      ["id", session.id],
      ["person_id", session.personId],
      ["token_hash", session.tokenHash],
      ["created_at", session.createdAt],
      ["expires_at", session.expiresAt],
      ["ended_at", null],
      ["seq", session.seq],
    ]);
    assert.deepEqual(session.mac, vault.keys.records.mac(decidingBytes("session", before)));
    assert.equal(session.identityId, null);
    await attack("ALTER TABLE people.session DROP CONSTRAINT session_identity_fk");
    await attack("UPDATE people.session SET identity_id = $2 WHERE id = $1", [ben.sessionId, newId("identity")]);
    await assert.rejects(
      vault.transactions.peek((tx) => tx.read(Session, ben.sessionId)),
      refusedFor("mac"),
    );
  });

  it("carries the seq of the entry that lists it, and the HMAC of its bytes [DR-2] [DR-7]", async () => {
    const { id, seq } = await register();
    const row = await read(id);
    assert.ok(row !== null);
    assert.equal(row.seq, String(seq));
    const [entry] = await vault.reader.entries(seq, 1);
    assert.ok(entry !== undefined);
    assert.deepEqual(entryExtras(entry.entry).rows, [`account/${id}`]);
    const columns = new Map<string, string | Date | null>([
      ["id", row.id],
      ["aws_id", row.awsId],
      ["partition", row.partition],
      ["kind", row.kind],
      ["customer", row.customer],
      ["tags", row.tags],
      ["root_email", row.rootEmail],
      ["state", row.state],
      ["checkout_grant_id", row.checkoutGrantId],
      ["created_at", row.createdAt],
      ["seq", row.seq],
    ]);
    assert.deepEqual(vault.keys.records.mac(decidingBytes("account", columns)), row.mac);
  });

  it("that was edited is refused, written down, and raises the alarm [DR-8] [DR-12]", async () => {
    const { id } = await register();
    await attack("UPDATE accounts.account SET customer = 'Somebody Else' WHERE id = $1", [id]);
    await assert.rejects(read(id), refusedFor("mac"));
    assert.deepEqual(vault.alarms.at(-1), { kind: "row-refused", what: `account/${id} mac` });
    const { size } = await vault.reader.head();
    const [last] = await vault.reader.entries(size - 1, 1);
    assert.deepEqual(
      [last?.entry.action, entryExtras(last?.entry as never).details],
      ["row.refused", { reason: "mac", row: `account/${id}` }],
    );
  });

  it("that was put back as it once was is refused, though its HMAC is right [DR-8]", async () => {
    const { id } = await register("Before");
    await attack("CREATE TABLE older AS SELECT * FROM accounts.account");
    await rename(id, "After");
    assert.equal((await read(id))?.customer, "After");
    await attack(
      "UPDATE accounts.account a SET customer = o.customer, seq = o.seq, mac = o.mac FROM older o WHERE a.id = o.id AND a.id = $1",
      [id],
    );
    await assert.rejects(read(id), refusedFor("seq"));
  });

  it("that was removed is not taken for one that never was [DR-9]", async () => {
    const { id } = await register();
    await attack("DELETE FROM accounts.account WHERE id = $1", [id]);
    await assert.rejects(read(id), refusedFor("missing"));
    assert.equal(await read(newId("account")), null);
  });

  it("is missed where absence would loosen a rule: the table must hold as many rows as the log knows [DR-10]", async () => {
    // Whole, so that no edited row of an earlier test is refused first.
    await attack("DELETE FROM accounts.account");
    await assert.rejects(
      vault.transactions.peek((tx) => tx.readProven(AccountRow)),
      refusedFor("incomplete"),
    );
  });

  it("does not change without an entry [DR-7]", async () => {
    const { id } = await register();
    const change = vault.transactions.run(async (tx) => {
      const row = await tx.lock(AccountRow, id);
      assert.ok(row !== null);
      tx.change(AccountRow, row, { customer: "Silent" });
      return { result: undefined, entries: [] };
    });
    await assert.rejects(change);
    assert.equal((await read(id))?.customer, "Northwind");
  });
});
