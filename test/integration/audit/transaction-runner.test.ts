import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { AccountRow } from "../../../src/accounts/account.entity.js";
import { AppendQueue } from "../../../src/audit/append-queue.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { type EntryDraft, entryExtras } from "../../../src/audit/entry.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { Transactions } from "../../../src/audit/transactions.service.js";
import type { WorkTransaction } from "../../../src/database/work-transaction.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { Vault } from "../../support/vault.js";

// real: PostgreSQL, the log, the keys, the transaction runner. double: none; in two tests a statement is slipped in before the COMMIT.

describe("the transaction runner", () => {
  let vault: Vault;
  let one: string;
  let other: string;
  let awsId = 100_000_000_000;

  before(async () => {
    vault = await Vault.open();
  });
  beforeEach(async () => {
    [one, other] = [await register(), await register()];
  });
  after(() => vault.drop());

  const draft = (): EntryDraft => draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR });
  const size = async (): Promise<number> => (await vault.reader.head()).size;

  async function register(): Promise<string> {
    const { result } = await vault.transactions.run(async (tx) => ({
      result: insertAccount(tx, await tx.clock()),
      entries: [{ draft: draft() }],
    }));
    return result;
  }

  function insertAccount(tx: WorkTransaction, createdAt: Date): string {
    const id = newId("account");
    const facts = { partition: "aws", kind: "member", customer: "Acme", tags: "{}", rootEmail: "root@example.com", state: "assuming" };
    tx.insert(AccountRow, {
      id,
      awsId: String(awsId++),
      ...facts,
      custody: null,
      organizationId: null,
      contacts: null,
      checkoutGrantId: null,
      createdAt,
    });
    return id;
  }

  async function locked(tx: WorkTransaction, id: string): Promise<AccountRow> {
    const row = await tx.lock(AccountRow, id);
    assert.ok(row !== null);
    return row;
  }

  async function rename(id: string, customer: string, transactions = vault.transactions): Promise<void> {
    await transactions.run(async (tx) => {
      tx.change(AccountRow, await locked(tx, id), { customer });
      return { result: undefined, entries: [{ draft: draft() }] };
    });
  }

  const customerOf = async (id: string): Promise<string | undefined> =>
    (await vault.transactions.peek((tx) => tx.read(AccountRow, id)))?.customer;

  it("stamps each row with the seq of the entry that claims it, and lists in each entry its rows; unclaimed rows belong to the first", async () => {
    const { receipts } = await vault.transactions.run(async (tx) => {
      const [first, second] = [await locked(tx, one), await locked(tx, other)];
      tx.change(AccountRow, first, { customer: "Northwind" });
      tx.change(AccountRow, second, { customer: "Contoso" });
      const third = insertAccount(tx, await tx.clock());
      return { result: third, entries: [{ draft: draft() }, { draft: draft(), rows: [second] }] };
    });
    const [first = -1, second = -1] = receipts.map(({ facts }) => facts.seq);
    assert.equal(second, first + 1);
    const entries = await vault.reader.entries(first, 2);
    assert.deepEqual(entryExtras(entries[1]!.entry).rows, [`account/${other}`]);
    const rows = entryExtras(entries[0]!.entry).rows;
    assert.ok(rows.includes(`account/${one}`) && rows.length === 2);
    const [a, b] = await vault.transactions.peek(async (tx) => [await tx.read(AccountRow, one), await tx.read(AccountRow, other)]);
    assert.deepEqual([a?.seq, b?.seq], [String(first), String(second)]);
  });

  it("does the work again after a serialisation failure, and gives up after so many times", async () => {
    let tries = 0;
    const failing = (failures: number): Promise<unknown> =>
      vault.transactions.run(async (tx) => {
        if (tries++ < failures) await tx.manager.query("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$");
        tx.change(AccountRow, await locked(tx, one), { customer: `Try ${String(tries)}` });
        return { result: undefined, entries: [{ draft: draft() }] };
      });
    const earlier = await size();
    await failing(2);
    assert.equal(await customerOf(one), "Try 3");
    assert.equal(await size(), earlier + 1);
    tries = 0;
    await assert.rejects(failing(LIMITS.transactionAttemptsMax), (error) => isRootkeepError(error, "UNAVAILABLE"));
    assert.equal(tries, LIMITS.transactionAttemptsMax);
    assert.equal(await size(), earlier + 1);
  });

  it("gets both of two transactions through that block each other", async () => {
    let waiting = 0;
    let meet: () => void = () => undefined;
    const met = new Promise<void>((resolve) => (meet = resolve));
    const crossing = (first: string, second: string, customer: string): Promise<unknown> =>
      vault.transactions.run(async (tx) => {
        const a = await locked(tx, first);
        waiting += 1;
        if (waiting >= 2) meet();
        await met;
        tx.change(AccountRow, a, { customer });
        tx.change(AccountRow, await locked(tx, second), { customer });
        return { result: undefined, entries: [{ draft: draft() }] };
      });
    await Promise.all([crossing(one, other, "Left"), crossing(other, one, "Right")]);
    assert.ok(waiting > 2, "one of them was chosen as the victim and began anew");
    assert.equal(await customerOf(one), await customerOf(other));
  });

  it("changes no deciding row without an entry, and writes no entry of work that failed", async () => {
    const earlier = await size();
    await assert.rejects(
      vault.transactions.run(async (tx) => {
        tx.change(AccountRow, await locked(tx, one), { customer: "Silent" });
        return { result: undefined, entries: [] };
      }),
      (error) => isRootkeepError(error, "INTERNAL"),
    );
    await assert.rejects(
      vault.transactions.run(async (tx) => {
        tx.change(AccountRow, await locked(tx, one), { customer: "Failed" });
        throw new Error("changed its mind");
      }),
    );
    assert.equal(await customerOf(one), "Acme");
    assert.equal(await size(), earlier);
  });

  it("does not take a COMMIT for done that the database answers with ROLLBACK", async () => {
    // Whatever breaks the transaction after the append: PostgreSQL then answers COMMIT with ROLLBACK, and no error.
    const { log } = vault;
    const breaking = new Proxy(log, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        const bound = member.bind(target) as (...values: unknown[]) => Promise<unknown>;
        if (name !== "append") return bound;
        return async (client: { query(text: string): Promise<unknown> }, ...rest: unknown[]) => {
          const sent = await bound(client, ...rest);
          await client.query("SELECT 1 / 0").catch(() => undefined);
          return sent;
        };
      },
    });
    const earlier = await size();
    await assert.rejects(
      rename(one, "Lost", new Transactions(vault.dataSource, breaking, vault.keys.records)),
      (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE") && error.reason === "commit was rolled back",
    );
    assert.equal(await customerOf(one), "Acme");
    assert.equal(await size(), earlier);
  });

  it("and neither does the queue; nor one that came with a warning, for a standby may not have it", async () => {
    const earlier = await size();
    const before = async (statement: string): Promise<AppendQueue> => {
      const client = await connectLog(vault.database.connections.rootkeep_service);
      const query = client.query.bind(client) as (...values: unknown[]) => unknown;
      const slipping = (...values: unknown[]): unknown => {
        if (values[0] === "COMMIT") (query(statement) as Promise<unknown>).catch(() => undefined);
        return query(...values);
      };
      Object.assign(client, { query: slipping });
      return new AppendQueue(
        () => Promise.resolve(client),
        () => assert.fail("it was not appended for sure"),
        () => undefined,
      );
    };
    for (const [statement, reason] of [
      ["SELECT 1 / 0", "commit was rolled back"],
      ["DO $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; END $$", "commit warned"],
    ] as const) {
      const queue = await before(statement);
      await assert.rejects(queue.append(draft()), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE") && error.reason === reason);
      await queue.close();
    }
    // The one that warned is there: the log may tell of more than was promised, never of less.
    assert.equal(await size(), earlier + 1);
  });

  it("shows a reader one moment, however many write meanwhile, and refuses no row that is in order", async () => {
    const rounds = Number(process.env["ROOTKEEP_TEST_PEEKS"] ?? "40");
    let isWriting = true;
    const write = async (): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        await vault.transactions.run(async (tx) => {
          // In one order, or the two writers would block each other.
          const rows = [await locked(tx, one), await locked(tx, other)];
          for (const row of rows) tx.change(AccountRow, row, { customer: `Round ${String(round)}` });
          return { result: undefined, entries: [{ draft: draft() }] };
        });
        await vault.log.record(draft());
      }
    };
    let looks = 0;
    const look = async (): Promise<void> => {
      while (isWriting) {
        const seen = await vault.transactions.peek(async (tx) => {
          const first = await tx.read(AccountRow, one);
          await tx.readProven(AccountRow);
          return [first?.customer, (await tx.read(AccountRow, other))?.customer];
        });
        assert.equal(seen[0], seen[1]);
        looks += 1;
      }
    };
    const writing = Promise.all([write(), write()]).finally(() => (isWriting = false));
    await Promise.all([writing, look(), look()]);
    assert.ok(looks > 0);
    assert.deepEqual(vault.alarms, []);
  });
});
