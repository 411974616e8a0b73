import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Id } from "../../../src/kernel/ids.js";
import { AttackTally } from "../../support/attack-tally.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { linkIdentity } from "../../support/link-identity.js";
import { TestProvider } from "../../support/oidc-provider.js";
import { attackAll, type Target } from "../../support/row-attacks.js";
import { type Actor, Vault } from "../../support/vault.js";

// real: PostgreSQL (attacked by its owner), every service, oidc-provider over HTTP. double: none.
describe("a session of the provider's, whose rows the database's owner has touched [L11]", () => {
  let provider: TestProvider;
  let vault: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;
  let grantId: Id<"grant">;
  const targets: Target[] = [];

  async function signIn(person: Actor, who: string): Promise<Actor> {
    const { loginToken, authorizationUrl } = await vault.people.provider.signIn.begin("sign-in");
    const response = await provider.visit(authorizationUrl, who);
    return { ...person, ...(await vault.people.provider.signIn.complete({ loginToken, response }, await person.app.next(), "127.0.0.1")) };
  }

  before(async () => {
    provider = await TestProvider.start();
    vault = await Vault.open({ provider: { config: provider.config() } });
    await vault.found();
    const account = await vault.import("111122223333");
    const alan = await vault.enrol("Alan Approver", ["approver"]);
    const own = await vault.enrol("Rita Requester", ["requester"]);
    const other = await vault.enrol("Otto Other", ["requester"]);
    await linkIdentity(vault, provider, own, "rita-at-work");
    await linkIdentity(vault, provider, other, "otto-at-work");
    rita = await signIn(own, "rita-at-work");
    const otto = await signIn(other, "otto-at-work");
    ({ grantId } = await vault.grant(rita, [alan], account));
    owner = await DatabaseOwner.take(vault.database);
    const identityOf = async (person: Actor): Promise<string> =>
      (await vault.people.provider.identities.list(person.personId))[0]?.id ?? "";
    targets.push(
      {
        kind: "identity",
        table: "people.identity",
        idKind: "identity",
        id: await identityOf(rita),
        otherId: await identityOf(otto),
        owners: ["person_id", "subject"],
        foundBy: [],
      },
      {
        kind: "session",
        table: "people.session",
        idKind: "session",
        id: rita.sessionId,
        otherId: otto.sessionId,
        owners: ["person_id", "identity_id"],
        foundBy: [],
        undecided: ["last_seen_at", "place"],
      },
    );
  });
  after(async () => {
    await owner.close();
    await vault.drop();
    await provider.stop();
  });

  it("opens nothing, logs and alarms, whatever was edited, deleted or exchanged", async () => {
    const tally = new AttackTally();
    await attackAll(vault, owner, targets, () => vault.reveals.reveal(rita, grantId, "root-password", "000000"), tally);
    tally.assertHeld();
  });

  it("opens once everything stands as the log knows it", async () => {
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
  });
});
