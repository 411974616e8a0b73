import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isRootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import { AT, type Deed, PgProxy, type SentMessage } from "../support/pg-proxy.js";
import { Vault } from "../support/vault.js";
import type { ChildTask, ChildWord } from "./child.js";
import { awsIdOf, Closing, csvOf, Scene, sweeperOf } from "./scene.js";
import { IS_FULL, tally, times } from "./tally.js";

const REPEATS = times(1, 5);

/** A place where an opening is killed, and what is left of it. */
interface Place {
  readonly name: string;
  readonly stopAt: ChildTask["stopAt"];
  /** A trap in the proxy; `after` counts the appends of the opening that pass. */
  readonly trap?: { readonly at: (message: SentMessage) => boolean; readonly deed: Deed; readonly after: number };
  /** What the log says of the opening: after the kill, and when the sweeper has been there. */
  readonly logged: readonly string[];
  readonly settled: readonly string[];
  /** The long run alone visits the places between two that the short run visits. */
  readonly isFullOnly?: boolean;
}

const PLACES: readonly Place[] = [
  {
    name: "with the grant claimed and the log not yet locked",
    stopAt: null,
    trap: { at: AT.lockHead, deed: "hold", after: 0 },
    logged: [],
    settled: [],
    isFullOnly: true,
  },
  {
    name: "with the rows stamped and nothing appended",
    stopAt: null,
    trap: { at: AT.append, deed: "hold", after: 0 },
    logged: [],
    settled: [],
  },
  { name: "before the intent's COMMIT", stopAt: null, trap: { at: AT.commit, deed: "hold", after: 0 }, logged: [], settled: [] },
  {
    name: "with the intent committed and its answer on the way",
    stopAt: null,
    trap: { at: AT.commit, deed: "hold-answer", after: 0 },
    logged: ["intent"],
    settled: ["intent", "unknown"],
  },
  { name: "before the root key is asked", stopAt: "unwrap", logged: ["intent"], settled: ["intent", "unknown"], isFullOnly: true },
  { name: "with the root key's answer in hand", stopAt: "unwrapped", logged: ["intent"], settled: ["intent", "unknown"] },
  {
    name: "before the outcome's COMMIT",
    stopAt: null,
    trap: { at: AT.commit, deed: "hold", after: 1 },
    logged: ["intent"],
    settled: ["intent", "unknown"],
    isFullOnly: true,
  },
  {
    name: "with the outcome committed and the value not yet sent",
    stopAt: null,
    trap: { at: AT.commit, deed: "hold-answer", after: 1 },
    logged: ["intent", "allowed"],
    settled: ["intent", "allowed"],
  },
  { name: "after the value was sent", stopAt: null, logged: ["intent", "allowed"], settled: ["intent", "allowed"], isFullOnly: true },
];

