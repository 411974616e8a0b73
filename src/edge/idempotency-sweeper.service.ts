import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from "@nestjs/common";
import { isRootkeepError } from "../kernel/errors.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import { Log } from "../telemetry/log.service.js";
import { slug } from "../telemetry/site.js";
import { IdempotencyRecords } from "./idempotency.repository.js";

const JOB = slug("idempotency");
const PERIOD_MS = 10 * 60_000;

/** Forgets idempotency keys that have had their day. Nothing waits for it: an old key counts as unused anyway. */
@Injectable()
export class IdempotencySweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer = new SteadyTimer(
    PERIOD_MS,
    () => this.#sweep(),
    (error) => {
      this.log.event("sweeper.failed", { job: JOB, code: isRootkeepError(error) ? error.code : "INTERNAL" });
    },
  );

  constructor(
    private readonly records: IdempotencyRecords,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#timer.stop();
  }

  async #sweep(): Promise<void> {
    const rows = await this.records.sweep();
    if (rows > 0) this.log.event("sweeper.finished", { job: JOB, rows });
  }
}
