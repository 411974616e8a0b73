import type { Client } from "pg";
import type { LogHead } from "../database/log.port.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { AuditRepository } from "./audit.repository.js";
import { ChainVerifier } from "./chain-verifier.js";
import { CheckpointRepository } from "./checkpoint.repository.js";
import { draftEntry, SYSTEM_ACTOR } from "./draft.js";
import { appendEntries } from "./entry-appender.service.js";
import { epochOf, isEarlierEpoch, lostRange, nextOrigin, type Reopening, sizeOfNote } from "./epoch.js";
import type { Guard, GuardState } from "./guard.port.js";
import { Leadership } from "./leadership.service.js";
import { LogIndex } from "./log-index.js";
import type { LogSigner } from "./log-signer.port.js";
import { ownCheckpoint, signCheckpoint } from "./signed-checkpoint.js";
import { SignedTree } from "./signed-tree.service.js";
import { type Checkpoint, parseCheckpoint } from "./tlog/checkpoint.js";
import { parseNote } from "./tlog/note.js";
import { TlogError } from "./tlog/tlog-error.js";
import { newVerifierKey, type VerifierKey } from "./tlog/verifier-key.js";

/** Entries read at once. */
const PAGE = 2_000;

export interface ReopenLogOptions {
  /** Opens a connection as the role that owns the log. */
  readonly connectOwner: () => Promise<Client>;
  /** Opens a connection as the signer's role. */
  readonly connectSigner: () => Promise<Client>;
  /** Origin of the epoch that is to begin. */
  readonly origin: string;
  readonly key: LogSigner;
  readonly guard: Guard;
  /** Why, in the operator's words; the entry only commits to it. */
  readonly reason: string;
  /** Notes that anchors or receipts have kept: they may know more than the guard. */
  readonly seen: readonly string[];
  /** Called with the entries read and the entries there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** How the log goes on. */
export interface ReopenedLog extends Reopening {
  /** Place of the entry that says so. */
  readonly seq: number;
  /** By which everybody checks the new epoch. */
  readonly verifierKey: VerifierKey;
}

/** A checkpoint that stands outside the database, verified. */
interface OutsideNote {
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

/**
 * Reopens a log whose lost part cannot be brought back (audit-log spec, "Epochs"): it goes on behind what was restored, under the origin of
 * its next epoch, with an entry that names what is lost. The old name is never signed again, so no history is signed twice. In this order:
 *
 * 1. nothing else runs on the database, and what was restored holds, hash by hash;
 * 2. it is *not* what the guard, or a note seen elsewhere, holds: a log that continues the guard has nothing to reopen;
 * 3. the entry is appended under the new origin, in one transaction with the head's change of name;
 * 4. the first checkpoint of the epoch, over all entries, is signed; the guard takes it in place of the old epoch's.
 *
 * Killed between 3 and 4 the log stays shut, because the guard still holds the old epoch; run again, it goes on with 4.
 */
export class ReopenLog {
  constructor(private readonly options: ReopenLogOptions) {}

  /**
   * @throws RootkeepError `STATE_CONFLICT` when something runs on the database, or nothing is lost; `MALFORMED` when the origin is not the next
   *   epoch's; `CHAIN_BROKEN` when what was restored does not hold; `ROLLBACK_DETECTED` when guard or key are of another log.
   */
  async run(): Promise<ReopenedLog> {
    const owner = await this.options.connectOwner();
    try {
      const signer = await this.options.connectSigner();
      // Held until the end: no signer may lead meanwhile.
      const leadership = new Leadership({ connect: this.options.connectSigner, turn: "signer_turn" });
      try {
        if (!(await leadership.take())) throw conflict("a signer is running: stop it first");
        await assertAlone(owner);
        return await this.#run(owner, signer);
      } finally {
        await leadership.release();
        await signer.end().catch(() => undefined);
      }
    } finally {
      await owner.end().catch(() => undefined);
    }
  }

  async #run(owner: Client, signer: Client): Promise<ReopenedLog> {
    const { origin, key } = this.options;
    const head = await AuditRepository.readHead(owner);
    if (head.size === 0) throw conflict("the log has not begun");
    const index = await this.#read(owner, head);
    const publicKey = await key.publicKey();
    const verifierKey = newVerifierKey(origin, "ed25519", publicKey);
    let start = index.epochStarts.at(-1);
    // Killed after the entry and before the guard: what is left to do is to sign.
    if (index.origin !== origin || start?.seq !== head.size - 1) {
      const reopening = await this.#judge(owner, head, index, publicKey);
      start = { seq: head.size, ...reopening };
      await this.#append(owner, head, reopening);
    }
    await this.#sign(signer, start.seq + 1, verifierKey);
    return { ...start, verifierKey };
  }

