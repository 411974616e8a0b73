import { RootkeepError } from "../kernel/errors.js";
import { leafHash, ZERO_HASH } from "./chain.js";
import { type BuiltEntry, type Entry, parseEntry } from "./entry.js";
import { EntryClaims, type EntryJudge } from "./entry-claims.js";
import { joinsEpoch, type Reopening, reopeningIn } from "./epoch.js";
import { OpeningWindow } from "./opening-window.js";
import { PasswordReaders } from "./password-readers.js";
import { RootMemory } from "./root-memory.js";
import { StreamIndex } from "./stream-index.js";

/** What the index reads of an entry in good form. */
interface IndexedEntry {
  readonly seq: number;
  readonly prev: string;
  readonly log: string;
  readonly id: string;
  readonly time: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor?: { readonly type: string; readonly id?: string };
  readonly target?: { readonly type: string; readonly id: string };
  readonly stream?: string;
  readonly sseq?: number;
  readonly sprev?: string;
  readonly rows?: readonly string[];
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An entry whose content is kept in memory. */
export interface RememberedEntry {
  readonly seq: number;
  readonly eventId: string;
  readonly time: string;
  /** Who acted; null for the system. */
  readonly actorId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A place where an epoch of the log begins that is not its first. */
export interface EpochStart extends Reopening {
  readonly seq: number;
}

/** An intent whose outcome is not in the log yet. */
export interface OpenIntent {
  readonly eventId: string;
  readonly seq: number;
  readonly time: string;
  readonly action: string;
  readonly target: { readonly type: string; readonly id: string } | undefined;
  readonly stream: string | undefined;
}

/**
 * What this service knows of the log, from entry bytes alone: it follows the chain from the first entry, hash by hash, and remembers for
 * every deciding row the newest entry that lists it. Search columns and tables are never asked (law L11).
 *
 * Memory grows with the number of deciding rows (about 100 bytes each), and by one byte or two for each entry; what the accounts' own chains take, {@link StreamIndex} says.
 */
export class LogIndex {
  #size = 0;
  #lastLeaf: Buffer = ZERO_HASH;
  #origin: string | undefined;
  /** Roots of the tree over the entries taken, to compare signed ones with. */
  readonly roots = new RootMemory();
  /** Where each account's own chain stands. */
  readonly streams = new StreamIndex();
  /** What was opened of late. */
  readonly openings = new OpeningWindow();
  /** Who opened which password. */
  readonly readers = new PasswordReaders();
  /** Entries that claim what nobody here has done. */
  readonly claims: EntryClaims;
  readonly #newest = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  readonly #openIntents = new Map<string, OpenIntent>();
  readonly #rememberedIds = new Set<string>();
  readonly #remembered = new Map<string, RememberedEntry>();
  readonly #kept = new Map<number, RememberedEntry>();
  readonly #keptOf = new Map<string, RememberedEntry[]>();
  readonly #epochStarts: EpochStart[] = [];

  /**
   * @param remember actions whose newest entry is kept.
   * @param keep actions whose every entry is kept: for what a person does now and then.
   */
  constructor(
    private readonly remember: ReadonlySet<string>,
    private readonly keep: ReadonlySet<string> = new Set(),
  ) {
    // What is remembered decides for the whole deployment, and therefore carries an HMAC of its own.
    this.claims = new EntryClaims(remember);
  }

  get size(): number {
    return this.#size;
  }
  get lastLeaf(): Buffer {
    return this.#lastLeaf;
  }
  /** Origin of the epoch that the last entry belongs to. */
  get origin(): string | undefined {
    return this.#origin;
  }
  /** Where the log was reopened, oldest first. */
  get epochStarts(): readonly EpochStart[] {
    return this.#epochStarts;
  }

  newestSeq(rowKey: string): number | undefined {
    return this.#newest.get(rowKey);
  }

  rowCount(table: string): number {
    return this.#counts.get(table) ?? 0;
  }

