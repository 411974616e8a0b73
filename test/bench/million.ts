import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import { MIGRATIONS } from "../../migrations/index.js";
import { leafHash } from "../../src/audit/chain.js";
import { CheckpointRepository } from "../../src/audit/checkpoint.repository.js";
import { CheckpointSigner } from "../../src/audit/checkpoint-signer.service.js";
import { createGuard } from "../../src/audit/create-guard.service.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import type { LogSigner } from "../../src/audit/log-signer.port.js";
import { TileReader } from "../../src/audit/tile-reader.service.js";
import { verifyConsistency, verifyInclusion } from "../../src/audit/tlog/proof.js";
import { consistencyPlan, inclusionPlan, type ProofPlan } from "../../src/audit/tlog/proof-plan.js";
import { tilesForPlan } from "../../src/audit/tlog/tile.js";
import { HASH_BYTES } from "../../src/audit/tlog/tree.js";
import { formatVerifierKey, newVerifierKey, type VerifierKey } from "../../src/audit/tlog/verifier-key.js";
import { createLogKey } from "../../src/keys/log-keys.service.js";
import { DatabaseExport } from "../support/database-export.js";
import { createTestDatabase, startSharedServer, type TestDatabase, withClient } from "../support/postgres.js";
import { buildLog } from "./build-log.js";
import { type Benchmark, type Figures, latenciesOf, machine, setting } from "./measure.js";
import { type VerifyRun, verifyOnce } from "./verify.js";

const ORIGIN = "rootkeep.bench/audit/million/1";
const PROOFS = 2_000;
/** Proofs before the first that counts: compiled code, the server's caches. */
const WARM_UP = 100;
const RUNS = 2;

const fail = (...what: readonly unknown[]): void => {
  console.error("the signer raised an alarm:", ...what);
};

/**
 * A log of a million entries: appended through the log's own function in big batches and signed on the way, then proofs out of it, and all of it verified,
 * from files and from the tables, each by a process of its own.
 */
