import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// real: PostgreSQL, file root key, every service. double: none.
describe("the requests that await somebody", () => {
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let acmeOnly: Actor;
  let acme: Id<"account">;
  let other: Id<"account">;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester", "approver"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    acmeOnly = await vault.enrol("Ada Acme", ["approver"], { kind: "customer", values: ["Acme"] });
    acme = await vault.import("111122223333");
    other = await vault.import("444455556666", { customer: "Globex" });
  });
  after(() => vault.drop());

  const ask = async (accountId: Id<"account">): Promise<Id<"request">> => {
    const form = formOf({ operation: "secret.reveal", accountId, purpose: "account-email-change", ticket: "INC-42" });
    return (await vault.requests.submit(rita, form)).requestId;
  };
  const awaiting = async ({ personId }: Actor, after = "", limit = 50): Promise<string[]> =>
    (await vault.requests.listFor(personId, { isAwaiting: true }, after, limit)).map(({ id }) => id);

  // Peer's mistake (teleport#34370): the form to decide was shown to people who cannot.
  it("are those within role and scope, not one's own, not about oneself, not decided (OpenBao shows approvers no list at all, row 49)", async () => {
    const [one, two] = [await ask(acme), await ask(other)];
    const { requestId: change } = await vault.requests.submit(
      vault.custodians![0],
      formOf({ operation: "allowlist.grant", subject: { personId: alan.personId, role: "auditor", scope: { kind: "all" } } }),
    );
    assert.deepEqual(await awaiting(alan), [one, two].sort());
    assert.deepEqual(await awaiting(acmeOnly), [one]);
    assert.deepEqual(await awaiting(rita), [], "her own are not hers to decide");
    assert.deepEqual(await awaiting(vault.custodians![1]), [change]);
    assert.deepEqual(await awaiting(vault.custodians![0]), []);

    // Two approvals are needed, so the request stays open; for him it is decided.
    await vault.requests.approve(alan, one, await alan.app.next(), "");
    assert.deepEqual(await awaiting(alan), [two]);
    assert.deepEqual(await awaiting(acmeOnly), [one]);

    await vault.requests.deny(alan, two, "not this week");
    await vault.requests.withdraw(rita, one, "asked by mistake");
    assert.deepEqual(await awaiting(alan), []);
    assert.deepEqual(await awaiting(acmeOnly), []);
  });

  it("come in pages, each once", async () => {
    const ids = [await ask(acme), await ask(acme), await ask(other)].sort();
    const [first = "", second = ""] = await awaiting(alan, "", 2);
    assert.deepEqual([first, second, ...(await awaiting(alan, second, 2))], ids);
    for (const id of ids) await vault.requests.withdraw(rita, id, "asked by mistake");
  });

  it("are refused and taken back only with a reason that the others can read (silent decline, #98)", async () => {
    const id = await ask(acme);
    await assert.rejects(vault.requests.deny(alan, id, " "), (error) => isRootkeepError(error, "MALFORMED"));
    await assert.rejects(vault.requests.withdraw(rita, id, ""), (error) => isRootkeepError(error, "MALFORMED"));
    await vault.requests.deny(alan, id, "use the role instead");
    const { state, approvals } = await vault.requests.read(id);
    assert.deepEqual([state, approvals[0]?.verdict, approvals[0]?.reason], ["DENIED", "deny", "use the role instead"]);
  });
});
