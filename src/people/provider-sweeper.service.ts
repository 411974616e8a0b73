import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import { isRootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { Log } from "../telemetry/log.service.js";
import { slug } from "../telemetry/site.js";
import type { ProviderStanding } from "./provider-standing.service.js";

const PERIOD_MS = 60_000;
/** So that the next round comes before the time is over. */
const DUE_SECONDS = LIMITS.providerStandingSeconds - (2 * PERIOD_MS) / 1000;

/** Looks at the provider again for sessions that nobody uses just now, so that they end when the person was let go and not at their next call. */
export class ProviderSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly standing: ProviderStanding,
    private readonly idleSeconds: number,
    private readonly log: Pick<Log, "event">,
  ) {}

  onApplicationBootstrap(): void {
    if (this.standing.issuer === null) return;
    this.#timer = setInterval(() => {
      this.#running = this.#running.then(() => this.#sweep());
    }, PERIOD_MS);
    this.#timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #sweep(): Promise<void> {
    const job = slug("provider-sessions");
    try {
      const rows = await this.standing.sweep(DUE_SECONDS, this.idleSeconds);
      if (rows > 0) this.log.event("sweeper.finished", { job, rows });
    } catch (error) {
      this.log.event("sweeper.failed", { job, code: isRootkeepError(error) ? error.code : "INTERNAL" });
    }
  }
}
