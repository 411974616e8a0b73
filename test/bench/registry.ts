import { insertAccount } from "../../src/accounts/account-registry.service.js";
import type { AccountFilter } from "../../src/accounts/account-search.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import { type Id, newId } from "../../src/kernel/ids.js";
import { withClient } from "../support/postgres.js";
import { Vault } from "../support/vault.js";
import { type Benchmark, type Figures, latenciesOf, machine, percentile, setting } from "./measure.js";
import { type Cast, openOnce, replaceSeed } from "./reveal.js";

/** Accounts of one entry, which lists them all. */
const BATCH = 200;
const SMALL = 1_000;
const PAGE = 50;
/** Calls before the first that counts: compiled code, filled caches. */
const WARM_UP = 10;
/** Accounts of one customer, and of one unit: as many whatever the registry holds, so that the answers are of one size. */
const GROUP = 20;
const QUARANTINED = 10;

/** What is asked for, in what a person may be looking for: pages anywhere, a customer, one account, what few have, what nearly all have. */
const SEARCHES: Readonly<Record<string, (index: number) => AccountFilter>> = {
  list: () => ({}),
  customer: (index) => ({ customer: `Customer ${groupOf(index)}` }),
  awsId: (index) => ({ awsId: awsIdOf(index) }),
  address: (index) => ({ text: `root-${awsIdOf(index)}` }),
  beginning: () => ({ text: "customer" }),
  nothing: () => ({ text: "no such customer" }),
  rareTag: (index) => ({ tag: { key: "unit", value: groupOf(index) } }),
  commonTag: () => ({ tag: { key: "env", value: "prod" } }),
  rareState: () => ({ state: "quarantined" }),
  custody: () => ({ custody: "VAULTED" }),
};

/**
 * Whether the registry stays as fast as it grows: pages, searches and openings with a thousand accounts, then with ROOTKEEP_BENCH_ACCOUNTS (a hundred
 * thousand) in the same vault, one call after the other. `ratio` is the second median over the first.
 */
export const registryBenchmark: Benchmark = {
  name: "registry",
  async run(say): Promise<Figures> {
    const [accounts, calls, openings] = [
      setting("ROOTKEEP_BENCH_ACCOUNTS", 100_000),
      setting("ROOTKEEP_BENCH_CALLS", 200),
      setting("ROOTKEEP_BENCH_OPENINGS", 50),
    ];
    const vault = await Vault.open();
    try {
      await vault.found();
      const few = Math.min(SMALL, accounts);
      const bench = new RegistryBench(vault, await castOf(vault), say);
      const before = await bench.measure(few, calls, openings);
      const after = await bench.measure(accounts, calls, openings);
      const ratio = Object.fromEntries(Object.keys(before).map((name) => [name, ratioOf(before[name] ?? [], after[name] ?? [])]));
      return {
        name: "registry",
        machine: await machine(vault.database),
        few: { accounts: few, ...figures(before) },
        many: { accounts, ...figures(after) },
        ratio,
        ratioMax: Math.max(...Object.values(ratio)),
      };
    } finally {
      await vault.drop();
    }
  },
};

type Latencies = Readonly<Record<string, readonly number[]>>;

const figures = (all: Latencies): Figures => Object.fromEntries(Object.entries(all).map(([name, each]) => [name, latenciesOf(each)]));

function ratioOf(before: readonly number[], after: readonly number[]): number {
  return Math.round((percentile(after, 0.5) / percentile(before, 0.5)) * 100) / 100;
}

function awsIdOf(index: number): string {
  return String(100_000_000_000 + index);
}

function groupOf(index: number): string {
  return String(Math.floor(index / GROUP));
}