// real: two service programs over one PostgreSQL, SIGKILL, file root key. double: a proxy that keeps a message back.
describe("kill -9 in the middle of an opening or an import [L1, L4, L5]", () => {
  const closing = new Closing();
  let scene: Scene;
  let proxy: PgProxy;

  const places = PLACES.filter(({ isFullOnly }) => IS_FULL || isFullOnly !== true);

  before(async () => {
    scene = await Scene.open({ accounts: places.length * REPEATS });
    closing.add(() => scene.drop());
    proxy = await PgProxy.start(scene.vault.database.connections.rootkeep_service);
    closing.add(() => proxy.stop());
  });
  after(() => closing.close());

  /** Runs the program until it stands where it should, and kills it there. @returns what its caller has got, or undefined. */
  async function kill(task: Pick<ChildTask, "acting" | "act" | "stopAt" | "after">, trap: Place["trap"]): Promise<string | undefined> {
    const { host, port, database, password } = proxy.through(scene.vault.database.connections.rootkeep_service);
    // Its files go with the scene's: a killed program cannot tidy up.
    const child = fork(fileURLToPath(new URL("./child.js", import.meta.url)), { env: { ...process.env, TMPDIR: scene.vault.directory } });
    const gone = once(child, "exit");
    try {
      const facts = { host, port, database, password: password?.expose((text) => text) ?? "", rootKeyUri: scene.vault.rootKey.uri };
      child.send({ ...facts, ...task } satisfies ChildTask);
      assert.equal((await wordOf(child)).word, "ready");
      const sprung = trap === undefined ? undefined : proxy.trap(trap.at, trap.deed, { after: trap.after });
      child.send(await scene.holder.app.next());
      const ended = gone.then(() => {
        throw new Error("the program ended by itself");
      });
      const word = await Promise.race([wordOf(child), ended, ...(sprung === undefined ? [] : [sprung])]);
      return word?.word === "answered" ? word.text : undefined;
    } finally {
      proxy.disarm();
      child.kill("SIGKILL");
      await gone;
    }
  }

  async function killAt({ stopAt, trap, logged, settled }: Place): Promise<void> {
    const { grantId, accountId, password } = await scene.granted();
    const { personId, sessionId } = scene.holder;
    const answer = await kill({ acting: { personId, sessionId }, act: { grantId }, stopAt, after: 0 }, trap);
    const hasAnswered = stopAt === null && trap === undefined;
    assert.equal(answer !== undefined, hasAnswered);
    if (answer !== undefined) {
      const { text, seq, eventId, outcomeSeq } = JSON.parse(answer) as { text: string; seq: number; eventId: string; outcomeSeq: number };
      assert.equal(text, password);
      scene.received.push({ text, grantId, kind: "root-password", intent: { seq, eventId }, outcomeSeq });
    }

    // What starts after the kill knows nothing but the database.
    const fresh = await Vault.open({ replicaOf: scene.vault });
    try {
      const outcomes = async (): Promise<string[]> => (await scene.openingsOf(grantId)).map(({ outcome }) => outcome);
      assert.deepEqual(await outcomes(), logged);
      await sweeperOf(fresh).sweep();
      assert.deepEqual(await outcomes(), settled);
      assert.equal(await scene.exposure(accountId, fresh), logged.length === 0 ? "EXPOSED" : "BURNT");
      if (logged.length === 0) assert.equal(await scene.open(grantId, fresh), password);
      await assert.rejects(scene.open(grantId, fresh), (error) => isRootkeepError(error, "GRANT_SPENT"));
      await scene.assertWhole();
    } finally {
      await fresh.close();
    }
    tally("openings killed", { tried: 1, calls: 1, opened: hasAnswered || logged.length === 0 ? 1 : 0 });
  }

  for (const place of places) {
    it(`opens a grant at most once when it is killed ${place.name}`, async () => {
      for (let repeat = 0; repeat < REPEATS; repeat++) await killAt(place);
    });
  }

  // Appends of an import: its start, then for each account STAGED and ACTIVE.
  const imports: readonly { name: string; trap?: Place["trap"]; after?: number }[] = [
    { name: "with an account committed STAGED", trap: { at: AT.commit, deed: "hold-answer", after: 1 } },
    { name: "while an account is read back", after: 3 },
    { name: "before an account's COMMIT", trap: { at: AT.commit, deed: "hold", after: 3 } },
  ];
  imports.forEach(({ name, trap, after: passing = 0 }, index) => {
    it(`loses and doubles no account when an import is killed ${name}`, async () => {
      const lines = [0, 1, 2].map((line) => 10_000 + index * 10 + line);
      const csv = csvOf(lines);
      const { personId, sessionId } = scene.custodian;
      const act = { csv: csv.toString("utf8") };
      await kill({ acting: { personId, sessionId }, act, stopAt: trap === undefined ? "unwrap" : null, after: passing }, trap);
      const fresh = await Vault.open({ replicaOf: scene.vault });
      try {
        await fresh.imports.resume();
        const done = (await scene.assertWhole()).filter(({ action, target }) => action === "account.import" && isOf(target, lines));
        // The log says how far it came; the next run goes on behind.
        const fromLine = 2 + done.length;
        const report = await fresh.imports.run(scene.custodian, csvOf(lines), { onError: "reject", fromLine });
        assert.equal(report.imported, lines.length - done.length);
        for (const line of lines) assert.deepEqual(await statesOf(fresh, awsIdOf(line)), ["ACTIVE", "ACTIVE"]);
        await scene.assertWhole();
      } finally {
        await fresh.close();
      }
      tally("imports killed", { tried: 1, calls: 2 });
    });
  });
});

async function wordOf(child: ChildProcess): Promise<ChildWord> {
  const [word] = (await once(child, "message")) as [ChildWord];
  return word;
}

function isOf(target: object | undefined, lines: readonly number[]): boolean {
  return target !== undefined && "awsId" in target && lines.map(awsIdOf).includes(String(target.awsId));
}

/** States of all versions of an account, which is there once. */
async function statesOf(vault: Vault, awsId: string): Promise<string[]> {
  const found = (await vault.accounts.list("", 1000)).filter((account) => account.awsId === awsId);
  assert.equal(found.length, 1);
  const secrets = await vault.secrets.ofAccount(found[0]?.id as Id<"account">);
  return secrets.flatMap(({ versions }) => versions.map(({ state }) => state));
}
