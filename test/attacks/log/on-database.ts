// Attacks on the tables of the log, made by the database's owner with the triggers off, each in many places. Where a signature is
// needed to hide the change, the log's key was copied too: what is found then is found in the entries themselves.
import { canonicalJson, type JsonObject } from "../../../src/audit/canonical-json.js";
import type { ErrorCode } from "../../../src/kernel/errors.js";
import type { AttackedLog } from "../../support/attacked-log.js";
import { type Forge, forged, writeHistory, writeSignatures } from "../../support/log-forger.js";
import type { Findings } from "./verdict.js";

/** One attack of the matrix in audit-log.md §2.13. */
export interface DatabaseAttack {
  readonly t: number;
  readonly name: string;
  /** Does it at entry `seq`. */
  make(log: AttackedLog, seq: number): Promise<unknown>;
  /** Failed checks of the verifier, and the entry that each names. */
  finds(log: AttackedLog, seq: number): Findings;
  /** How the next start over these tables refuses. */
  readonly start: ErrorCode | null;
  /** What the doctor says of the log, where it can read it. */
  readonly doctor?: (seq: number) => RegExp;
  /** Needs nothing put right behind it, and so can be done to the entries of the service as well, the first one too. */
  readonly anywhere?: true;
  /** Last place that makes sense, counted from the end; 1 is the last entry. */
  readonly notBehind?: number;
}

const TEXT = "convert_from(entry, 'UTF8')";
const LEAF = "sha256('\\x00'::bytea || entry)";
const EDIT = `entry = convert_to(regexp_replace(${TEXT}, '"outcome":"[a-z]+"', '"outcome":"unknown"'), 'UTF8')`;
/** Moves the rows behind `seq` by one. In two steps: a key is checked row by row. */
const SHIFT = (seq: number): string =>
  `UPDATE audit.entry SET seq = seq + 1000001 WHERE seq >= ${String(seq)}; UPDATE audit.entry SET seq = seq - 1000000 WHERE seq > 1000000;
   UPDATE audit.head SET size = size + 1`;

/** Everything rewritten from `seq` on and signed with the stolen key. */
export async function rewrite(log: AttackedLog, seq: number, forge: Forge): Promise<readonly Buffer[]> {
  const history = forged(log.entries, seq, forge);
  await writeHistory(log.owner, history, seq);
  await writeSignatures(log.owner, history, log.signed, log.thief);
  return history;
}

const broken = (seq: number): RegExp => new RegExp(`^entry ${String(seq)}: `);
const otherOutcome: Forge = (entry) => ({ ...entry, outcome: "unknown" });

