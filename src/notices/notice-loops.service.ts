import type { DataSource } from "typeorm";
import type { NoticeSender } from "./notice-sender.service.js";
import type { NoticeSpreader } from "./notice-spreader.service.js";
import { Outbox, type OutboxCounts } from "./outbox.repository.js";

const LOOK_EVERY_MS = 500;
const AFTER_FAILURE_MS = 5_000;
const COUNT_EVERY_MS = 10_000;
const KEPT_DAYS = 30;
const STOP_GRACE_MS = 2_000;

/**
 * Keeps spreading and sending, each channel at its own pace: one that is slow or dead holds up no other, and no act at all. What waits is in
 * the database, so a restart loses nothing.
 */
export class NoticeLoops {
  readonly #abort = new AbortController();
  readonly #wakes = new Set<() => void>();
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();
  #counts: OutboxCounts = { waiting: 0, dead: 0 };

  constructor(
    private readonly dataSource: DataSource,
    private readonly spreader: NoticeSpreader,
    private readonly senders: readonly NoticeSender[],
    private readonly onCounts: (counts: OutboxCounts) => void,
  ) {}

  /** As of the last look. */
  get counts(): OutboxCounts {
    return this.#counts;
  }

  start(): void {
    this.#running = Promise.all([
      this.#loop(LOOK_EVERY_MS, () => this.spreader.spreadNext()),
      ...this.senders.map((sender) => this.#loop(LOOK_EVERY_MS, async () => (await sender.sendDue(this.#abort.signal)) > 0)),
      this.#loop(COUNT_EVERY_MS, () => this.#count()),
    ]);
  }

  /** What is being sent may end, for a moment. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const wake of this.#wakes) wake();
    const grace = setTimeout(() => {
      this.#abort.abort();
    }, STOP_GRACE_MS);
    await this.#running;
    clearTimeout(grace);
  }

  async #count(): Promise<boolean> {
    this.#counts = await Outbox.counts(this.dataSource);
    this.onCounts(this.#counts);
    await Outbox.forget(this.dataSource, KEPT_DAYS);
    return false;
  }

  async #loop(pauseMs: number, work: () => Promise<boolean>): Promise<void> {
    while (!this.#isStopping) {
      try {
        if (!(await work())) await this.#pause(pauseMs);
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