  /** Reads the whole log, as the service and as an auditor would. */
  async #read(client: Client, head: LogHead): Promise<LogIndex> {
    const index = new LogIndex(new Set());
    const verifier = new ChainVerifier();
    while (index.size < head.size) {
      const page = await AuditRepository.range(client, index.size, Math.min(PAGE, head.size - index.size));
      if (page.length === 0) throw broken(index.size);
      for (const bytes of page) {
        const [finding] = verifier.add(bytes).findings;
        if (finding !== undefined) throw broken(finding.seq);
        index.add(bytes);
      }
      this.options.onProgress?.(index.size, head.size);
    }
    if (!index.lastLeaf.equals(head.lastLeaf) || index.origin !== head.origin) throw broken(head.size - 1);
    return index;
  }

  /** What is lost, by everything that is known outside the database. */
  async #judge(client: Client, head: LogHead, index: LogIndex, publicKey: Buffer): Promise<Reopening> {
    const guarded = await this.options.guard.read();
    const outside = [...(guarded === null ? [] : [guarded.note]), ...this.options.seen].map((note) =>
      verified(note, head.origin, publicKey),
    );
    this.#assertNext([head.origin, ...outside.map(({ checkpoint }) => checkpoint.origin)]);
    const lying: OutsideNote[] = [];
    for (const one of outside) if (await isOnLog(client, index, one.checkpoint)) lying.push(one);
    if (guarded !== null && lying.length === outside.length) throw conflict("the log continues what the guard holds: nothing is lost");
    const signed = await newestSigned(client, head, index, publicKey, lying);
    const newest = outside.reduce<OutsideNote | null>((best, one) => (best === null || isNewer(one, best) ? one : best), null);
    const guard = newest?.note ?? null;
    const lost = lostRange(head.size, sizeOfNote(signed), newest === null ? null : newest.checkpoint.size);
    return { previous: head.origin, signed, guard, lost };
  }

  #assertNext(origins: readonly string[]): void {
    const next = nextOrigin(origins);
    if (next === null)
      throw new RootkeepError("MALFORMED", { fields: [{ field: "ROOTKEEP_LOG_ORIGIN", rule: "counts epochs in its last element" }] });
    if (this.options.origin === next) return;
    throw new RootkeepError("MALFORMED", { fields: [{ field: "ROOTKEEP_LOG_ORIGIN", rule: `is ${next}, the origin of the next epoch` }] });
  }

  async #append(client: Client, head: LogHead, { previous, signed, guard, lost }: Reopening): Promise<void> {
    const { origin, reason } = this.options;
    await client.query("BEGIN");
    try {
      const locked = await AuditRepository.lockHead(client);
      if (locked.size !== head.size || !locked.lastLeaf.equals(head.lastLeaf) || locked.origin !== head.origin)
        throw conflict("the log has grown");
      await client.query("UPDATE audit.head SET origin = $1 WHERE id = 1", [origin]);
      const draft = draftEntry({
        action: "log.reopened",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        details: { previous, signed, guard, lost: { ...lost } },
        disclosures: [{ field: "reason", value: reason }],
      });
      await appendEntries(client, { ...locked, origin }, [draft]);
      const { command } = await client.query("COMMIT");
      if (command !== "COMMIT") throw new RootkeepError("AUDIT_UNAVAILABLE", { reason: "commit was rolled back" });
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }

  /** The first checkpoint of the epoch: the guard first, then the table, as every other. */
  async #sign(client: Client, size: number, verifierKey: VerifierKey): Promise<void> {
    const { guard, key, origin } = this.options;
    const state = await guard.read();
    if (state !== null && this.#isOfThisEpoch(state, verifierKey)) return;
    const computed = await (await SignedTree.at(client, origin, undefined)).extend({ size });
    const note = await signCheckpoint(computed, verifierKey, key);
    if (!(await guard.advance(state, note))) throw conflict("the guard has moved meanwhile");
    const { root, frontier, tiles } = computed;
    await CheckpointRepository.insert(client, origin, { size, root, note, frontier }, tiles);
  }

  /** True when the guard took the epoch's checkpoint already: the signer writes it to the table at its next start. */
  #isOfThisEpoch({ note }: GuardState, verifierKey: VerifierKey): boolean {
    const { origin } = verified(note, verifierKey.name, verifierKey.publicKey).checkpoint;
    return origin === verifierKey.name;
  }
}

