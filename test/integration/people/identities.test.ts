// real: PostgreSQL, keys, services, oidc-provider over HTTP. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { linkIdentity } from "../../support/link-identity.js";
import { TestProvider } from "../../support/oidc-provider.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const PLACE = "127.0.0.1";

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isRootkeepError(error, code);
}

describe("an identity at the provider", () => {
  let provider: TestProvider;
  let vault: Vault;
  let ada: Actor;
  let ben: Actor;
  let rita: Actor;
  let otto: Actor;
  let account: Id<"account">;

  before(async () => {
    provider = await TestProvider.start();
    vault = await Vault.open({ provider: { config: provider.config() } });
    [ada, ben] = await vault.found();
    account = await vault.import("111122223333");
    rita = await vault.enrol("Rita Requester", ["requester"]);
    otto = await vault.enrol("Otto Approver", ["approver"]);
  });
  after(async () => {
    await vault.drop();
    await provider.stop();
  });

  async function invited(person: Actor): Promise<{ token: string; invitationCode: string }> {
    const { requestId } = await vault.decide({ operation: "identity.link", subject: { personId: person.personId } });
    const { token, code } = await vault.invitation(requestId);
    return { token, invitationCode: code };
  }

  async function answer(who: string, purpose: "sign-in" | "link" = "link"): Promise<{ loginToken: string; response: string }> {
    const { loginToken, authorizationUrl } = await vault.people.provider.signIn.begin(purpose);
    return { loginToken, response: await provider.visit(authorizationUrl, who) };
  }

  async function signIn(who: string, person: Actor, at = vault): Promise<Actor> {
    const session = await at.people.provider.signIn.complete(await answer(who, "sign-in"), await person.app.next(), PLACE);
    return { ...person, ...session };
  }

  it("is linked by two custodians and the person together, never by one of them, and never by e-mail", async () => {
    const about = formOf({ operation: "identity.link", subject: { personId: rita.personId } });
    await assert.rejects(vault.requests.submit(rita, about), isCode("NOT_ALLOWLISTED"));
    const own = formOf({ operation: "identity.link", subject: { personId: ada.personId } });
    await assert.rejects(vault.requests.submit(ada, own), isCode("SELF_APPROVAL"));
    const { requestId } = await vault.requests.submit(ada, about);
    await assert.rejects(vault.requests.approve(ada, requestId, await ada.app.next(), ""), isCode("SELF_APPROVAL"));
    await vault.requests.approve(ben, requestId, await ben.app.next(), "");
    // The one who asked has the link, the one who approved the code; neither has both.
    await assert.rejects(vault.people.halves.takeCode(requestId, ada, await ada.app.next()), isCode("NOT_FOUND"));
    await assert.rejects(vault.people.halves.takeLink(requestId, ben, await ben.app.next()), isCode("NOT_FOUND"));
    // The provider's subject here is the very e-mail address of the person: it says nothing.
    await assert.rejects(signIn(rita.email, rita), isCode("UNAUTHENTICATED"));
    const { body } = await vault.requests.read(requestId);
    assert.equal(JSON.stringify(body).includes(provider.issuer), true);
  });

  it("takes the authenticator that was enrolled here: whoever has both halves, and an identity of their own, gets nothing without", async () => {
    const { token, invitationCode } = await invited(rita);
    const form = { token, invitationCode, code: "000000", address: "203.0.113.9" };
    await assert.rejects(vault.people.provider.signIn.link(await answer("mallory-at-work"), form), isCode("STEP_UP_REQUIRED"));
    await assert.rejects(signIn("mallory-at-work", rita), isCode("UNAUTHENTICATED"));
  });

  it("is linked with both halves only: five wrong codes end the invitation", async () => {
    const { token, invitationCode } = await invited(rita);
    for (let count = 0; count < 5; count++) {
      const form = { token, invitationCode: "wrongwrong", code: await rita.app.next(), address: PLACE };
      await assert.rejects(vault.people.provider.signIn.link(await answer("rita-at-work"), form), isCode("NOT_FOUND"));
    }
    const right = { token, invitationCode, code: await rita.app.next(), address: PLACE };
    await assert.rejects(vault.people.provider.signIn.link(await answer("rita-at-work"), right), isCode("NOT_FOUND"));
  });

  it("has an invitation of its own kind: neither enrols authenticators, nor is one to enrol a way to link", async () => {
    const link = await invited(rita);
    const enrol = { token: link.token, code: link.invitationCode, password: "another long pass phrase" };
    await assert.rejects(vault.people.enrolment.accept(enrol), isCode("NOT_FOUND"));
    const { requestId } = await vault.decide({ operation: "person.enrol", subject: { name: "Nora New", email: "nora@example.com" } });
    const { token, code: invitationCode } = await vault.invitation(requestId);
    const form = { token, invitationCode, code: "000000", address: PLACE };
    await assert.rejects(vault.people.provider.signIn.link(await answer("nora-at-work"), form), isCode("NOT_FOUND"));
  });

  it("ends what its person has going when it is linked: sessions, grants, and approvals that still wait", async () => {
    const { grantId } = await vault.grant(rita, [otto], account);
    const told = async (topic: string): Promise<number> => {
      const sql =
        "SELECT FROM notices.notice WHERE topic = $1 AND facts::text LIKE $2 AND audience::text LIKE $2 AND audience::text LIKE '%custodian%'";
      return (await vault.dataSource.query<unknown[]>(sql, [topic, `%${rita.personId}%`])).length;
    };
    const before = [await told("person.linking"), await told("person.linked")] as const;
    await linkIdentity(vault, provider, rita, "rita-at-work");
    assert.deepEqual([await told("person.linking"), await told("person.linked")], [before[0] + 1, before[1] + 1]);
    await assert.rejects(vault.people.sessions.authenticate(rita.token), isCode("UNAUTHENTICATED"));
    assert.equal((await vault.grants.read(grantId)).state, "REVOKED");
    rita = await vault.signIn(rita.email, rita.app);
    const { grantId: second } = await vault.grant(rita, [otto], account);
    await linkIdentity(vault, provider, otto, "otto-at-work");
    await assert.rejects(vault.open(rita, second), isCode("APPROVAL_REQUIRED"));
    await vault.grants.giveBack(rita, second);
    otto = await vault.signIn(otto.email, otto.app);
  });

  it("does not approve or open before it has waited, while it may sign in and read", async () => {
    const later = await Vault.open({ replicaOf: vault, provider: { config: provider.config(), waitSeconds: 86_400 } });
    try {
      const olga = await vault.enrol("Olga Approver", ["approver"]);
      await linkIdentity(vault, provider, olga, "olga-at-work", later);
      const fresh = await signIn("olga-at-work", olga);
      const form = formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-42" });
      const { requestId } = await vault.requests.submit(rita, form);
      await assert.rejects(vault.requests.approve(fresh, requestId, await olga.app.next(), ""), isCode("STEP_UP_REQUIRED"));
      assert.deepEqual((await vault.people.sessions.authenticate(fresh.token)).roles, ["approver"]);
      await vault.requests.withdraw(rita, requestId, "asked in vain");
    } finally {
      await later.close();
    }
  });

  it("opens, once it counts, exactly as a password's session does: with a fresh code of the authenticator", async () => {
    const [holder, approver] = [await signIn("rita-at-work", rita), await signIn("otto-at-work", otto)];
    const { grantId } = await vault.grant(holder, [approver], account);
    await assert.rejects(vault.reveals.reveal(holder, grantId, "root-password", "000000"), isCode("STEP_UP_REQUIRED"));
    assert.equal(await vault.open(holder, grantId), "Tr0ub4dor-and-3-horses");
    await vault.grants.giveBack(holder, grantId);
  });

  // Infisical PR #6988 and OpenBao #3815: a right that follows a name ends up with whoever takes the name.
  it("belongs to one person for ever, also after it has ended; a person has one at a time", async () => {
    const { token, invitationCode } = await invited(otto);
    const form = async () => ({ token, invitationCode, code: await otto.app.next(), address: PLACE });
    await assert.rejects(vault.people.provider.signIn.link(await answer("rita-at-work"), await form()), isCode("STATE_CONFLICT"));
    await vault.decide({ operation: "authenticator.reset", subject: { personId: rita.personId } });
    await assert.rejects(signIn("rita-at-work", rita), isCode("UNAUTHENTICATED"));
    await assert.rejects(vault.people.provider.signIn.link(await answer("rita-at-work"), await form()), isCode("STATE_CONFLICT"));
    // Another identity of Otto's own takes the place of his first.
    const before = await signIn("otto-at-work", otto);
    await vault.people.provider.signIn.link(await answer("otto-elsewhere"), await form());
    await assert.rejects(vault.people.sessions.authenticate(before.token), isCode("UNAUTHENTICATED"));
    await assert.rejects(signIn("otto-at-work", otto), isCode("UNAUTHENTICATED"));
    assert.equal((await signIn("otto-elsewhere", otto)).personId, otto.personId);
    // And back again: it is still his.
    await linkIdentity(vault, provider, otto, "otto-at-work");
    const states = (await vault.people.provider.identities.list(otto.personId)).map(({ subject, state }) => `${subject} ${state}`);
    assert.deepEqual(states.sort(), ["otto-at-work ACTIVE", "otto-elsewhere ENDED"]);
  });

  it("is not given to a second person by hiding, or by editing, the row of the first", async () => {
    const owner = await DatabaseOwner.take(vault.database);
    const genuine = await owner.copy("people.identity");
    const eve = await vault.enrol("Eve Requester", ["requester"]);
    const { token, invitationCode } = await invited(eve);
    const claim = async (): Promise<unknown> => {
      const form = { token, invitationCode, code: await eve.app.next(), address: PLACE };
      return await vault.people.provider.signIn.link(await answer("otto-at-work"), form);
    };
    try {
      await owner.run("UPDATE people.session SET identity_id = NULL WHERE identity_id IS NOT NULL AND ended_at IS NOT NULL");
      await owner.run("DELETE FROM people.identity WHERE subject = 'otto-at-work'");
      await assert.rejects(claim(), isCode("ROW_REFUSED"));
      assert.match(vault.alarms.at(-1)?.what ?? "", /^identity\b.* (?:incomplete|missing)$/);
      await genuine.putBack();
      await owner.run("UPDATE people.identity SET subject = 'nobody' WHERE subject = 'otto-at-work'");
      await assert.rejects(claim(), isCode("ROW_REFUSED"));
      await genuine.putBack();
      await assert.rejects(claim(), isCode("STATE_CONFLICT"));
    } finally {
      await genuine.putBack();
      await owner.close();
    }
  });

  it("stands in the log by its person, and as a commitment, never in the clear", async () => {
    const entries = await vault.reader.entries(0, 2_000);
    const text = JSON.stringify(entries);
    assert.equal(text.includes('"identity.accept"'), true);
    assert.equal(text.includes("otto-at-work"), false);
  });
});
