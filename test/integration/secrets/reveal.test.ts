import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// real: PostgreSQL, file root key, every service. double: none.
describe("the main act", () => {
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("111122223333");
  });
  after(() => vault.drop());

  it("opens once what another person approved, and the log shows intent and outcome", async () => {
    const { grantId } = await vault.grant(rita, [alan], account);
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
    await assert.rejects(vault.open(rita, grantId), (error) => isRootkeepError(error, "GRANT_SPENT"));
    const { size } = await vault.reader.head();
    const entries = await vault.reader.entries(size - 2, 2);
    assert.deepEqual(
      entries.map(({ entry }) => [entry.action, entry.outcome]),
      [
        ["secret.reveal", "intent"],
        ["secret.reveal", "allowed"],
      ],
    );
  });

  it("refuses self-approval [L2]", async () => {
    await vault.candidates.stage(rita, account, "root-password");
    const form = formOf({ operation: "secret.reveal", accountId: account, purpose: "rotate-after-use", ticket: "INC-7" });
    const { requestId } = await vault.requests.submit(rita, form);
    await assert.rejects(vault.requests.approve(rita, requestId, await rita.app.next(), ""), (error) =>
      isRootkeepError(error, "SELF_APPROVAL"),
    );
  });
});
