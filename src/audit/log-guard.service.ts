import type { Client } from "pg";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { AuditRepository } from "./audit.repository.js";
import type { AuditLog } from "./audit-log.service.js";
import { CheckpointRepository } from "./checkpoint.repository.js";
import { CHECKPOINT_CHANNEL, LOG_GROWN_CHANNEL } from "./checkpoint-signer.service.js";
import type { Coverage } from "./coverage.port.js";
import type { Guard, GuardState } from "./guard.port.js";
import type { ReceiptFacts } from "./receipt.js";
import { ownCheckpoint } from "./signed-checkpoint.js";
import { TileReader } from "./tile-reader.service.js";
import type { Checkpoint } from "./tlog/checkpoint.js";
import { verifyInclusion } from "./tlog/proof.js";
import { TlogError } from "./tlog/tlog-error.js";
import { formatTlogProof } from "./tlog/tlog-proof.js";
import type { VerifierKey } from "./tlog/verifier-key.js";
import type { UnsignedStage } from "./unsigned-tail.js";

/** A guard that says nothing of a new checkpoint is looked at again after this long. */
const LOOK_AGAIN_MS = 200;

/** Told once each time that it begins: what is refused because nobody signs. */
export interface UnsignedEvents {
  openingsStopped(entries: number, seconds: number): void;
  decisionsStopped(entries: number, seconds: number): void;
  /** @param seconds for which openings were refused. */
  signedAgain(seconds: number): void;
}

export interface LogGuardOptions {
  /** Opens a connection of the service's role that pipelines. */
  readonly connect: () => Promise<Client>;
  readonly origin: string;
  readonly verifierKey: VerifierKey;
  readonly guard: Guard;
  readonly events?: UnsignedEvents;
}

/**
 * Holds the log in the database against the guard outside it: at the start, every hour, and before a value is sent. What this process has
 * read by itself must lead to the root that the guard holds, signed; a log that is shorter or another was put back (audit-log spec).
 * While the log is ahead of the guard it looks every second, and knows how long nobody has signed ({@link UnsignedTail}).
 */
export class LogGuard implements Coverage {
  #client: Promise<Client> | undefined;
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #looking: Promise<GuardState & { readonly checkpoint: Checkpoint }> | undefined;
  #stage: UnsignedStage = "none";
  #stoppedAt = 0;
  /** The guard's checkpoint that was compared last. */
  #compared: { readonly version: string; readonly checkpoint: Checkpoint } | undefined;

  constructor(
    private readonly log: AuditLog,
    private readonly options: LogGuardOptions,
  ) {}

  /**
   * The comparison at the start. A guard that has never held anything is waited for, as long as the log holds nothing but its genesis: the
   * first checkpoint comes before the first act. A log that was put back does not keep the service from starting: it appends and opens
   * nothing, and says why.
   * @throws RootkeepError `UNAVAILABLE` when the guard cannot be asked, or no signer signs the genesis.
   */
  async start(): Promise<void> {
    const deadline = performance.now() + LIMITS.firstCheckpointMs;
    while ((await this.options.guard.read()) === null && this.log.knownSize() <= 1) {
      if (performance.now() > deadline) {
        throw new RootkeepError("UNAVAILABLE", { reason: "nobody signs the log: start rootkeep serve --role=sign" });
      }
      await this.#nudge();
      await this.#checkpointOr(LOOK_AGAIN_MS);
    }
    await this.compare().catch((error: unknown) => {
      if (!isRootkeepError(error, "ROLLBACK_DETECTED")) throw error;
    });
    this.#timer = setInterval(() => void this.compare().catch(() => undefined), LIMITS.guardCompareMs);
    this.#timer.unref();
    // A start that fails behind this one must find nothing left that keeps the program running; the next caller connects again.
    await this.#disconnect();
  }

