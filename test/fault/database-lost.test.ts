import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { MIGRATIONS } from "../../migrations/index.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import type { ErrorCode } from "../../src/kernel/errors.js";
import { isRootkeepError } from "../../src/kernel/errors.js";
import { LIMITS } from "../../src/kernel/limits.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import { AT, type Deed, PgProxy } from "../support/pg-proxy.js";
import { createTestDatabase, withClient } from "../support/postgres.js";
import { temporaryRootKey } from "../support/root-key.js";
import { FaultyRootKey } from "./faulty-root-key.js";
import { Closing, race, Scene, sweeperOf } from "./scene.js";
import { tally, times } from "./tally.js";

const REPEATS = times(1, 10);
const ROUNDS = times(4, 60);
const OPENINGS_AT_ONCE = 4;

/** What an opening may end with when the database goes away under it. */
const LOST: readonly ErrorCode[] = ["UNAVAILABLE", "AUDIT_UNAVAILABLE", "DEADLINE", "GRANT_SPENT", "APPROVAL_EXPIRED"];

/** A bad moment of one opening, and what must be true after it. */
interface Moment {
  readonly name: string;
  /** Which of the opening's two commits is hit. */
  readonly commit: "intent" | "outcome";
  readonly deed: Deed;
  /** From then on no new connection is to be had, until the caller has heard. */
  readonly isUnreachable: boolean;
  readonly answer: "value" | ErrorCode;
  /** What the log says of the opening: before the sweeper, and after it. */
  readonly logged: readonly string[];
  readonly settled: readonly string[];
}

const MOMENTS: readonly Moment[] = [
  {
    name: "the answer to the intent's COMMIT is lost: the log is asked, and the value comes",
    commit: "intent",
    deed: "lose-answer",
    isUnreachable: false,
    answer: "value",
    logged: ["intent", "allowed"],
    settled: ["intent", "allowed"],
  },
  {
    name: "the intent's COMMIT never arrives: nothing has happened, and the grant opens later",
    commit: "intent",
    deed: "drop",
    isUnreachable: false,
    answer: "UNAVAILABLE",
    logged: [],
    settled: [],
  },
  {
    name: "the answer to the intent's COMMIT is lost and the log cannot be asked: in doubt, nothing is opened",
    commit: "intent",
    deed: "lose-answer",
    isUnreachable: true,
    answer: "DEADLINE",
    logged: ["intent"],
    settled: ["intent", "unknown"],
  },
  {
    name: "the intent's COMMIT never arrives and the log cannot be asked: in doubt, and the grant opens later",
    commit: "intent",
    deed: "drop",
    isUnreachable: true,
    answer: "DEADLINE",
    logged: [],
    settled: [],
  },
  {
    name: "the answer to the outcome's COMMIT is lost: the log is asked, and the value comes",
    commit: "outcome",
    deed: "lose-answer",
    isUnreachable: false,
    answer: "value",
    logged: ["intent", "allowed"],
    settled: ["intent", "allowed"],
  },
  {
    name: "the outcome's COMMIT never arrives: nothing is sent, and the value counts as seen",
    commit: "outcome",
    deed: "drop",
    isUnreachable: false,
    answer: "AUDIT_UNAVAILABLE",
    logged: ["intent"],
    settled: ["intent", "unknown"],
  },
  {
    name: "the answer to the outcome's COMMIT is lost and the log cannot be asked: nothing is sent",
    commit: "outcome",
    deed: "lose-answer",
    isUnreachable: true,
    answer: "AUDIT_UNAVAILABLE",
    logged: ["intent", "allowed"],
    settled: ["intent", "allowed"],
  },
];

