import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Guard } from "../../../src/audit/guard.port.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { type ReopenedLog, ReopenLog, type ReopenLogOptions } from "../../../src/audit/reopen-log.service.js";
import { openCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import { newVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { MemoryGuard } from "../../support/memory-guard.js";
import { SIGNED_ORIGIN, SigningLog, TestLogKey } from "../../support/signing-log.js";

const SECOND = "rootkeep.test/audit/signed/2";
const THIRD = "rootkeep.test/audit/signed/3";

// real: PostgreSQL, its roles, the signer. double: the guard and the key, in memory.
describe("a log that is reopened", () => {
  const open: SigningLog[] = [];
  afterEach(async () => {
    for (const signing of open.splice(0).reverse()) await signing.close();
  });

  /** A log of `entries`, all signed, that was put back to `left`; nothing runs on it. */
  async function putBack(entries: number, left: number): Promise<SigningLog> {
    const signing = await signedLog(entries);
    await rest(signing);
    await signing.putBack(left);
    return signing;
  }

  async function signedLog(entries: number): Promise<SigningLog> {
    const signing = await SigningLog.open();
    open.push(signing);
    signing.signer();
    await signing.signedTo(1);
    for (let size = 1; size < entries; ) {
      const some = Math.min(200, entries - size);
      await signing.append(some);
      size += some;
      await signing.until(() => signing.guarded().size === size, "signatures");
    }
    return signing;
  }

  /** Ends what runs on the database. */
  async function rest(signing: SigningLog): Promise<void> {
    await signing.stopSigners();
    await signing.log.close();
  }

  function reopen(signing: SigningLog, origin = SECOND, more: Partial<ReopenLogOptions> = {}): Promise<ReopenedLog> {
    return new ReopenLog({
      connectOwner: () => connectLog(signing.database.connections.rootkeep_migrate),
      connectSigner: () => connectLog(signing.database.connections.rootkeep_signer),
      origin,
      key: signing.key,
      guard: signing.guard,
      reason: "the disk died",
      seen: [],
      ...more,
    }).run();
  }

  async function inEpoch(signing: SigningLog, origin: string): Promise<SigningLog> {
    const next = await SigningLog.open({ replicaOf: signing, origin });
    open.push(next);
    return next;
  }

  function refused(code: "STATE_CONFLICT" | "CHAIN_BROKEN" | "ROLLBACK_DETECTED" | "MALFORMED", reason?: string) {
    return (error: unknown) => isRootkeepError(error, code) && (reason === undefined || (error.reason ?? "").includes(reason));
  }

  it("goes on behind what was restored, under the next name, and is signed and followed there [AL-15]", async () => {
    const signing = await putBack(620, 530);
    const reopened = await reopen(signing);
    assert.deepEqual(
      { seq: reopened.seq, previous: reopened.previous, lost: reopened.lost },
      { seq: 530, previous: SIGNED_ORIGIN, lost: { from: 530, to: 620 } },
    );
    const next = await inEpoch(signing, SECOND);
    assert.equal(next.guarded().size, 531);
    next.signer();
    const logGuard = next.logGuard();
    await logGuard.start();
    const { facts } = await next.append(300);
    assert.equal(facts.seq, 830);
    await logGuard.cover(facts);
    assert.deepEqual(next.alarms, []);
  });

  it("names the newest checkpoint that the restored entries lead to, not a later one that was lost [AL-16]", async () => {
    const signing = await putBack(620, 530);
    const { signed, guard } = await reopen(signing);
    const keys = { logs: [newVerifierKey(SIGNED_ORIGIN, "ed25519", signing.key.raw)], witnesses: [] };
    const sizes = [signed, guard].map((note) => openCheckpoint(Buffer.from(note ?? "", "utf8"), keys).checkpoint.size);
    assert.deepEqual(sizes, [401, 620]);
  });

  it("takes entries that are others than those that were signed for lost, also when there are as many [AL-17]", async () => {
    const signing = await putBack(410, 405);
    // Another process wrote on behind the backup: the same places, other entries.
    const empty = new MemoryGuard();
    const other = await SigningLog.open({ replicaOf: signing });
    open.push(other);
    await other.append(20);
    await rest(other);
    assert.equal(empty.state, null);
    const { seq, lost } = await reopen(signing);
    assert.deepEqual({ seq, lost }, { seq: 425, lost: { from: 401, to: 410 } });
  });

  it("is not reopened when the log continues what the guard holds", async () => {
    const signing = await signedLog(5);
    await rest(signing);
    await assert.rejects(reopen(signing), refused("STATE_CONFLICT", "nothing is lost"));
  });

  it("is not reopened while a signer or a service runs", async () => {
    const signing = await putBack(9, 5);
    const service = await SigningLog.open({ replicaOf: signing });
    open.push(service);
    await service.append();
    await assert.rejects(reopen(signing), refused("STATE_CONFLICT", "a service is running"));
    await rest(service);
    const signer = service.signer();
    await service.until(() => signer.halted !== undefined, "halt");
    await assert.rejects(reopen(signing), refused("STATE_CONFLICT", "a signer is running"));
  });

  it("is reopened when the guard is lost, and says that nobody knows what else is", async () => {
    const signing = await signedLog(5);
    await rest(signing);
    signing.guard.state = null;
    const { lost, guard } = await reopen(signing);
    assert.deepEqual({ lost, guard }, { lost: { from: 5, to: null }, guard: null });
    assert.equal((await inEpoch(signing, SECOND)).guarded().size, 6);
  });

  it("believes a note that an anchor kept where the guard is gone, or was put back with the database", async () => {
    const signing = await signedLog(9);
    const newest = signing.guard.state?.note ?? "";
    await rest(signing);
    await signing.putBack(5);
    signing.guard.state = null;
    const { lost } = await reopen(signing, SECOND, { seen: [newest] });
    assert.deepEqual(lost, { from: 5, to: 9 });
  });

  it("refuses a note of another key, and a guard of another log", async () => {
    const signing = await putBack(9, 5);
    const stranger = await SigningLog.open();
    open.push(stranger);
    stranger.signer();
    await stranger.signedTo(1);
    const foreign = stranger.guard.state?.note ?? "";
    await assert.rejects(reopen(signing, SECOND, { seen: [foreign] }), refused("ROLLBACK_DETECTED"));
    await assert.rejects(reopen(signing, SECOND, { key: new TestLogKey() }), refused("ROLLBACK_DETECTED"));
  });

  it("refuses entries that were edited after the restore: a broken chain is not what the new epoch vouches for", async () => {
    const signing = await putBack(9, 5);
    await signing.tamper(
      "UPDATE audit.entry SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'system', 'systen'), 'UTF8'), leaf_hash = sha256('\\x00'::bytea || convert_to(replace(convert_from(entry, 'UTF8'), 'system', 'systen'), 'UTF8')) WHERE seq = 2",
    );
    await assert.rejects(reopen(signing), refused("CHAIN_BROKEN"));
  });

  it("killed between the entry and the guard stays shut, and goes on when it is run again", async () => {
    const signing = await putBack(9, 5);
    const dying: Guard = {
      uri: "memory:",
      read: () => signing.guard.read(),
      advance: () => Promise.reject(new Error("killed")),
    };
    await assert.rejects(reopen(signing, SECOND, { guard: dying }), /killed/);
    const between = await inEpoch(signing, SECOND);
    const logGuard = between.logGuard();
    await logGuard.start();
    assert.equal(between.log.isRolledBack, true);
    await rest(between);
    await logGuard.stop();
    const { seq, lost } = await reopen(signing);
    assert.deepEqual({ seq, lost }, { seq: 5, lost: { from: 5, to: 9 } });
    const next = await inEpoch(signing, SECOND);
    await next.logGuard().start();
    assert.deepEqual(next.alarms, []);
  });

  it("can be reopened again, also into the epoch before", async () => {
    const signing = await putBack(9, 5);
    await reopen(signing);
    const second = await inEpoch(signing, SECOND);
    second.signer();
    await second.append(10);
    await second.until(() => second.guarded().size === 16, "signatures");
    await rest(second);
    // A backup from before the first reopening: its head has the first epoch's name.
    await signing.putBack(4);
    await signing.tamper("UPDATE audit.head SET origin = $1", [SIGNED_ORIGIN]);
    await assert.rejects(reopen(signing, SECOND), refused("MALFORMED"));
    const { lost, previous } = await reopen(signing, THIRD);
    assert.deepEqual({ lost, previous }, { lost: { from: 4, to: 16 }, previous: SIGNED_ORIGIN });
    const third = await inEpoch(signing, THIRD);
    third.signer();
    await third.logGuard().start();
    await third.append(3);
    assert.deepEqual(third.alarms, []);
  });

  it("is another log for a process that runs on: it appends nothing under the new name, and says so [AL-18]", async () => {
    const signing = await putBack(9, 5);
    const running = await SigningLog.open({ replicaOf: signing });
    open.push(running);
    // Without a connection of its own it is not seen.
    await reopen(signing);
    await assert.rejects(running.append(), refused("CHAIN_BROKEN"));
    assert.equal(running.alarms.length, 1);
  });

  it("takes an entry of a later epoch only where one begins: whoever owns the database can rename its head, and no more", async () => {
    const signing = await signedLog(5);
    await rest(signing);
    await signing.tamper("UPDATE audit.head SET origin = $1", [SECOND]);
    await assert.rejects(SigningLog.open({ replicaOf: signing, origin: SECOND }), refused("CHAIN_BROKEN"));
  });
});
