import type { Client } from "pg";
import type { LogHead, SentEntry } from "../database/log.port.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { AuditRepository } from "./audit.repository.js";
import { commitDurably } from "./durable-commit.service.js";
import type { BuiltEntry, EntryDraft } from "./entry.js";
import { placeEntries, sendEntries, sentEntries, streamHeadsOf } from "./entry-appender.service.js";

interface Waiting {
  readonly draft: EntryDraft;
  readonly resolve: (sent: SentEntry) => void;
  readonly reject: (error: RootkeepError) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Group commit for entries that change no deciding row: refusals, reads, failed sign-ins, outcomes. One connection of its own; whatever
 * has queued up while a batch was being committed becomes the next batch, so there is no timer and an idle log answers at once.
 *
 * A caller hears "appended" only after the COMMIT was acknowledged. A caller that gave up after the deadline may find the entry in the
 * log all the same: the log may tell of more than happened, never of less.
 */
export class AppendQueue {
  readonly #waiting: Waiting[] = [];
  #client: Client | undefined;
  #checker: Client | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  /** @param connect makes a connection that may be pipelined, as `connectLog` does. */
  constructor(
    private readonly connect: () => Promise<Client>,
    private readonly onAppended: (first: number, entries: readonly BuiltEntry[]) => void,
    /** Throws where nothing may be appended behind this head. */
    private readonly inspect: (head: LogHead) => void,
  ) {}

  /**
   * Appends one entry and waits until it is durable.
   * @throws RootkeepError `AUDIT_UNAVAILABLE` when the queue is full, the deadline passes or the database refuses.
   */
  async append(draft: EntryDraft): Promise<SentEntry> {
    if (this.#isClosed) throw unavailable("queue is closed");
    if (this.#waiting.length >= LIMITS.appendQueueMax) throw unavailable("queue is full");
    return await new Promise<SentEntry>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(unavailable("deadline"));
      }, LIMITS.appendDeadlineMs);
      this.#waiting.push({ draft, resolve, reject, timer });
      this.#running ??= this.#drain();
    });
  }

  /**
   * Takes the audit lock and gives it back, on a connection that is kept for it. Not for two callers at once.
   * @throws RootkeepError `AUDIT_UNAVAILABLE`
   */
  async check(): Promise<void> {
    const client = await this.#checking().catch((cause: unknown) => {
      throw unavailable("connection", cause);
    });
    try {
      await client.query("BEGIN");
      const head = await AuditRepository.lockHead(client);
      await client.query("ROLLBACK");
      this.inspect(head);
    } catch (cause) {
      if (cause instanceof RootkeepError) throw cause;
      this.#checker = undefined;
      await client.end().catch(() => undefined);
      throw unavailable("head", cause);
    }
  }

  async #checking(): Promise<Client> {
    if (this.#checker !== undefined) return this.#checker;
    const client = await this.connect();
    client.on("error", () => undefined);
    client.on("end", () => {
      if (this.#checker === client) this.#checker = undefined;
    });
    this.#checker = client;
    return client;
  }

  /** Appends what is queued, then closes the connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    for (const client of [this.#client, this.#checker]) await client?.end().catch(() => undefined);
    this.#client = undefined;
    this.#checker = undefined;
  }

  async #drain(): Promise<void> {
    // Let the callers of this tick queue up first.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#flush(this.#waiting.splice(0, LIMITS.batchEntriesMax));
    this.#running = undefined;
  }

  async #flush(batch: readonly Waiting[]): Promise<void> {
    try {
      const sent = await this.#commit(batch.map(({ draft }) => draft));
      batch.forEach((waiting, index) => {
        clearTimeout(waiting.timer);
        const entry = sent[index];
        if (entry !== undefined) waiting.resolve(entry);
      });
    } catch (error) {
      // One entry that the log does not take must not take its neighbours with it.
      if (error instanceof Refused && batch.length > 1) {
        const half = batch.length >> 1;
        await this.#flush(batch.slice(0, half));
        await this.#flush(batch.slice(half));
        return;
      }
      const cause = error instanceof Refused ? error.cause : error;
      for (const waiting of batch) {
        clearTimeout(waiting.timer);
        waiting.reject(cause instanceof RootkeepError ? cause : unavailable("database", cause));
      }
    }
  }

  /**
   * Appends a batch and commits it. What does not wait for an answer is sent in one go: a round trip for each would be most of the time
   * that a single entry takes.
   * @throws Refused when the log did not take an entry of the batch, and nothing was written.
   */
  async #commit(drafts: readonly EntryDraft[]): Promise<readonly SentEntry[]> {
    const client = await this.#connected();
    let sent: readonly SentEntry[] = [];
    try {
      const [, head, streamHeads] = await Promise.all([
        client.query("BEGIN"),
        AuditRepository.lockHead(client),
        streamHeadsOf(client, drafts),
      ]);
      this.inspect(head);
      const built = refusing(() => placeEntries(head, drafts, streamHeads));
      sent = sentEntries(head.size, built);
      // A transaction whose append failed answers COMMIT with ROLLBACK: it may be sent before the append has answered.
      const [appended, committed] = await Promise.allSettled([sendEntries(client, head.size, built), commitDurably(client)]);
      if (appended.status === "rejected") throw isRefusal(appended.reason) ? new Refused(appended.reason) : appended.reason;
      if (committed.status === "rejected") throw committed.reason;
      this.onAppended(head.size, built);
      return sent;
    } catch (error) {
      if (error instanceof Refused) {
        await client.query("ROLLBACK").catch(() => undefined);
        throw error;
      }
      if ((await this.#isLost()) && sent.length > 0 && (await this.#settled(sent))) return sent;
      throw error;
    }
  }

  /** The answer to COMMIT was lost: ask a new connection whether the entries are there. */
  async #settled(sent: readonly SentEntry[]): Promise<boolean> {
    const client = await this.#connected();
    try {
      await client.query("BEGIN");
      await AuditRepository.lockHead(client);
      const leaves = await AuditRepository.leavesOf(
        client,
        sent.map(({ eventId }) => eventId),
      );
      return sent.every(({ eventId, leafHash }) => leaves.get(eventId)?.equals(leafHash) ?? false);
    } finally {
      await client.query("ROLLBACK").catch(() => undefined);
    }
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await this.connect();
    client.on("error", () => {
      if (this.#client === client) this.#client = undefined;
    });
    this.#client = client;
    return client;
  }

  /** Ends the transaction. True when the connection does not answer; the next batch makes a new one. */
  async #isLost(): Promise<boolean> {
    const client = this.#client;
    if (client === undefined) return true;
    try {
      await client.query("ROLLBACK");
      return false;
    } catch {
      this.#client = undefined;
      await client.end().catch(() => undefined);
      return true;
    }
  }
}

/** The log does not take an entry of the batch; the others may pass without it. */
class Refused extends Error {
  constructor(override readonly cause: unknown) {
    super("an entry was refused");
  }
}

function refusing<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    throw new Refused(error);
  }
}

/** True where the entry is at fault. What the server cannot do just now (locks, time, space) it cannot do for half a batch either. */
function isRefusal(error: unknown): boolean {
  if (isRootkeepError(error, "ALREADY_RELEASED")) return true;
  return isRootkeepError(error, "AUDIT_UNAVAILABLE") && /^append (22|23|54|P0)/.test(error.reason ?? "");
}

function unavailable(reason: string, cause?: unknown): RootkeepError {
  return new RootkeepError("AUDIT_UNAVAILABLE", { reason, cause });
}
