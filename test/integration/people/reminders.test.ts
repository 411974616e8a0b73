import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { AllowlistReminders } from "../../../src/people/allowlist-reminders.service.js";
import { AllowlistWatch } from "../../../src/people/allowlist-watch.service.js";
import { KeepingChannel, type NoticeCrew, noticeCrew } from "../../support/notice-crew.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const DAY = 86_400;
/** Seconds by which a period is longer than a reminder's days; every entry is older than that when it is looked at. */
const GAP = 4;

// real: PostgreSQL, keys, every service. double: the channels' other ends. Time passes by a shorter period: under one of seven days and four
// seconds an entry of five seconds' age has less than seven days left, as one of 85 days' age has under a quarter.
describe("reminders of entries of the allowlist that lapse", () => {
  let vault: Vault;
  let replica: Vault;
  let ada: Actor;
  let ben: Actor;
  let mail: KeepingChannel;
  let room: KeepingChannel;
  let crew: NoticeCrew;

  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    await vault.enrol("Rita Requester", ["requester"]);
    replica = await Vault.open({ replicaOf: vault });
    mail = new KeepingChannel("smtp", true);
    room = new KeepingChannel("webhook", false);
    crew = noticeCrew(vault, [mail, room]);
    await crew.turn();
    mail.taken.splice(0);
    room.taken.splice(0);
    await setTimeout(GAP * 1_000);
  });
  after(async () => {
    await replica.close();
    await vault.drop();
  });

  const left = (days: number): void => {
    for (const { certification } of [vault, replica]) Object.assign(certification, { periodSeconds: days * DAY + GAP });
  };
  /** A watch as a process that has just started has it: it remembers nothing. */
  const fresh = (of: Vault): AllowlistWatch =>
    new AllowlistWatch(
      of.transactions,
      of.log,
      { due: () => undefined, lapsed: () => undefined, custodiansKept: () => undefined, counted: () => undefined },
      new AllowlistReminders(of.dataSource),
      (error) => {
        throw error;
      },
    );
  /** What people got since the last call: address, topic and the facts of each message. */
  const told = async (): Promise<string[]> => {
    await crew.turn();
    return mail.taken.splice(0).flatMap(({ address, message: { topic, facts } }) => {
      if (!topic.startsWith("allowlist.")) return [];
      return [
        `${String(address)} ${topic} ${String(facts.entries)} in ${String(facts.days)}${facts.entry === undefined ? "" : ` ${facts.entry}`}`,
      ];
    });
  };
  const toBoth = (what: string): string[] => [ada.email, ben.email].map((address) => `${address} ${what}`);

  it("go to every custodian and to each room, once for all entries that are due alike", async () => {
    left(7);
    await fresh(vault).look();
    assert.deepEqual((await told()).sort(), toBoth("allowlist.due 3 in 7"));
    assert.equal(room.taken.length, 1);
    const { text } = room.taken[0]?.message ?? { text: "" };
    assert.match(text, /rootkeep people certify/);
    assert.doesNotMatch(text, /Rita/);
  });

  it("go out once for each entry and each of the days, across restarts, and from two replicas that look at the same moment", async () => {
    await fresh(vault).look();
    await fresh(replica).look();
    assert.deepEqual(await told(), []);
    left(1);
    for (let round = 0; round < 3; round++) await Promise.all([fresh(vault), fresh(replica), fresh(vault)].map((watch) => watch.look()));
    assert.deepEqual((await told()).sort(), toBoth("allowlist.due 3 in 1"));
  });

  it("name the entry and the person where it is one, and not those who were told of before", async () => {
    left(14);
    // The period is another one, and with it every date.
    await fresh(vault).look();
    assert.deepEqual((await told()).sort(), toBoth("allowlist.due 3 in 14"));
    const grown = await vault.enrol("Greta Grown", ["approver"]);
    await setTimeout((GAP + 1) * 1_000);
    await Promise.all([fresh(vault).look(), fresh(replica).look()]);
    const [entry] = (await vault.people.allowlist.list()).filter(({ personId }) => personId === grown.personId);
    assert.deepEqual((await told()).sort(), toBoth(`allowlist.due 1 in 14 ${String(entry?.id)}`));
  });

  it("begin anew after a certificate, and end with the entry of somebody who has left", async () => {
    const { digest } = await vault.certification.current();
    const form = formOf({ operation: "allowlist.certify", subject: { digest } });
    const { requestId } = await vault.requests.submit(ada, form);
    await vault.requests.approve(ben, requestId, await ben.app.next(), "");
    await fresh(vault).look();
    assert.deepEqual(await told(), [], "just vouched for");
    const gone = (await vault.people.people.list()).find(({ email }) => email === "greta.grown@example.com");
    await vault.decide({ operation: "person.leave", subject: { personId: gone?.id } });
    await setTimeout((GAP + 1) * 1_000);
    await fresh(vault).look();
    assert.deepEqual((await told()).sort(), toBoth("allowlist.due 3 in 14"));
  });

  it("are noted with the notice or not at all: what could not be posted is told at the next look", async () => {
    left(1);
    await withClient(vault.database.superuser, (client) =>
      client.query("ALTER TABLE notices.notice ADD CONSTRAINT none CHECK (topic <> 'allowlist.due') NOT VALID"),
    );
    await assert.rejects(fresh(vault).look());
    await withClient(vault.database.superuser, (client) => client.query("ALTER TABLE notices.notice DROP CONSTRAINT none"));
    await fresh(replica).look();
    assert.deepEqual((await told()).sort(), toBoth("allowlist.due 3 in 1"));
  });
});
