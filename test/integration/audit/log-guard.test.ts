import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Guard } from "../../../src/audit/guard.port.js";
import { parseTlogProof, verifyTlogProof } from "../../../src/audit/tlog/tlog-proof.js";
import { isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import { MemoryGuard } from "../../support/memory-guard.js";
import { SigningLog } from "../../support/signing-log.js";

// real: PostgreSQL, both roles, the signer. double: the guard and the key, in memory.
describe("the log held against the guard", () => {
  const open: SigningLog[] = [];
  afterEach(async () => {
    for (const signing of open.splice(0).reverse()) await signing.close();
  });

  async function signedLog(entries: number): Promise<SigningLog> {
    const signing = await SigningLog.open();
    open.push(signing);
    signing.signer();
    await signing.signedTo(1);
    await signing.append(entries - 1);
    await signing.until(() => signing.guarded().size === entries, "signatures");
    return signing;
  }

  /** Another process, which reads the log as it is now. */
  async function restarted(signing: SigningLog): Promise<SigningLog> {
    const next = await SigningLog.open({ replicaOf: signing });
    open.push(next);
    return next;
  }

  it("starts when what the guard holds is in the log, also when the log has gone on", async () => {
    const signing = await signedLog(520);
    await signing.stopSigners();
    await signing.append(40);
    const next = await restarted(signing);
    const logGuard = next.logGuard(signing.guard);
    await logGuard.start();
    await logGuard.check();
    assert.deepEqual(next.alarms, []);
  });

  it("gives a receipt that a stranger can check, once the guard covers the entry", async () => {
    const signing = await signedLog(3);
    const logGuard = signing.logGuard();
    await logGuard.start();
    for (const count of [1, 255, 300]) {
      const { facts } = await signing.append(count);
      const proof = parseTlogProof(Buffer.from(await logGuard.cover(facts), "utf8"));
      assert.equal(proof.index, facts.seq);
      const policy = { logs: [{ key: signing.verifierKey, url: null }], witnesses: [], groups: [], quorum: null };
      const { checkpoint } = verifyTlogProof(proof, Buffer.from(facts.leafHash, "hex"), policy);
      assert.equal(checkpoint.size > facts.seq, true);
      assert.throws(() => verifyTlogProof(proof, Buffer.alloc(32), policy));
    }
  });

  it("lets nothing through that no checkpoint covers [AL-13]", async () => {
    const signing = await signedLog(3);
    await signing.stopSigners();
    const logGuard = signing.logGuard();
    await logGuard.start();
    const { facts } = await signing.append();
    await assert.rejects(logGuard.cover(facts), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
  });

  it("lets nothing through while the guard cannot be asked", async () => {
    const signing = await signedLog(3);
    let isAway = false;
    const guard: Guard = {
      uri: "memory:",
      read: () => (isAway ? Promise.reject(new RootkeepError("UNAVAILABLE", { reason: "guard" })) : signing.guard.read()),
      advance: (from, note) => signing.guard.advance(from, note),
    };
    const logGuard = signing.logGuard(guard);
    await logGuard.start();
    const { facts } = await signing.append();
    isAway = true;
    await assert.rejects(logGuard.cover(facts), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
    await assert.rejects(logGuard.check(), (error) => isRootkeepError(error, "UNAVAILABLE"));
    isAway = false;
    assert.match(await logGuard.cover(facts), /^c2sp\.org\/tlog-proof@v1\n/);
    assert.deepEqual(signing.alarms, []);
  });

  const ROLLBACKS: readonly { readonly name: string; readonly tamper: (signing: SigningLog) => Promise<void> }[] = [
    { name: "yesterday's log", tamper: (signing) => signing.putBack(20) },
    {
      name: "a log of the same length with another history",
      tamper: async (signing) => {
        await signing.putBack(20);
        const other = await restarted(signing);
        await other.append(20);
      },
    },
    {
      name: "an emptied guard",
      tamper: (signing) => {
        signing.guard.state = null;
        return Promise.resolve();
      },
    },
    {
      name: "an unreadable guard",
      tamper: (signing) => {
        signing.guard.state = { note: "garbage", version: "x" };
        return Promise.resolve();
      },
    },
  ];

  for (const { name, tamper } of ROLLBACKS) {
    it(`refuses to append over ${name}, says so, and still starts [AL-14]`, async () => {
      const signing = await signedLog(40);
      await signing.stopSigners();
      await tamper(signing);
      const next = await restarted(signing);
      const logGuard = next.logGuard(signing.guard);
      await logGuard.start();
      assert.equal(next.log.isRolledBack, true);
      assert.equal(next.alarms.filter((line) => line.startsWith("rolled-back")).length, 1);
      await assert.rejects(next.append(), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
      await assert.rejects(logGuard.check(), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
    });
  }

  it("notices that the guard itself was put back: below what it held, and at a start below what the signer wrote [AL-7]", async () => {
    const signing = await signedLog(3);
    const old = signing.guard.state;
    await signing.append(5);
    await signing.until(() => signing.guarded().size === 8, "8");
    const running = signing.logGuard();
    await running.start();
    await signing.stopSigners();
    signing.guard.state = old;
    await assert.rejects(running.check(), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
    const next = await restarted(signing);
    await next.logGuard(signing.guard).start();
    assert.deepEqual([signing.alarms, next.alarms], [["rolled-back 3"], ["rolled-back 3"]]);
    await assert.rejects(next.append(), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
  });

  it("notices a rollback while it runs, at its next look", async () => {
    const signing = await signedLog(40);
    const next = await restarted(signing);
    const ahead = new MemoryGuard();
    ahead.state = signing.guard.state;
    const logGuard = next.logGuard(ahead);
    await logGuard.start();
    await signing.append(5);
    await signing.until(() => signing.guarded().size === 45, "45");
    await signing.putBack(40);
    ahead.state = signing.guard.state;
    await assert.rejects(logGuard.compare(), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
    await assert.rejects(next.append(), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
  });
});
