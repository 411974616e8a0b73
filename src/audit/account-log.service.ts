import type { PoolClient } from "pg";
import type { DataSource } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { AuditRepository } from "./audit.repository.js";
import type { AuditLog } from "./audit-log.service.js";
import { leafHash } from "./chain.js";
import { CheckpointRepository } from "./checkpoint.repository.js";
import { entryExtras, parseEntry } from "./entry.js";
import { GLOBAL_STREAM, isGlobalAct } from "./global-acts.js";
import { type Heartbeat, readHeartbeat } from "./heartbeat.js";
import { ownCheckpoint } from "./signed-checkpoint.js";
import { HeadsTree, headsRoot, type StreamTip, type TipProof } from "./stream-heads.js";
import type { DatedTip } from "./stream-index.js";
import { TileReader } from "./tile-reader.service.js";
import { parseCheckpoint } from "./tlog/checkpoint.js";
import { parseNote } from "./tlog/note.js";
import { verifyInclusion } from "./tlog/proof.js";
import { TlogError } from "./tlog/tlog-error.js";
import { parseTlogProof } from "./tlog/tlog-proof.js";
import type { VerifierKey } from "./tlog/verifier-key.js";
import type { TlogReader } from "./tlog-reader.service.js";

/** Where an account's own chain stands, as a signed heartbeat says. */
export interface AccountHead {
  /** Place of the heartbeat. */
  readonly heartbeatSeq: number;
  /** Bytes of its entry. */
  readonly heartbeat: Buffer;
  /** The `.tlog-proof` of that entry. */
  readonly proof: Buffer;
  /** Entries that the checkpoint in the proof covers. */
  readonly size: number;
  /** Leaves of the tree of heads. */
  readonly streams: number;
  readonly account: TipProof;
  readonly global: TipProof;
}

/** An entry with the proof that it is in the log. */
export interface ProvenEntry {
  /** Number in its stream, from 0. */
  readonly number: number;
  readonly seq: number;
  readonly bytes: Buffer;
  /** Inclusion proof under the checkpoint that was asked for. */
  readonly hashes: readonly Buffer[];
}

interface SignedHeads {
  readonly seq: number;
  readonly bytes: Buffer;
  readonly heartbeat: Heartbeat;
  readonly tree: HeadsTree;
}

/**
 * The log for the owner of one account: their entries, the global acts, and the proof that none is missing. Which entries are whose, this
 * process knows from entry bytes; the tree of heads is built anew from them, and must have the root that the heartbeat committed to.
 */
