import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { type CoverageLook, CoverageWatch } from "../../../src/approvals/coverage-watch.service.js";
import { Vault } from "../../support/vault.js";

// real: PostgreSQL, every service. double: none.
describe("a look at all accounts", () => {
  let vault: Vault;
  let watch: CoverageWatch;
  const heard: CoverageLook[] = [];

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    watch = new CoverageWatch(
      vault.transactions,
      vault.accounts,
      CATALOGUE,
      (look, isNews) => {
        if (isNews) heard.push(look);
      },
      (error) => {
        throw error;
      },
    );
  });
  after(() => vault.drop());

  it("finds those that nobody may ask for or too few may approve, says so when it changes, and not again", async () => {
    const [standalone, member] = [await vault.import("111122223333"), await vault.import("111122224444", { kind: "member" })];
    await watch.look();
    await watch.look();
    assert.deepEqual(
      heard.splice(0).map(({ uncovered }) => uncovered),
      [2],
    );
    const rita = await vault.enrol("Rita Requester", ["requester"]);
    for (const name of ["Anna Approver", "Arno Approver"]) await vault.enrol(name, ["approver"], { kind: "account", values: [standalone] });
    const anna = await vault.enrol("Axel Approver", ["approver"], { kind: "account", values: [standalone] });
    const look = await watch.look();
    assert.deepEqual([look.uncovered, look.groups[0]?.examples], [1, [member]]);
    // Three may approve for the standalone account; without the requester nobody asks.
    const [ada] = vault.custodians ?? [];
    assert.ok(ada !== undefined);
    await vault.people.people.suspend(anna.personId, ada.personId);
    await vault.people.people.suspend(rita.personId, ada.personId);
    assert.equal((await watch.look()).uncovered, 2);
  });

  it("counts nobody whose entry has lapsed", async () => {
    const { groups } = await watch.look();
    assert.ok(groups.some(({ approvers }) => approvers === 2));
    Object.assign(vault.certification, { periodSeconds: 0 });
    assert.ok((await watch.look()).groups.every(({ approvers, requesters }) => approvers === 0 && requesters === 0));
  });
});
