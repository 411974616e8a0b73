import type { PoolClient } from "pg";
import type { DataSource } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { AuditRepository } from "./audit.repository.js";
import { leafHash } from "./chain.js";
import { ChainVerifier } from "./chain-verifier.js";
import { CheckpointRepository } from "./checkpoint.repository.js";
import { parseEntry } from "./entry.js";
import { isWanted, type ReportFilter, type ReportLine, reportLine } from "./report-line.js";
import { ownCheckpoint } from "./signed-checkpoint.js";
import { TileReader } from "./tile-reader.service.js";
import { verifyInclusion } from "./tlog/proof.js";
import { TlogError } from "./tlog/tlog-error.js";
import type { VerifierKey } from "./tlog/verifier-key.js";

/** A report that was asked for: `[from, to)` in the log's own times, and where the page before ended. */
export interface ReportQuery extends ReportFilter {
  /** `YYYY-MM-DDThh:mm:ss.ffffffZ`, as entries have it; null for the log's beginning or end. */
  readonly from: string | null;
  readonly to: string | null;
  /** Position behind which the page begins; null for the first. */
  readonly after: number | null;
  /** Lines at most. */
  readonly limit: number;
  /** Of accounts that lines are about, those that may be shown; a line about none is not. Null where every line may. */
  readonly sieve: ((accountIds: Iterable<string>) => Promise<ReadonlySet<string>>) | null;
  /** Size of the checkpoint that all pages of one report rest on; null for the newest, with the first page. */
  readonly size: number | null;
}

/** A page of a report, and the signed tree that vouches for it. A page may hold no line and yet not be the last. */
export interface ReportPage {
  readonly lines: readonly ReportLine[];
  /** Position to go on after; null at the end. */
  readonly next: number | null;
  readonly origin: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
}

interface Tree {
  readonly client: PoolClient;
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** One call reads and checks at most so many entries, so that it is short whatever the period. */
const ENTRIES_PER_PAGE = 2_000;

/**
 * Evidence out of the log's own bytes. No search column decides what is in a report: the first entry of the period is found by entries that
 * are each proven to a checkpoint with our signature, from there on each entry must carry the hash of the one before, and the last one read
 * is proven again. Whoever owns the database can so neither change nor leave out a line, but only break the report.
 */
export class Reports {
  constructor(
    private readonly dataSource: DataSource,
    private readonly origin: string,
    private readonly verifierKey: VerifierKey,
  ) {}

  /**
   * One page.
   * @throws RootkeepError `NOT_FOUND` when no checkpoint has that size, or there is none yet; `CHAIN_BROKEN` naming the first place that
   *   nothing vouches for; `ROLLBACK_DETECTED` for a checkpoint that is not signed by the log's key.
   */
  async page(query: ReportQuery): Promise<ReportPage> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const client = (await runner.connect()) as PoolClient;
      const tree = await this.#tree(client, query.size);
      const start = query.after === null ? await this.#firstAt(tree, query.from) : query.after + 1;
      const { lines, next } = await this.#read(tree, start, query);
      return { lines, next, origin: this.origin, size: tree.size, root: tree.root.toString("hex") };
    } finally {
      await runner.release();
    }
  }

  async #tree(client: PoolClient, size: number | null): Promise<Tree> {
    const row = await CheckpointRepository.newest(client, this.origin, size ?? undefined);
    if (row === undefined || (size !== null && row.size !== size)) throw new RootkeepError("NOT_FOUND");
    const checkpoint = ownCheckpoint(row.note, this.origin, this.verifierKey);
    if (size !== null && checkpoint.size !== size) throw broken(checkpoint.size);
    return { client, origin: this.origin, size: checkpoint.size, root: checkpoint.root };
  }

  /** Position of the first entry that is not before `time`; the log's times never fall [AE-7], so halving finds it. */
  async #firstAt(tree: Tree, time: string | null): Promise<number> {
    let [low, high] = [0, time === null ? 0 : tree.size];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const bytes = (await AuditRepository.range(tree.client, middle, 1))[0];
      if (bytes === undefined) throw broken(middle);
      // A time that is not proven could lead past what somebody wants to hide.
      await prove(tree, middle, bytes);
      if (parseEntry(bytes).time < (time ?? "")) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #read(tree: Tree, start: number, query: ReportQuery): Promise<{ lines: readonly ReportLine[]; next: number | null }> {
    const end = Math.min(start + ENTRIES_PER_PAGE, tree.size);
    if (start >= end) return { lines: [], next: null };
    const chain = new ChainVerifier(this.origin, { from: start });
    const { lines, last, isOver } = follow(chain, await AuditRepository.range(tree.client, start, end - start), query);
    // Entries that are missing at the end of a page are missed here with the next one.
    if (last === undefined || chain.finish()[0] !== undefined) throw broken(chain.next);
    // Each entry carries the hash of the one before: what vouches for the last vouches for them all.
    await prove(tree, chain.next - 1, last);
    const next = isOver || chain.next === tree.size ? null : chain.next - 1;
    return query.sieve === null ? { lines, next } : cut(await sifted(lines, query.sieve), next, query.limit);
  }
}

/** Reads entry after entry until the page is full or the period is over. @throws RootkeepError `CHAIN_BROKEN` */
function follow(
  chain: ChainVerifier,
  page: readonly Buffer[],
  query: ReportQuery,
): { readonly lines: ReportLine[]; readonly last: Buffer | undefined; readonly isOver: boolean } {
  const lines: ReportLine[] = [];
  let last: Buffer | undefined;
  for (const bytes of page) {
    const { seq, leaf, entry, findings } = chain.add(bytes);
    if (findings[0] !== undefined || entry === null) throw broken(findings[0]?.seq ?? seq);
    last = bytes;
    if (query.to !== null && entry.time >= query.to) return { lines, last, isOver: true };
    const line = reportLine(leaf, entry);
    if (line !== null && isWanted(line, query)) lines.push(line);
    // How many of them are shown is known only when they have been sifted: a page of entries is not many.
    if (query.sieve === null && lines.length === query.limit) break;
  }
  return { lines, last, isOver: false };
}

async function sifted(lines: readonly ReportLine[], sieve: NonNullable<ReportQuery["sieve"]>): Promise<readonly ReportLine[]> {
  const shown = await sieve(lines.flatMap(({ account }) => (typeof account === "string" ? account : [])));
  return lines.filter(({ account }) => typeof account === "string" && shown.has(account));
}

/** The first `limit` of `lines`; the next page goes on behind the last of them. */
function cut(lines: readonly ReportLine[], next: number | null, limit: number): { lines: readonly ReportLine[]; next: number | null } {
  const last = lines[limit - 1];
  return last === undefined || lines.length === limit ? { lines, next } : { lines: lines.slice(0, limit), next: last.seq };
}

/** @throws RootkeepError `CHAIN_BROKEN` unless these bytes are entry `seq` of the signed tree. */
async function prove({ client, origin, size, root }: Tree, seq: number, bytes: Buffer): Promise<void> {
  try {
    verifyInclusion(seq, size, leafHash(bytes), await new TileReader(client, origin).inclusion(seq, size), root);
  } catch (cause) {
    if (cause instanceof TlogError || cause instanceof RangeError) throw broken(seq, cause);
    throw cause;
  }
}

function broken(seq: number, cause?: unknown): RootkeepError {
  return new RootkeepError("CHAIN_BROKEN", { facts: { seq }, ...(cause === undefined ? {} : { cause }) });
}
