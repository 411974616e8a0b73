import assert from "node:assert/strict";
import { randomInt, randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { randomOf } from "../../fault/killed-service.js";
import { Closing, Scene, sweeperOf, withMore } from "../../fault/scene.js";
import { tally, times } from "../../fault/tally.js";
import { keptPasswords, versionFaults } from "../../support/kept-values.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";
import { COMMANDS, type Command, type Expected, Machine } from "./machine.js";

const HISTORIES = times(4, 200);
const EVENTS = times(45, 60);
/** Draws the histories; a run that went wrong names its own. */
const SEED = Number(process.env["ROOTKEEP_MODEL_SEED"] ?? randomInt(2 ** 31));
/** What leads on is drawn more often than what is refused anyway. */
const DRAWN: readonly Command[] = [
  ...COMMANDS,
  ...([
    "stage",
    "ask-rotate",
    "ask-rotate",
    "show-candidate",
    "show-candidate",
    "report",
    "report",
    "set",
    "return",
    "settle-works",
    "ask-verify",
    "settle-not",
  ] as const),
];

// real: PostgreSQL, file root key, every service, started anew by each crash. double: AWS, which is the model's.
describe(`the versions of a password, history by history, seed ${String(SEED)} [I1 to I5]`, () => {
  const closing = new Closing();
  let scene: Scene;
  let vera: Actor;

  before(async () => {
    scene = await Scene.open({ accounts: HISTORIES, authenticators: 40 });
    closing.add(() => scene.drop());
    vera = await withMore(scene.vault, await scene.vault.enrol("Vera Verifier", ["requester"]), 20);
  });
  after(() => closing.close());

  it("answer as the model does, and keep the working one wherever it is", async () => {
    const random = randomOf(SEED);
    const counts: Record<string, number> = {};
    for (let history = 0; history < HISTORIES; history++) {
      const run = new Run(scene, vera, scene.account().id);
      const done: string[] = [];
      try {
        for (let event = 0; event < EVENTS; event++) {
          const command = DRAWN[Math.floor(random() * DRAWN.length)] ?? "sweep";
          const answer = await run.step(command);
          if (answer === null) continue;
          done.push(`${command} ${answer}`);
          counts[`${command} ${answer}`] = (counts[`${command} ${answer}`] ?? 0) + 1;
        }
      } catch (error) {
        throw new Error(`seed ${String(SEED)}, history ${String(history)}: ${done.join(", ")}`, { cause: error });
      } finally {
        await run.close();
      }
    }
    tally("versions against their model", {
      tried: HISTORIES,
      calls: Object.values(counts).reduce((sum, count) => sum + count, 0),
      counts,
    });
    // What is never reached is never tried.
    for (const answer of ["stage ok", "ask-rotate ok", "show-candidate ok", "return ok"])
      assert.ok((counts[answer] ?? 0) > 0, `never: ${answer}`);
    await scene.assertWhole();
  });
});

/** One history on the vault, and the model beside it. */
class Run {
  readonly #model = new Machine();
  #vault: Vault;
  #grantId: Id<"grant"> | undefined;

  constructor(
    private readonly scene: Scene,
    private readonly verifier: Actor,
    private readonly account: Id<"account">,
  ) {
    this.#vault = scene.vault;
  }

  async close(): Promise<void> {
    if (this.#vault !== this.scene.vault) await this.#vault.close();
  }

  /** @returns what the vault answered, which is what the model said; null where there was nothing to try. */
  async step(command: Command): Promise<Expected> {
    const [candidate, abandoned, wasVerifying] = [this.#model.candidate, this.#model.abandoned, this.#model.grant?.isVerifying === true];
    const expected = this.#model.take(command);
    if (expected === null) return null;
    const versions = await keptPasswords(this.#vault, this.account);
    const idOf = (at: number | null): Id<"version"> | undefined => (at === null ? undefined : versions[at]?.id);
    const holder = wasVerifying ? this.verifier : this.scene.holder;
    const answer = await this.#do(command, { holder, candidate: idOf(candidate), abandoned: idOf(abandoned) }).then(
      () => "ok",
      (error: unknown) => {
        if (!isRootkeepError(error)) throw error;
        return error.code;
      },
    );
    assert.equal(answer, expected, command);
    await this.#assertKept();
    return expected;
  }

  async #assertKept(): Promise<void> {
    const kept = await keptPasswords(this.#vault, this.account);
    const shown = (await this.#vault.secrets.ofAccount(this.account)).find(({ kind }) => kind === "root-password")?.versions ?? [];
    assert.deepEqual(
      shown.map(({ state }) => state),
      this.#model.states,
    );
    const working = kept[this.#model.works];
    assert.ok(working !== undefined);
    // What was given up by mistake is kept all the same, and comes back.
    const faults = versionFaults(kept, working.text).filter((fault) => !(this.#model.isMistaken && fault.includes("(I5)")));
    assert.deepEqual(faults, []);
  }

  async #do(
    command: Command,
    { holder, candidate, abandoned }: { holder: Actor; candidate: Id<"version"> | undefined; abandoned: Id<"version"> | undefined },
  ): Promise<void> {
    const vault = this.#vault;
    switch (command) {
      case "stage":
        await vault.candidates.stage(this.scene.holder, this.account, "root-password");
        return;
      case "ask-rotate":
        await this.#ask(this.scene.holder, "rotate-after-use");
        return;
      case "ask-verify":
        await this.#ask(this.verifier, "rotate-verify");
        return;
      case "show-candidate":
      case "show-current": {
        const which = command === "show-candidate" ? "candidate" : "current";
        const grantId = this.#grantId as Id<"grant">;
        (await vault.reveals.reveal(holder, grantId, "root-password", await holder.app.next(), null, which)).value.wipe();
        return;
      }
      case "set":
        return;
      case "report":
        await vault.reports.report(this.scene.holder, candidate as Id<"version">, "unknown");
        return;
      case "return":
        await vault.grants.giveBack(holder, this.#grantId as Id<"grant">);
        return;
      case "sweep":
        await sweeperOf(vault).sweep();
        return;
      case "crash":
        this.#vault = await Vault.open({ replicaOf: this.scene.vault });
        if (vault !== this.scene.vault) await vault.close();
        return;
      default:
        await this.#settle(command, command === "settle-may" ? abandoned : candidate);
    }
  }

  async #ask(who: Actor, purpose: string): Promise<void> {
    const approver = this.scene.approvers[0];
    const form = formOf({ operation: "secret.reveal", accountId: this.account, purpose, ticket: "INC-42", kinds: ["root-password"] });
    const { requestId } = await this.#vault.requests.submit(who, form);
    await this.#vault.requests.approve(approver, requestId, await approver.app.next(), "");
    this.#grantId = (await this.#vault.requests.read(requestId)).grantId as Id<"grant">;
  }

  async #settle(command: Command, versionId: Id<"version"> | undefined): Promise<void> {
    const verdicts: Partial<Record<Command, string>> = { "settle-works": "works", "settle-may": "may-work" };
    const verdict = verdicts[command] ?? "does-not-work";
    const shown = (await this.#vault.secrets.ofAccount(this.account))
      .flatMap(({ versions }) => versions)
      .find(({ id }) => id === versionId);
    const evidence = shown?.state === "STAGED" ? { kind: "never-shown" } : { kind: "cloudtrail", eventIds: [randomUUID()] };
    const form = formOf({ operation: "candidate.settle", subject: { versionId, verdict, evidence } });
    const { requestId } = await this.#vault.requests.submit(this.verifier, form);
    const approver = this.scene.approvers[1];
    await this.#vault.requests.approve(approver, requestId, await approver.app.next(), "");
  }
}
