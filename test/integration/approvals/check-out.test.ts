import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { Request } from "../../../src/approvals/request.entity.js";
import { parseRequest } from "../../../src/approvals/request-body.js";
import { revealAct } from "../../../src/approvals/reveal-act.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// real: PostgreSQL, file root key, every service. double: none.
describe("a check-out", () => {
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

  const ask = async (purpose: string): Promise<Id<"request">> => {
    const form = formOf({ operation: "secret.reveal", accountId: account, purpose, ticket: "INC-42" });
    return (await vault.requests.submit(rita, form)).requestId;
  };

  // Peers' mistakes: stale ones hung for ever (sso-elevator#26), and the conflict was looked for after the effect (Infisical#5461).
  it("is exclusive while it runs, and makes way when its time is over, with an entry of its own", async () => {
    const first = await vault.grant(rita, [alan], account);
    const requestId = await ask("billing-root-only");
    await assert.rejects(vault.requests.approve(alan, requestId, await alan.app.next(), ""), (error) =>
      isRootkeepError(error, "CHECKED_OUT"),
    );

    // The same approval a day later: the clock is an argument of what an approved request does.
    const later = new Date(Date.now() + 24 * 3600 * 1000);
    await vault.transactions.run(async (tx) => {
      const row = await tx.lock(Request, requestId);
      assert.ok(row);
      tx.change(Request, row, { state: "APPROVED" });
      const decided = { row, body: parseRequest(row.body, row.hash), approvers: [alan.personId], now: later };
      return { result: undefined, entries: await revealAct(CATALOGUE, vault.secrets).apply(tx, decided) };
    });
    assert.equal((await vault.grants.read(first.grantId)).state, "EXPIRED");
    const { grantId } = await vault.requests.read(requestId);
    assert.equal((await vault.accounts.readFor(rita.personId, account)).checkoutGrantId, grantId);
    const { size } = await vault.reader.head();
    const actions = (await vault.reader.entries(size - 2, 2)).map(({ entry }) => entry.action);
    assert.deepEqual(actions, ["grant.expired", "request.opened"]);
  });

  it("is asked for without the mailed code that its purpose also names: no mail is kept yet", async () => {
    await vault.candidates.stage(rita, account, "root-password");
    const { body } = await vault.requests.read(await ask("rotate-suspected-compromise"));
    assert.deepEqual(body.secrets.map(({ kind }) => kind).sort(), ["mfa-seed", "root-password"]);
  });
});
