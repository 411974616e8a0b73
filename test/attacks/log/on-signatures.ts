// Attacks that a log cannot show by itself, or only to who knows its key: whoever signs decides what is signed. What finds them lies
// elsewhere: a trust file, a note that an anchor keeps, a receipt, witnesses, the guard.
import { leafHash } from "../../../src/audit/chain.js";
import { formatVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import type { AttackTally } from "../../support/attack-tally.js";
import type { AttackedLog, Elsewhere } from "../../support/attacked-log.js";
import { type Forge, forged, writeCheckpoint, writeHistory, writeSignatures } from "../../support/log-forger.js";
import { writeFiles } from "../../support/sample-log.js";
import { noteOf } from "../../support/signed-export.js";
import { noteSigner } from "../../support/tlog-keys.js";
import { rewrite } from "./on-database.js";
import { passed, unnamed } from "./verdict.js";

/** An attack of the matrix that is more than one change and one look. */
export interface Attack {
  readonly t: number;
  readonly name: string;
  /** Does it, once or more often, and notes what came of each; `isFull` asks for all variants. */
  judge(log: AttackedLog, tally: AttackTally, isFull: boolean): Promise<void>;
}

const otherOutcome: Forge = (entry) => ({ ...entry, outcome: "unknown" });

/** Each kind of knowledge by itself, and the check that it makes fail. */
function knowledge(
  log: AttackedLog,
): readonly { readonly name: string; readonly elsewhere: Elsewhere; readonly check: "trust" | "anchors" }[] {
  const { note, head } = log.kept;
  const { name } = log.thief.key;
  return [
    { name: "a note that was kept", elsewhere: { trust: { origin: name, receipts: ["n"] }, files: { n: note } }, check: "trust" },
    { name: "a head that was kept", elsewhere: { trust: { origin: name, head: [head] } }, check: "trust" },
    { name: "the notes of a bucket", elsewhere: log.withKey, check: "anchors" },
  ];
}

const anchored =
  (log: AttackedLog) =>
  (directory: string): Promise<void> =>
    writeFiles(directory, log.kept.bucket);

async function cut(log: AttackedLog, size: number): Promise<void> {
  await writeHistory(log.owner, log.entries.slice(0, size), size);
  await log.owner.run("DELETE FROM audit.cosignature WHERE size > $1", [size]);
  await log.owner.run("DELETE FROM audit.checkpoint WHERE size > $1", [size]);
  await log.owner.run("DELETE FROM audit.tile WHERE (idx + 1) * 256 ^ (level + 1) > $1", [size]);
  await log.owner.run("DELETE FROM audit.disclosure WHERE seq >= $1", [size]);
}

/** Places of the log, one or many, from the first entry that may be forged without a trace in later ones. */
function some({ own, size }: AttackedLog, isFull: boolean): readonly number[] {
  return isFull ? Array.from({ length: 12 }, (_, index) => own + Math.floor(((size - own - 1) * index) / 12)) : [own + 100];
}

export const SIGNATURE_ATTACKS: readonly Attack[] = [
  {
    t: 6,
    name: "the tail is deleted, and every head, tile and checkpoint with it",
    async judge(log, tally, isFull) {
      const sizes = log.signed.filter((size) => size > log.own && size < log.size);
      for (const size of isFull ? sizes : sizes.slice(-1)) {
        await cut(log, size);
        tally.note(`${String(size)}: nothing in the log tells`, passed(await log.verifyDatabase(log.withKey)));
        for (const { name, elsewhere, check } of knowledge(log)) {
          const report = await log.verifyDatabase(elsewhere, check === "anchors" ? anchored(log) : undefined);
          tally.note(`${String(size)}: ${name}`, unnamed(report, { [check]: size }));
        }
        const start = await log.start();
        tally.note(`${String(size)}: a start`, start === "ROLLBACK_DETECTED" ? null : String(start));
        await log.putBack();
      }
    },
  },
  {
    t: 10,
    name: "a checkpoint of the same size has another root and a valid signature",
    async judge(log, tally, isFull) {
      const sizes = log.signed.filter((size) => size > log.own);
      for (const size of isFull ? sizes : [sizes[3] ?? 0, log.size]) {
        const before = log.vouched(size - 1);
        const other = forged(log.entries, before, otherOutcome).map((entry) => leafHash(entry));
        await writeCheckpoint(log.owner, other, size, log.thief);
        const report = await log.verifyDatabase(log.withKey);
        tally.note(`of ${String(size)}`, unnamed(report, { consistency: before, ...(size === log.size ? { tree: before } : {}) }));
        if (size === log.size)
          tally.note("beside the anchored one", unnamed(await log.verifyDatabase(log.withKey, anchored(log)), { anchors: before }));
        await log.putBack();
      }
    },
  },
  {
    t: 13,
    name: "everything is rewritten and signed with another key [AX-14]",
    async judge(log, tally, isFull) {
      const other = noteSigner(log.thief.key.name, "ed25519", Buffer.alloc(32, 66));
      for (const seq of some(log, isFull)) {
        const history = await rewrite(log, seq, otherOutcome);
        await writeSignatures(log.owner, history, log.signed, other);
        const naive = await log.verifyDatabase(undefined, undefined, other.key);
        tally.note(
          `${String(seq)}: passes by its own key`,
          passed(naive) ?? (naive.statement.includes("origin not checked") ? null : naive.statement),
        );
        const report = await log.verifyDatabase(log.withKey, undefined, other.key);
        tally.note(`${String(seq)}: --trust with the log's key`, unnamed(report, { signatures: 0 }));
        await log.putBack();
      }
    },
  },
  {
    t: 14,
    name: "everything is rewritten and signed with the stolen key: it passes, and only what others keep tells",
    async judge(log, tally, isFull) {
      for (const seq of some(log, isFull)) {
        await rewrite(log, seq, otherOutcome);
        tally.note(`${String(seq)}: passes without anchors`, passed(await log.verifyDatabase(log.withKey)));
        for (const { name, elsewhere, check } of knowledge(log)) {
          const report = await log.verifyDatabase(elsewhere, check === "anchors" ? anchored(log) : undefined);
          // A bucket knows every size, and so between which two it happened; one note or hash knows that it did.
          const places = { anchors: log.vouched(seq), trust: "head" in elsewhere.trust ? log.size - 1 : log.vouched(log.size - 1) };
          tally.note(`${String(seq)}: ${name}`, unnamed(report, { [check]: places[check] }));
        }
        tally.note(`${String(seq)}: the witnesses' policy`, unnamed(await log.verifyDatabase(withPolicy(log)), { quorum: 0 }));
        const start = await log.start();
        tally.note(`${String(seq)}: a start`, start === "ROLLBACK_DETECTED" ? null : String(start));
        await log.putBack();
      }
    },
  },
  {
    t: 14,
    name: "the opening itself is rewritten, signed with the stolen key: who opened has a receipt",
    async judge(log, tally) {
      const { seq } = log.kept.opened;
      const trust = { origin: log.thief.key.name, receipts: ["a.tlog-proof"] };
      const elsewhere = { trust, files: { "a.tlog-proof": log.kept.receipt } };
      tally.note("the log as it was", passed(await log.verifyDatabase(elsewhere)));
      await rewrite(log, seq, (entry) => ({ ...entry, actor: { type: "person", id: "per_somebodyelse" } }));
      tally.note("without the receipt", passed(await log.verifyDatabase(log.withKey)));
      tally.note("with it", unnamed(await log.verifyDatabase(elsewhere), { trust: log.vouched(seq) }));
    },
  },
  {
    t: 16,
    name: "cosignatures are dropped below the quorum",
    async judge(log, tally) {
      tally.note("three of three", passed(await log.verifyDatabase(withPolicy(log))));
      const drop = (witness: string) => log.owner.run("DELETE FROM audit.cosignature WHERE line LIKE $1", [`%${witness} %`]);
      await drop("/w1");
      tally.note("two of three are the quorum", passed(await log.verifyDatabase(withPolicy(log))));
      await drop("/w3");
      tally.note("one of three, --trust with the policy", unnamed(await log.verifyDatabase(withPolicy(log)), { quorum: 0 }));
      tally.note("without the policy nobody asks", passed(await log.verifyDatabase(log.withKey)));
      await drop("/w2");
      tally.note("none of three", unnamed(await log.verifyDatabase(withPolicy(log)), { quorum: 0 }));
    },
  },
  {
    t: 16,
    name: "a cosignature is replaced by one over another tree",
    async judge(log, tally) {
      const note = await noteOf(log.leaves, log.size - 1, { log: log.thief, witnesses: log.witnesses });
      const line = note
        .toString()
        .split("\n")
        .find((text) => text.includes("/w1 "));
      await log.owner.run("UPDATE audit.cosignature SET line = $1 WHERE line LIKE '%/w1 %'", [`${line ?? ""}\n`]);
      tally.note("--trust with the policy", unnamed(await log.verifyDatabase(withPolicy(log)), { signatures: 0 }));
    },
  },
  {
    t: 24,
    name: "a checkpoint covers more than the log has",
    async judge(log, tally, isFull) {
      for (const more of isFull ? [1, 2, 10, 144, 1000] : [10]) {
        const leaves = [...log.leaves, ...log.leaves, ...log.leaves].slice(0, log.size + more);
        await writeCheckpoint(log.owner, leaves, log.size + more, log.thief);
        tally.note(`${String(more)} more, in the table`, unnamed(await log.verifyDatabase(log.withKey), { end: log.size }));
        await log.putBack();
        const beyond = await noteOf(leaves, log.size + more, { log: log.thief });
        const newest = (directory: string): Promise<void> => writeFiles(directory, { checkpoint: beyond });
        tally.note(`${String(more)} more, in the export`, unnamed(await log.verifyExport(newest), { tree: log.size }));
        const issued = (directory: string): Promise<void> =>
          writeFiles(directory, { [`checkpoints/${String(log.size + more)}.note`]: beyond });
        tally.note(`${String(more)} more, beside others`, unnamed(await log.verifyExport(issued), { consistency: log.size }));
      }
      const older = await noteOf(log.leaves, log.own, { log: log.thief });
      const report = await log.verifyExport((directory) => writeFiles(directory, { checkpoint: older }));
      tally.note("less than the log has: nothing vouches for the rest", unnamed(report, { tree: log.own }));
    },
  },
];

/** A trust file whose policy wants two of three witnesses. */
function withPolicy(log: AttackedLog): Elsewhere {
  const policy = [
    ...log.witnesses.map(({ key }, index) => `witness w${String(index + 1)} ${formatVerifierKey(key)}`),
    "group two 2 w1 w2 w3",
    "quorum two",
    "",
  ].join("\n");
  return { trust: { ...log.withKey.trust, policy: "policy.txt" }, files: { "policy.txt": policy } };
}
