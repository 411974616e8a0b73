import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isRootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import { keptPasswords, versionFaults } from "../support/kept-values.js";
import { AT, type Deed, PgProxy, type SentMessage } from "../support/pg-proxy.js";
import { type Actor, formOf, Vault } from "../support/vault.js";
import type { ChildTask, ChildWord } from "./child.js";
import { Closing, Scene, sweeperOf, withMore } from "./scene.js";
import { IS_FULL, tally, times } from "./tally.js";

const REPEATS = times(1, 5);

type Step = "stage" | "show" | "report" | "settle";

/** A place of the rotation where the service is killed. */
interface Place {
  readonly step: Step;
  readonly name: string;
  readonly stopAt?: "unwrap" | "unwrapped";
  readonly trap?: { readonly at: (message: SentMessage) => boolean; readonly deed: Deed };
  /** Of the calls to the root key, or of the appends, so many pass. */
  readonly after?: number;
  readonly isFullOnly?: boolean;
}

const BEFORE = { at: AT.commit, deed: "hold" } as const;
const COMMITTED = { at: AT.commit, deed: "hold-answer" } as const;

/** Every numbered place, in the order of the rotation. */
const PLACES: readonly Place[] = [
  { step: "stage", name: "before the new password is sealed", stopAt: "unwrap", isFullOnly: true },
  { step: "stage", name: "sealed, and nothing written", stopAt: "unwrapped", isFullOnly: true },
  { step: "stage", name: "with the staging not committed", trap: BEFORE },
  { step: "stage", name: "with the staging committed and its answer on the way", trap: COMMITTED },
  { step: "stage", name: "while it is read back", stopAt: "unwrapped", after: 1 },
  { step: "stage", name: "read back, before that is committed", trap: BEFORE, after: 1, isFullOnly: true },
  { step: "stage", name: "ready, and its caller not told", trap: COMMITTED, after: 1 },
  { step: "show", name: "with the showing not committed", trap: BEFORE },
  { step: "show", name: "with the showing committed and nothing opened", trap: COMMITTED },
  { step: "show", name: "opened, and the outcome not written", stopAt: "unwrapped", isFullOnly: true },
  { step: "show", name: "with the outcome committed and nothing sent", trap: COMMITTED, after: 1 },
  { step: "report", name: "with the report not committed", trap: BEFORE, isFullOnly: true },
  { step: "report", name: "with the report committed and its answer on the way", trap: COMMITTED },
  { step: "settle", name: "with the verdict not committed", trap: BEFORE },
  { step: "settle", name: "with the verdict committed and its answer on the way", trap: COMMITTED },
];

