import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from "@nestjs/common";
import { isRootkeepError } from "../kernel/errors.js";
import { Log } from "../telemetry/log.service.js";
import { slug } from "../telemetry/site.js";
import { IdempotencyRecords } from "./idempotency.repository.js";

const PERIOD_MS = 10 * 60_000;

/** Forgets idempotency keys that have had their day. Nothing waits for it: an old key counts as unused anyway. */
@Injectable()
export class IdempotencySweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly records: IdempotencyRecords,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#running = this.#sweep();
    }, PERIOD_MS);
    this.#timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #sweep(): Promise<void> {
    const job = slug("idempotency");
    try {
      const rows = await this.records.sweep();
      if (rows > 0) this.log.event("sweeper.finished", { job, rows });
    } catch (error) {
      this.log.event("sweeper.failed", { job, code: isRootkeepError(error) ? error.code : "INTERNAL" });
    }
  }
}
