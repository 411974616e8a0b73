import type { DataSource } from "typeorm";
import { SteadyLoops } from "../kernel/steady-loops.js";
import type { NoticeSender } from "./notice-sender.service.js";
import type { NoticeSpreader } from "./notice-spreader.service.js";
import { Outbox, type OutboxCounts } from "./outbox.repository.js";

const LOOK_EVERY_MS = 500;
const COUNT_EVERY_MS = 10_000;
const KEPT_DAYS = 30;

/** Keeps spreading and sending, each channel at its own pace: one that is slow or dead holds up no other, and no act at all. */
export class NoticeLoops {
  readonly #loops: SteadyLoops;
  #counts: OutboxCounts = { waiting: 0, dead: 0 };

  constructor(
    private readonly dataSource: DataSource,
    spreader: NoticeSpreader,
    senders: readonly NoticeSender[],
    private readonly onCounts: (counts: OutboxCounts) => void,
  ) {
    this.#loops = new SteadyLoops([
      { pauseMs: LOOK_EVERY_MS, once: () => spreader.spreadNext() },
      ...senders.map((sender) => ({ pauseMs: LOOK_EVERY_MS, once: async (signal: AbortSignal) => (await sender.sendDue(signal)) > 0 })),
      { pauseMs: COUNT_EVERY_MS, once: () => this.#count() },
    ]);
  }

  /** As of the last look. */
  get counts(): OutboxCounts {
    return this.#counts;
  }

  start(): void {
    this.#loops.start();
  }

  async stop(): Promise<void> {
    await this.#loops.stop();
  }

  async #count(): Promise<boolean> {
    this.#counts = await Outbox.counts(this.dataSource);
    this.onCounts(this.#counts);
    await Outbox.forget(this.dataSource, KEPT_DAYS);
    return false;
  }
}
