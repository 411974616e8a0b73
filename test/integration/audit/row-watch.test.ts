import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RowWatch } from "../../../src/audit/row-watch.service.js";
import { WorkTransaction } from "../../../src/database/work-transaction.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { type Actor, Vault } from "../../support/vault.js";

// real: PostgreSQL (edited by its owner), every service. double: none.
describe("the watch over all deciding rows [DR-20]", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;
  let watch: RowWatch;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    for (let index = 0; index < 15; index++) await vault.import(String(111122220000 + index));
    owner = await DatabaseOwner.take(vault.database);
    watch = newWatch();
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  const newWatch = (): RowWatch =>
    new RowWatch(vault.dataSource, vault.transactions, vault.log, (error) => {
      throw error;
    });
  const alarms = (): string[] => vault.alarms.splice(0).map(({ kind, what }) => `${kind} ${what}`);
  const entry = async (): Promise<string> =>
    (await vault.people.allowlist.list()).find(({ personId }) => personId === rita.personId)?.id ?? "";

  it("finds nothing where nothing is wrong, whatever changes while it looks", async () => {
    assert.equal(await watch.look(), 0);
    const busy = (async () => {
      for (let count = 0; count < 10; count++) {
        const session = await vault.people.sessions.authenticate(rita.token);
        assert.equal(session.personId, rita.personId);
        await vault.import(String(555566660000 + count));
      }
    })();
    for (let count = 0; count < 10; count++) assert.equal(await watch.look(), 0);
    await busy;
    assert.deepEqual(alarms(), []);
  });

  it("misses a row that was deleted, tells of it once, and again when it is gone another time", async () => {
    const id = await entry();
    const row = await owner.copy("people.allowlist_entry", `id = '${id}'`);
    await owner.run("DELETE FROM people.allowlist_entry WHERE id = $1", [id]);
    assert.deepEqual([await watch.look(), await watch.look()], [1, 0]);
    assert.deepEqual(alarms(), [`row-refused allowlist_entry/${id} missing`]);
    assert.equal(await newWatch().look(), 1, "another process tells, too");
    await row.putBack();
    assert.equal(await watch.look(), 0);
    await owner.run("DELETE FROM people.allowlist_entry WHERE id = $1", [id]);
    assert.equal(await watch.look(), 1);
    await row.putBack();
    assert.deepEqual([await watch.look(), alarms().length], [0, 2]);
  });

  it("finds a row that was edited so that no search finds it, and one that nobody made", async () => {
    const id = await entry();
    const rows = await owner.copy("people.allowlist_entry");
    await owner.run("UPDATE people.allowlist_entry SET person_id = 'per_hidden' WHERE id = $1", [id]);
    await owner.run(
      `INSERT INTO people.allowlist_entry SELECT (jsonb_populate_record(e, '{"id": "alw_forged"}')).* FROM people.allowlist_entry e WHERE role = 'custodian' LIMIT 1`,
    );
    assert.equal(await watch.look(), 2);
    assert.deepEqual(alarms().sort(), [`row-refused allowlist_entry/${id} mac`, "row-refused allowlist_entry/alw_forged mac"].sort());
    await rows.putBack();
  });

  it("tells first of what is missing, and does not stay with a table that somebody fills with rows of their own before each look", async () => {
    const rows = await owner.copy("people.allowlist_entry");
    const seeds = await owner.copy("secrets.secret");
    const fill = async (look: number): Promise<void> => {
      await owner.run(
        `INSERT INTO people.allowlist_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', 'alw_' || $1 || '_' || n))).*
         FROM people.allowlist_entry e, generate_series(1, 15) n
         WHERE e.id = (SELECT id FROM people.allowlist_entry WHERE role = 'custodian' ORDER BY id LIMIT 1)`,
        [String(look)],
      );
    };
    const id = await entry();
    await fill(0);
    await owner.run("DELETE FROM people.allowlist_entry WHERE id = $1", [id]);
    await watch.look();
    assert.ok(alarms().includes(`row-refused allowlist_entry/${id} missing`));
    // A table that comes behind the one that is filled.
    await owner.run("UPDATE secrets.secret SET seq = seq - 1 WHERE id = (SELECT min(id) FROM secrets.secret)");
    let isTold = false;
    const tables = vault.dataSource.entityMetadatas.length;
    for (let look = 1; look <= tables && !isTold; look++) {
      await fill(look);
      await watch.look();
      isTold = alarms().some((alarm) => alarm.startsWith("row-refused secret/"));
    }
    assert.ok(isTold);
    await rows.putBack();
    await seeds.putBack();
    assert.equal(await watch.look(), 0);
  });

  it("leaves a table that shows the same rows again and again, and says so", async () => {
    const survey = WorkTransaction.prototype.survey;
    const failures: unknown[] = [];
    const page = Array.from({ length: 500 }, (_, index) => ({ id: `alw_${String(index)}`, seq: "1", isGenuine: true }));
    WorkTransaction.prototype.survey = () => Promise.resolve(page as never);
    try {
      await new RowWatch(vault.dataSource, vault.transactions, vault.log, (error) => failures.push(error)).look();
    } finally {
      WorkTransaction.prototype.survey = survey;
    }
    assert.ok(failures.length > 0);
    assert.ok(failures.every((error) => isRootkeepError(error, "ROW_REFUSED")));
    vault.alarms.splice(0);
  });

  it("tells of a table full of edits by and by: ten in a look, and none twice", async () => {
    const rows = await owner.copy("accounts.account");
    await owner.run("UPDATE accounts.account SET customer = customer || 'x' WHERE aws_id LIKE '11112222%'");
    assert.deepEqual([await watch.look(), await watch.look(), await watch.look()], [10, 5, 0]);
    assert.equal(new Set(alarms()).size, 15);
    await rows.putBack();
    assert.equal(await watch.look(), 0);
  });
});