  /** Primary keys of the rows of `table` that the log knows. */
  *idsOf(table: string): Generator<string> {
    const prefix = `${table}/`;
    for (const row of this.#newest.keys()) if (row.startsWith(prefix)) yield row.slice(prefix.length);
  }

  lastOf(action: string): RememberedEntry | undefined {
    return this.#remembered.get(action);
  }

  /** The entry at `seq`, if it is of an action that is kept. */
  keptAt(seq: number): RememberedEntry | undefined {
    return this.#kept.get(seq);
  }

  /** Has entries of `action` judged; none that is forged is kept, however many there are and whatever they hold. */
  judge(action: string, isGenuine: EntryJudge): void {
    const forged = this.claims.judge(action, isGenuine);
    if (forged.size === 0) return;
    for (const seq of forged) this.#kept.delete(seq);
    this.#keptOf.set(
      action,
      this.keptOf(action).filter(({ seq }) => !forged.has(seq)),
    );
  }

  /** Every entry of an action that is kept, oldest first; of a judged one, those that this deployment has made. */
  keptOf(action: string): readonly RememberedEntry[] {
    return this.#keptOf.get(action) ?? [];
  }

  /** Intents that nobody has written an outcome for, oldest first. */
  openIntents(): OpenIntent[] {
    return [...this.#openIntents.values()];
  }

  /**
   * Takes the next entry. It is judged as the signer and every verifier judge it: a service must not go on where nobody will sign.
   * @throws RootkeepError `CHAIN_BROKEN` when it does not follow the last one, or has not the form of an entry.
   */
  add(bytes: Buffer): void {
    let entry: IndexedEntry;
    try {
      entry = parseEntry(bytes);
    } catch {
      throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: this.#size } });
    }
    this.#take(entry, leafHash(bytes));
  }

  /**
   * Takes the next entry, which this process itself has built and the database has taken: its bytes need not be read again.
   * @throws RootkeepError as {@link add}.
   */
  addBuilt(built: BuiltEntry): void {
    this.#take(built.entry as unknown as IndexedEntry, built.leafHash);
  }

  #take(entry: IndexedEntry, leaf: Buffer): void {
    this.#origin ??= entry.log;
    const isNext = entry.seq === this.#size && entry.prev === this.#lastLeaf.toString("hex");
    if (!isNext || !joinsEpoch(entry as unknown as Entry, this.#origin)) {
      throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: this.#size } });
    }
    if (entry.log !== this.#origin) this.#beginEpoch(entry);
    this.streams.take(entry, leaf);
    for (const row of entry.rows ?? []) {
      if (!this.#newest.has(row)) {
        const table = row.slice(0, row.indexOf("/"));
        this.#counts.set(table, this.rowCount(table) + 1);
      }
      this.#newest.set(row, entry.seq);
    }
    this.#noteIntent(entry);
    this.openings.take(entry);
    this.readers.take(entry);
    const mayCount = this.claims.take(entry);
    if (this.remember.has(entry.action)) this.#remember(entry);
    if (mayCount && this.keep.has(entry.action)) this.#keep(entry);
    this.#lastLeaf = leaf;
    this.roots.append(leaf);
    this.#size += 1;
  }

  #beginEpoch(entry: IndexedEntry): void {
    const reopening = reopeningIn(entry as unknown as Entry);
    if (reopening === null) throw new Error("an epoch without a beginning");
    this.#epochStarts.push({ seq: entry.seq, ...reopening });
    this.#origin = entry.log;
  }

  /** What decides for the whole deployment is said once: an old entry that is appended anew is no news. */
  #remember(entry: IndexedEntry): void {
    if (this.#rememberedIds.has(entry.id)) throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: entry.seq } });
    this.#rememberedIds.add(entry.id);
    this.#remembered.set(entry.action, rememberedOf(entry));
  }

  #keep(entry: IndexedEntry): void {
    const kept = rememberedOf(entry);
    this.#kept.set(entry.seq, kept);
    const all = this.#keptOf.get(entry.action);
    if (all === undefined) this.#keptOf.set(entry.action, [kept]);
    else all.push(kept);
  }

  #noteIntent({ id, seq, time, action, outcome, target, stream, details }: IndexedEntry): void {
    if (outcome === "intent") this.#openIntents.set(id, { eventId: id, seq, time, action, target, stream });
    else if (typeof details?.["intent"] === "string") this.#openIntents.delete(details["intent"]);
  }
}

function rememberedOf({ id, seq, time, actor, details = {} }: IndexedEntry): RememberedEntry {
  return { seq, eventId: id, time, actorId: actor?.id ?? null, details };
}
