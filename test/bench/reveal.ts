import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointSigner } from "../../src/audit/checkpoint-signer.service.js";
import { createGuard } from "../../src/audit/create-guard.service.js";
import type { Guard } from "../../src/audit/guard.port.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { LogGuard } from "../../src/audit/log-guard.service.js";
import type { LogSigner } from "../../src/audit/log-signer.port.js";
import { newVerifierKey, type VerifierKey } from "../../src/audit/tlog/verifier-key.js";
import type { Id } from "../../src/kernel/ids.js";
import { newId } from "../../src/kernel/ids.js";
import { Secret } from "../../src/kernel/secret.js";
import { createLogKey } from "../../src/keys/log-keys.service.js";
import { Authenticator } from "../../src/people/authenticator.entity.js";
import type { RevealSecret } from "../../src/secrets/reveal-secret.service.js";
import { codeAt } from "../support/authenticator-app.js";
import { openersOf } from "../support/blind-rows.js";
import { type Actor, formOf, LOG_ORIGIN, Vault } from "../support/vault.js";
import { type Benchmark, type Figures, latenciesOf, machine, setting } from "./measure.js";

/** Openings before the first that counts: compiled code, filled pools. */
const WARM_UP = 10;

/** Who opens, and who approves. */
export interface Cast {
  readonly holder: Actor;
  readonly approver: Actor;
}

/**
 * How long one opening takes, from the call of the service to the value, one after the other: claim and intent in one transaction, root key
 * (`file:`), outcome. Requests and approvals are made beforehand, for each opening anew. Beside it: the same with a signer in the next
 * process's place and a guard in a directory, which the value waits for; and who holds a session's token.
 */
export const revealBenchmark: Benchmark = {
  name: "reveal",
  async run(say): Promise<Figures> {
    const count = setting("ROOTKEEP_BENCH_OPENINGS", 150) + WARM_UP;
    const vault = await Vault.open();
    let guarding: Guarding | undefined;
    try {
      guarding = await Guarding.begin(vault);
      const [ada] = await vault.found();
      say("reveal: enrolling people");
      const holder = await vault.enrol("Rita Requester", ["requester"]);
      const approver = await vault.enrol("Alan Approver", ["approver"]);
      const accounts = await importAccounts(vault, ada, 2 * count);
      const cast = { holder, approver };
      const seeds = new Map([holder, approver].map(({ personId }) => [personId, Buffer.from(personId.slice(-20))]));
      for (const [personId, seed] of seeds) await replaceSeed(vault, personId, seed);
      const openAll = async (reveals: RevealSecret, some: readonly Id<"account">[]): Promise<number[]> => {
        const latencies: number[] = [];
        for (const [index, account] of some.entries()) {
          latencies.push(await openOnce(vault, reveals, cast, seeds, account));
          if (index % 50 === 49) say(`reveal: ${String(index + 1)} of ${String(count)}`);
        }
        return latencies.slice(WARM_UP);
      };
      const plain = await openAll(vault.reveals, accounts.slice(0, count));
      say("reveal: the same, waiting for the guard");
      const guarded = await openAll(await guarding.start(), accounts.slice(count));
      return {
        name: "reveal",
        machine: await machine(vault.database),
        rootKey: "file",
        reveal: latenciesOf(plain),
        guard: "file",
        revealGuarded: latenciesOf(guarded),
        authenticate: latenciesOf(await authenticate(vault, holder.token)),
      };
    } finally {
      await guarding?.end();
      await vault.drop();
    }
  },
};

/** A signer and a guard in a directory, over a vault whose log has nothing but its genesis yet. */
class Guarding {
  #signer: CheckpointSigner | undefined;
  #logGuard: LogGuard | undefined;

  private constructor(
    private readonly vault: Vault,
    private readonly directory: string,
    private readonly key: LogSigner,
    private readonly verifierKey: VerifierKey,
    private readonly guard: Guard,
  ) {}

  static async begin(vault: Vault): Promise<Guarding> {
    const directory = await mkdtemp(join(tmpdir(), "rootkeep-bench-"));
    const key = createLogKey(`file:${join(directory, "log-key.json")}`, { create: true });
    const verifierKey = newVerifierKey(LOG_ORIGIN, "ed25519", await key.publicKey());
    const guarding = new Guarding(vault, directory, key, verifierKey, createGuard(`file:${join(directory, "guard")}`));
    // The genesis is signed now: a guard that is empty behind it would be one that somebody has emptied.
    await guarding.start();
    await guarding.stop();
    return guarding;
  }

