import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MIGRATIONS } from "../../migrations/index.js";
import { AuditLog } from "../../src/audit/audit-log.service.js";
import { CheckpointSigner } from "../../src/audit/checkpoint-signer.service.js";
import { createGuard } from "../../src/audit/create-guard.service.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { TileReader } from "../../src/audit/tile-reader.service.js";
import { newVerifierKey } from "../../src/audit/tlog/verifier-key.js";
import { createLogKey } from "../../src/keys/log-keys.service.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { type Benchmark, type Figures, figuresOf, latenciesOf, machine, setting, underLoad } from "./measure.js";
import { sampleEntry } from "./sample-entry.js";

const CALLERS = 64;
const PROOFS = 300;
const ORIGIN = "rootkeep.bench/audit/signing/1";

const fail = (...what: readonly unknown[]): void => {
  console.error("the log raised an alarm:", ...what);
};
const ALARMS = { chainBroken: fail, rolledBack: fail, clockRefused: fail, rowRefused: fail, appendFailed: fail };

/** An entry that was acknowledged and is not signed yet. */
interface Waiting {
  readonly seq: number;
  readonly at: number;
}

/**
 * The signed log under load: how long after its acknowledgement an entry is covered by a checkpoint that the guard holds and the table has
 * (a signer of the same process, a guard in a directory), by one log and by two that take turns as two services do; then how long an
 * inclusion proof takes, read from the tiles.
 */
export const signingBenchmark: Benchmark = {
  name: "signing",
  async run(say): Promise<Figures> {
    const seconds = setting("ROOTKEEP_BENCH_SECONDS", 8);
    const directory = await mkdtemp(join(tmpdir(), "rootkeep-bench-"));
    const database = await createTestDatabase({ migrations: MIGRATIONS });
    const { rootkeep_service: service, rootkeep_signer: signing } = database.connections;
    const logs = [new AuditLog(() => connectLog(service), ALARMS), new AuditLog(() => connectLog(service), ALARMS)] as const;
    let signer: CheckpointSigner | undefined;
    try {
      for (const log of logs) await log.open(ORIGIN, "bench");
      const waiting: Waiting[] = [];
      const lags: number[] = [];
      let signedSize = 0;
      const key = createLogKey(`file:${join(directory, "log-key.json")}`, { create: true });
      signer = new CheckpointSigner({
        connect: () => connectLog(signing),
        origin: ORIGIN,
        key,
        verifierKey: newVerifierKey(ORIGIN, "ed25519", await key.publicKey()),
        guard: createGuard(`file:${join(directory, "guard")}`),
        events: {
          leading: () => undefined,
          waiting: () => undefined,
          signed: (size) => {
            signedSize = size;
            const now = performance.now();
            const still = waiting.splice(0).filter(({ seq, at }) => {
              if (seq < size) lags.push(now - at);
              return seq >= size;
            });
            waiting.push(...still);
          },
          halted: fail,
          failed: fail,
        },
      });
      signer.start();
      const record = async (log: AuditLog): Promise<void> => {
        const { facts } = await log.record(sampleEntry(made++));
        waiting.push({ seq: facts.seq, at: performance.now() });
      };
      let made = 0;
      say(`signing: ${String(CALLERS)} callers of one log`);
      const one = await underLoad(CALLERS, seconds, () => record(logs[0]));
      const lagOfOne = await drained(waiting, lags);
      say(`signing: ${String(CALLERS)} callers of two logs`);
      let turn = 0;
      const two = await underLoad(CALLERS, seconds, () => record(logs[turn++ % 2 === 0 ? 0 : 1]));
      const lagOfTwo = await drained(waiting, lags);
      return {
        name: "signing",
        machine: await machine(database),
        key: "file",
        guard: "file",
        oneService: { append: figuresOf(one), lag: lagOfOne },
        twoServices: { append: figuresOf(two), lag: lagOfTwo },
        inclusionProof: { size: signedSize, ...latenciesOf(await proofs(database, signedSize)) },
      };
    } finally {
      await signer?.stop();
      for (const log of logs) await log.close();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

/** Waits until everything that was acknowledged is signed. */
async function drained(waiting: readonly Waiting[], lags: number[]): Promise<Figures> {
  while (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  return latenciesOf(lags.splice(0));
}

async function proofs(database: TestDatabase, size: number): Promise<number[]> {
  const client = await connectLog(database.connections.rootkeep_service);
  const reader = new TileReader(client, ORIGIN);
  const latencies: number[] = [];
  try {
    for (let count = 0; count < PROOFS; count++) {
      const index = Math.floor((count / PROOFS) * size);
      const startedAt = performance.now();
      await reader.inclusion(index, size);
      latencies.push(performance.now() - startedAt);
    }
  } finally {
    await client.end();
  }
  return latencies;
}
