import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { blindTransactions, openersOf } from "../../support/blind-rows.js";
import { CountingRootKey } from "../../support/counting-root-key.js";
import { type Copy, DatabaseOwner } from "../../support/database-owner.js";
import { type Actor, Vault } from "../../support/vault.js";

// Three guards stand before a second opening: the count in the grant's row, the row's own HMAC and seq, and the log, which takes the
// derived event id of an opening once. Each is shown to suffice with the other two switched off.
// real: PostgreSQL, two replicas, file root key behind a counter, every service. double: row checks, where a test switches them off.
describe("a grant opens once [L4]", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-law-"));
  const rootKey = new CountingRootKey(createRootKey(`file:${join(directory, "root-key.json")}`));
  let vault: Vault;
  let replica: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;
  let alan: Actor;
  let otto: Actor;
  let account: Id<"account">;

  const open = async (grantId: Id<"grant">, reveals = vault.reveals): Promise<void> => {
    (await reveals.reveal(rita, grantId, "root-password", await rita.app.next())).value.wipe();
  };
  /** An opened grant, and the rows as they stood before its opening. */
  const opened = async (): Promise<{ grantId: Id<"grant">; putBack: () => Promise<void>; end: () => Promise<void> }> => {
    const { grantId } = await vault.grant(rita, [alan], account, "account-password-change");
    const older: Copy[] = [];
    for (const table of ["approvals.access_grant", "approvals.request", "secrets.secret_version"]) older.push(await owner.copy(table));
    await open(grantId);
    const today: Copy[] = [];
    for (const table of ["approvals.access_grant", "approvals.request", "secrets.secret_version"]) today.push(await owner.copy(table));
    return {
      grantId,
      putBack: async () => {
        for (const copy of older) await copy.putBack();
      },
      end: async () => {
        for (const copy of today) await copy.putBack();
        await vault.grants.giveBack(rita, grantId);
      },
    };
  };

  before(async () => {
    vault = await Vault.open({ rootKey });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    otto = await vault.enrol("Otto Other", ["requester"]);
    account = await vault.import("111122223333");
    replica = await Vault.open({ replicaOf: vault, rootKey });
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await replica.close();
    await vault.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it("gives one value to a race of four calls on two replicas, each with a code of its own", async () => {
    const { grantId } = await vault.grant(rita, [alan], account, "account-password-change");
    const codes = [await rita.app.next(), await rita.app.next()];
    const unwraps = rootKey.unwraps;
    const calls = [vault, replica].flatMap(({ reveals }) => codes.map((code) => reveals.reveal(rita, grantId, "root-password", code)));
    const ends = await Promise.allSettled(calls);
    assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal(rootKey.unwraps, unwraps + 1);
    await vault.grants.giveBack(rita, grantId);
  });

  it("the count in the grant suffices: GRANT_SPENT, with row checks off and no uniqueness in the log", async () => {
    const { grantId, end } = await opened();
    await withoutUniqueness(owner, async () => {
      const unwraps = rootKey.unwraps;
      const { reveals } = openersOf(vault, undefined, blindTransactions(vault));
      await assert.rejects(open(grantId, reveals), (error) => isRootkeepError(error, "GRANT_SPENT"));
      assert.equal(rootKey.unwraps, unwraps);
    });
    await end();
  });

  it("the row's seq suffices: a grant put back is refused, with no uniqueness in the log", async () => {
    const { grantId, putBack, end } = await opened();
    await withoutUniqueness(owner, async () => {
      await putBack();
      const unwraps = rootKey.unwraps;
      await assert.rejects(open(grantId), (error) => isRootkeepError(error, "ROW_REFUSED"));
      assert.equal(rootKey.unwraps, unwraps);
    });
    await end();
  });

  it("the log's event id suffices: a grant put back is refused with ALREADY_RELEASED, with row checks off", async () => {
    const { grantId, putBack, end } = await opened();
    await putBack();
    const unwraps = rootKey.unwraps;
    const { reveals } = openersOf(vault, undefined, blindTransactions(vault));
    await assert.rejects(open(grantId, reveals), (error) => isRootkeepError(error, "ALREADY_RELEASED"));
    assert.equal(rootKey.unwraps, unwraps);
    await end();
  });

  it("gives no code of the same time step again, neither to its holder nor to the next one", async () => {
    while ((Date.now() / 1000) % 30 > 12) await sleep(250);
    const first = await vault.grant(rita, [alan], account, "account-password-change");
    const mine = await vault.reveals.code(rita, first.grantId, await rita.app.next());
    const waits = (error: unknown): boolean => isRootkeepError(error, "CODE_WAIT");
    await assert.rejects(vault.reveals.code(rita, first.grantId, await rita.app.next()), waits);
    await vault.grants.giveBack(rita, first.grantId);
    const second = await vault.grant(otto, [alan], account, "account-password-change");
    await assert.rejects(vault.reveals.code(otto, second.grantId, await otto.app.next()), waits);
    await assert.rejects(replica.reveals.code(otto, second.grantId, await otto.app.next()), waits);
    await vault.grants.giveBack(otto, second.grantId);
    mine.value.wipe();
  });

  it("opens again with all three switched off: the attack is a real one", async () => {
    const { grantId, putBack } = await opened();
    await withoutUniqueness(owner, async () => {
      await putBack();
      await open(grantId, openersOf(vault, undefined, blindTransactions(vault)).reveals);
    });
  });
});

async function withoutUniqueness(owner: DatabaseOwner, use: () => Promise<void>): Promise<void> {
  await owner.run("ALTER TABLE audit.entry DROP CONSTRAINT entry_event_id_uq");
  await use();
  // After a second opening the ids are no longer unique, and the database is dropped anyway.
  await owner.run("ALTER TABLE audit.entry ADD CONSTRAINT entry_event_id_uq UNIQUE (event_id)").catch(() => undefined);
}
