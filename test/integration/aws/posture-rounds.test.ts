import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type DeskAccount, EVERY_SECONDS, PostureDesk } from "../../support/posture-desk.js";
import { Vault } from "../../support/vault.js";

// real: PostgreSQL, the log, the services, the adapter, the AWS SDK, HTTP. double: AWS.

const ACCOUNTS = 9;

describe("rounds over all accounts", () => {
  let vault: Vault;
  let desk: PostureDesk;
  const accounts: DeskAccount[] = [];
  before(async () => {
    vault = await Vault.open();
    await vault.found();
    desk = await PostureDesk.open(vault);
    for (let at = 0; at < ACCOUNTS; at++) accounts.push(await desk.account(`44444444440${String(at)}`));
  });
  after(async () => {
    await desk.close();
    await vault.drop();
  });
  beforeEach(() => {
    Object.assign(desk.double, { throttledCalls: 0, latencyMs: 0, mostAtOnce: 0 });
    desk.double.calls.length = 0;
    desk.failures.length = 0;
    desk.changed.length = 0;
  });

  const visits = (): number => desk.double.calls.filter((call) => call === "sts:AssumeRole").length;
  const dueOf = async (account: DeskAccount | undefined) => (await desk.read(account!.id)).due;

  it("give every account an external id of its own, and a turn within the hour", async () => {
    const dues = await Promise.all(accounts.map(dueOf));
    assert.equal(new Set(dues.map(({ externalId }) => externalId)).size, ACCOUNTS);
    const latest = Date.now() + 3_600_000;
    for (const { nextAt, externalId } of dues) {
      assert.ok(nextAt.getTime() < latest);
      assert.match(externalId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it("visit whoever is due once, a few at a time, and not again before the next turn", async () => {
    await desk.allDue();
    desk.double.latencyMs = 5;
    const { taken, failed } = await desk.rounds().round();
    assert.deepEqual([taken, failed, visits()], [ACCOUNTS, 0, ACCOUNTS]);
    assert.ok(desk.double.mostAtOnce <= 4, String(desk.double.mostAtOnce));
    assert.deepEqual(desk.progress.at(-1), { taken: ACCOUNTS, failed: 0, due: 0 });
    assert.equal((await desk.rounds().round()).taken, 0);
    assert.deepEqual([desk.counts?.due, desk.counts?.stale, desk.counts?.secured], [0, 0, ACCOUNTS]);
    const waits = (await Promise.all(accounts.map(dueOf))).map(({ nextAt }) => (nextAt.getTime() - Date.now()) / 1_000 / EVERY_SECONDS);
    assert.ok(waits.every((wait) => wait > 0.94 && wait < 1.06));
  });

  it("let one account's failure hold up no other, come again later, and write each reason down once", async () => {
    await desk.allDue();
    const [bad] = accounts;
    const externalId = bad!.aws.externalId;
    bad!.aws.externalId = null;
    const before = (await desk.entries(bad!.id)).length;
    const rounds = desk.rounds();
    assert.deepEqual({ ...(await rounds.round()), due: 0 }, { taken: ACCOUNTS - 1, failed: 1, due: 0 });
    assert.deepEqual(desk.failures, [`${bad!.id} aws_role_denied`]);
    const first = await dueOf(bad);
    assert.deepEqual([first.attempts, first.reason], [1, "aws_role_denied"]);
    assert.ok(first.nextAt.getTime() > Date.now());
    await desk.allDue();
    await rounds.round();
    assert.equal((await dueOf(bad)).attempts, 2);
    const entries = (await desk.entries(bad!.id)).slice(before);
    assert.deepEqual(
      entries.map(({ outcome, details }) => `${outcome} ${String(details?.reason)}`),
      ["error aws_role_denied"],
    );
    bad!.aws.externalId = externalId;
    await desk.allDue();
    await rounds.round();
    assert.deepEqual([(await dueOf(bad)).attempts, (await dueOf(bad)).reason], [0, null]);
  });

  it("are made by one replica at a time", async () => {
    await desk.allDue();
    desk.double.latencyMs = 5;
    const other = await Vault.open({ replicaOf: vault });
    try {
      const both = await Promise.all([desk.rounds().round(), desk.replica(other).rounds().round()]);
      assert.equal(visits(), ACCOUNTS);
      assert.equal(both[0].taken + both[1].taken, ACCOUNTS);
      assert.ok(both.some(({ taken }) => taken === 0));
    } finally {
      await other.close();
    }
  });

  it("take up again what a crash has left claimed, once its lease is over", async () => {
    await desk.allDue();
    // As a process that died in the middle of all visits leaves it.
    await desk.sql("UPDATE aws.posture_due SET attempts = 1, next_at = clock_timestamp() + interval '180 seconds'");
    assert.equal((await desk.rounds().round()).taken, 0);
    await desk.sql("UPDATE aws.posture_due SET next_at = next_at - interval '180 seconds'");
    assert.equal((await desk.rounds().round()).taken, ACCOUNTS);
  });

  it("stop in the middle when they are told to, and lose no turn", async () => {
    await desk.allDue();
    desk.double.latencyMs = 30;
    const rounds = desk.rounds();
    const running = rounds.round();
    await new Promise((resolve) => setTimeout(resolve, 60));
    await rounds.beforeApplicationShutdown();
    const { taken, failed } = await running;
    assert.equal(failed + taken <= ACCOUNTS, true);
    assert.deepEqual(desk.failures, []);
    desk.double.latencyMs = 0;
    await desk.allDue();
    assert.equal((await desk.rounds().round()).taken, ACCOUNTS);
  });

  it("put whoever was asked for first, and say who asked", async () => {
    const last = accounts.at(-1)!;
    const [ada] = vault.custodians!;
    const seq = await desk.service.hurry(ada, last.id);
    assert.ok((await dueOf(last)).nextAt.getTime() < Date.now());
    assert.equal((await desk.rounds().round()).taken, 1);
    const entry = (await desk.entries(last.id)).find((one) => one.seq === seq);
    assert.deepEqual([entry?.action, entry?.outcome], ["posture.take", "committed"]);
  });

  it("list the worst first, and among these the stalest", async () => {
    const [one, two, three] = accounts;
    one!.aws.accessKeys = [{ isActive: true, since: new Date("2025-01-01T00:00:00Z") }];
    three!.aws.accessKeys = [{ isActive: true, since: new Date("2025-01-01T00:00:00Z") }];
    two!.aws.denied = ["iam:GetAccountSummary"];
    desk.double.forgetReports();
    for (const account of [three, one, two]) await desk.taker.take(account!.id);
    const all = await desk.list(null, 200);
    assert.deepEqual(
      all.slice(0, 3).map(({ account }) => account.id),
      [three!.id, one!.id, two!.id],
    );
    const paged = [];
    for (let after = null as (typeof all)[number]["cursor"] | null; ; ) {
      const page = await desk.list(after, 2);
      paged.push(...page.map(({ account }) => account.id));
      if (page.length < 2) break;
      after = page.at(-1)!.cursor;
    }
    assert.deepEqual(
      paged,
      all.map(({ account }) => account.id),
    );
    assert.equal(paged.length, ACCOUNTS);
  });
});
