import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { AuditLog } from "../../../src/audit/audit-log.service.js";
import { leafHash } from "../../../src/audit/chain.js";
import { ChainVerifier } from "../../../src/audit/chain-verifier.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { type EntryDraft, entryExtras, parseEntry } from "../../../src/audit/entry.js";
import { isGlobalAct } from "../../../src/audit/global-acts.js";
import { type Heartbeat, heartbeatId, readHeartbeat } from "../../../src/audit/heartbeat.js";
import { HeartbeatWriter, type HeartbeatWriterOptions } from "../../../src/audit/heartbeat-writer.service.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import type { AuditReceipt } from "../../../src/audit/receipt.js";
import { type StreamTip, tipHash } from "../../../src/audit/stream-heads.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { HeartbeatCheck } from "../../../src/verify/heartbeat-check.js";
import { EXPORT_CHECKS, ReportBuilder } from "../../../src/verify/report.js";
import { withClient } from "../../support/postgres.js";
import { SIGNED_ORIGIN, SigningLog } from "../../support/signing-log.js";
import { naiveRoot } from "../../support/tlog-tree.js";

/** Resolves when `count` callers wait for it. */
function barrier(count: number): () => Promise<void> {
  let waiting = 0;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return async () => {
    waiting += 1;
    if (waiting === count) open();
    await opened;
  };
}