// real: two service programs over one PostgreSQL, SIGKILL, file root key. double: AWS, a text that the test sets; a proxy that keeps a message back.
describe("kill -9 in the middle of a rotation [L5, I1 to I5]", () => {
  const closing = new Closing();
  const places = PLACES.filter(({ isFullOnly }) => IS_FULL || isFullOnly !== true);
  let scene: Scene;
  let proxy: PgProxy;
  let vera: Actor;
  let killed = 0;

  before(async () => {
    scene = await Scene.open({ accounts: places.length * REPEATS, authenticators: 40 });
    closing.add(() => scene.drop());
    vera = await withMore(scene.vault, await scene.vault.enrol("Vera Verifier", ["requester"]), 20);
    proxy = await PgProxy.start(scene.vault.database.connections.rootkeep_service);
    closing.add(() => proxy.stop());
  });
  after(() => closing.close());

  /** Runs one act in a program of its own, and kills it where it should stand. */
  async function kill(acting: Actor, act: ChildTask["act"], { stopAt, trap, after: passing = 0 }: Place): Promise<void> {
    const { host, port, database, password } = proxy.through(scene.vault.database.connections.rootkeep_service);
    const child = fork(fileURLToPath(new URL("./child.js", import.meta.url)), { env: { ...process.env, TMPDIR: scene.vault.directory } });
    const gone = once(child, "exit");
    try {
      const facts = { host, port, database, password: password?.expose((text) => text) ?? "", rootKeyUri: scene.vault.rootKey.uri };
      const { personId, sessionId } = acting;
      child.send({ ...facts, acting: { personId, sessionId }, act, stopAt: stopAt ?? null, after: passing } satisfies ChildTask);
      assert.equal((await wordOf(child)).word, "ready");
      const sprung = trap === undefined ? undefined : proxy.trap(trap.at, trap.deed, { after: passing });
      child.send(await acting.app.next());
      const ended = gone.then(() => {
        throw new Error("the program ended by itself");
      });
      const word = await Promise.race([wordOf(child), ended, ...(sprung === undefined ? [] : [sprung])]);
      assert.notEqual(word?.word, "answered", "it went past the place");
      assert.notEqual(word?.word, "refused", JSON.stringify(word));
      killed += 1;
    } finally {
      proxy.disarm();
      child.kill("SIGKILL");
      await gone;
    }
  }

  async function rotateKilledAt(place: Place): Promise<void> {
    const { id: account, password: imported } = scene.account();
    const rotation = new Rotation(scene, vera, account, imported);
    const at = async (step: Step, act: (of: Vault) => Promise<void>): Promise<void> => {
      if (step !== place.step) {
        await act(scene.vault);
        return;
      }
      const [acting, task] = await rotation.taskOf(step);
      await kill(acting, task, place);
      // What starts after the kill knows nothing but the database.
      const fresh = await Vault.open({ replicaOf: scene.vault });
      try {
        await rotation.assertKept(fresh);
        await sweeperOf(fresh).sweep();
        await rotation.assertKept(fresh);
        await act(fresh);
        await rotation.assertKept(fresh);
        await scene.assertWhole();
      } finally {
        await fresh.close();
      }
    };
    await at("stage", (of) => rotation.stage(of));
    await at("show", (of) => rotation.show(of));
    await at("report", (of) => rotation.report(of));
    await at("settle", (of) => rotation.settle(of));
    await rotation.assertDone();
    tally("rotations killed", { tried: 1, calls: 4, opened: 1 });
  }

  for (const [index, place] of places.entries()) {
    it(`${String(index + 1)}. loses no password and doubles no step when the service is killed at ${place.step}: ${place.name}`, async () => {
      for (let repeat = 0; repeat < REPEATS; repeat++) await rotateKilledAt(place);
    });
  }

  it("counted its kill points", (context) => {
    assert.equal(killed, places.length * REPEATS);
    context.diagnostic(`${String(places.length)} kill points of ${String(PLACES.length)}, ${String(killed)} kills`);
  });
});

async function wordOf(child: ChildProcess): Promise<ChildWord> {
  const [word] = (await once(child, "message")) as [ChildWord];
  return word;
}

/** One rotation, each step of which can be taken again: what it finds done it leaves. */
class Rotation {
  /** What the account has at AWS. */
  #aws: string;
  #verdict: Id<"request"> | undefined;
  #version: Id<"version"> | undefined;

  constructor(
    private readonly scene: Scene,
    private readonly verifier: Actor,
    private readonly account: Id<"account">,
    imported: string,
  ) {
    this.#aws = imported;
  }

