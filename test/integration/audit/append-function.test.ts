import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Client } from "pg";
import { MIGRATIONS } from "../../../migrations/index.js";
import { canonicalBytes, type JsonValue } from "../../../src/audit/canonical-json.js";
import { leafHash, ZERO_HASH } from "../../../src/audit/chain.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { byteaArray } from "../../../src/database/binary-array.js";
import { sqlState, violatedConstraint } from "../../../src/database/sql-error.js";
import { newEventId } from "../../../src/kernel/ids.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

// real: PostgreSQL with the project's migrations, the service's own role. double: nothing; the entries are forged by hand.

const ORIGIN = "rootkeep.test/audit/append/1";
const STREAM = "acc_0123456789abcdefghjkmnpqrs";
const ZERO = ZERO_HASH.toString("hex");

interface Forged {
  id: string;
  seq: number;
  sseq: number;
  time: string;
  [key: string]: JsonValue;
}
/** Members to set, or to take away where undefined. */
type Bend = (entry: Forged) => Readonly<Record<string, JsonValue | undefined>>;
interface Batch {
  first: number;
  ids: string[];
  entries: Buffer[];
  leaves: Buffer[];
}

describe("the log's functions, called by the service's role", () => {
  let database: TestDatabase;
  let client: Client;
  let head: { size: number; leaf: Buffer; now: string };

  before(async () => {
    database = await createTestDatabase({ migrations: MIGRATIONS });
    client = await connectLog(database.connections.rootkeep_service);
    await client.query("SELECT audit.begin($1)", [ORIGIN]);
    await inTransaction((batch) => batch, 3);
    await client.query("COMMIT");
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  async function lockHead(): Promise<void> {
    const { rows } = await client.query<{ size: string; last_leaf: Buffer; now: string }>(
      "SELECT size, last_leaf, now FROM audit.lock_head()",
    );
    head = { size: Number(rows[0]!.size), leaf: rows[0]!.last_leaf, now: rows[0]!.now };
  }

  /** Begins a transaction, takes the head and appends `count` good entries, after `forge` has had its way with them. */
  async function inTransaction(
    forge: (batch: Batch) => Batch,
    count = 1,
    bend: (entry: Forged, index: number) => ReturnType<Bend> = () => ({}),
  ): Promise<void> {
    await client.query("BEGIN");
    await lockHead();
    const { rows } = await client.query<{ size: string; last_leaf: Buffer }>(
      "SELECT size, last_leaf FROM audit.stream_head WHERE stream = $1",
      [STREAM],
    );
    let { leaf } = head;
    let stream = { size: Number(rows[0]?.size ?? 0), leaf: rows[0]?.last_leaf ?? ZERO_HASH };
    const batch: Batch = { first: head.size, ids: [], entries: [], leaves: [] };
    for (let index = 0; index < count; index++) {
      const entry: Forged = {
        ...{ v: 1, log: ORIGIN, seq: head.size + index, prev: leaf.toString("hex"), id: newEventId(), time: head.now },
        ...{ action: "log.heartbeat", outcome: "committed", actor: { type: "system" } },
        ...{ stream: STREAM, sseq: stream.size, sprev: stream.leaf.toString("hex") },
      };
      batch.ids.push(entry.id);
      const bytes = canonicalBytes(bent(entry, bend(entry, index)));
      leaf = leafHash(bytes);
      stream = { size: stream.size + 1, leaf };
      batch.entries.push(bytes);
      batch.leaves.push(leaf);
    }
    const { first, ids, entries, leaves } = forge(batch);
    await client.query("SELECT audit.append($1, $2, $3, $4)", [first, ids, byteaArray(entries), byteaArray(leaves)]);
  }

  async function refuses(attempt: Promise<unknown>, expected: RegExp): Promise<void> {
    try {
      await assert.rejects(attempt, (error: Error) => {
        assert.match(`${sqlState(error) ?? ""} ${violatedConstraint(error) ?? ""} ${error.message}`, expected);
        return true;
      });
    } finally {
      await client.query("ROLLBACK");
    }
  }

  it("append what fits, and only then is the head moved on", async () => {
    await inTransaction((batch) => batch, 4);
    await client.query("COMMIT");
    const { rows } = await client.query<{ n: string; size: string; head_ok: boolean; stream_ok: boolean }>(`
      SELECT (SELECT count(*) FROM audit.entry) AS n, h.size, h.last_leaf = e.leaf_hash AS head_ok,
             s.size = h.size AND s.last_leaf = e.leaf_hash AS stream_ok
      FROM audit.head h JOIN audit.entry e ON e.seq = h.size - 1 JOIN audit.stream_head s ON s.stream = '${STREAM}'`);
    assert.deepEqual(rows, [{ n: "7", size: "7", head_ok: true, stream_ok: true }]);
  });

  const bends: Readonly<Record<string, Bend>> = {
    "a seq that leaves a gap": ({ seq }) => ({ seq: seq + 1 }),
    "a seq that stands already": ({ seq }) => ({ seq: seq - 1 }),
    "a prev that is not the last entry's hash": () => ({ prev: "ab".repeat(32) }),
    "no prev": () => ({ prev: undefined }),
    "another log's origin": () => ({ log: "rootkeep.test/audit/append/2" }),
    "another id than the one beside it": () => ({ id: newEventId() }),
    "a time before the last entry's": () => ({ time: "2020-01-01T00:00:00.000000Z" }),
    "a time in the future": () => ({ time: "2999-01-01T00:00:00.000000Z" }),
    "a time without microseconds": ({ time }) => ({ time: time.replace(/\d{3}Z$/, "Z") }),
    "a time of the right length and another form": ({ time }) => ({ time: time.replace("Z", "z") }),
    "no time": () => ({ time: undefined }),
    "no action": () => ({ action: undefined }),
    "no outcome": () => ({ outcome: undefined }),
    "an account's number that leaves a gap": ({ sseq }) => ({ sseq: sseq + 1 }),
    "an account's number that stands already": ({ sseq }) => ({ sseq: sseq - 1 }),
    "an sprev that is not the account's last hash": () => ({ sprev: "ab".repeat(32) }),
    "an account's number without an account": () => ({ stream: undefined }),
    "an account without its number": () => ({ sseq: undefined }),
    "a first number for an account that has entries": () => ({ sseq: 0, sprev: ZERO }),
    "no version": () => ({ v: undefined }),
    "another version": () => ({ v: 2 }),
    "a version that is a text": () => ({ v: "1" }),
    "a seq that is a text": ({ seq }) => ({ seq: String(seq) }),
    "an account's number that is a text": ({ sseq }) => ({ sseq: String(sseq) }),
    "an action that is no dotted name": () => ({ action: "heartbeat" }),
    "an action in capitals": () => ({ action: "Log.heartbeat" }),
    "an outcome of its own": () => ({ outcome: "done" }),
    "no actor": () => ({ actor: undefined }),
    "an actor that is a text": () => ({ actor: "system" }),
    "an actor of its own kind": () => ({ actor: { type: "robot", id: "r" } }),
    "a person without an id": () => ({ actor: { type: "person" } }),
    "a person whose id is a number": () => ({ actor: { type: "person", id: 7 } }),
    "an anonymous actor with an id": () => ({ actor: { type: "anonymous", id: "x" } }),
    "a target that is null": () => ({ target: null }),
    "a target without an id": () => ({ target: { type: "grant" } }),
    "details that are a list": () => ({ details: [] }),
    "a request that is null": () => ({ request: null }),
    "rows that are a text": () => ({ rows: "person/per_1" }),
    "an account that is null": () => ({ stream: null, sseq: null, sprev: null }),
  };
  for (const [name, bend] of Object.entries(bends)) {
    it(`refuse ${name}, alone and between good ones`, async () => {
      await refuses(
        inTransaction((batch) => batch, 1, bend),
        /chain violation/,
      );
      await refuses(
        inTransaction(
          (batch) => batch,
          3,
          (entry, index) => (index === 1 ? bend(entry) : {}),
        ),
        /chain violation/,
      );
    });
  }

  it("refuse a time before the one in front of it in the same batch", async () => {
    await inTransaction((batch) => batch);
    const earlier = head.now;
    await client.query("COMMIT");
    await refuses(
      inTransaction(
        (batch) => batch,
        2,
        (_, index) => (index === 1 ? { time: earlier } : {}),
      ),
      /chain violation/,
    );
  });

  for (const stream of ["global", "acc_", "ACC_0123456789abcdefghjkmnpqrs", `acc_0123456789abcdefghjkmnpqr${"s".repeat(2)}`]) {
    it(`refuse the account ${stream}, though its numbers are right`, async () => {
      await refuses(
        inTransaction(
          (batch) => batch,
          1,
          () => ({ stream, sseq: 0, sprev: ZERO }),
        ),
        /chain violation/,
      );
    });
  }

  it("refuse an event id of another version", async () => {
    const id = newEventId().replace(/^(.{14})./, "$11");
    await refuses(
      inTransaction(
        (batch) => ({ ...batch, ids: [id] }),
        1,
        () => ({ id }),
      ),
      /chain violation/,
    );
  });

  const forgeries: Readonly<Record<string, readonly [(batch: Batch) => Batch, RegExp]>> = {
    "a leaf hash that is not the entry's": [(batch) => ({ ...batch, leaves: [leafHash(Buffer.from("x"))] }), /23514 entry_leaf_ok/],
    "a head that others have moved": [(batch) => ({ ...batch, first: batch.first - 1 }), /40001 .*head moved/],
    "a head that is yet to come": [(batch) => ({ ...batch, first: batch.first + 1 }), /40001 .*head moved/],
    "an empty batch": [(batch) => ({ ...batch, ids: [], entries: [], leaves: [] }), /bad batch/],
    "fewer hashes than entries": [(batch) => ({ ...batch, leaves: [] }), /bad batch/],
    "an entry that is no JSON": [({ ids, first }) => forged(first, ids, "no JSON"), /22P02/],
    "an entry that is no object": [({ ids, first }) => forged(first, ids, "[1]"), /22023/],
    "an entry beyond 16,384 bytes": [({ ids, first, entries }) => forged(first, ids, padded(entries[0]!)), /23514 entry_size_ok/],
  };
  for (const [name, [forge, expected]] of Object.entries(forgeries)) {
    it(`refuse ${name}`, async () => {
      await refuses(inTransaction(forge), expected);
    });
  }

  it("refuse hashes that count from elsewhere than 1, for their last would not be found by its number", async () => {
    await client.query("BEGIN");
    await lockHead();
    const leaves = `[2:2]={"\\\\x${"ab".repeat(32)}"}`;
    await refuses(
      client.query("SELECT audit.append($1, $2, $3, $4::text::bytea[])", [
        head.size,
        [newEventId()],
        byteaArray([Buffer.from("{}")]),
        leaves,
      ]),
      /bad batch/,
    );
  });

  it("take an event once", async () => {
    const { rows } = await client.query<{ event_id: string }>("SELECT event_id FROM audit.entry WHERE seq = 1");
    const id = rows[0]!.event_id;
    await refuses(
      inTransaction(
        (batch) => ({ ...batch, ids: [id] }),
        1,
        () => ({ id }),
      ),
      /23505 entry_event_id_uq/,
    );
  });

  it("leave nothing behind when they refuse: neither the entries before the bad one nor an account's head", async () => {
    const state = async (): Promise<unknown> =>
      (await client.query("SELECT (SELECT count(*) FROM audit.entry) AS n, h.*, s.* FROM audit.head h, audit.stream_head s")).rows;
    const earlier = await state();
    await refuses(
      inTransaction(
        (batch) => batch,
        3,
        (_, index) => (index === 2 ? { prev: ZERO } : {}),
      ),
      /chain violation/,
    );
    assert.deepEqual(await state(), earlier);
  });

  it("set the origin once", async () => {
    await assert.rejects(client.query("SELECT audit.begin('rootkeep.test/audit/append/2')"), /begun under another origin/);
  });

  for (const setting of ["off", "local", "remote_write"]) {
    it(`refuse to lock the head with synchronous_commit = ${setting}: an answer would not mean durable`, async () => {
      await client.query("BEGIN");
      await client.query(`SET LOCAL synchronous_commit = ${setting}`);
      await refuses(client.query("SELECT * FROM audit.lock_head()"), /durability settings unsafe/);
    });
  }

  for (const statement of [
    "INSERT INTO audit.entry SELECT * FROM audit.entry",
    "UPDATE audit.entry SET action = 'x.y'",
    "DELETE FROM audit.entry",
    "TRUNCATE audit.entry",
    "UPDATE audit.head SET size = 0",
    "DELETE FROM audit.head",
    "TRUNCATE audit.head",
    "UPDATE audit.stream_head SET size = 1",
    "DELETE FROM audit.stream_head",
    "INSERT INTO audit.stream_head VALUES ('acc_x', 1, '')",
    "INSERT INTO audit.disclosure VALUES (0, 'x', '', '')",
    "UPDATE audit.disclosure SET value = ''",
    "ALTER TABLE audit.entry DISABLE TRIGGER no_mutation",
    "CREATE OR REPLACE FUNCTION audit.deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
  ]) {
    it(`do not let the service: ${statement}`, async () => {
      await assert.rejects(client.query(statement), (error) => sqlState(error) === "42501");
    });
  }

  it("refuse the owner too: the triggers fire whatever the session says of replication", async () => {
    await withClient(database.superuser, async (owner) => {
      for (const role of ["origin", "replica"]) {
        await owner.query(`SET session_replication_role = ${role}`);
        for (const statement of [
          "UPDATE audit.entry SET action = 'x.y'",
          "DELETE FROM audit.entry",
          "TRUNCATE audit.entry",
          "TRUNCATE audit.head",
          "DELETE FROM audit.head",
          "TRUNCATE audit.stream_head",
          "DELETE FROM audit.stream_head",
        ]) {
          await assert.rejects(owner.query(statement), /append-only/, `${role}: ${statement}`);
        }
      }
      const { rows } = await owner.query<{ enabled: string }>(`
        SELECT DISTINCT t.tgenabled AS enabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'audit'::regnamespace AND NOT t.tgisinternal`);
      assert.deepEqual(rows, [{ enabled: "A" }]);
    });
  });
});

function bent(entry: Forged, changes: ReturnType<Bend>): Forged {
  return JSON.parse(JSON.stringify({ ...entry, ...changes })) as Forged;
}

function forged(first: number, ids: string[], text: string): Batch {
  const bytes = Buffer.from(text);
  return { first, ids, entries: [bytes], leaves: [leafHash(bytes)] };
}

function padded(entry: Buffer): string {
  return canonicalBytes({ ...(JSON.parse(entry.toString("utf8")) as Forged), details: { pad: "x".repeat(16_384) } }).toString("utf8");
}
