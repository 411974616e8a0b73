import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../src/kernel/errors.js";
import type { NewSession } from "../../src/people/sessions.service.js";
import { setAppendable } from "../support/appendable.js";
import { DatabaseOwner } from "../support/database-owner.js";
import { linkIdentity } from "../support/link-identity.js";
import { TestProvider } from "../support/oidc-provider.js";
import { backdate, signInAtProvider } from "../support/provider-session.js";
import { type Actor, Vault } from "../support/vault.js";
import { Closing } from "./scene.js";
import { tally } from "./tally.js";

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isRootkeepError(error, code);
}

// real: PostgreSQL, keys, services, oidc-provider over HTTP. double: none.
describe("the provider says no while the log cannot be written", () => {
  const closing = new Closing();
  let provider: TestProvider;
  let vault: Vault;
  let replica: Vault;
  let owner: DatabaseOwner;
  let rita: Actor;

  before(async () => {
    provider = await TestProvider.start();
    closing.add(() => provider.stop());
    vault = await Vault.open({ provider: { config: provider.config() } });
    closing.add(() => vault.drop());
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    await linkIdentity(vault, provider, rita, "rita-at-work");
    replica = await Vault.open({ replicaOf: vault, provider: { config: provider.config() } });
    closing.add(() => replica.close());
    owner = await DatabaseOwner.take(vault.database);
    closing.add(() => owner.close());
  });
  after(() => closing.close());

  const signIn = (): Promise<NewSession> => signInAtProvider(vault, provider, rita, "rita-at-work");
  const isRefused = async (session: NewSession): Promise<void> => {
    for (const { people } of [vault, replica]) {
      await assert.rejects(people.sessions.authenticate(session.token), isCode("UNAUTHENTICATED"));
      await assert.rejects(people.sessions.assertStandsAtProvider(session.sessionId), isCode("UNAUTHENTICATED"));
    }
  };
  const entriesOf = async ({ sessionId }: NewSession): Promise<unknown[]> =>
    (await vault.reader.entries(0, 1000))
      .filter(({ entry }) => entry.action === "session.ended" && (entry["target"] as { id: string }).id === sessionId)
      .map(({ entry }) => entry["details"]);

  it("refuses at once and from then on, on every replica, and the entry is written when the log can be", async () => {
    const session = await signIn();
    provider.letGo("rita-at-work");
    await backdate(vault, owner, session, 10);
    await setAppendable(vault.database, false);
    await assert.rejects(vault.people.sessions.assertStandsAtProvider(session.sessionId), isCode("UNAUTHENTICATED"));
    // An answer ten seconds old would do for a reader: it is the row that is missing.
    await isRefused(session);
    await assert.rejects(vault.people.provider.standing.sweep(180, 900), isCode("AUDIT_UNAVAILABLE"));
    assert.deepEqual(await entriesOf(session), []);
    provider.takeBack("rita-at-work");
    await isRefused(session);
    await setAppendable(vault.database, true);
    assert.equal(await replica.people.provider.standing.sweep(180, 900), 1);
    assert.equal(await vault.people.provider.standing.sweep(180, 900), 0);
    assert.deepEqual(await entriesOf(session), [{ person: rita.personId, reason: "unproven" }]);
    await isRefused(session);
    tally("provider's no, log not writable", { tried: 1, calls: 13 });
  });

  it("is asked about the others all the same, and whoever was let go is out", async () => {
    const [first, second] = [await signIn(), await signIn()];
    provider.letGo("rita-at-work");
    await setAppendable(vault.database, false);
    for (const session of [first, second]) {
      await backdate(vault, owner, session, 200);
      // The first time nothing is owed yet; the second time the entry of the first is.
      await vault.people.provider.standing.sweep(180, 900).catch(() => undefined);
      await isRefused(session);
    }
    await setAppendable(vault.database, true);
    assert.equal(await vault.people.provider.standing.sweep(180, 900), 2);
    for (const session of [first, second]) assert.equal((await entriesOf(session)).length, 1);
    provider.takeBack("rita-at-work");
    tally("provider's no, log not writable", { tried: 2, calls: 8 });
  });

  it("is not forgotten by a process that dies before it writes the entry", async () => {
    const session = await signIn();
    await vault.people.provider.kept.forget(session.sessionId);
    await isRefused(session);
    assert.equal(await replica.people.provider.standing.sweep(180, 900), 1);
    assert.equal((await entriesOf(session)).length, 1);
    tally("provider's no, process died", { tried: 1, calls: 4 });
  });

  it("leaves its entry also when the session has run out before the log could be written; one that merely ran out leaves none", async () => {
    const sessions = { idleSeconds: 900, absoluteSeconds: 4 };
    const short = await Vault.open({ replicaOf: vault, provider: { config: provider.config(), sessions } });
    closing.add(() => short.close());
    const [refused, other] = [
      await signInAtProvider(short, provider, rita, "rita-at-work"),
      await signInAtProvider(short, provider, rita, "rita-at-work"),
    ];
    await setAppendable(vault.database, false);
    await vault.people.provider.kept.forget(refused.sessionId);
    const left = (): Promise<unknown[]> =>
      vault.dataSource.query("SELECT FROM people.session WHERE id = ANY ($1) AND expires_at > clock_timestamp()", [
        [refused.sessionId, other.sessionId],
      ]);
    while ((await left()).length > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    await vault.people.provider.standing.sweep(180, 900).catch(() => undefined);
    await setAppendable(vault.database, true);
    assert.equal(await replica.people.provider.standing.sweep(180, 900), 1);
    assert.equal(await vault.people.provider.standing.sweep(180, 900), 0);
    assert.deepEqual([await entriesOf(refused), await entriesOf(other)], [[{ person: rita.personId, reason: "unproven" }], []]);
    const rows = "SELECT FROM people.provider_session WHERE session_id = ANY ($1)";
    assert.deepEqual(await vault.dataSource.query(rows, [[refused.sessionId, other.sessionId]]), []);
    tally("provider's no, session run out", { tried: 1, calls: 5 });
  });

  it("ends nobody whose sign-in has only just been written, nor those of password and authenticator", async () => {
    const session = await signIn();
    assert.equal(await vault.people.provider.standing.sweep(180, 900), 0);
    assert.equal((await vault.people.sessions.authenticate(session.token)).personId, rita.personId);
    const own = await vault.signIn(rita.email, rita.app);
    assert.equal(await vault.people.provider.standing.sweep(180, 900), 0);
    assert.equal((await vault.people.sessions.authenticate(own.token)).personId, rita.personId);
  });
});
