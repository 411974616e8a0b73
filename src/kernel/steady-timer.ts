/**
 * Does one piece of work every so often, never twice at once, and keeps no program running. A time that comes while the last one still works is
 * left out; what fails is told, and tried again at the next time.
 */
export class SteadyTimer {
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;

  constructor(
    private readonly periodMs: number,
    private readonly work: () => Promise<unknown>,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Begins; the first time is one period from now. Call once. */
  start(): void {
    this.#timer = setInterval(() => {
      this.#once();
    }, this.periodMs);
    this.#timer.unref();
  }

  /** Begins with a first time now. Call once. */
  startNow(): void {
    this.#once();
    this.start();
  }

  /** Ends; waits for what is being done. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#working;
  }

  #once(): void {
    this.#working ??= this.#attempt().finally(() => {
      this.#working = undefined;
    });
  }

  async #attempt(): Promise<void> {
    try {
      await this.work();
    } catch (error) {
      this.failed(error);
    }
  }
}
