import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { unusedCode, usedCode } from "../../support/act-code.js";
import { AttackTally } from "../../support/attack-tally.js";
import { CountingRootKey } from "../../support/counting-root-key.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { type Actor, Vault } from "../../support/vault.js";

/** An attack on the log, what the running service says to it at the next opening, and what a starting one says. */
interface LogAttack {
  readonly name: string;
  readonly sql: string;
  readonly running: ErrorCode | null;
  readonly starting: ErrorCode | null;
}

const BODY = "convert_from(entry, 'UTF8')";
const LEAF = "sha256('\\x00'::bytea || entry)";
const LAST = "(SELECT max(seq) FROM audit.entry)";

// What a service has read it does not read again: an older entry that is edited while it runs changes nothing that it decides by.
const ATTACKS: readonly LogAttack[] = [
  {
    name: "an older entry is edited, leaf and all",
    sql: `UPDATE audit.entry SET entry = convert_to(${BODY} || ' ', 'UTF8') WHERE seq = 2;
          UPDATE audit.entry SET leaf_hash = ${LEAF} WHERE seq = 2`,
    running: null,
    starting: "CHAIN_BROKEN",
  },
  { name: "an older entry is removed", sql: "DELETE FROM audit.entry WHERE seq = 3", running: null, starting: "CHAIN_BROKEN" },
  {
    name: "two entries change places",
    sql: `UPDATE audit.entry a SET entry = b.entry, leaf_hash = b.leaf_hash FROM audit.entry b
          WHERE (a.seq = 3 AND b.seq = 4) OR (a.seq = 4 AND b.seq = 3)`,
    running: null,
    starting: "CHAIN_BROKEN",
  },
  {
    name: "the last entry is removed and the head put back",
    sql: `DELETE FROM audit.entry WHERE seq = ${LAST};
          UPDATE audit.head SET size = size - 1, last_leaf = (SELECT leaf_hash FROM audit.entry WHERE seq = ${LAST})`,
    running: "ROLLBACK_DETECTED",
    starting: null,
  },
  {
    name: "the last entry is edited and the head follows",
    sql: `UPDATE audit.entry SET entry = convert_to(${BODY} || ' ', 'UTF8') WHERE seq = ${LAST};
          UPDATE audit.entry SET leaf_hash = ${LEAF} WHERE seq = ${LAST};
          UPDATE audit.head SET last_leaf = (SELECT leaf_hash FROM audit.entry WHERE seq = ${LAST})`,
    running: "CHAIN_BROKEN",
    starting: null,
  },
  {
    name: "the head names another last leaf",
    sql: "UPDATE audit.head SET last_leaf = sha256('x'::bytea)",
    running: "CHAIN_BROKEN",
    starting: "CHAIN_BROKEN",
  },
  {
    name: "the head says more than there is",
    sql: "UPDATE audit.head SET size = size + 1",
    running: "CHAIN_BROKEN",
    starting: "CHAIN_BROKEN",
  },
  {
    name: "an entry that nobody appended stands behind the last",
    sql: `INSERT INTO audit.entry SELECT seq + 1, gen_random_uuid(), entry, leaf_hash, action, outcome, actor_id, target_id, time
            FROM audit.entry WHERE seq = ${LAST};
          UPDATE audit.head SET size = size + 1`,
    running: "CHAIN_BROKEN",
    starting: "CHAIN_BROKEN",
  },
  ...["null", "not an entry"].map(
    (text): LogAttack => ({
      name: `"${text}" stands behind the last entry`,
      sql: `INSERT INTO audit.entry SELECT seq + 1, gen_random_uuid(), '${text}', sha256('x'), action, outcome, actor_id, target_id, time
              FROM audit.entry WHERE seq = ${LAST};
            UPDATE audit.head SET size = size + 1`,
      running: "CHAIN_BROKEN",
      starting: "CHAIN_BROKEN",
    }),
  ),
];

// real: PostgreSQL (attacked by its owner), file root key behind a counter, several replicas. double: none.
describe("entries of the log edited or removed by the database's owner [L1, L11]", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-attack-"));
  const rootKey = new CountingRootKey(createRootKey(`file:${join(directory, "root-key.json")}`));
  let vault: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;
  let grantId: Id<"grant">;

  before(async () => {
    vault = await Vault.open({ rootKey });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    const alan = await vault.enrol("Alan Approver", ["approver"]);
    ({ grantId } = await vault.grant(rita, [alan], await vault.import("111122223333")));
    owner = await DatabaseOwner.take(vault.database);
    // The strongest owner also drops what the log's table itself checks.
    await owner.run("ALTER TABLE audit.entry DROP CONSTRAINT entry_leaf_ok");
  });
  after(async () => {
    await owner.close();
    await vault.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const { name, sql, running, starting } of ATTACKS) {
    it(`${name}: ${running ?? "not noticed while running"}, ${starting ?? "not noticed by a start without a guard"}`, async () => {
      const tally = new AttackTally();
      const replica = await Vault.open({ replicaOf: vault, rootKey });
      const entries = await owner.copy("audit.entry", "true", "seq");
      const head = await owner.copy("audit.head");
      const unwraps = rootKey.unwraps;
      await owner.run(sql);
      if (running !== null) {
        const opening = replica.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));
        tally.note("while running", await outcome(opening, running));
        assert.equal(rootKey.unwraps, unwraps, "nothing is unwrapped");
        if (running === "CHAIN_BROKEN") assert.ok(replica.alarms.some(({ kind }) => kind === "chain-broken"));
      }
      if (starting !== null) tally.note("at a start", await outcome(Vault.open({ replicaOf: vault, rootKey }), starting));
      await entries.putBack();
      await head.putBack();
      // Once broken, always broken: putting the entries back does not heal a service that has seen it.
      if (running === "CHAIN_BROKEN") {
        const opening = replica.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));
        tally.note("after it was put back", await outcome(opening, "CHAIN_BROKEN"));
      }
      await replica.close();
      tally.assertHeld();
    });
  }

  it("the log as it was: the same grant opens", async () => {
    usedCode(rita);
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
  });
});

async function outcome(act: Promise<unknown>, code: ErrorCode): Promise<string | null> {
  return await act.then(
    () => "was not refused",
    (error: unknown) => (isRootkeepError(error, code) ? null : `ended with ${String(error)}`),
  );
}
