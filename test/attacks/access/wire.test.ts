import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { AttackTally } from "../../support/attack-tally.js";
import { type Crew, castParts, importAccounts, newAccount, obtainGrant, refusal } from "../../support/crew.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { PostReceiver } from "../../support/notice-receivers.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { ON_CALLS, ON_SEALS, ON_STARTS } from "./on-the-wire.js";

const ACCOUNTS = Array.from({ length: 6 }, (_, index) => newAccount(String(123456789012 + index)));

// real: the whole application with its signer, PostgreSQL (attacked by its owner), HTTP, a webhook; double: nothing.
describe("forgeries under the whole application, which pages over a webhook [L3, L4, L11]", () => {
  let receiver: PostReceiver;
  let rest: RestApp;
  let owner: DatabaseOwner;
  let crew: Crew;
  let accounts: readonly string[] = [];

  before(async () => {
    receiver = await PostReceiver.start();
    rest = await startRestApp({ ROOTKEEP_NOTICE_WEBHOOK: receiver.url, ROOTKEEP_NOTICE_WEBHOOK_SECRET: `whsec_${"A".repeat(43)}=` });
    crew = await rest.found();
    await castParts(crew);
    accounts = await importAccounts(crew.cyd, ACCOUNTS);
    owner = await DatabaseOwner.take(rest.database);
  });
  after(async () => {
    await owner.close();
    await rest.close();
    await receiver.stop();
  });

  /** Null when a page that matches arrives, and holds no secret of anybody. */
  async function unpaged(matches: RegExp): Promise<string | null> {
    for (let tries = 0; tries < 200; tries++) {
      const pages = receiver.posts.map(({ body }) => body).filter((body) => body.includes('"alarm"'));
      const known = [
        ...Object.values(crew).flatMap(({ secrets }) => secrets),
        ...ACCOUNTS.flatMap(({ password, seed }) => [password, seed]),
      ];
      if (pages.some((page) => known.some((secret) => page.includes(secret)))) return "a page holds a secret";
      if (pages.some((page) => matches.test(page))) return null;
      await sleep(50);
    }
    return `nobody was paged: ${receiver.posts.map(({ body }) => body).join("\n")}`;
  }

  for (const [index, { id, name, make, answer }] of ON_SEALS.entries()) {
    it(`${id}: ${name}`, async () => {
      const tally = new AttackTally(id);
      const [one = "", other = ""] = [accounts[index], accounts[5]];
      const grantId = await obtainGrant(crew, one);
      const copies = [await owner.copy("secrets.sealed_value", "true", "version_id"), await owner.copy("keys.data_key")];
      await make(owner, one, other);
      const code = await refusal(crew.ada.open(grantId));
      tally.note("opening", code === answer ? null : `was refused as ${code}`);
      const [version] = await owner.rows<{ id: string }>(
        `SELECT v.id FROM secrets.secret_version v JOIN secrets.secret s ON s.id = v.secret_id WHERE s.account_id = $1 AND s.kind = 'root-password'`,
        [one],
      );
      tally.note("its page", await unpaged(new RegExp(`seal\\.broken.*secret_version/${version?.id ?? ""}`, "s")));
      for (const copy of copies) await copy.putBack();
      tally.assertHeld();
    });
  }

  it(`${ON_CALLS.forgotten.id}: ${ON_CALLS.forgotten.name}`, async () => {
    const tally = new AttackTally(ON_CALLS.forgotten.id);
    const grantId = await obtainGrant(crew, accounts[3] ?? "");
    const call = async (): Promise<{ status: number; code: unknown }> => {
      const answer = await rest.http
        .post(`/v1/grants/${grantId}/openings`)
        .set("Authorization", `Bearer ${crew.ada.token}`)
        .set("Idempotency-Key", "once")
        .send({ kind: "root-password", code: await crew.ada.code() });
      return { status: answer.status, code: (answer.body as { code?: unknown }).code };
    };
    assert.equal((await call()).status, 200);
    assert.equal((await call()).code, "ALREADY_RELEASED");
    await owner.run("DELETE FROM edge.idempotency");
    const { code } = await call();
    tally.note("its record deleted", code === ON_CALLS.forgotten.answer ? null : String(code));
    tally.assertHeld();
  });

  it(`${ON_CALLS.invented.id}: ${ON_CALLS.invented.name}`, async () => {
    const tally = new AttackTally(ON_CALLS.invented.id);
    const ask = { operation: "secret.reveal", purpose: "billing-root-only", ticket: "OPS-1" };
    const [one, other] = [await crew.ada.ask({ ...ask, accountId: accounts[4] }), await crew.ada.ask({ ...ask, accountId: accounts[5] })];
    const approve = async (requestId: string, key: string): Promise<{ status: number; code: unknown }> => {
      const answer = await rest.http
        .post(`/v1/requests/${requestId}/approvals`)
        .set("Authorization", `Bearer ${crew.ben.token}`)
        .set("Idempotency-Key", key)
        .send({ code: await crew.ben.code() });
      return { status: answer.status, code: (answer.body as { code?: unknown }).code };
    };
    assert.equal((await approve(one, "first")).status, 200);
    await owner.run(
      "INSERT INTO edge.idempotency SELECT (jsonb_populate_record(r, $1::jsonb)).* FROM edge.idempotency r WHERE key = 'first'",
      [JSON.stringify({ key: "second", resource_id: other })],
    );
    const { code } = await approve(other, "second");
    tally.note("its record invented", code === ON_CALLS.invented.answer ? null : String(code));
    const state = (await crew.ada.client.get(`/v1/requests/${other}`)).text("state");
    tally.note("the request", state === "SUBMITTED" ? null : state);
    tally.assertHeld();
  });

  it(`${ON_STARTS.missing.id}: ${ON_STARTS.missing.name}`, async () => {
    const tally = new AttackTally(ON_STARTS.missing.id);
    await rest.stop();
    const [gone] = await owner.rows<{ id: string }>(
      "DELETE FROM approvals.approval WHERE id = (SELECT max(id) FROM approvals.approval) RETURNING id",
    );
    await owner.coverTraces();
    const address = await rest.restart();
    for (const member of Object.values(crew)) member.moveTo(address);
    tally.note("its page", await unpaged(new RegExp(`row\\.refused.*approval/${gone?.id ?? "none"}.*missing`, "s")));
    tally.assertHeld();
  });
});
