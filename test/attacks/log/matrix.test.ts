import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { AttackTally, isFullRun } from "../../support/attack-tally.js";
import { AttackedLog } from "../../support/attacked-log.js";
import { DATABASE_ATTACKS, type DatabaseAttack } from "./on-database.js";
import { EXPORT_ATTACKS } from "./on-export.js";
import { SIGNATURE_ATTACKS } from "./on-signatures.js";
import { unnamed } from "./verdict.js";

// real: the whole application, its signer and guard, HTTP, PostgreSQL (attacked by its owner, with a copy of the log's key), the verifier as a
// command, the doctor; double: three witnesses are their keys.
describe("the attack matrix", () => {
  let log: AttackedLog;
  before(async () => {
    log = await AttackedLog.open();
  });
  afterEach(() => log.putBack());
  after(() => log.close());

  for (const attack of DATABASE_ATTACKS) {
    it(`T${String(attack.t)}: ${attack.name}`, async () => {
      const tally = new AttackTally(`T${String(attack.t)}`);
      for (const seq of places(log, attack)) {
        await attack.make(log, seq);
        tally.note(`entry ${String(seq)}`, await missed(log, attack, seq));
        await log.putBack();
      }
      tally.assertHeld();
    });
  }

  for (const { t, name, judge } of [...SIGNATURE_ATTACKS, ...EXPORT_ATTACKS]) {
    it(`T${String(t)}: ${name}`, async () => {
      const tally = new AttackTally(`T${String(t)}`);
      await judge(log, tally, isFullRun);
      tally.assertHeld();
    });
  }

  it("holds every attack but those of a start, which have files of their own (T11, T25)", () => {
    const numbers = new Set([...DATABASE_ATTACKS, ...SIGNATURE_ATTACKS, ...EXPORT_ATTACKS].map(({ t }) => t).concat(9, 11, 25));
    assert.deepEqual(
      [...numbers].sort((one, other) => one - other),
      Array.from({ length: 25 }, (_, index) => index + 1),
    );
  });

  it("T9: a search copy is edited: the verifier reads the entry, the doctor names it", async () => {
    const tally = new AttackTally("T9");
    const [seq] = places(log, {});
    for (const column of ["action", "outcome", "actor_id", "target_id", "time"]) {
      await log.owner.run(`UPDATE audit.entry SET ${column} = 'nobody' WHERE seq = $1`, [seq]);
      const { exitCode } = await log.verifyDatabase(log.withKey);
      const { message } = (await log.doctor()).find(({ name }) => name === "search columns") ?? {};
      const isFound = exitCode === 0 && message === `were edited at entry ${String(seq)}`;
      tally.note(column, isFound ? null : `exit ${String(exitCode)}, ${String(message)}`);
      await log.putBack();
    }
    tally.assertHeld();
  });
});

/** Where it is done: in the middle; at full counts also at both ends, around the edges of tiles, and in between. */
function places(
  { own, size }: AttackedLog,
  { notBehind = 1, anywhere }: Pick<DatabaseAttack, "notBehind" | "anywhere">,
): readonly number[] {
  const last = size - notBehind;
  if (!isFullRun) return [own + 100];
  const spread = Array.from({ length: 8 }, (_, index) => own + Math.floor(((size - own) * index) / 8));
  const first = anywhere === true ? [0, 1, 2, own - 1] : [];
  return [...new Set([...first, own, own + 1, 255, 256, 257, 511, 512, last - 1, last, ...spread])].filter((seq) => seq <= last);
}

/** Null when verifier, doctor and start found it; otherwise who did not. */
async function missed(log: AttackedLog, attack: DatabaseAttack, seq: number): Promise<string | null> {
  const report = await log.verifyDatabase(log.withKey);
  const unseen = unnamed(report, attack.finds(log, seq));
  if (unseen !== null) return unseen;
  const start = await log.start();
  if (start !== attack.start) return `a start says ${String(start)}`;
  const { message = "" } = (await log.doctor()).find(({ name }) => name === "log") ?? {};
  return attack.doctor?.(seq).test(message) === false ? `the doctor says ${message}` : null;
}
