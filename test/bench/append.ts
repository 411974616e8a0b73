import { randomUUID } from "node:crypto";
import { Pool } from "pg";
import { MIGRATIONS } from "../../migrations/index.js";
import { AuditLog } from "../../src/audit/audit-log.service.js";
import { leafHash } from "../../src/audit/chain.js";
import { buildEntry } from "../../src/audit/entry.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { clientOptions } from "../../src/database/data-source.service.js";
import { createTestDatabase } from "../support/postgres.js";
import {
  type Benchmark,
  type Figures,
  figuresOf,
  type Load,
  machine,
  percentile,
  perSecond,
  setting,
  together,
  underLoad,
} from "./measure.js";
import { STREAMS, sampleEntry } from "./sample-entry.js";

const CALLERS = [1, 64, 256];
const ORIGIN = "rootkeep.bench/audit/append/1";
/** Server processes of the reference. More than this only queue for the two cores. */
const POOL = 64;

const fail = (...what: readonly unknown[]): void => {
  console.error("the log raised an alarm:", ...what);
};
const ALARMS = { chainBroken: fail, rolledBack: fail, clockRefused: fail, rowRefused: fail, appendFailed: fail };

const PLAIN_TABLE = `
  CREATE SCHEMA bench;
  CREATE TABLE bench.entry (
    seq bigint PRIMARY KEY, event_id uuid NOT NULL UNIQUE, entry bytea NOT NULL, leaf_hash bytea NOT NULL,
    action text NOT NULL, outcome text NOT NULL, actor_id text, target_id text, time text NOT NULL);
  ALTER TABLE bench.entry ALTER COLUMN entry SET STORAGE EXTERNAL;
  CREATE INDEX ON bench.entry (actor_id, seq);
  CREATE INDEX ON bench.entry (target_id, seq);
  CREATE INDEX ON bench.entry (action, seq)`;

/**
 * Durable entries per second through the log's queue, beside what the same server does with plain rows: single-row INSERTs, each its own
 * transaction, of the same bytes into a table of the same columns and indexes without chain, checks or triggers, as its owner.
 */
export const appendBenchmark: Benchmark = {
  name: "append",
  async run(say): Promise<Figures> {
    const database = await createTestDatabase({ migrations: MIGRATIONS });
    const log = new AuditLog(() => connectLog(database.connections.rootkeep_service), ALARMS);
    const pool = new Pool({ ...clientOptions(database.superuser, "rootkeep-bench"), max: POOL });
    pool.on("error", () => undefined);
    try {
      await log.open(ORIGIN, "bench");
      await pool.query(PLAIN_TABLE);
      const plain = plainInsert(pool);
      let made = 0;
      const chained = (): Promise<unknown> => log.record(sampleEntry(made++));
      const loads = [];
      for (const callers of CALLERS) loads.push(await compare(callers, chained, plain, say));
      return { name: "append", entryBytes: entryBytes(), machine: await machine(database), loads };
    } finally {
      await log.close();
      await pool.end();
      await database.drop();
    }
  },
};

/** Rounds of the two take turns, so that whatever else the machine does falls on both. */
async function compare(
  callers: number,
  chained: () => Promise<unknown>,
  plain: () => Promise<unknown>,
  say: (line: string) => void,
): Promise<Figures> {
  const seconds = setting("ROOTKEEP_BENCH_SECONDS", 2);
  const rounds = setting("ROOTKEEP_BENCH_ROUNDS", 4);
  // Prepared statements, warm caches, compiled code.
  await underLoad(callers, 0.5, chained);
  await underLoad(callers, 0.5, plain);
  const log: Load[] = [];
  const reference: Load[] = [];
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const one = await underLoad(callers, seconds, chained);
    const other = await underLoad(callers, seconds, plain);
    log.push(one);
    reference.push(other);
    ratios.push(perSecond(one) / perSecond(other));
    say(`append, ${String(callers)} callers, round ${String(round)}: log ${String(perSecond(one))}/s, plain ${String(perSecond(other))}/s`);
  }
  const [chain, rows] = [together(log), together(reference)];
  return {
    callers,
    log: figuresOf(chain),
    plain: figuresOf(rows),
    ratio: Math.round((perSecond(chain) / perSecond(rows)) * 100) / 100,
    ratioMedian: percentile(ratios, 0.5),
  };
}

function build(count: number): ReturnType<typeof buildEntry> {
  const prev = leafHash(Buffer.from(String(count)));
  return buildEntry(sampleEntry(count), {
    log: ORIGIN,
    seq: 100_000 + count,
    prev,
    time: "2026-01-01T00:00:00.000000Z",
    sseq: 100,
    sprev: prev,
  });
}

function entryBytes(): number {
  return build(0).bytes.length;
}

function plainInsert(pool: Pool): () => Promise<unknown> {
  // Built beforehand: the reference shall cost the client nothing but its INSERT.
  const samples = Array.from({ length: STREAMS }, (_, index) => ({ ...build(index), target: sampleEntry(index).target?.id }));
  let seq = 0;
  return async () => {
    const { bytes, leafHash: leaf, target } = samples[seq % STREAMS]!;
    const actor = "per_0123456789abcdefghjkmnpqrs";
    await pool.query({
      name: "plain",
      text: `INSERT INTO bench.entry (seq, event_id, entry, leaf_hash, action, outcome, actor_id, target_id, time)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      values: [seq++, randomUUID(), bytes, leaf, "secret.reveal", "denied", actor, target, "2026-01-01T00:00:00.000000Z"],
    });
  };
}
