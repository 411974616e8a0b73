import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import { isRootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import type { Log } from "../telemetry/log.service.js";
import { slug } from "../telemetry/site.js";
import type { ProviderStanding } from "./provider-standing.service.js";

const JOB = slug("provider-sessions");
const PERIOD_MS = 60_000;
/** So that the next round comes before the time is over. */
const DUE_SECONDS = LIMITS.providerStandingSeconds - (2 * PERIOD_MS) / 1000;

/** Looks at the provider again for sessions that nobody uses just now, so that they end when the person was let go and not at their next call. */
export class ProviderSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer = new SteadyTimer(
    PERIOD_MS,
    () => this.#sweep(),
    (error) => {
      this.log.event("sweeper.failed", { job: JOB, code: isRootkeepError(error) ? error.code : "INTERNAL" });
    },
  );

  constructor(
    private readonly standing: ProviderStanding,
    private readonly idleSeconds: number,
    private readonly log: Pick<Log, "event">,
  ) {}

  onApplicationBootstrap(): void {
    if (this.standing.issuer !== null) this.#timer.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#timer.stop();
  }

  async #sweep(): Promise<void> {
    const rows = await this.standing.sweep(DUE_SECONDS, this.idleSeconds);
    if (rows > 0) this.log.event("sweeper.finished", { job: JOB, rows });
  }
}