export const DATABASE_ATTACKS: readonly DatabaseAttack[] = [
  {
    t: 1,
    name: "an entry is edited",
    anywhere: true,
    make: (log, seq) => log.owner.run(`UPDATE audit.entry SET ${EDIT} WHERE seq = $1`, [seq]),
    finds: (log, seq) => ({ leaves: seq, ...(seq === log.size - 1 ? {} : { chain: seq }) }),
    start: "CHAIN_BROKEN",
    doctor: broken,
  },
  {
    t: 1,
    name: "an entry's prev is edited",
    make: (log, seq) => {
      const edit = `convert_to(regexp_replace(${TEXT}, '"prev":"....', '"prev":"dead'), 'UTF8')`;
      return log.owner.run(`UPDATE audit.entry SET entry = ${edit} WHERE seq = $1`, [seq]);
    },
    finds: (_, seq) => ({ leaves: seq, chain: seq }),
    start: "CHAIN_BROKEN",
  },
  {
    t: 1,
    name: "two neighbours are edited",
    make: (log, seq) => log.owner.run(`UPDATE audit.entry SET ${EDIT} WHERE seq IN ($1::bigint, $1::bigint + 1)`, [seq]),
    finds: (_, seq) => ({ leaves: seq }),
    start: "CHAIN_BROKEN",
    notBehind: 3,
  },
  {
    t: 2,
    name: "an entry is edited, leaf hash and all",
    make: async (log, seq) => {
      await log.owner.run(`UPDATE audit.entry SET ${EDIT} WHERE seq = $1`, [seq]);
      await log.owner.run(`UPDATE audit.entry SET leaf_hash = ${LEAF} WHERE seq = $1`, [seq]);
    },
    finds: (log, seq) => ({ chain: seq, consistency: log.vouched(seq) }),
    start: "CHAIN_BROKEN",
    doctor: broken,
    notBehind: 2,
  },
  {
    t: 3,
    name: "the chain is recomputed from an entry to the end, tiles too, and not signed anew",
    make: async (log, seq) => {
      const history = forged(log.entries, seq, otherOutcome);
      await writeHistory(log.owner, history, seq);
      const signed = await log.owner.copy("audit.checkpoint", "true", "size");
      await writeSignatures(log.owner, history, [], log.thief);
      await signed.putBack();
    },
    finds: (log, seq) => ({ consistency: log.vouched(seq), tree: log.vouched(seq) }),
    start: "ROLLBACK_DETECTED",
  },
  {
    t: 3,
    name: "the chain is recomputed from an entry to the end, the tiles left",
    make: async (log, seq) => writeHistory(log.owner, forged(log.entries, seq, otherOutcome), seq),
    finds: (log, seq) => ({ consistency: log.vouched(seq) }),
    start: "ROLLBACK_DETECTED",
  },
  {
    t: 4,
    name: "an entry is deleted",
    anywhere: true,
    make: (log, seq) => log.owner.run("DELETE FROM audit.entry WHERE seq = $1", [seq]),
    finds: (_, seq) => ({ gaps: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
    notBehind: 2,
  },
  {
    t: 4,
    name: "an entry is deleted and those behind it move up",
    make: async (log, seq) => {
      await log.owner.run("DELETE FROM audit.entry WHERE seq = $1", [seq]);
      await log.owner.run(`UPDATE audit.entry SET seq = seq + 1000000 WHERE seq > $1`, [seq]);
      await log.owner.run(`UPDATE audit.entry SET seq = seq - 1000001 WHERE seq > 1000000`);
      await log.owner.run("UPDATE audit.head SET size = size - 1");
    },
    finds: (_, seq) => ({ gaps: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
    notBehind: 2,
  },
  {
    t: 5,
    name: "the tail is deleted",
    make: (log, seq) => log.owner.run("DELETE FROM audit.entry WHERE seq >= $1", [seq]),
    finds: (_, seq) => ({ end: seq }),
    start: "CHAIN_BROKEN",
  },
  {
    t: 7,
    name: "two entries change places",
    anywhere: true,
    make: (log, seq) =>
      log.owner.run(
        `UPDATE audit.entry a SET entry = b.entry, leaf_hash = b.leaf_hash FROM audit.entry b
         WHERE a.seq IN ($1::bigint, $1::bigint + 1) AND b.seq = 2 * $1::bigint + 1 - a.seq`,
        [seq],
      ),
    finds: (_, seq) => ({ gaps: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
    notBehind: 2,
  },
  {
    t: 8,
    name: "a forged entry is inserted",
    notBehind: 2,
    make: async (log, seq) => {
      await log.owner.run(SHIFT(seq));
      const entry = JSON.parse(log.entries[seq]?.toString() ?? "") as JsonObject;
      const id = "01980000-0000-4000-8000-00000000beef";
      await insert(log, seq, Buffer.from(canonicalJson({ ...entry, id, outcome: "unknown" })), id);
    },
    finds: (_, seq) => ({ gaps: seq }),
    start: "CHAIN_BROKEN",
  },
  {
    t: 8,
    name: "an entry is inserted twice",
    notBehind: 2,
    make: async (log, seq) => {
      await log.owner.run(SHIFT(seq));
      await insert(log, seq, log.entries[seq] ?? Buffer.alloc(0), "01980000-0000-4000-8000-00000000beef");
    },
    finds: (_, seq) => ({ gaps: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
  },
  {
    t: 12,
    name: "an entry is dated back, all hashes made to fit, all signed anew",
    make: (log, seq) => rewrite(log, seq, (entry) => ({ ...entry, time: timeBefore(log, seq) })),
    finds: (_, seq) => ({ time: seq }),
    start: "ROLLBACK_DETECTED",
    doctor: broken,
  },
  {
    t: 15,
    name: "a bit of a leaf hash is flipped",
    make: (log, seq) =>
      log.owner.run("UPDATE audit.entry SET leaf_hash = set_bit(leaf_hash, $1 % 256, 1 - get_bit(leaf_hash, $1 % 256)) WHERE seq = $1", [
        seq,
      ]),
    finds: (_, seq) => ({ leaves: seq }),
    start: null,
  },
  {
    t: 18,
    name: "an entry says the same in other bytes, all hashes made to fit, all signed anew",
    make: (log, seq) => rewrite(log, seq, (entry) => Buffer.from(canonicalJson(entry).replace(',"seq"', ', "seq"'))),
    finds: (_, seq) => ({ canonical: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
  },
  {
    t: 19,
    name: "an entry is of an unknown version, all hashes made to fit, all signed anew",
    make: (log, seq) => rewrite(log, seq, (entry) => ({ ...entry, v: 2 })),
    finds: (_, seq) => ({ form: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
  },
  {
    t: 20,
    name: "an entry is of another log, all hashes made to fit, all signed anew",
    make: (log, seq) => rewrite(log, seq, (entry) => ({ ...entry, log: "rootkeep.example/audit/other/1" })),
    finds: (_, seq) => ({ origin: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
  },
  {
    t: 22,
    name: "an entry is emptied as if it had been pruned",
    make: async (log, seq) => {
      await log.owner.run("ALTER TABLE audit.entry ALTER entry DROP NOT NULL");
      await log.owner.run("UPDATE audit.entry SET entry = NULL WHERE seq = $1", [seq]);
    },
    finds: (_, seq) => ({ gaps: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
    notBehind: 2,
  },
  {
    t: 22,
    name: "everything up to an entry is gone as if it had been pruned",
    make: (log, seq) => log.owner.run("DELETE FROM audit.entry WHERE seq <= $1", [seq]),
    finds: () => ({ gaps: 0, tree: 0 }),
    start: "CHAIN_BROKEN",
    doctor: () => broken(0),
    notBehind: 2,
  },
  {
    t: 23,
    name: "an account's chain skips a number, all hashes made to fit, all signed anew",
    make: (log, seq) => rewrite(log, seq, (entry) => ({ ...entry, sseq: Number(entry["sseq"]) + 1 })),
    finds: (_, seq) => ({ streams: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
  },
  {
    t: 23,
    name: "an account's chain is torn, all hashes made to fit, all signed anew",
    make: (log, seq) => rewrite(log, seq, (entry) => ({ ...entry, sprev: "ab".repeat(32) })),
    finds: (_, seq) => ({ streams: seq }),
    start: "CHAIN_BROKEN",
    doctor: broken,
  },
];

/** The time two entries before, or one that was never: entries of one batch have the same. */
function timeBefore(log: AttackedLog, seq: number): string {
  const { time } = JSON.parse(log.entries[seq - 1]?.toString() ?? "") as { time: string };
  return new Date(Date.parse(time) - 1_000).toISOString().replace("Z", "000Z");
}

function insert(log: AttackedLog, seq: number, entry: Buffer, id: string): Promise<number> {
  return log.owner.run(
    `INSERT INTO audit.entry (seq, event_id, entry, leaf_hash, action, outcome, time)
     VALUES ($1, $2, $3, sha256('\\x00'::bytea || $3::bytea), 'secret.reveal', 'unknown', 'x')`,
    [seq, id, entry],
  );
}
