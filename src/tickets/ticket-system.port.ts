import type { TicketSystemName } from "../config/reference.js";
import type { TicketNote } from "./ticket-note.js";

/** What a ticket system says of a ticket. It is never taken for more than a reason to refuse: no ticket grants anything. */
export interface Ticket {
  readonly reference: string;
  readonly isOpen: boolean;
  /** AWS account ids that it names. */
  readonly accounts: readonly string[];
}

/** A ticket system. Whatever it answers comes from outside: bounded, checked, and never repeated in an error or a log line. */
export interface TicketSystem {
  readonly name: TicketSystemName;
  /**
   * The ticket of this very reference; null where there is none.
   * @throws RootkeepError `UNAVAILABLE` with a reason in `snake_case` when the system is away: no answer came, or one that says so (5xx, 429).
   *   `TICKETS_UNAVAILABLE` with a reason when it did answer, and what it said is no answer: whoever asks can bring that about.
   */
  find(reference: string, signal: AbortSignal): Promise<Ticket | null>;
  /**
   * Opens a ticket that names the AWS account of the note's facts; asked again with the same key it answers the same ticket.
   * @returns its reference. @throws RootkeepError `UNAVAILABLE`, `TICKETS_UNAVAILABLE`
   */
  open(note: TicketNote, signal: AbortSignal): Promise<string>;
  /**
   * Writes `note` into the ticket, where the people of the house read it and no customer; asked again with the same key it writes nothing.
   * @throws RootkeepError `UNAVAILABLE`; `TICKET_UNKNOWN` where no repeat will help.
   */
  append(reference: string, note: TicketNote, signal: AbortSignal): Promise<void>;
}