  /** Openings that wait for the guard from now on. */
  async start(): Promise<RevealSecret> {
    const { rootkeep_service: service, rootkeep_signer: signing } = this.vault.database.connections;
    const { key, verifierKey, guard } = this;
    const nothing = () => undefined;
    const events = { leading: nothing, waiting: nothing, signed: nothing, halted: nothing, failed: nothing };
    this.#signer = new CheckpointSigner({ connect: () => connectLog(signing), origin: LOG_ORIGIN, key, verifierKey, guard, events });
    const unsigned = { openingsStopped: () => undefined, decisionsStopped: () => undefined, signedAgain: () => undefined };
    const options = { connect: () => connectLog(service), origin: LOG_ORIGIN, verifierKey, guard, events: unsigned };
    this.#logGuard = new LogGuard(this.vault.log, options);
    this.#signer.start();
    await this.#logGuard.start();
    return openersOf(this.vault, undefined, undefined, this.#logGuard).reveals;
  }

  async stop(): Promise<void> {
    await this.#logGuard?.stop();
    await this.#signer?.stop();
  }

  async end(): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Milliseconds of one opening. */
export async function openOnce(
  vault: Vault,
  reveals: RevealSecret,
  cast: Cast,
  seeds: ReadonlyMap<string, Buffer>,
  accountId: Id<"account">,
): Promise<number> {
  const code = (actor: Actor): string => codeAt(seeds.get(actor.personId)!, Math.floor(Date.now() / 1000));
  await forgetSteps(vault, [...seeds.keys()]);
  const form = formOf({ operation: "secret.reveal", accountId, purpose: "billing-root-only", ticket: "INC-42" });
  const { requestId } = await vault.requests.submit(cast.holder, form);
  await vault.requests.approve(cast.approver, requestId, code(cast.approver), "");
  const { grantId } = await vault.requests.read(requestId);
  if (grantId === null) throw new Error("not granted");
  const startedAt = performance.now();
  const { value } = await reveals.reveal(cast.holder, grantId, "root-password", code(cast.holder));
  const milliseconds = performance.now() - startedAt;
  value.wipe();
  return milliseconds;
}

async function authenticate(vault: Vault, token: string): Promise<number[]> {
  const latencies: number[] = [];
  for (let call = 0; call < 520; call++) {
    const startedAt = performance.now();
    await vault.people.sessions.authenticate(token);
    latencies.push(performance.now() - startedAt);
  }
  return latencies.slice(20);
}

async function importAccounts(vault: Vault, ada: Actor, count: number): Promise<Id<"account">[]> {
  const lines = Array.from({ length: count }, (_, index) => {
    const awsId = String(100_000_000_000 + index);
    return `${awsId},aws,standalone,Acme,root-${awsId}@example.com,Tr0ub4dor-and-3-horses,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ`;
  });
  const csv = `aws_account_id,partition,kind,customer,root_email,password,mfa_seed\n${lines.join("\n")}\n`;
  await vault.imports.run(ada, Buffer.from(csv), { onError: "reject", fromLine: 1 });
  return (await vault.accounts.list("", count)).map(({ id }) => id as Id<"account">);
}

/** The person's authenticator app gives way to one whose seed the benchmark knows. */
export async function replaceSeed(vault: Vault, personId: Id<"person">, seed: Buffer): Promise<void> {
  const id = newId("authenticator");
  const { sealed, dataKeyId } = await vault.people.seal.seal(personId, id, Secret.of(Buffer.from(seed)));
  await vault.transactions.run(async (tx) => {
    for (const old of await tx.readAll(Authenticator, { personId, kind: "totp" }, "lock")) {
      tx.change(Authenticator, old, { state: "ENDED" });
    }
    const at = new Date(Date.now() - 86_400_000);
    tx.insert(Authenticator, {
      ...{ id, personId, kind: "totp", state: "ACTIVE", passwordHash: null, sealed, lastStep: null },
      ...{ dataKeyId: dataKeyId as Id<"dataKey">, usableFrom: at, createdAt: at },
    });
    return { result: undefined, entries: [{ draft: maintenance(personId) }] };
  });
}

/** A code is taken once per time step; without this the benchmark would wait most of its time for the next one. */
async function forgetSteps(vault: Vault, personIds: readonly string[]): Promise<void> {
  await vault.transactions.run(async (tx) => {
    for (const personId of personIds) {
      const where = { personId: personId as Id<"person">, kind: "totp", state: "ACTIVE" } as const;
      for (const row of await tx.readAll(Authenticator, where, "lock")) tx.change(Authenticator, row, { lastStep: null });
    }
    return { result: undefined, entries: [{ draft: maintenance(personIds[0] ?? "") }] };
  });
}

function maintenance(personId: string): Parameters<Vault["log"]["record"]>[0] {
  const target = { type: "person", id: personId };
  return { id: crypto.randomUUID(), action: "authenticator.locked", outcome: "committed", actor: { type: "system" }, target };
}