async function castOf(vault: Vault): Promise<Cast & { readonly seeds: ReadonlyMap<string, Buffer> }> {
  const holder = await vault.enrol("Rita Requester", ["requester"]);
  const approver = await vault.enrol("Alan Approver", ["approver"]);
  const seeds = new Map([holder, approver].map(({ personId }) => [personId as string, Buffer.from(personId.slice(-20))]));
  for (const { personId } of [holder, approver]) await replaceSeed(vault, personId, seeds.get(personId) ?? Buffer.alloc(0));
  return { holder, approver, seeds };
}

class RegistryBench {
  #count = 0;
  #imported = 0;

  constructor(
    private readonly vault: Vault,
    private readonly cast: Cast & { readonly seeds: ReadonlyMap<string, Buffer> },
    private readonly say: (line: string) => void,
  ) {}

  async measure(accounts: number, calls: number, openings: number): Promise<Latencies> {
    await this.#grow(accounts);
    const all: Record<string, readonly number[]> = {};
    for (const [name, filterOf] of Object.entries(SEARCHES)) {
      this.say(`registry: ${name}, of ${String(accounts)}`);
      all[name] = await this.#search(filterOf, calls);
    }
    this.say(`registry: openings, of ${String(accounts)}`);
    all["opening"] = await this.#openAll(openings);
    return all;
  }

  /** Pages from places all over the registry. */
  async #search(filterOf: (index: number) => AccountFilter, calls: number): Promise<readonly number[]> {
    const [ada] = this.vault.custodians ?? [];
    if (ada === undefined) throw new Error("the vault is not founded");
    const latencies: number[] = [];
    for (let call = 0; call < calls + WARM_UP; call++) {
      const after = call % 2 === 0 ? "" : newId("account").slice(0, 6);
      const filter = filterOf((call * 7_919) % this.#count);
      const startedAt = performance.now();
      await this.vault.accounts.listFor(ada.personId, after, PAGE + 1, filter);
      latencies.push(performance.now() - startedAt);
    }
    return latencies.slice(WARM_UP);
  }

  async #openAll(count: number): Promise<readonly number[]> {
    const ids: Id<"account">[] = [];
    const latencies: number[] = [];
    for (let index = 0; index < count + WARM_UP; index++) ids.push(await this.vault.import(String(900_000_000_000 + this.#imported++)));
    for (const id of ids) latencies.push(await openOnce(this.vault, this.vault.reveals, this.cast, this.cast.seeds, id));
    return latencies.slice(WARM_UP);
  }

  /** Registers accounts until there are `accounts`, through the engine, so that the log has their entries. */
  async #grow(accounts: number): Promise<void> {
    while (this.#count < accounts) {
      const many = Math.min(BATCH, accounts - this.#count);
      await this.vault.transactions.run(async (tx) => {
        const createdAt = await tx.clock();
        for (let index = this.#count; index < this.#count + many; index++) insertAccount(tx, rowOf(index, createdAt));
        const details = { accounts: many };
        return {
          result: undefined,
          entries: [{ draft: draftEntry({ action: "account.register", outcome: "committed", actor: SYSTEM_ACTOR, details }) }],
        };
      });
      this.#count += many;
      if (this.#count % 10_000 === 0) this.say(`registry: ${String(this.#count)} of ${String(accounts)} accounts`);
    }
    // As autovacuum does by and by: a planner that was told of no rows takes the wrong index.
    await withClient(this.vault.database.superuser, (client) => client.query("ANALYZE accounts.account"));
  }
}

function rowOf(index: number, createdAt: Date): Parameters<typeof insertAccount>[1] {
  return {
    id: newId("account"),
    awsId: awsIdOf(index),
    ...{ partition: "aws", kind: "standalone", organizationId: null, contacts: null, checkoutGrantId: null, createdAt },
    customer: `Customer ${groupOf(index)}`,
    tags: JSON.stringify({ env: index % 10 === 0 ? "test" : "prod", unit: groupOf(index) }),
    rootEmail: `root-${awsIdOf(index)}@example.com`,
    state: index < QUARANTINED ? "quarantined" : "active",
    custody: index % 20 === 0 ? "SPLIT" : "VAULTED",
  };
}
