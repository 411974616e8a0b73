import type { Log } from "../telemetry/log.service.js";

const PERIOD_SECONDS = 60;

/**
 * Failed sign-ins by callers whom nobody knows. They are told to the operators as counts: an outsider must not be able to write into the
 * audit log, or to fill the other one, at will.
 */
export class UnknownFailures {
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly log: Log) {}

  note(): void {
    this.#count += 1;
    this.#timer ??= setTimeout(() => {
      this.flush();
    }, PERIOD_SECONDS * 1000).unref();
  }

  /** Tells what was counted since the last time. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#count > 0) this.log.event("signin.failed_count", { count: this.#count, seconds: PERIOD_SECONDS });
    this.#count = 0;
  }
}