// real: PostgreSQL behind a proxy that cuts at one message, file root key, every service. double: none.
describe("the database goes away in the middle of an opening [L1, L4]", () => {
  const closing = new Closing();
  let scene: Scene;
  let proxy: PgProxy;
  let rootKey: FaultyRootKey;

  before(async () => {
    const temporary = await temporaryRootKey();
    closing.add(temporary.remove);
    rootKey = new FaultyRootKey(createRootKey(temporary.rootKey.uri));
    const database = await createTestDatabase({ migrations: MIGRATIONS });
    proxy = await PgProxy.start(database.connections.rootkeep_service);
    closing.add(() => proxy.stop());
    const accounts = MOMENTS.length * REPEATS + ROUNDS * OPENINGS_AT_ONCE + 2;
    scene = await Scene.open({ accounts, vault: { database: proxy.database(database), rootKey } });
    closing.add(() => scene.drop());
  });
  after(() => closing.close());

  async function live({ commit, deed, isUnreachable, answer, logged, settled }: Moment): Promise<void> {
    const { grantId, accountId, password } = await scene.granted();
    const unwraps = rootKey.unwraps;
    const arm = (): void => void proxy.trap(AT.commit, deed, { isIsolating: isUnreachable });
    if (commit === "intent") arm();
    else rootKey.afterUnwrap = arm;
    const opening = scene.open(grantId);
    if (answer === "value") assert.equal(await opening, password);
    else await assert.rejects(opening, (error) => isRootkeepError(error, answer), answer);
    proxy.disarm();
    proxy.refuse(false);
    rootKey.heal();

    // Without a durable intent the root key is not even asked.
    assert.equal(rootKey.unwraps - unwraps, commit === "outcome" || answer === "value" ? 1 : 0);
    assert.deepEqual(
      (await scene.openingsOf(grantId)).map(({ outcome }) => outcome),
      logged,
    );
    await sweeperOf(scene.vault).sweep();
    assert.deepEqual(
      (await scene.openingsOf(grantId)).map(({ outcome }) => outcome),
      settled,
    );
    assert.equal(await scene.exposure(accountId), logged.length === 0 ? "EXPOSED" : "BURNT");
    if (logged.length === 0) assert.equal(await scene.open(grantId), password);
    else await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, "GRANT_SPENT"));
    await scene.assertWhole();
    tally("commits in doubt", { tried: 1, calls: 2, opened: answer === "value" || logged.length === 0 ? 1 : 0 });
  }

  for (const moment of MOMENTS) {
    it(moment.name, async () => {
      for (let repeat = 0; repeat < REPEATS; repeat++) await live(moment);
    });
  }

  it("goes on when its new connections are dismissed as soon as they are made", async () => {
    const { grantId, password } = await scene.granted();
    const draft = () => draftEntry({ action: "service.started", outcome: "committed", actor: SYSTEM_ACTOR });
    proxy.dismiss(true);
    proxy.cut();
    // An error that nobody listens for ends a program: this test would not come to its end.
    const { won, refused } = await race<unknown>([
      () => scene.open(grantId),
      () => scene.vault.log.record(draft()),
      () => scene.vault.requests.read("req_00000000000000000000000000"),
    ]);
    assert.deepEqual(won, []);
    assert.equal(
      Object.keys(refused).every((code) => (LOST as readonly string[]).includes(code)),
      true,
    );
    proxy.dismiss(false);
    await race([() => scene.vault.log.record(draft())]);
    assert.equal(await scene.open(grantId), password);
    await scene.assertWhole();
  });

  it("gives up a line that has gone silent, and appends again over another", async () => {
    const { grantId, accountId } = await scene.granted();
    rootKey.afterUnwrap = (): void => void proxy.trap(AT.commit, "hold");
    await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
    rootKey.heal();
    const draft = () => draftEntry({ action: "service.started", outcome: "committed", actor: SYSTEM_ACTOR });
    // The caller has heard at its deadline; what stands behind it in the queue waits until the line itself is given up.
    await assert.rejects(scene.vault.log.record(draft()), (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
    await new Promise((resolve) => setTimeout(resolve, LIMITS.statementTimeoutMs));
    await scene.vault.log.record(draft());
    await sweeperOf(scene.vault).sweep();
    assert.equal(await scene.exposure(accountId), "BURNT");
    await scene.assertWhole();
  });

  it("gives out nothing that the log does not tell of when connections are terminated at random", async () => {
    let opened = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const grants = [];
      for (let index = 0; index < OPENINGS_AT_ONCE; index++) grants.push(await scene.granted());
      const passwords = grants.map(({ password }) => password);
      let isOver = false;
      const killing = withClient(scene.vault.database.superuser, async (client) => {
        while (!isOver) {
          await client.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'rootkeep_service' ORDER BY random() LIMIT 1`,
          );
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 12));
        }
      });
      const { won, refused } = await race(
        grants.map(
          ({ grantId }) =>
            () =>
              scene.open(grantId),
        ),
      );
      isOver = true;
      await killing;
      assert.deepEqual(
        won.filter((text) => !passwords.includes(text)),
        [],
      );
      assert.deepEqual(
        Object.keys(refused).filter((code) => !(LOST as readonly string[]).includes(code)),
        [],
      );
      await scene.assertWhole();
      // What was refused opens now, or never again; what was opened never again.
      const { won: late } = await race(
        grants.map(
          ({ grantId }) =>
            () =>
              scene.open(grantId),
        ),
      );
      await scene.assertWhole();
      for (const { grantId } of grants) await scene.vault.grants.giveBack(scene.holder, grantId);
      opened += won.length + late.length;
    }
    await sweeperOf(scene.vault).sweep();
    const entries = await scene.assertWhole();
    const open = new Set(entries.filter(({ outcome }) => outcome === "intent").map(({ id }) => id));
    for (const { details } of entries) open.delete(String(details?.["intent"]));
    assert.equal(open.size, 0, "an intent was left without an outcome");
    tally("connections terminated", { tried: ROUNDS, calls: ROUNDS * OPENINGS_AT_ONCE * 2, opened });
  });
});
