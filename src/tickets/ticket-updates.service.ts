import type { DataSource } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { SteadyLoops } from "../kernel/steady-loops.js";
import { type UpdateCounts, UpdateOutbox, type UpdateRow } from "./update-outbox.repository.js";
import type { UpdateSender } from "./update-sender.service.js";

const LOOK_EVERY_MS = 500;
const COUNT_EVERY_MS = 10_000;
const FORGET_EVERY_MS = 3_600_000;
/** Longer than the review of a break-glass may take, which is told to the ticket that was opened for it. */
const KEPT_DAYS = 90;

/** Keeps the outbox of tickets going, and shows it. What waits is in the database: a restart loses nothing, and no act waits for a ticket. */
export class TicketUpdates {
  readonly #loops: SteadyLoops;
  #counts: UpdateCounts = { waiting: 0, dead: 0, oldestSeconds: 0 };

  constructor(
    private readonly dataSource: DataSource,
    /** Null where no ticket system is connected: what waits then goes on waiting. */
    sender: UpdateSender | null,
    private readonly onCounts: (counts: UpdateCounts) => void,
  ) {
    this.#loops = new SteadyLoops([
      ...(sender === null ? [] : [{ pauseMs: LOOK_EVERY_MS, once: async (signal: AbortSignal) => (await sender.sendDue(signal)) > 0 }]),
      { pauseMs: COUNT_EVERY_MS, once: () => this.#count() },
      { pauseMs: FORGET_EVERY_MS, once: () => this.#forget() },
    ]);
  }

  /** As of the last look. */
  get counts(): UpdateCounts {
    return this.#counts;
  }

  start(): void {
    this.#loops.start();
  }

  async stop(): Promise<void> {
    await this.#loops.stop();
  }

  async list(state: UpdateRow["state"], after: string, limit: number): Promise<UpdateRow[]> {
    return await UpdateOutbox.list(this.dataSource, state, after, limit);
  }

  /** Puts one that was given up back in line. @throws RootkeepError `NOT_FOUND` */
  async retry(id: Id<"ticketUpdate">): Promise<void> {
    if (!(await UpdateOutbox.retry(this.dataSource, id))) throw new RootkeepError("NOT_FOUND");
  }

  async #count(): Promise<boolean> {
    this.#counts = await UpdateOutbox.counts(this.dataSource);
    this.onCounts(this.#counts);
    return false;
  }

  async #forget(): Promise<boolean> {
    await UpdateOutbox.forget(this.dataSource, KEPT_DAYS);
    return false;
  }
}