  /** Begins to watch how long the log is ahead of the guard. Once the service has started: what looks holds a connection. */
  watch(): void {
    this.#watch = setInterval(() => {
      this.#tell();
      // A guard that covers all that this process knows need not be asked.
      const isCovered = this.log.unsigned.covers(this.log.knownSize());
      if (!isCovered && this.#looking === undefined && !this.log.isRolledBack) void this.compare().catch(() => undefined);
    }, LIMITS.guardWatchMs);
    this.#watch.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#watch);
    await this.#looking?.catch(() => undefined);
    await this.#disconnect();
  }

  /**
   * Compares the log with what the guard holds now. Callers at the same moment share one look.
   * @throws RootkeepError `ROLLBACK_DETECTED`, after which the log appends nothing any more; `UNAVAILABLE` when guard or log cannot be read.
   */
  compare(): Promise<GuardState & { readonly checkpoint: Checkpoint }> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<GuardState & { readonly checkpoint: Checkpoint }> {
    try {
      const found = await this.#compare();
      const { size } = found.checkpoint;
      const ageMs = await AuditRepository.ageOf(await this.#connected(), size);
      this.log.unsigned.note(this.log.knownSize(), size, ageMs ?? 0);
      return found;
    } catch (error) {
      this.log.unsigned.noteUnseen(this.log.knownSize());
      throw error;
    }
  }

  async #compare(): Promise<GuardState & { readonly checkpoint: Checkpoint }> {
    const client = await this.#connected();
    // In this order: a checkpoint is in the guard before it is in the table.
    const written = await CheckpointRepository.newest(client, this.options.origin);
    const state = await this.options.guard.read();
    // Genesis was there before; an empty guard behind it has been emptied.
    if (state === null) throw this.log.rollBack(0);
    const checkpoint = this.#own(state);
    // It only grows: a guard that is older than what it held, or than what the signer wrote, was put back itself.
    const least = Math.max(this.#compared?.checkpoint.size ?? 0, written === undefined ? 0 : this.#own(written).size);
    if (checkpoint.size < least) throw this.log.rollBack(checkpoint.size);
    if (this.#compared?.version !== state.version) {
      const root = await this.log.rootAt(client, checkpoint.size);
      if (!root.equals(checkpoint.root)) throw this.log.rollBack(checkpoint.size);
      this.#compared = { version: state.version, checkpoint };
    }
    return { ...state, checkpoint };
  }

  /** For the health check. @throws as {@link compare}; `AUDIT_UNAVAILABLE` while nobody signs. */
  async check(): Promise<void> {
    if (this.log.isRolledBack) throw new RootkeepError("ROLLBACK_DETECTED");
    await this.compare();
    this.log.unsigned.assertMayOpen();
  }

  async assertSigning(): Promise<void> {
    try {
      await this.check();
    } catch (error) {
      throw forOpenings(error);
    }
  }

  async cover(entry: ReceiptFacts): Promise<string> {
    const deadline = performance.now() + LIMITS.coverDeadlineMs;
    try {
      await this.#nudge();
      for (;;) {
        // Listening begins before the look: a word that comes in between is not missed.
        const word = this.#checkpointOr(LOOK_AGAIN_MS);
        const guarded = await this.compare();
        if (guarded.checkpoint.size > entry.seq) return await this.#receipt(entry, guarded);
        if (performance.now() > deadline) throw new RootkeepError("AUDIT_UNAVAILABLE", { reason: "no checkpoint covers the entry" });
        await word;
      }
    } catch (error) {
      throw forOpenings(error);
    }
  }

  async #receipt(entry: ReceiptFacts, { note, checkpoint }: { readonly note: string; readonly checkpoint: Checkpoint }): Promise<string> {
    const client = await this.#connected();
    // Tiles are written a moment after the guard has grown.
    for (let attempt = 0; attempt < 10; attempt++) {
      const word = this.#checkpointOr(LOOK_AGAIN_MS / 4);
      const newest = await CheckpointRepository.newest(client, this.options.origin);
      if (newest !== undefined && newest.size >= checkpoint.size) break;
      await word;
    }
    try {
      const hashes = await new TileReader(client, this.options.origin).inclusion(entry.seq, checkpoint.size);
      verifyInclusion(entry.seq, checkpoint.size, Buffer.from(entry.leafHash, "hex"), hashes, checkpoint.root);
      return formatTlogProof({ extra: null, index: entry.seq, hashes, note: Buffer.from(note, "utf8") }).toString("utf8");
    } catch (cause) {
      if (cause instanceof TlogError) throw new RootkeepError("AUDIT_UNAVAILABLE", { reason: "the tiles do not prove the entry", cause });
      throw cause;
    }
  }

  #own(state: Pick<GuardState, "note">): Checkpoint {
    try {
      return ownCheckpoint(state.note, this.options.origin, this.options.verifierKey);
    } catch (error) {
      if (isRootkeepError(error, "ROLLBACK_DETECTED")) throw this.log.rollBack(0);
      throw error;
    }
  }

  /** What has been refused since the last look, or no longer is. */
  #tell(): void {
    const { stage, entries, seconds } = this.log.unsigned;
    if (stage === this.#stage) return;
    const { events } = this.options;
    if (stage === "openings" && this.#stage === "none") events?.openingsStopped(entries, seconds);
    if (stage === "decisions") events?.decisionsStopped(entries, seconds);
    if (stage === "none") events?.signedAgain(Math.round((performance.now() - this.#stoppedAt) / 1000));
    if (this.#stage === "none") this.#stoppedAt = performance.now();
    this.#stage = stage;
  }

  async #nudge(): Promise<void> {
    const client = await this.#connected();
    await client.query("SELECT pg_catalog.pg_notify($1, '')", [LOG_GROWN_CHANNEL]);
  }

  /** Waits for the signer's word, or so many milliseconds. */
  async #checkpointOr(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#waiting.add(done);
    });
  }

  async #connected(): Promise<Client> {
    if (this.#client === undefined) {
      const connecting: Promise<Client> = this.#connect(() => {
        if (this.#client === connecting) this.#client = undefined;
      });
      this.#client = connecting;
    }
    return await this.#client;
  }

  async #disconnect(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  /** @param lose called when the connection is no more. */
  async #connect(lose: () => void): Promise<Client> {
    try {
      const client = await this.options.connect();
      client.on("error", () => undefined);
      client.on("end", lose);
      client.on("notification", () => {
        for (const done of [...this.#waiting]) done();
      });
      await client.query(`LISTEN ${CHECKPOINT_CHANNEL}`);
      return client;
    } catch (cause) {
      lose();
      throw new RootkeepError("UNAVAILABLE", { reason: "database connection", cause });
    }
  }
}

/** What an opening is told of a guard or a database that is away: it is the log that cannot be relied on. */
function forOpenings(error: unknown): unknown {
  if (!isRootkeepError(error, "UNAVAILABLE")) return error;
  return new RootkeepError("AUDIT_UNAVAILABLE", { reason: error.reason ?? "guard", cause: error });
}