/** @throws RootkeepError `STATE_CONFLICT` while a service is connected: it would go on under the old name. */
async function assertAlone(owner: Client): Promise<void> {
  const { rows } = await owner.query(
    "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE datname = current_database() AND usename = 'rootkeep_service' LIMIT 1",
  );
  if (rows.length > 0) throw conflict("a service is running: stop it first");
}

/**
 * The checkpoint of a note that this log's key has signed, in whichever of its epochs.
 * @throws RootkeepError `ROLLBACK_DETECTED` for any other note.
 */
function verified(note: string, origin: string, publicKey: Buffer): OutsideNote {
  const claimed = claimedOrigin(note);
  if (claimed === null || epochOf(claimed)?.log !== epochOf(origin)?.log) {
    throw new RootkeepError("ROLLBACK_DETECTED", { reason: "a note is of another log" });
  }
  return { note, checkpoint: ownCheckpoint(note, claimed, newVerifierKey(claimed, "ed25519", publicKey)) };
}

function claimedOrigin(note: string): string | null {
  try {
    return parseCheckpoint(parseNote(Buffer.from(note, "utf8")).text).origin;
  } catch (error) {
    if (error instanceof TlogError) return null;
    throw error;
  }
}

/** True if the restored log leads to this checkpoint, in an epoch that it has been through. */
async function isOnLog(client: Client, index: LogIndex, { origin, size, root }: Checkpoint): Promise<boolean> {
  if (size > index.size || !(origin === index.origin || index.epochStarts.some(({ previous }) => previous === origin))) return false;
  return (await index.roots.rootAt(size, (from, to) => AuditRepository.range(client, from, to - from))).equals(root);
}

/** The newest note of an epoch of this log that the restored entries lead to: in the table, outside it, or in the last reopening. */
async function newestSigned(
  client: Client,
  head: LogHead,
  index: LogIndex,
  publicKey: Buffer,
  lying: readonly OutsideNote[],
): Promise<string | null> {
  const [outside] = lying.toSorted((one, other) => other.checkpoint.size - one.checkpoint.size);
  const key = newVerifierKey(head.origin, "ed25519", publicKey);
  const written = await newestWritten(client, head, index, key, outside?.checkpoint.size ?? 0);
  return written ?? outside?.note ?? index.epochStarts.at(-1)?.signed ?? null;
}

/** The newest note in the table, of more than `sizeMin` entries, that is ours and that the entries lead to. */
async function newestWritten(client: Client, head: LogHead, index: LogIndex, key: VerifierKey, sizeMin: number): Promise<string | null> {
  for (let sizeMax = head.size; sizeMax > sizeMin; ) {
    const row = await CheckpointRepository.newest(client, head.origin, sizeMax);
    if (row === undefined || row.size <= sizeMin) return null;
    const checkpoint = ownOrNull(row.note, head.origin, key);
    if (checkpoint?.size === row.size && (await isOnLog(client, index, checkpoint))) return row.note;
    sizeMax = row.size - 1;
  }
  return null;
}

/** A row that is no note of ours says nothing: anybody who owns the database can write one. */
function ownOrNull(note: string, origin: string, key: VerifierKey): Checkpoint | null {
  try {
    return ownCheckpoint(note, origin, key);
  } catch (error) {
    if (isRootkeepError(error, "ROLLBACK_DETECTED")) return null;
    throw error;
  }
}

function isNewer(one: OutsideNote, other: OutsideNote): boolean {
  if (one.checkpoint.origin === other.checkpoint.origin) return one.checkpoint.size > other.checkpoint.size;
  return isEarlierEpoch(other.checkpoint.origin, one.checkpoint.origin);
}

function conflict(rule: string): RootkeepError {
  return new RootkeepError("STATE_CONFLICT", { reason: rule });
}

function broken(seq: number): RootkeepError {
  return new RootkeepError("CHAIN_BROKEN", { facts: { seq } });
}
