import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { MIGRATIONS } from "../../../migrations/index.js";
import { AppendQueue } from "../../../src/audit/append-queue.service.js";
import { AuditRepository } from "../../../src/audit/audit.repository.js";
import { AuditLog } from "../../../src/audit/audit-log.service.js";
import { ChainVerifier } from "../../../src/audit/chain-verifier.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { type EntryDraft, parseEntry } from "../../../src/audit/entry.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

// real: PostgreSQL, the queue, a second process with a queue of its own. double: none.

const ORIGIN = "rootkeep.test/audit/queue/1";
const STREAM = "acc_0123456789abcdefghjkmnpqrs";

const ignore = (): void => undefined;

describe("the append queue", () => {
  let database: TestDatabase;
  let log: AuditLog;
  const failures: string[] = [];

  before(async () => {
    database = await createTestDatabase({ migrations: MIGRATIONS });
    log = new AuditLog(connect, {
      chainBroken: (seq) => void failures.push(`chain broken at ${String(seq)}`),
      rolledBack: (seq) => void failures.push(`rolled back at ${String(seq)}`),
      clockRefused: (reason) => void failures.push(`clock refused: ${reason}`),
      rowRefused: (row) => void failures.push(`row refused: ${row}`),
      appendFailed: (reason) => void failures.push(reason),
    });
    await log.open(ORIGIN, "test");
  });
  after(async () => {
    await log.close();
    await database.drop();
  });

  const connect = (): ReturnType<typeof connectLog> => connectLog(database.connections.rootkeep_service);
  const draft = (changes: Partial<EntryDraft> = {}): EntryDraft =>
    draftEntry({ action: "log.heartbeat", outcome: "committed", actor: SYSTEM_ACTOR, stream: STREAM, ...changes });
  const reads = async (): Promise<Buffer[]> =>
    await withClient(database.connections.rootkeep_service, (client) => AuditRepository.range(client, 0, 10_000));

  /** The whole log, checked by what an auditor checks with. */
  async function verified(): Promise<string[]> {
    const chain = new ChainVerifier(ORIGIN);
    const ids = (await reads()).map((bytes) => {
      const { entry, findings } = chain.add(bytes);
      assert.deepEqual(findings, []);
      return entry?.id ?? "";
    });
    assert.deepEqual(chain.finish(), []);
    return ids;
  }

  it("gives entries their places in the order in which they were handed in, over several batches", async () => {
    const drafts = Array.from({ length: 600 }, () => draft());
    const receipts = await Promise.all(drafts.map((one) => log.record(one)));
    const first = receipts[0]!.facts.seq;
    assert.deepEqual(
      receipts.map(({ facts }) => [facts.seq, facts.eventId]),
      drafts.map(({ id }, index) => [first + index, id]),
    );
    assert.deepEqual(
      (await verified()).slice(first),
      drafts.map(({ id }) => id),
    );
  });

  it("does not let one bad entry take its neighbours with it, and says to each what became of it", async () => {
    const known = draft();
    await log.record(known);
    const tooLarge = draft({ details: { text: "x".repeat(LIMITS.entryBytesMax) } });
    const twice = draft();
    const drafts = [
      draft(),
      { ...draft(), id: known.id },
      draft(),
      tooLarge,
      draft(),
      draft({ action: "no.such" as never }),
      draft(),
      twice,
      twice,
    ];
    failures.length = 0;
    const results = await Promise.allSettled(drafts.map((one) => log.record(one)));
    assert.deepEqual(
      results.map((result) => (result.status === "fulfilled" ? "ok" : isRootkeepError(result.reason) ? result.reason.code : "other")),
      ["ok", "ALREADY_RELEASED", "ok", "AUDIT_UNAVAILABLE", "ok", "AUDIT_UNAVAILABLE", "ok", "ok", "ALREADY_RELEASED"],
    );
    assert.equal(failures.length, 4);
    const ids = await verified();
    for (const [index, one] of drafts.entries()) {
      assert.equal(ids.filter((id) => id === one.id).length, index === 3 || index === 5 ? 0 : 1);
    }
  });

  it("keeps the openings of personal data beside the log, and none of an entry that was refused", async () => {
    const disclosures = [{ field: "address", value: "203.0.113.7" }];
    const known = draft({ disclosures });
    const { facts } = await log.record(known);
    await assert.rejects(log.record(known), (error) => isRootkeepError(error, "ALREADY_RELEASED"));
    await withClient(database.connections.rootkeep_service, async (client) => {
      const { size } = await AuditRepository.readHead(client);
      const openings = await AuditRepository.disclosures(client, 0, size + 10);
      assert.deepEqual(
        openings.map(({ seq, field, value }) => ({ seq, field, value })),
        [{ seq: facts.seq, field: "address", value: "203.0.113.7" }],
      );
    });
    assert.ok(!(await reads()).some((bytes) => bytes.includes("203.0.113.7")));
  });

  it("answers only what is committed: a second connection sees each entry as soon as its caller was answered", async () => {
    await withClient(database.connections.rootkeep_service, async (client) => {
      await Promise.all(
        Array.from({ length: 40 }, async () => {
          const { facts } = await log.record(draft());
          assert.equal(await AuditRepository.seqOf(client, facts.eventId), facts.seq);
        }),
      );
    });
  });

  it("gives up on a server that does not get the lock, says so to every caller, and goes on when it is free again", async () => {
    await withClient(database.superuser, async (blocker) => {
      await blocker.query("BEGIN; LOCK TABLE audit.append_turn IN SHARE UPDATE EXCLUSIVE MODE");
      const results = await Promise.allSettled([log.record(draft()), log.record(draft()), log.record(draft())]);
      assert.deepEqual(
        results.map((result) => result.status === "rejected" && isRootkeepError(result.reason, "AUDIT_UNAVAILABLE")),
        [true, true, true],
      );
      await blocker.query("ROLLBACK");
    });
    await log.record(draft());
    await log.check();
    await verified();
  });

  it("makes itself a new connection when its own was cut, and loses nothing that it promised", async () => {
    await log.record(draft());
    await withClient(database.superuser, async (client) => {
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rootkeep-audit' AND datname = current_database()",
      );
    });
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => log.record(draft())));
    const receipt = await log.record(draft());
    const ids = await verified();
    for (const result of results) if (result.status === "fulfilled") assert.equal(ids[result.value.facts.seq], result.value.facts.eventId);
    assert.equal(ids[receipt.facts.seq], receipt.facts.eventId);
  });

  // Peers' mistake: audit through a queue that loses what it has no room for.
  it("takes as many waiting entries as its limit and refuses the next at once, without losing one that it took", async () => {
    const queue = new AppendQueue(connect, ignore, ignore);
    const taken = Array.from({ length: LIMITS.appendQueueMax }, () => queue.append(draft()));
    await assert.rejects(queue.append(draft()), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE") && error.reason === "queue is full");
    const settled = await Promise.allSettled(taken);
    await queue.close();
    const ids = await verified();
    // A slow machine may pass the deadline of the last ones; whoever was promised a place has it.
    for (const result of settled) if (result.status === "fulfilled") assert.equal(ids[result.value.seq], result.value.eventId);
    assert.ok(settled.some(({ status }) => status === "fulfilled"));
  });

  it("appends what waits before it closes, and nothing after", async () => {
    const queue = new AppendQueue(connect, ignore, ignore);
    const waiting = Array.from({ length: 300 }, () => queue.append(draft()));
    await queue.close();
    assert.equal((await Promise.allSettled(waiting)).filter(({ status }) => status === "fulfilled").length, 300);
    await assert.rejects(queue.append(draft()), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
  });

  it("shares the log with the queues of other processes: no gap, no fork, no promise broken", async () => {
    const count = Number(process.env["ROOTKEEP_TEST_APPENDS"] ?? "400");
    const promised = (await Promise.all([writeElsewhere(database, count), writeElsewhere(database, count)])).flat();
    await log.record(draft());
    const ids = await verified();
    assert.equal(promised.length, 2 * count);
    for (const [seq, id] of promised) assert.equal(ids[seq], id);
    const streamed = (await reads()).map((bytes) => parseEntry(bytes)["sseq"]).filter((sseq) => sseq !== undefined);
    assert.deepEqual(
      streamed,
      streamed.map((_, index) => index),
    );
  });
});

async function writeElsewhere(database: TestDatabase, count: number): Promise<[number, string][]> {
  const program = fileURLToPath(new URL("../../support/queue-writer.js", import.meta.url));
  const child = spawn(process.execPath, [program, String(count)], { stdio: ["pipe", "pipe", "inherit"] });
  const { password, ...rest } = database.connections.rootkeep_service;
  child.stdin.end(JSON.stringify({ ...rest, password: password?.expose((value) => value), origin: ORIGIN }));
  return JSON.parse(await text(child.stdout)) as [number, string][];
}