export const millionBenchmark: Benchmark = {
  name: "million",
  async run(say): Promise<Figures> {
    const size = setting("ROOTKEEP_BENCH_MILLION", 1_000_000);
    const directory = await mkdtemp(join(tmpdir(), "rootkeep-bench-"));
    // Shared, so that the verifier's process finds it.
    const server = await startSharedServer();
    Object.assign(process.env, server.env);
    try {
      const database = await createTestDatabase({ migrations: MIGRATIONS });
      const key = createLogKey(`file:${join(directory, "log-key.json")}`, { create: true });
      const verifierKey = newVerifierKey(ORIGIN, "ed25519", await key.publicKey());
      const built = await build(database, directory, key, verifierKey, size, say);
      say("million: proofs");
      const proofs = await withLog(database, (client) => proofsOf(client, size));
      say("million: writing the export");
      const folder = join(directory, "export");
      await withClient(database.connections.rootkeep_auditor, async (client) =>
        (await DatabaseExport.open(client, verifierKey)).write(folder),
      );
      const verify: Record<string, Figures> = {};
      for (const [name, source] of [
        ["files", [folder]],
        ["postgres", [database.name, formatVerifierKey(verifierKey)]],
      ] as const) {
        say(`million: verifying from ${name}`);
        const runs: VerifyRun[] = [];
        for (let run = 0; run < RUNS; run++) runs.push(await verifyOnce(source));
        verify[name] = verified(size, runs);
      }
      return { name: "million", machine: await machine(database), entries: size, built, proofs, verify };
    } finally {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function build(
  database: TestDatabase,
  directory: string,
  key: LogSigner,
  verifierKey: VerifierKey,
  size: number,
  say: (line: string) => void,
): Promise<Figures> {
  const { rootkeep_signer: signing } = database.connections;
  const checkpoints: number[] = [];
  let halted = false;
  const events = {
    leading: () => undefined,
    waiting: () => undefined,
    signed: (covered: number) => void checkpoints.push(covered),
    halted: (...why: readonly unknown[]) => {
      halted = true;
      fail(...why);
    },
    failed: fail,
  };
  const signedTo = async (wanted: number): Promise<void> => {
    while (checkpoints.at(-1) !== wanted) {
      if (halted) throw new Error("the signer has halted");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const guard = createGuard(`file:${join(directory, "guard")}`);
  const signer = new CheckpointSigner({ connect: () => connectLog(signing), origin: ORIGIN, key, verifierKey, guard, events });
  const startedAt = performance.now();
  const seconds = (): number => Math.round((performance.now() - startedAt) / 100) / 10;
  signer.start();
  try {
    const bytes = await withLog(database, (client) =>
      buildLog(client, ORIGIN, size, async (done) => {
        // An empty guard behind the genesis would be one that somebody has emptied.
        if (done === 1) await signedTo(1);
        if (done % 100_000 === 0) say(`million: ${String(done)} entries after ${String(seconds())} s`);
      }),
    );
    const appendSeconds = seconds();
    await signedTo(size);
    return { appendSeconds, signedSeconds: seconds(), checkpoints: checkpoints.length, entryBytes: Math.round(bytes / size) };
  } finally {
    await signer.stop();
  }
}

async function withLog<T>(database: TestDatabase, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectLog(database.connections.rootkeep_service);
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Inclusion and consistency proofs as `GET /v1/audit/proofs/…` makes them, each verified outside of the time that counts. */
async function proofsOf(client: Client, size: number): Promise<Figures> {
  const root = (await CheckpointRepository.newest(client, ORIGIN))?.root ?? Buffer.alloc(0);
  const reader = new TileReader(client, ORIGIN);
  const inclusion = await timed(size, async (index, told) => {
    const hashes = await told(inclusionPlan(index, size), () => reader.inclusion(index, size));
    const [entry] = await CheckpointRepository.leaves(client, index, index + 1);
    verifyInclusion(index, size, leafHash(entry?.entry ?? Buffer.alloc(0)), hashes, root);
  });
  const issued = await CheckpointRepository.list(client, [{ origin: ORIGIN, size }], 0, PROOFS);
  const consistency = await timed(size, async (index, told) => {
    const old = issued[index % issued.length];
    if (old === undefined || old.size === size) return;
    const hashes = await told(consistencyPlan(old.size, size), () => reader.consistency(old.size, size));
    verifyConsistency(old.size, size, hashes, old.root, root);
  });
  return { inclusion, consistency };
}

type Told = (plan: ProofPlan, prove: () => Promise<readonly Buffer[]>) => Promise<readonly Buffer[]>;

/** Time of many proofs, all over the log. Beside it what no proof can do without: SHA-256 over the tiles that its hashes stand in, once. */
async function timed(size: number, one: (index: number, told: Told) => Promise<void>): Promise<Figures> {
  const latencies: number[] = [];
  const references: number[] = [];
  let hashesMost = 0;
  const told: Told = async (plan, prove) => {
    const startedAt = performance.now();
    const hashes = await prove();
    latencies.push(performance.now() - startedAt);
    hashesMost = Math.max(hashesMost, hashes.length);
    const bytes = Buffer.alloc(tilesForPlan(plan, size).reduce((sum, { width }) => sum + width * HASH_BYTES, 0));
    const hashedAt = performance.now();
    leafHash(bytes);
    references.push(performance.now() - hashedAt);
    return hashes;
  };
  // A step that is prime to the size goes everywhere, and is the same at every run.
  for (let count = 0; count < PROOFS + WARM_UP; count++) await one((count * 479_001_599) % size, told);
  return { ...latenciesOf(latencies.slice(WARM_UP)), hashesMost, sha256OfTilesP50Ms: latenciesOf(references.slice(WARM_UP))["p50Ms"] };
}

function verified(size: number, runs: readonly VerifyRun[]): Figures {
  const least = (of: (run: VerifyRun) => number): number => Math.min(...runs.map(of));
  const rate = (seconds: number): number => Math.round(size / seconds);
  const seconds = least((run) => run.seconds);
  return {
    seconds: Math.round(seconds * 100) / 100,
    perSecond: rate(seconds),
    perCpuSecond: rate(least((run) => run.cpuSeconds)),
    floorPerSecond: rate(least((run) => run.floorSeconds)),
    sha256PerSecond: rate(least((run) => run.hashSeconds)),
    rssMaxMiB: Math.max(...runs.map(({ rssMaxMiB }) => rssMaxMiB)),
    runs: runs.length,
  };
}
