const AFTER_FAILURE_MS = 5_000;
const STOP_GRACE_MS = 2_000;

/** Work that is done again and again. */
export interface LoopedWork {
  /** How long to wait when there was nothing to do. */
  readonly pauseMs: number;
  /** Does what there is now. @returns whether there was anything, and so perhaps more. */
  readonly once: (signal: AbortSignal) => Promise<boolean>;
}

/**
 * Keeps several pieces of work going side by side, each at its own pace: one that is slow or fails holds up no other. What they work off is
 * in the database, so a restart loses nothing.
 */
export class SteadyLoops {
  readonly #abort = new AbortController();
  readonly #wakes = new Set<() => void>();
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(private readonly works: readonly LoopedWork[]) {}

  start(): void {
    this.#running = Promise.all(this.works.map((work) => this.#loop(work)));
  }

  /** What is being done may end, for a moment; then its signal is aborted. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const wake of this.#wakes) wake();
    const grace = setTimeout(() => {
      this.#abort.abort();
    }, STOP_GRACE_MS);
    await this.#running;
    clearTimeout(grace);
  }

  async #loop({ pauseMs, once }: LoopedWork): Promise<void> {
    while (!this.#isStopping) {
      try {
        if (!(await once(this.#abort.signal))) await this.#pause(pauseMs);
      } catch {
        // The database is away; its own health check says so, and what waits goes on waiting in it.
        await this.#pause(AFTER_FAILURE_MS);
      }
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    if (this.#isStopping) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakes.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#wakes.add(wake);
    });
  }
}
