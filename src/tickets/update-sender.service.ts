import type { DataSource } from "typeorm";
import type { TicketSystemName } from "../config/reference.js";
import { withDeadline } from "../kernel/deadline.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { attempt } from "../kernel/retry.js";
import { failureReason, notTaken } from "../notices/channel-failure.js";
import type { MessageOrigin } from "../notices/message.js";
import { composeNote, isTicketEvent, type TicketFacts, type TicketNote } from "./ticket-note.js";
import type { TicketSystem } from "./ticket-system.port.js";
import type { TrustedTickets } from "./ticket-trust.js";
import { type DueUpdate, UpdateOutbox } from "./update-outbox.repository.js";

/** Threads that are written to side by side. */
const AT_ONCE = 4;
/** Longer than {@link WRITE_MS}, so that nobody writes what another process is still writing. */
const LEASE_SECONDS = 60;
const WRITE_MS = 20_000;

/** What happens to changes on their way, for counters and log lines. */
export interface UpdateEvents {
  sent(system: TicketSystemName): void;
  failed(system: TicketSystemName, reason: string): void;
  /** It is not tried again. */
  gaveUp(system: TicketSystemName, id: Id<"ticketUpdate">, reason: string): void;
}

/**
 * Writes what waits into tickets, at least once and in the order of each thread: claimed under a lease, tried again with growing waits, given
 * up in the end or where the ticket is unknown, and then it stays, for people to see and to put back in line. The id of a change is its
 * key, by which a ticket system writes it once.
 */
export class UpdateSender {
  constructor(
    private readonly dataSource: DataSource,
    private readonly system: TicketSystem,
    private readonly origin: MessageOrigin,
    private readonly trust: Pick<TrustedTickets, "isApproved">,
    private readonly events: UpdateEvents,
  ) {}

  /**
   * Writes a handful; none while nobody has approved where they go: who can edit the environment would read them, or have them end nowhere.
   * @returns how many were due.
   */
  async sendDue(signal: AbortSignal): Promise<number> {
    if (!this.trust.isApproved()) return 0;
    const due = await UpdateOutbox.claim(this.dataSource, AT_ONCE, LEASE_SECONDS);
    await Promise.all(due.map((update) => this.#send(update, signal)));
    return due.length;
  }

  async #send(update: DueUpdate, signal: AbortSignal): Promise<void> {
    const { id, attempts } = update;
    const { name } = this.system;
    let opened: string | null = null;
    await attempt(
      {
        attempts,
        send: async () => {
          opened = await withDeadline(WRITE_MS, (inTime) => this.#write(update, inTime), signal);
        },
        sent: async () => {
          await UpdateOutbox.sent(this.dataSource, id, opened);
          this.events.sent(name);
        },
        failed: async (error, seconds) => {
          const reason = isRootkeepError(error, "TICKET_UNKNOWN") ? "ticket_unknown" : failureReason(error);
          await UpdateOutbox.failed(this.dataSource, id, reason, seconds);
          if (seconds === null) this.events.gaveUp(name, id, reason);
          else this.events.failed(name, reason);
        },
        isFinal: (error) => isRootkeepError(error, "TICKET_UNKNOWN"),
      },
      signal,
    );
  }

  /** @returns the reference of a ticket that was opened, else null. */
  async #write(update: DueUpdate, signal: AbortSignal): Promise<string | null> {
    const note = this.#note(update);
    if (update.act === "OPEN") return await this.system.open(note, signal);
    // The ticket that was to be opened for it is no longer known.
    if (update.reference === null) throw new RootkeepError("TICKET_UNKNOWN");
    await this.system.append(update.reference, note, signal);
    return null;
  }

  #note({ id, event, facts, seq, createdAt }: DueUpdate): TicketNote {
    if (!isTicketEvent(event)) throw notTaken("unknown_event");
    const told = { ...(JSON.parse(facts) as TicketFacts), ...(seq === null ? {} : { "audit entry": seq }) };
    return composeNote({ id, event, facts: told, time: createdAt.toISOString() }, this.origin);
  }
}