export class AccountLog {
  /** The tree of the heartbeat that was asked for last; the next one comes ten minutes later. */
  #heads: { readonly seq: number; readonly made: Promise<SignedHeads> } | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly log: Pick<AuditLog, "streams" | "catchUp" | "readHead" | "epochStarts">,
    private readonly tlog: Pick<TlogReader, "newest" | "entryProof">,
    private readonly origin: string,
    private readonly verifierKey: VerifierKey,
  ) {}

  /**
   * The head of `account` in the newest heartbeat that is signed.
   * @throws RootkeepError `NOT_FOUND` for an account of which no signed heartbeat knows an entry; `CHAIN_BROKEN` when the heads in the
   *   heartbeat are not those of the entries before it.
   */
  async head(account: string): Promise<AccountHead> {
    const { size: signed } = await this.tlog.newest();
    const heads = await this.#with(async (client) => await this.#newestHeads(client, signed));
    const tip = await heads.tree.prove(account);
    const global = await heads.tree.prove(GLOBAL_STREAM);
    if (tip === undefined || global === undefined) throw new RootkeepError("NOT_FOUND");
    const proof = await this.tlog.entryProof(heads.seq);
    const { size } = parseCheckpoint(parseNote(parseTlogProof(proof).note).text);
    return { heartbeatSeq: heads.seq, heartbeat: heads.bytes, proof, size, streams: heads.tree.size, account: tip, global };
  }

  /**
   * Entries number `from` to `from + limit − 1` of a stream, our id of an account or `global`, with proofs under the checkpoint of `size`
   * entries, as far as that covers them.
   * @throws RootkeepError `NOT_FOUND` when no checkpoint has that size; `CHAIN_BROKEN` when the database has lost an entry, or its proof
   *   does not hold.
   */
  async entries(stream: string, from: number, limit: number, size: number): Promise<readonly ProvenEntry[]> {
    return await this.#with(async (client) => {
      const checkpoint = await CheckpointRepository.newest(client, this.origin, size);
      if (checkpoint?.size !== size) throw new RootkeepError("NOT_FOUND");
      // The table's word for it is not enough: whoever owns the database could prove another account's entry under a root of their own.
      const { root } = ownCheckpoint(checkpoint.note, this.origin, this.verifierKey);
      const seqs = this.log.streams.placesOf(stream, from, limit).filter((seq) => seq < size);
      const bytes = await AuditRepository.at(client, seqs);
      const reader = new TileReader(client, this.origin);
      const proven: ProvenEntry[] = [];
      for (const [index, seq] of seqs.entries()) {
        const entry = bytes.get(seq);
        if (entry === undefined || !isOf(stream, entry)) throw broken(seq);
        proven.push({ number: from + index, seq, bytes: entry, hashes: await provenBy(reader, entry, { seq, size, root }) });
      }
      return proven;
    });
  }

  async #newestHeads(client: PoolClient, signed: number): Promise<SignedHeads> {
    const seq = this.log.streams.heartbeatBelow(signed);
    // One of an ended epoch knows nothing of what was lost: the owner waits for the next.
    if (seq === undefined || seq < (this.log.epochStarts.at(-1)?.seq ?? 0)) throw new RootkeepError("NOT_FOUND");
    if (this.#heads?.seq !== seq) {
      const made = this.#headsOf(client, seq);
      this.#heads = { seq, made };
      // Whoever asked hears of it; the next one tries again.
      made.catch(() => (this.#heads = undefined));
    }
    return await this.#heads.made;
  }

  async #headsOf(client: PoolClient, seq: number): Promise<SignedHeads> {
    const bytes = (await AuditRepository.at(client, [seq])).get(seq);
    if (bytes === undefined) throw broken(seq);
    const entry = parseEntry(bytes);
    const heartbeat = readHeartbeat({ ...entry, details: entryExtras(entry).details });
    if (heartbeat === null) throw broken(seq);
    const tips = await readTips(client, this.log.streams.tipsAt(heartbeat.asOf));
    // Others are served meanwhile: of a hundred thousand accounts this takes a second.
    const root = await headsRoot(tips, giveWay);
    if (!root.equals(heartbeat.streamsRoot)) throw broken(seq);
    return { seq, bytes, heartbeat, tree: await HeadsTree.of(tips, giveWay) };
  }

  async #with<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const client = (await runner.connect()) as PoolClient;
      // What another replica has appended, this one may not have read yet.
      await this.log.catchUp(client, await this.log.readHead(client));
      return await use(client);
    } finally {
      await runner.release();
    }
  }
}

/** Reads the last entries of the streams that have grown since. What the database says of them must lead to the heartbeat's root. */
async function readTips(client: PoolClient, tips: readonly DatedTip[]): Promise<readonly StreamTip[]> {
  const missing = tips.flatMap(({ leaf, seq }) => (leaf === null ? seq : []));
  const bytes = await AuditRepository.at(client, missing);
  return tips.map(({ stream, size, seq, leaf }) => {
    const entry = bytes.get(seq);
    if (leaf === null && entry === undefined) throw broken(seq);
    return { stream, size, leaf: leaf ?? leafHash(entry ?? Buffer.alloc(0)) };
  });
}

async function provenBy(
  reader: TileReader,
  entry: Buffer,
  { seq, size, root }: { readonly seq: number; readonly size: number; readonly root: Buffer },
): Promise<readonly Buffer[]> {
  try {
    const hashes = await reader.inclusion(seq, size);
    // A proof that proves nothing would be kept for years before somebody noticed.
    verifyInclusion(seq, size, leafHash(entry), hashes, root);
    return hashes;
  } catch (cause) {
    if (cause instanceof TlogError) throw broken(seq, cause);
    throw cause;
  }
}

async function giveWay(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function broken(seq: number, cause?: unknown): RootkeepError {
  return new RootkeepError("CHAIN_BROKEN", { facts: { seq }, ...(cause === undefined ? {} : { cause }) });
}

/** Whether the bytes say of themselves that they are of `stream`. */
function isOf(stream: string, bytes: Buffer): boolean {
  const entry = parseEntry(bytes);
  return stream === GLOBAL_STREAM ? isGlobalAct(entry) : entry["stream"] === stream;
}