/** `object` with some methods replaced; the others act on the object itself. */
function replaced<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      const value: unknown = Reflect.get(name in methods ? methods : target, name, name in methods ? methods : target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

// real: PostgreSQL, the log, several processes' worth of appenders. double: nothing.
describe("the heartbeat of the log", () => {
  const open: SigningLog[] = [];
  const writers: HeartbeatWriter[] = [];
  afterEach(async () => {
    for (const writer of writers.splice(0)) await writer.stop();
    for (const signing of open.splice(0).reverse()) await signing.close();
  });

  async function openLog(replicaOf?: SigningLog): Promise<SigningLog> {
    const signing = await SigningLog.open(replicaOf === undefined ? {} : { replicaOf });
    open.push(signing);
    return signing;
  }

  function writerOf(
    { log, database }: Pick<SigningLog, "log" | "database">,
    options: Partial<HeartbeatWriterOptions> = {},
  ): HeartbeatWriter {
    const connect = () => connectLog(database.connections.rootkeep_service);
    const writer = new HeartbeatWriter(log, { connect, origin: SIGNED_ORIGIN, onFailed: () => undefined, ...options });
    writers.push(writer);
    return writer;
  }

  async function entriesOf({ database }: SigningLog): Promise<Buffer[]> {
    return await withClient(database.superuser, async (client) => {
      const { rows } = await client.query<{ entry: Buffer }>("SELECT entry FROM audit.entry ORDER BY seq");
      return rows.map(({ entry }) => entry);
    });
  }

  /** Heartbeats of the log with their places, each held against heads that are computed anew from the entries before `asOf`. */
  function checkedHeartbeats(entries: readonly Buffer[]): { seq: number; heartbeat: Heartbeat; id: string }[] {
    const report = new ReportBuilder(EXPORT_CHECKS);
    const chain = new ChainVerifier(SIGNED_ORIGIN);
    const verifier = new HeartbeatCheck({ from: 0 }, report, chain);
    for (const bytes of entries) verifier.add(chain.add(bytes));
    assert.equal(report.findings, 0, "the verifier finds the same heads [AC-16]");
    return entries.flatMap((bytes) => {
      const entry = parseEntry(bytes);
      const heartbeat = readHeartbeat({ ...entry, details: entryExtras(entry).details });
      if (heartbeat === null) return [];
      const { asOf, streams, streamsRoot } = heartbeat;
      assert.ok(asOf <= entry.seq);
      const tips = headsOf(entries.slice(0, asOf));
      assert.equal(streams, tips.length);
      assert.deepEqual(streamsRoot, naiveRoot(tips.map(tipHash)), `heads of the first ${String(asOf)} entries`);
      return [{ seq: entry.seq, heartbeat, id: entry.id }];
    });
  }

  function headsOf(entries: readonly Buffer[]): StreamTip[] {
    const heads = new Map<string, StreamTip>();
    const acts: Buffer[] = [];
    for (const bytes of entries) {
      const entry = parseEntry(bytes);
      const { stream } = entryExtras(entry);
      if (stream !== undefined) heads.set(stream.id, { stream: stream.id, size: stream.sseq + 1, leaf: leafHash(bytes) });
      else if (isGlobalAct(entry)) acts.push(leafHash(bytes));
    }
    heads.set("global", { stream: "global", size: acts.length, leaf: naiveRoot(acts) });
    return [...heads.values()].sort((one, other) => (one.stream < other.stream ? -1 : 1));
  }

  const ACCOUNTS = Array.from({ length: 5 }, () => newId("account"));
  let turn = 0;

  /** An entry of one account or another, now and then a global act. */
  async function act(log: AuditLog): Promise<void> {
    turn += 1;
    const shared = { outcome: "committed", actor: SYSTEM_ACTOR } as const;
    const stream = ACCOUNTS[(turn * 7) % ACCOUNTS.length]!;
    await log.record(
      turn % 6 === 0 ? draftEntry({ ...shared, action: "allowlist.grant" }) : draftEntry({ ...shared, action: "grant.expired", stream }),
    );
  }

  it("does not come before the log holds more than its genesis: founding asks for exactly that [AC-8]", async () => {
    const signing = await openLog();
    assert.equal(await writerOf(signing).beat(), null);
    assert.equal((await entriesOf(signing)).length, 1);
    await act(signing.log);
    assert.equal((await writerOf(signing).beat())?.facts.seq, 2);
  });

  it("commits to the heads of exactly `asOf` entries, while three processes append and each beats [AC-1] [AC-7]", async () => {
    const first = await openLog();
    const replicas = [first, await openLog(first), await openLog(first)];
    // So many accounts that the root takes more than one turn of the event loop: others append while it is computed.
    const crowd = Array.from({ length: 2_100 }, () => newId("account"));
    const shared = { outcome: "committed", actor: SYSTEM_ACTOR } as const;
    await Promise.all(crowd.map((stream) => first.log.record(draftEntry({ ...shared, action: "grant.expired", stream }))));
    let isOver = false;
    const appending = replicas.map(async ({ log }) => {
      while (!isOver) await Promise.all(Array.from({ length: 5 }, () => act(log)));
    });
    let written = 0;
    // No heartbeat is ever young: each look writes one, unless another process follows the same one first.
    for (let round = 0; round < 5; round++) {
      const receipts = await Promise.all(replicas.map((replica) => writerOf(replica, { intervalMs: 0 }).beat()));
      written += receipts.filter((receipt) => receipt !== null).length;
    }
    isOver = true;
    await Promise.all(appending);
    const entries = await entriesOf(first);
    const heartbeats = checkedHeartbeats(entries);
    assert.equal(heartbeats.length, written);
    assert.ok(written >= 5, String(written));
    // The test is worth something only if somebody did append between the look at the heads and the append of the heartbeat.
    assert.ok(heartbeats.some(({ seq, heartbeat }) => heartbeat.asOf < seq));
    assert.ok(heartbeats.some(({ heartbeat }) => heartbeat.streams === crowd.length + ACCOUNTS.length + 1));
    for (const [index, { id }] of heartbeats.entries()) assert.equal(id, heartbeatId(SIGNED_ORIGIN, heartbeats[index - 1]?.id ?? null));
  });

  it("comes once in an interval, however many replicas look at the same moment, and none of them calls that a fault [AC-8]", async () => {
    const first = await openLog();
    await act(first.log);
    const faults: string[] = [];
    const { rootkeep_service: service } = first.database.connections;
    const alarms = {
      chainBroken: () => void faults.push("chain"),
      rolledBack: () => void faults.push("rolled back"),
      clockRefused: () => void faults.push("clock"),
      rowRefused: () => void faults.push("row"),
      appendFailed: (reason: string) => void faults.push(reason),
    };
    const logs = Array.from({ length: 3 }, () => new AuditLog(() => connectLog(service), alarms));
    for (const log of logs) await log.open(SIGNED_ORIGIN, "test");
    // All look at the log before any of them appends.
    const looked = barrier(logs.length);
    const racing = logs.map((log) => {
      const recordOnce = async (draft: EntryDraft): Promise<AuditReceipt | null> => {
        await looked();
        return await log.recordOnce(draft);
      };
      return new HeartbeatWriter(replaced(log, { recordOnce }), {
        connect: () => connectLog(service),
        origin: SIGNED_ORIGIN,
        onFailed: () => undefined,
      });
    });
    const receipts = await Promise.all(racing.map((writer) => writer.beat()));
    assert.equal(receipts.filter((receipt) => receipt !== null).length, 1);
    for (const log of logs) assert.equal(await writerOf({ log, database: first.database }).beat(), null);
    for (const log of logs) await log.close();
    const restarted = await openLog(first);
    assert.equal(await writerOf(restarted).beat(), null);
    assert.equal(checkedHeartbeats(await entriesOf(first)).length, 1);
    assert.deepEqual(faults, []);
  });

  it("names the PostgreSQL that the log is in, and goes without where the role may not ask [AC-7]", async () => {
    const signing = await openLog();
    await act(signing.log);
    const identity = await withClient(signing.database.superuser, async (client) => {
      const { rows } = await client.query<{ id: string }>("SELECT system_identifier::text AS id FROM pg_control_system()");
      return rows[0]?.id;
    });
    const detailsOf = async (): Promise<unknown> => entryExtras(parseEntry((await entriesOf(signing)).at(-1)!)).details?.["postgres"];
    await writerOf(signing).beat();
    assert.deepEqual(await detailsOf(), { systemIdentifier: identity, timeline: 1 });
    await withClient(signing.database.superuser, (client) => client.query("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC"));
    assert.notEqual(await writerOf(signing, { intervalMs: 0 }).beat(), null);
    assert.equal(await detailsOf(), undefined);
  });

  it("is written while the service runs, and neither start nor stop waits for it", async () => {
    const signing = await openLog();
    const failed: [ErrorCode, string][] = [];
    const onFailed = (code: ErrorCode, reason: string): void => void failed.push([code, reason]);
    const writer = writerOf(signing, { intervalMs: 60, onFailed });
    writer.start();
    await act(signing.log);
    await signing.until(async () => checkedHeartbeats(await entriesOf(signing)).length >= 3, "three heartbeats");
    await writer.stop();
    const { length } = await entriesOf(signing);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal((await entriesOf(signing)).length, length);
    assert.deepEqual(failed, []);
  });

  it("says of every failure once that it failed, tries again, and never throws", async () => {
    const signing = await openLog();
    await act(signing.log);
    const failed: [ErrorCode, string][] = [];
    let isUp = false;
    const writer = writerOf(signing, {
      intervalMs: 60,
      connect: () =>
        isUp
          ? connectLog(signing.database.connections.rootkeep_service)
          : Promise.reject(Object.assign(new Error("down"), { code: "ECONNREFUSED" })),
      onFailed: (code, reason) => {
        failed.push([code, reason]);
        isUp = failed.length === 2;
      },
    });
    writer.start();
    await signing.until(async () => checkedHeartbeats(await entriesOf(signing)).length > 0, "a heartbeat");
    await writer.stop();
    assert.deepEqual(failed, [
      ["AUDIT_UNAVAILABLE", "ECONNREFUSED"],
      ["AUDIT_UNAVAILABLE", "ECONNREFUSED"],
    ]);
  });

  it("comes all the same where somebody has put another entry under its id, and says so [AC-8]", async () => {
    const signing = await openLog();
    await act(signing.log);
    const failed: [ErrorCode, string][] = [];
    const writer = writerOf(signing, { intervalMs: 0, onFailed: (code, reason) => void failed.push([code, reason]) });
    const squat = async (before: string | null): Promise<void> => {
      const shared = { outcome: "committed", actor: SYSTEM_ACTOR } as const;
      await signing.log.record(draftEntry({ ...shared, id: heartbeatId(SIGNED_ORIGIN, before), action: "service.started" }));
    };
    await squat(null);
    assert.notEqual(await writer.beat(), null);
    const [first] = checkedHeartbeats(await entriesOf(signing));
    await squat(first!.id);
    assert.notEqual(await writer.beat(), null);
    assert.notEqual(await writer.beat(), null);
    assert.equal(checkedHeartbeats(await entriesOf(signing)).length, 3);
    assert.deepEqual(failed, [
      ["ALREADY_EXISTS", "another entry has the id"],
      ["ALREADY_EXISTS", "another entry has the id"],
    ]);
  });

  it("does not come into a log that was put back", async () => {
    const signing = await openLog();
    await act(signing.log);
    const { size } = await withClient(signing.database.superuser, async (client) => {
      await act(signing.log);
      return (await client.query<{ size: string }>("SELECT size FROM audit.head")).rows[0]!;
    });
    await signing.putBack(Number(size) - 1);
    await assert.rejects(writerOf(signing).beat(), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
    assert.equal(await writerOf(signing).beat(), null);
  });

  it("is due before ten minutes are over", () => {
    assert.equal(LIMITS.heartbeatMs, 10 * 60_000);
  });
});
