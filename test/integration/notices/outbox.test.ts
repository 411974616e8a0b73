import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { ATTEMPTS_MAX } from "../../../src/kernel/retry.js";
import { everyone, type Topic } from "../../../src/notices/notice.js";
import { Outbox } from "../../../src/notices/outbox.repository.js";
import { postNotice } from "../../../src/notices/post-notice.service.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { KeepingChannel, type NoticeCrew, noticeCrew } from "../../support/notice-crew.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// real: PostgreSQL, file root key, every service. double: the channels' other ends.
describe("a notice", () => {
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let acmeOnly: Actor;
  let acme: Id<"account">;
  let other: Id<"account">;
  let mail: KeepingChannel;
  let room: KeepingChannel;
  let crew: NoticeCrew;

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
  beforeEach(async () => {
    await vault.dataSource.query("DELETE FROM notices.notice");
    mail = new KeepingChannel("smtp", true);
    room = new KeepingChannel("webhook", false);
    crew = noticeCrew(vault, [mail, room]);
  });

  const ask = async (accountId: Id<"account">): Promise<Id<"request">> => {
    const form = formOf({
      operation: "secret.reveal",
      accountId,
      purpose: "billing-root-only",
      ticket: "INC-42",
      reason: "Mrs Smith of Acme asked for <!channel> *this*",
    });
    return (await vault.requests.submit(rita, form)).requestId;
  };
  const tellAlan = async (topic: Topic): Promise<void> => {
    await Outbox.post(vault.dataSource, { topic, facts: {}, audience: [{ person: alan.personId }] });
  };
  const addresses = (topic: string): (string | null)[] =>
    mail.taken.flatMap(({ address, message }) => (message.topic === topic ? [address] : [])).sort();
  const statesOf = async (): Promise<string[]> =>
    (await vault.dataSource.query<{ state: string }[]>("SELECT state FROM notices.delivery ORDER BY id")).map(({ state }) => state);

  // Peers' mistakes: told of their own request (teleport#49457), not told of the decision (teleport#7873), paged others than may approve (sso-elevator#129).
  it("of a request goes to those who may approve it, and to the requester when it is decided (Vault's control groups notify nobody, row 50)", async () => {
    const requestId = await ask(acme);
    await crew.turn();
    assert.deepEqual(addresses("request.submitted"), [alan.email, acmeOnly.email].sort(), "not the requester, though an approver");
    await vault.requests.approve(alan, requestId, await alan.app.next(), "fine, Mrs Smith");
    await crew.turn();
    assert.deepEqual(addresses("request.approved"), [rita.email]);
    const { grantId } = await vault.requests.read(requestId);
    await vault.grants.giveBack(rita, grantId!);
    const denied = await ask(other);
    await crew.turn();
    assert.deepEqual(addresses("request.submitted"), [alan.email, alan.email, acmeOnly.email].sort(), "scope decides who hears of it");
    await vault.requests.deny(alan, denied, "use the role, Mrs Smith");
    await crew.turn();
    assert.deepEqual(addresses("request.denied"), [rita.email]);
    assert.equal(room.taken.length, 4, "a room hears of each once");
    const said = JSON.stringify([...mail.taken, ...room.taken]);
    assert.doesNotMatch(said, /Smith|channel>|\*this/, "nobody's words leave the house");
    assert.match(said, /111122223333/);
  });

  it("of a request that is taken back goes to those who were asked to approve it, and nobody else's words with it", async () => {
    const requestId = await ask(acme);
    await vault.requests.withdraw(rita, requestId, "Mrs Smith found another way");
    await crew.turn();
    assert.deepEqual(addresses("request.withdrawn"), addresses("request.submitted"));
    assert.deepEqual(addresses("request.withdrawn"), [alan.email, acmeOnly.email].sort());
    const told = mail.taken.find(({ message }) => message.topic === "request.withdrawn")?.message;
    assert.equal(told?.facts.request, requestId);
    assert.doesNotMatch(JSON.stringify(mail.taken), /Smith/);
    // What cannot be withdrawn is not told of.
    await assert.rejects(vault.requests.withdraw(rita, requestId, "once more"), (error) => isRootkeepError(error, "STATE_CONFLICT"));
    await assert.rejects(vault.requests.withdraw(alan, await ask(other), "not mine"), (error) => isRootkeepError(error, "NOT_FOUND"));
    await crew.turn();
    assert.equal(addresses("request.withdrawn").length, 2);
  });

  it("of becoming, being reset and being suspended goes to the person and to every custodian (design §2)", async () => {
    const zoe = await vault.enrol("Zoe Zander", []);
    await vault.decide({ operation: "authenticator.reset", subject: { personId: zoe.personId } });
    await vault.people.people.suspend(zoe.personId, vault.custodians![0].personId);
    await crew.turn();
    const three = ["ada@example.com", "ben@example.com", zoe.email].sort();
    for (const topic of ["person.enrolled", "person.confirmed", "person.reset", "person.suspended"])
      assert.deepEqual(addresses(topic), three, topic);
    assert.doesNotMatch(JSON.stringify(mail.taken.map(({ message }) => message)), /Zander|rki_|otpauth/);
  });

  it("is committed with its act or not at all: what rolled back was never told, what committed is not lost (Conjur sent inside the transaction)", async () => {
    const boom = new Error("after the notice");
    await assert.rejects(
      vault.transactions.run(async (tx) => {
        await postNotice(tx, { topic: "alarm", facts: {}, audience: [everyone("custodian")] });
        throw boom;
      }),
    );
    const form = formOf({ operation: "secret.reveal", accountId: acme, purpose: "billing-root-only", ticket: "no ticket" });
    await assert.rejects(vault.requests.submit(rita, form), (error) => isRootkeepError(error, "TICKET_INVALID"));
    await crew.turn();
    assert.deepEqual([mail.taken, room.taken], [[], []]);
  });

  it("waits while its channel is away, and no act waits with it; the other channels go on", async () => {
    room.gate = new Promise(() => undefined);
    mail.isRefusing = true;
    const loops = crew.loops;
    loops.start();
    try {
      const ids = [await ask(acme), await ask(acme), await ask(other)];
      for (const id of ids) await vault.requests.withdraw(rita, id, "asked by mistake");
      for (let tries = 0; tries < 100 && mail.attempts < 10; tries++) await sleep(50);
      assert.equal(mail.attempts, 10, "a room that never answers holds up no mail");
      assert.deepEqual([...new Set(await statesOf())], ["WAITING"]);
    } finally {
      room.gate = Promise.resolve();
      void loops.stop();
    }
    // Another process, later: nothing was kept in memory.
    mail.isRefusing = false;
    await vault.dataSource.query("UPDATE notices.delivery SET next_at = clock_timestamp()");
    await noticeCrew(vault, [mail, new KeepingChannel("webhook", false)]).turn();
    assert.equal(addresses("request.submitted").length, 5);
    assert.deepEqual([...new Set(await statesOf())], ["SENT"]);
  });

  it("that pages waits while the service runs without any channel: started so once, it would be silenced for good", async () => {
    await tellAlan("custodians.recovered");
    await tellAlan("person.left");
    await noticeCrew(vault, []).turn();
    await vault.dataSource.query("UPDATE notices.notice SET next_at = clock_timestamp()");
    await crew.turn();
    assert.deepEqual(room.topics(), ["custodians.recovered"], "what does not page is not kept for a channel that there may never be");
    assert.deepEqual(addresses("custodians.recovered"), [alan.email]);
  });

  it("is sent by one of two replicas that look at the same moment, and again after one of them died with it", async () => {
    await ask(acme);
    while (await crew.spreader.spreadNext());
    const second = await Vault.open({ replicaOf: vault });
    try {
      let open: () => void = () => undefined;
      mail.gate = new Promise<void>((resolve) => (open = resolve));
      const theirs = noticeCrew(second, [mail, room]);
      const [ours, other] = [crew.senders[0]!, theirs.senders[0]!];
      const never = new AbortController().signal;
      const both = Promise.all([ours.sendDue(never), other.sendDue(never), ours.sendDue(never), other.sendDue(never)]);
      for (let tries = 0; tries < 100 && mail.attempts < 2; tries++) await sleep(20);
      await sleep(200);
      open();
      const counts = await both;
      assert.equal(
        counts.reduce((sum, count) => sum + count),
        2,
      );
      assert.deepEqual(addresses("request.submitted"), [alan.email, acmeOnly.email].sort());

      // One that was claimed and never answered for.
      await vault.dataSource.query("UPDATE notices.delivery SET state = 'WAITING', next_at = clock_timestamp() WHERE channel = 'webhook'");
      assert.equal((await Outbox.claim(vault.dataSource, "webhook", 4, 0.2)).length, 1);
      assert.equal((await Outbox.claim(second.dataSource, "webhook", 4, 60)).length, 0, "the lease holds");
      await sleep(250);
      assert.equal((await Outbox.claim(second.dataSource, "webhook", 4, 60)).length, 1, "and ends");
    } finally {
      await second.close();
    }
  });

  it("is tried again with growing waits, given up after a bound, stays to be seen, and can be put back in line", async () => {
    mail.isRefusing = true;
    await ask(other);
    await crew.turn();
    const [{ wait }] = await vault.dataSource.query(
      "SELECT extract(epoch FROM next_at - clock_timestamp())::float8 AS wait FROM notices.delivery WHERE channel = 'smtp'",
    );
    assert.ok(wait > 1 && wait <= 5, String(wait));
    await vault.dataSource.query("UPDATE notices.delivery SET attempts = $1, next_at = clock_timestamp() WHERE channel = 'smtp'", [
      ATTEMPTS_MAX - 1,
    ]);
    await crew.turn();
    assert.deepEqual(crew.dead, ["refused_by_test"]);
    assert.deepEqual(await Outbox.counts(vault.dataSource), { waiting: 0, dead: 1 });
    const [letter] = await Outbox.list(vault.dataSource, "DEAD", "", 10);
    assert.deepEqual([letter?.topic, letter?.recipient, letter?.reason], ["request.submitted", alan.personId, "refused_by_test"]);
    mail.isRefusing = false;
    assert.equal(await Outbox.retry(vault.dataSource, letter!.id), true);
    await crew.turn();
    assert.deepEqual(addresses("request.submitted"), [alan.email]);
    assert.equal(await Outbox.retry(vault.dataSource, letter!.id), false);
  });

  it("is not sent to an address that somebody wrote into a person's row: the row is refused first [L11]", async () => {
    await ask(other);
    while (await crew.spreader.spreadNext());
    const [{ email }] = await vault.dataSource.query("SELECT email FROM people.person WHERE id = $1", [alan.personId]);
    const owner = await DatabaseOwner.take(vault.database);
    await owner.run("UPDATE people.person SET email = 'eve@evil.example' WHERE id = $1", [alan.personId]);
    try {
      await crew.turn();
      assert.deepEqual(mail.taken, []);
    } finally {
      await owner.run("UPDATE people.person SET email = $2 WHERE id = $1", [alan.personId, email]);
      await owner.close();
    }
  });
});
