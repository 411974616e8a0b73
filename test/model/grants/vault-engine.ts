// The real engine as it runs: services, PostgreSQL, file root key, ciphers, and a log whose chain is real. Only time is not: it stands where a
// history puts it, in the database and in this process.
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { MIGRATIONS } from "../../../migrations/index.js";
import { clientOptions, SteadyClient } from "../../../src/database/data-source.service.js";
import { RootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { otpauthUri } from "../../../src/people/otpauth.js";
import { FaultyRootKey } from "../../fault/faulty-root-key.js";
import { assertWhole, awsIdOf, Closing, csvOf, passwordOf, sweeperOf } from "../../fault/scene.js";
import { AuthenticatorApp } from "../../support/authenticator-app.js";
import { KeepingChannel } from "../../support/notice-crew.js";
import { createTestDatabase } from "../../support/postgres.js";
import { temporaryRootKey } from "../../support/root-key.js";
import type { VaultOptions } from "../../support/vault.js";
import { Vault } from "../../support/vault.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import type { Engine, Factor, Founder, LoggedEntry, ModelAccount, Services } from "./engine.js";
import { openSessions } from "./founders.js";
import { type BrakeOfWorld, DAY, type Fate } from "./world.js";

const APPEND = "EXECUTE ON FUNCTION audit.append(bigint, uuid[], bytea[], bytea[])";
const ACCOUNTS_AT_ONCE = 40;

export class VaultEngine implements Engine {
  founders!: readonly [Founder, Founder];
  #vault!: Vault;
  #options!: VaultOptions;
  #accounts = 0;
  readonly #ready: ModelAccount[] = [];
  readonly #closing = new Closing();
  readonly #on = { signing: true, paging: true, skewed: false };
  readonly #channel = new KeepingChannel("webhook", false);

  private constructor(
    private readonly clock: VirtualClock,
    private readonly owner: Client,
    private readonly rootKey: FaultyRootKey,
  ) {}

  /** A founded deployment in a database of its own. */
  static async open(brake: BrakeOfWorld): Promise<VaultEngine> {
    const database = await createTestDatabase({ migrations: MIGRATIONS });
    const temporary = await temporaryRootKey();
    const owner = new SteadyClient(clientOptions(database.superuser));
    await owner.connect();
    const clock = await VirtualClock.stop(database, Date.UTC(2026, 0, 5));
    const engine = new VaultEngine(clock, owner, new FaultyRootKey(createRootKey(temporary.rootKey.uri)));
    const { rootKey } = engine;
    const coverage = { assertSigning: () => engine.#assertSigning(), cover: () => Promise.resolve(null) };
    const options = { brake: { ...brake, windowMinutes: brake.minutes }, channels: [engine.#channel], coverage, rootKey };
    const skewed = { now: () => new Date(Date.now() + (engine.#on.skewed ? 10_000 : 0)) };
    engine.#options = { ...options, clock: skewed };
    engine.#vault = await Vault.open({ ...engine.#options, database });
    engine.founders = await clock.running(() => engine.#vault.found());
    engine.#closing.add(temporary.remove);
    engine.#closing.add(() => engine.#vault.drop());
    engine.#closing.add(() => owner.end());
    engine.#closing.add(() => clock.release());
    return engine;
  }

  get services(): Services {
    const { transactions, requests, grants, glass, reveals, people } = this.#vault;
    return {
      transactions,
      requests,
      grants,
      glass,
      reveals,
      people: people.people,
      allowlist: people.allowlist,
      sessions: people.sessions,
    };
  }

  /** The third midnight from now: no opening of the history before is in any window. */
  begin(): Promise<number> {
    return Promise.resolve((Math.floor(Date.now() / 1000 / DAY) + 3) * DAY * 1000);
  }

  async moveTo(ms: number): Promise<void> {
    await this.clock.moveTo(ms);
  }

  async newFactor(personId: Id<"person">, authenticatorId: Id<"authenticator">): Promise<Factor> {
    const { seal } = this.#vault.people;
    const seed = seal.newSeed();
    try {
      const app = new AuthenticatorApp(otpauthUri(seed, `${personId}@example.com`, "test", 1));
      return { ...(await seal.seal(personId, authenticatorId, seed)), app };
    } finally {
      seed.wipe();
    }
  }

  async newAccounts(count: number): Promise<readonly ModelAccount[]> {
    if (this.#ready.length < count) await this.#importMore();
    return this.#ready.splice(0, count);
  }

  async size(): Promise<number> {
    return (await this.#vault.reader.head()).size;
  }

  async entries(from: number): Promise<readonly LoggedEntry[]> {
    return (await this.#vault.reader.entries(from, 1_000)).map(({ entry }) => entry as unknown as LoggedEntry);
  }

  set(name: "signing" | "paging" | "skewed", on: boolean): void {
    this.#on[name] = on;
    this.#channel.isRefusing = !this.#on.paging;
  }

  async meet<T>(fate: Fate, open: (services: Services) => Promise<T>): Promise<T | "crash"> {
    const died = this.#arm(fate);
    try {
      if (fate === "unwritable") await this.owner.query(`REVOKE ${APPEND} FROM rootkeep_service`);
      const result = await Promise.race([open(this.services), died]);
      if (result === "crash") await this.#restart();
      return result;
    } finally {
      this.rootKey.heal();
      await this.owner.query(`GRANT ${APPEND} TO rootkeep_service`);
      if (fate === "cut") await this.#reconnect();
    }
  }

  /** The log is whole, and tells of an outcome of every opening. @returns its length. */
  async assertWhole(): Promise<number> {
    await sweeperOf(this.#vault).sweep();
    const entries = await assertWhole(this.#vault.database);
    const outcomes = new Set(entries.map(({ details }) => details?.["intent"]));
    const open = entries.filter(({ id, outcome }) => outcome === "intent" && !outcomes.has(id));
    if (open.length > 0) throw new Error(`${String(open.length)} intents have no outcome`);
    return entries.length;
  }

  async close(): Promise<void> {
    await this.#closing.close();
  }

  /** Has the root key do what the fate wants when it is asked. @returns when the service has died of it; never for most. */
  #arm(fate: Fate): Promise<"crash"> {
    const { rootKey, owner } = this;
    return new Promise((resolve) => {
      if (fate === "key-fails") rootKey.beforeUnwrap = () => Promise.reject(new RootkeepError("KEY_UNAVAILABLE", { reason: "by test" }));
      if (fate === "outcome-lost") {
        rootKey.afterUnwrap = async () => {
          await owner.query(`REVOKE ${APPEND} FROM rootkeep_service`);
        };
      }
      if (fate === "cut") {
        rootKey.afterUnwrap = async () => {
          await owner.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rootkeep_service' AND datname = current_database()",
          );
        };
      }
      if (fate === "crash") {
        rootKey.beforeUnwrap = () => {
          resolve("crash");
          return new Promise(() => undefined);
        };
      }
    });
  }

  /** Waits until no pool holds a connection that was cut: whoever got one next would be refused for it, and the model knows of one refusal alone. */
  async #reconnect(): Promise<void> {
    for (let whole = 0; whole < 3; ) {
      await sleep(30);
      const asked = Array.from({ length: 8 }, () => this.#vault.dataSource.query("SELECT 1"));
      const answers = await Promise.allSettled([...asked, this.#vault.log.check()]);
      whole = answers.every(({ status }) => status === "fulfilled") ? whole + 1 : 0;
    }
  }

  /** Another process over the same database: what the one before had in memory is gone. */
  async #restart(): Promise<void> {
    const before = this.#vault;
    // The keys of the people domain are unwrapped at every start.
    this.rootKey.heal();
    this.#vault = await Vault.open({ ...this.#options, replicaOf: before });
    await before.close();
  }

  async #importMore(): Promise<void> {
    const indexes = Array.from({ length: ACCOUNTS_AT_ONCE }, (_, index) => this.#accounts + index);
    this.#accounts += indexes.length;
    const [custodian] = await openSessions(this.services, this.founders);
    await this.#vault.imports.run(custodian!, csvOf(indexes), { onError: "reject", fromLine: 1 });
    const byAwsId = new Map((await this.#vault.accounts.list("", 100_000)).map(({ awsId, id }) => [awsId, id as Id<"account">]));
    for (const index of indexes) {
      const id = byAwsId.get(awsIdOf(index))!;
      // A rotation is not granted without one; nobody is ever shown it.
      await this.#vault.candidates.stage(custodian!, id, "root-password");
      const password = (await this.#vault.secrets.ofAccount(id)).find(({ kind }) => kind === "root-password");
      this.#ready.push({ id, passwordVersion: password!.versions[0]!.id, password: passwordOf(index) });
    }
  }

  #assertSigning(): Promise<void> {
    return this.#on.signing ? Promise.resolve() : Promise.reject(new RootkeepError("AUDIT_UNAVAILABLE", { reason: "nobody signs" }));
  }
}
