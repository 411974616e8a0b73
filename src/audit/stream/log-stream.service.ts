import type { Client } from "pg";
import type { StreamFormat, StreamSinkName } from "../../config/reference.js";
import type { LogHead } from "../../database/log.port.js";
import { isRootkeepError } from "../../kernel/errors.js";
import { AuditRepository } from "../audit.repository.js";
import { leafHashHex } from "../chain.js";
import { isEarlierEpoch } from "../epoch.js";
import { Leadership } from "../leadership.service.js";
import type { CursorFile } from "./cursor-file.adapter.js";
import type { RollbackMarker } from "./rollback-marker.js";
import { advanced, type CursorMark, nextOf, rewound, type StreamCursor } from "./stream-cursor.js";
import { pageStart, recordsBehind } from "./stream-page.js";
import { batchesOf, type EntryRecord, markerRecord } from "./stream-record.js";
import type { StreamSink } from "./stream-sink.port.js";

const PAGE = 500;
const BATCH_BYTES_MAX = 1024 * 1024;
const LOOK_EVERY_MS = 500;
/** First wait after a failure; it doubles up to the last. */
const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 60_000;
/** Behind for so long is worth a word; the next one comes after twice the time. */
const BEHIND_SECONDS = 60;
/** A batch that is under way when the service stops may end, or it would be sent again. */
const STOP_GRACE_MS = 2_000;

/** What happens to the streams, for log lines. */
export interface StreamEvents {
  /** This replica feeds the sink from now on. */
  leading(sink: StreamSinkName): void;
  /** It is tried again. */
  failed(sink: StreamSinkName, reason: string): void;
  /** So many entries wait, for so long. */
  behind(sink: StreamSinkName, entries: number, seconds: number): void;
  /** The log is no longer the one that was sent: `delivered` entries had been, it has `size` now, and is sent again from `resumed` on. */
  rolledBack(sink: StreamSinkName, delivered: number, size: number, resumed: number): void;
}

export interface LogStreamOptions {
  readonly sink: StreamSink;
  readonly format: StreamFormat;
  readonly cursor: CursorFile;
  /** Opens a connection of the service's role. */
  readonly connect: () => Promise<Client>;
  readonly events: StreamEvents;
  readonly lookEveryMs?: number;
  readonly retryFirstMs?: number;
  readonly behindSeconds?: number;
}

/**
 * Copies the log to one sink, in order, each entry at least once. It only reads, on a connection of its own: no act waits for it, and
 * where the sink is away it waits, holding one page. The cursor moves only behind what the sink has acknowledged. An entry that is missing
 * or does not follow is never passed over; a log that is no longer the one that was sent is told of by a marker between the lines.
 */