  /** The act that is killed, asked for by whom; what must be there before is there. */
  async taskOf(step: Step): Promise<[Actor, ChildTask["act"]]> {
    const { holder, approvers } = this.scene;
    if (step === "stage") return [holder, { stage: this.account }];
    if (step === "show") return [holder, { grantId: await this.#granted(holder, "rotate-after-use"), which: "candidate" }];
    if (step === "report") return [holder, { report: await this.#candidate() }];
    return [approvers[1], { approve: await this.#asked() }];
  }

  async stage(of: Vault): Promise<void> {
    this.#version = (await of.candidates.stage(this.scene.holder, this.account, "root-password")).versionId;
  }

  /** Its holder is shown the candidate, sets it at AWS, and checks in. */
  async show(of: Vault): Promise<void> {
    await this.#endGrant();
    const { holder } = this.scene;
    const grantId = await this.#granted(holder, "rotate-after-use");
    const { value } = await of.reveals.reveal(holder, grantId, "root-password", await holder.app.next(), null, "candidate");
    this.#aws = value.expose((bytes) => bytes.toString("utf8"));
    await this.assertKept(of);
  }

  async report(of: Vault): Promise<void> {
    await of.reports.report(this.scene.holder, await this.#candidate(), "applied");
  }

  /** Somebody else signs in with it, and asks for the verdict, which a third person approves. */
  async settle(of: Vault): Promise<void> {
    const requestId = await this.#asked();
    const approver = this.scene.approvers[1];
    await of.requests.approve(approver, requestId, await approver.app.next(), "").catch((error: unknown) => {
      // The kill came after it was committed.
      if (!isRootkeepError(error, "STATE_CONFLICT")) throw error;
    });
  }

  async assertKept(of: Vault): Promise<void> {
    assert.deepEqual(versionFaults(await keptPasswords(of, this.account), this.#aws), []);
  }

  /** The new password is the working one, the old one is kept, and each step is in the log once. */
  async assertDone(): Promise<void> {
    const kept = await keptPasswords(this.scene.vault, this.account);
    assert.deepEqual(
      kept.map(({ state }) => state),
      ["SUPERSEDED", "ACTIVE"],
    );
    assert.equal(kept[1]?.text, this.#aws);
    const entries = (await this.scene.assertWhole()).filter(({ target }) => target?.id === this.#version);
    const count = (action: string): number => entries.filter((entry) => entry.action === action).length;
    assert.deepEqual([count("candidate.stage"), count("secret.staged"), count("candidate.settle")], [1, 1, 1]);
    assert.ok(count("candidate.report") >= 1 && count("candidate.abandoned") === 0);
  }

  async #candidate(): Promise<Id<"version">> {
    const kept = await keptPasswords(this.scene.vault, this.account);
    const candidate = kept.find(({ state }) => ["STAGED", "APPLYING", "AMBIGUOUS"].includes(state));
    assert.ok(candidate);
    return candidate.id;
  }

  async #granted(who: Actor, purpose: string): Promise<Id<"grant">> {
    const { vault, approvers } = this.scene;
    const form = formOf({ operation: "secret.reveal", accountId: this.account, purpose, ticket: "INC-42", kinds: ["root-password"] });
    const { requestId } = await vault.requests.submit(who, form);
    await vault.requests.approve(approvers[0], requestId, await approvers[0].app.next(), "");
    return (await vault.requests.read(requestId)).grantId as Id<"grant">;
  }

  async #endGrant(): Promise<void> {
    const { vault, holder } = this.scene;
    const { checkoutGrantId } = await vault.accounts.byId(this.account);
    if (checkoutGrantId !== null) await vault.grants.giveBack(holder, checkoutGrantId as Id<"grant">);
  }

  /** The request for the verdict, made once. */
  async #asked(): Promise<Id<"request">> {
    if (this.#verdict !== undefined) return this.#verdict;
    const { vault } = this.scene;
    await this.#endGrant();
    const versionId = await this.#candidate();
    const grantId = await this.#granted(this.verifier, "rotate-verify");
    const { value } = await vault.reveals.reveal(
      this.verifier,
      grantId,
      "root-password",
      await this.verifier.app.next(),
      null,
      "candidate",
    );
    assert.equal(
      value.expose((bytes) => bytes.toString("utf8")),
      this.#aws,
    );
    await vault.grants.giveBack(this.verifier, grantId);
    const evidence = { kind: "sign-in", personId: this.verifier.personId, at: new Date().toISOString() };
    const form = formOf({ operation: "candidate.settle", subject: { versionId, verdict: "works", evidence } });
    this.#verdict = (await vault.requests.submit(this.verifier, form)).requestId;
    return this.#verdict;
  }
}
