// real: PostgreSQL, the log, the engine of dual control, every service. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { release } from "../../support/released.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

describe("asking for what one has no part in", () => {
  let vault: Vault;
  let ada: Actor;
  let rita: Actor;
  let theirs: Id<"account">;
  let gone: Id<"account">;
  before(async () => {
    vault = await Vault.open();
    [ada] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"], { kind: "customer", values: ["Acme"] });
    theirs = await vault.import("500000000001", { customer: "Globex" });
    gone = await vault.import("500000000002", { customer: "Globex" });
    await release(vault.transactions, gone);
  });
  after(() => vault.drop());

  /** What the engine says to Rita. */
  const answer = async (form: Partial<Parameters<typeof formOf>[0]> & Pick<Parameters<typeof formOf>[0], "operation">): Promise<string> =>
    await vault.requests.submit(rita, formOf(form)).then(
      () => "submitted",
      (error: unknown) => (isRootkeepError(error) ? `${error.code} ${JSON.stringify(error.facts)}` : String(error)),
    );

  it("hears the same of another customer's account, whatever it is asked for and whatever state it is in", async () => {
    const answers = new Set<string>();
    for (const accountId of [theirs, gone])
      for (const purpose of ["billing-root-only", "account-close", "account-password-change", "no-such-purpose"])
        answers.add(await answer({ operation: "secret.reveal", accountId, purpose, ticket: "INC-1", minutes: 100_000 }));
    assert.deepEqual([...answers], ["NOT_ALLOWLISTED {}"]);
  });

  it("hears nothing of the log, of people, or of accounts by what only custodians ask for", async () => {
    const { size } = await vault.reader.head();
    const answers = new Set<string>();
    for (let seq = 0; seq < size + 2; seq += 7)
      answers.add(await answer({ operation: "disclosure.erase", subject: { seq, field: "reason" } }));
    for (const email of [ada.email, "nobody@example.com"])
      answers.add(await answer({ operation: "person.enrol", subject: { name: "No Body", email } }));
    for (const accountId of [theirs, gone]) {
      answers.add(await answer({ operation: "account.change", accountId, subject: { customer: "Globex" } }));
      answers.add(await answer({ operation: "account.destroy", subject: { accountId } }));
      answers.add(await answer({ operation: "account.move", subject: { accountId, to: "quarantined" } }));
    }
    assert.deepEqual([...answers], ["NOT_ALLOWLISTED {}"]);
  });

  it("hears nothing of another customer's candidate", async () => {
    const { versionId } = await vault.candidates.stage(ada, theirs, "root-password");
    const evidence = { kind: "never-shown" };
    const subject = { versionId, verdict: "does-not-work", evidence };
    assert.equal(await answer({ operation: "candidate.settle", subject }), "NOT_ALLOWLISTED {}");
  });
});
