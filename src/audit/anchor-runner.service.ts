import type { Client } from "pg";
import { isRootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { Anchor, PublishedCheckpoint } from "./anchor.port.js";
import { CheckpointRepository, type CheckpointRow } from "./checkpoint.repository.js";
import { Lateness } from "./lateness.js";
import { TileReader } from "./tile-reader.service.js";

/** What happens to the anchors, for log lines and metrics. */
export interface AnchorEvents {
  anchored(anchor: string, size: number): void;
  /** It is tried again. */
  failed(anchor: string, reason: string): void;
  /** It has taken nothing for so many seconds, though there was something. */
  unreached(anchor: string, seconds: number): void;
  /** The anchor holds another history of this log: somebody must look at once. */
  contradicted(anchor: string, reason: string): void;
}

export interface AnchorRunnerOptions {
  readonly anchors: readonly Anchor[];
  readonly origin: string;
  /** Opens a connection as the signer's role. */
  readonly connect: () => Promise<Client>;
  readonly events: AnchorEvents;
  /** An anchor gets a checkpoint at most this often. */
  readonly everyMs?: number;
  /** After so long without a delivery somebody is told. */
  readonly lateMs?: number;
}

/**
 * Takes the newest checkpoint to every anchor, each at its own pace: one that is slow or away holds up neither the others nor the signer.
 * What could not be delivered is not queued; the next checkpoint says all that it said.
 */
export class AnchorRunner {
  #newest: CheckpointRow | undefined;
  #isStopping = false;
  readonly #wakes = new Set<() => void>();
  readonly #running: readonly Promise<void>[];
  #client: Client | undefined;

  constructor(private readonly options: AnchorRunnerOptions) {
    this.#running = options.anchors.map((anchor) => this.#run(anchor));
  }

  offer(checkpoint: CheckpointRow): void {
    this.#newest = checkpoint;
    this.#wakeAll();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wakeAll();
    await Promise.all(this.#running);
    await this.#client?.end().catch(() => undefined);
  }

  async #run(anchor: Anchor): Promise<void> {
    const { everyMs = LIMITS.anchorEveryMs, lateMs = LIMITS.anchorLateMs, events } = this.options;
    const lateness = new Lateness(lateMs);
    let delivered = 0;
    while (!this.#isStopping) {
      const newest = this.#newest;
      if (newest === undefined || newest.size <= delivered) {
        await this.#wait(undefined);
        continue;
      }
      try {
        await this.#deliver(anchor, newest);
        delivered = newest.size;
        lateness.note(anchor.name, null);
        events.anchored(anchor.name, newest.size);
      } catch (error) {
        const reason = isRootkeepError(error) ? (error.reason ?? error.code) : "database";
        if (isRootkeepError(error, "ROLLBACK_DETECTED")) events.contradicted(anchor.name, reason);
        else events.failed(anchor.name, reason);
        const seconds = lateness.note(anchor.name, delivered);
        if (seconds !== null) events.unreached(anchor.name, seconds);
      }
      await this.#wait(everyMs);
    }
  }

  async #deliver(anchor: Anchor, row: CheckpointRow): Promise<void> {
    const { origin } = this.options;
    const published: PublishedCheckpoint = {
      origin,
      size: row.size,
      root: row.root,
      note: row.note,
      consistencyProof: async (oldSize) => await new TileReader(await this.#connected(), origin).consistency(oldSize, row.size),
    };
    const lines = await anchor.publish(published);
    if (lines.length > 0) await CheckpointRepository.insertCosignatures(await this.#connected(), origin, row.size, lines);
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

  /** Until so many milliseconds are over, or, without a number, until there is a newer checkpoint; a stop ends both. */
  async #wait(milliseconds: number | undefined): Promise<void> {
    if (this.#isStopping) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wakes.delete(wake);
        resolve();
      };
      const wake = (): void => {
        if (milliseconds === undefined || this.#isStopping) done();
      };
      const timer = milliseconds === undefined ? undefined : setTimeout(done, milliseconds);
      this.#wakes.add(wake);
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}