export class LogStream {
  readonly #name: StreamSinkName;
  readonly #abort = new AbortController();
  /** Held by the one replica that feeds the sink, lest every replica send the same. */
  readonly #leadership: Leadership;
  #client: Client | undefined;
  #cursor: StreamCursor | undefined;
  #behind: { readonly sinceMs: number; reportAfterSeconds: number } | undefined;
  /** The rollback that was told of last, so that it is told once while the sink is away. */
  #told = "";
  #isStopping = false;
  #wake: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(private readonly options: LogStreamOptions) {
    this.#name = options.sink.name;
    this.#leadership = new Leadership({
      connect: options.connect,
      turn: `stream_${this.#name}_turn`,
      onLost: () => {
        this.#forget();
      },
    });
  }

  /** Begins to follow the log. Call once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Lets a batch that is under way end, for a moment, and stops. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake?.();
    const grace = setTimeout(() => {
      this.#abort.abort();
    }, STOP_GRACE_MS);
    await this.#running;
    clearTimeout(grace);
    await this.options.sink.close();
    await this.#leadership.release();
    await this.#client?.end().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { lookEveryMs = LOOK_EVERY_MS, retryFirstMs = RETRY_FIRST_MS } = this.options;
    let failures = 0;
    while (!this.#isStopping) {
      try {
        const hasMore = await this.#turn();
        failures = 0;
        if (!hasMore) await this.#pause(lookEveryMs);
      } catch (error) {
        this.#report(error);
        const most = Math.min(RETRY_LAST_MS, retryFirstMs * 2 ** failures);
        failures += 1;
        // Jitter: receivers that come back are not to be met by all their senders in one moment.
        await this.#pause(most / 2 + (Math.random() * most) / 2);
      }
    }
  }

  /** One page. @returns whether there may be more at once. */
  async #turn(): Promise<boolean> {
    const client = await this.#connected();
    if (!(await this.#lead())) return false;
    const cursor = (this.#cursor ??= await this.options.cursor.read());
    const head = await AuditRepository.readHead(client);
    this.#noteDistance(head.size - nextOf(cursor));
    if (isAt(cursor, head)) return false;
    const records = await this.#recordsBehind(client, cursor, head);
    if (records === null) {
      await this.#tellRollback(client, cursor, head);
      return true;
    }
    for (const batch of batchesOf(records, BATCH_BYTES_MAX)) {
      if (this.#isStopping) return false;
      await this.#deliver(batch);
    }
    return true;
  }

  async #recordsBehind(client: Client, cursor: StreamCursor, head: LogHead): Promise<readonly EntryRecord[] | null> {
    if (head.size <= nextOf(cursor) || (cursor.log !== "" && !goesOn(cursor.log, head.origin))) return null;
    const from = pageStart(cursor);
    const page = await AuditRepository.range(client, from, Math.min(PAGE, head.size - from));
    return recordsBehind(cursor, page, this.options.format);
  }

  async #deliver(batch: readonly EntryRecord[]): Promise<void> {
    await this.options.sink.send(batch, this.#abort.signal);
    const last = batch.at(-1);
    if (last === undefined || this.#cursor === undefined) return;
    // First in memory: a disk that is full must not have the same batch sent again and again.
    this.#cursor = advanced(this.#cursor, last.entry.log, { next: last.seq + 1, leaf: last.leaf });
    await this.options.cursor.write(this.#cursor);
  }

  async #tellRollback(client: Client, cursor: StreamCursor, head: LogHead): Promise<void> {
    const common = goesOn(cursor.log, head.origin) ? await newestCommon(client, cursor, head) : undefined;
    const [sent] = cursor.marks;
    const marker: RollbackMarker = {
      time: new Date().toISOString().replace("Z", "000Z"),
      log: head.origin,
      delivered: { log: cursor.log, size: nextOf(cursor), head: sent?.leaf ?? "" },
      found: { size: head.size, head: head.lastLeaf.toString("hex") },
      resumed: common?.next ?? 0,
    };
    const told = `${String(marker.delivered.size)} ${String(head.size)}`;
    if (told !== this.#told) this.options.events.rolledBack(this.#name, marker.delivered.size, head.size, marker.resumed);
    this.#told = told;
    await this.options.sink.send([markerRecord(marker, this.options.format)], this.#abort.signal);
    this.#cursor = rewound(cursor, common);
    await this.options.cursor.write(this.#cursor);
  }

  #noteDistance(entries: number): void {
    if (entries <= 0) {
      this.#behind = undefined;
      return;
    }
    this.#behind ??= { sinceMs: performance.now(), reportAfterSeconds: this.options.behindSeconds ?? BEHIND_SECONDS };
    const seconds = (performance.now() - this.#behind.sinceMs) / 1_000;
    if (seconds < this.#behind.reportAfterSeconds) return;
    this.#behind.reportAfterSeconds = seconds * 2;
    this.options.events.behind(this.#name, entries, Math.round(seconds));
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await this.options.connect();
    client.on("error", () => undefined);
    client.on("end", () => {
      if (this.#client === client) this.#client = undefined;
    });
    this.#client = client;
    return client;
  }

  async #lead(): Promise<boolean> {
    if (this.#leadership.isHeld) return true;
    if (!(await this.#leadership.take())) return false;
    this.#forget();
    this.options.events.leading(this.#name);
    return true;
  }

  #report(error: unknown): void {
    if (this.#isStopping) return;
    if (isRootkeepError(error)) {
      this.options.events.failed(this.#name, error.reason ?? error.code);
      return;
    }
    this.options.events.failed(this.#name, "database");
    // A connection in an unknown state is given up.
    const client = this.#client;
    this.#client = undefined;
    void client?.end().catch(() => undefined);
  }

  /** Another replica may lead from now on; whoever leads again reads anew how far the sink has come. */
  #forget(): void {
    this.#cursor = undefined;
    this.#behind = undefined;
  }

  async #pause(milliseconds: number): Promise<void> {
    if (this.#isStopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** True if everything has been sent and is still what the log ends with. */
function isAt({ log, marks: [sent] }: StreamCursor, { origin, size, lastLeaf }: LogHead): boolean {
  if (sent === undefined) return size === 0;
  return goesOn(log, origin) && sent.next === size && sent.leaf === lastLeaf.toString("hex");
}

/** The newest mark whose entry the log still holds. */
async function newestCommon(client: Client, cursor: StreamCursor, head: LogHead): Promise<CursorMark | undefined> {
  for (const mark of cursor.marks.filter(({ next }) => next <= head.size)) {
    const [entry] = await AuditRepository.range(client, mark.next - 1, 1);
    if (entry !== undefined && leafHashHex(entry) === mark.leaf) return mark;
  }
  return undefined;
}

/** A log that was reopened goes on behind what was restored, under the origin of its next epoch. */
function goesOn(log: string, origin: string): boolean {
  return log === origin || isEarlierEpoch(log, origin);
}
