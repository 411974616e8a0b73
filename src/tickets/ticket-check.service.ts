import type { TicketSystemName } from "../config/reference.js";
import { withDeadline } from "../kernel/deadline.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { failureReason } from "../notices/channel-failure.js";
import { parseTicketReference, type TicketPattern } from "./ticket-reference.js";
import type { Ticket, TicketSystem } from "./ticket-system.port.js";

/** What a ticket must be good for. */
export interface TicketUse {
  readonly reference: string;
  /** AWS account id that it must name; null where no account is concerned. */
  readonly awsId: string | null;
}

/** What an entry says of a look: that the ticket system was asked, or that it was away when a break-glass could not wait for it, and how. */
export interface Sighting {
  readonly ticketSeen: "seen" | "system-away";
  /** Constant text of ours, of a system that was away. */
  readonly ticketReason?: string;
}

/** What a look came to. */
export type LookOutcome = "good" | "unknown" | "closed" | "other-account" | "unavailable";

/** Counters and log lines. */
export interface TicketCheckEvents {
  looked(system: TicketSystemName, outcome: LookOutcome): void;
  /** @param reason constant text; never an answer's words. */
  unavailable(system: TicketSystemName, reason: string): void;
}

export interface TicketPatterns {
  readonly every: TicketPattern;
  /** What the ticket of a break-glass looks like, besides. */
  readonly glass: TicketPattern;
}

const QUIET: TicketCheckEvents = { looked: () => undefined, unavailable: () => undefined };

/**
 * The proof, in this process alone, that a ticket was looked at just now. It cannot be forged or copied: only the check mints it, and no row
 * of a table stands in for it.
 */
export class SeenTicket {
  private static readonly minted = new WeakSet<SeenTicket>();

  private constructor(
    private readonly reference: string,
    /** The accounts that it names; or how the system was away, and a break-glass does not wait for it. */
    private readonly found: { readonly accounts: readonly string[] } | { readonly away: string },
    private readonly atMs: number,
  ) {
    Object.freeze(this);
  }

  /** @param found of a look that was made just now. */
  static mint(reference: string, found: { readonly accounts: readonly string[] } | { readonly away: string }): SeenTicket {
    const kept = "away" in found ? { away: found.away } : { accounts: Object.freeze([...found.accounts]) };
    const seen = new SeenTicket(reference, Object.freeze(kept), performance.now());
    SeenTicket.minted.add(seen);
    return seen;
  }

  /** @throws RootkeepError `TICKETS_UNAVAILABLE` where this ticket was not looked at just now; `TICKET_OTHER_ACCOUNT` */
  static demand(seen: SeenTicket | null | undefined, { reference, awsId }: TicketUse): Sighting {
    const isFresh =
      seen !== null &&
      seen !== undefined &&
      SeenTicket.minted.has(seen) &&
      seen.reference === reference &&
      performance.now() - seen.atMs < LIMITS.ticketSeenMs;
    if (!isFresh) throw new RootkeepError("TICKETS_UNAVAILABLE", { reason: "ticket_not_looked_at" });
    if ("away" in seen.found) return { ticketSeen: "system-away", ticketReason: seen.found.away };
    if (awsId !== null && !seen.found.accounts.includes(awsId)) throw new RootkeepError("TICKET_OTHER_ACCOUNT");
    return { ticketSeen: "seen" };
  }
}

/**
 * Whether a ticket is real (design §6): where a ticket system is connected it must exist there, be open and name the account, and a system
 * that does not answer refuses. A ticket grants nothing; all that it can do is refuse. The system is asked before the deciding transaction,
 * which must not wait for a network while it holds locks; the transaction then demands the proof of that look.
 */
export class TicketCheck {
  constructor(
    private readonly system: TicketSystem | null,
    private readonly patterns: TicketPatterns,
    private readonly events: TicketCheckEvents = QUIET,
    private readonly deadlineMs: number = LIMITS.ticketLookMs,
  ) {}

  /** False: the form of a reference is all that is checked. */
  get isConnected(): boolean {
    return this.system !== null;
  }

  /** `reference`, if it has the form of a ticket; of one of the highest class where the glass is broken. @throws RootkeepError `TICKET_INVALID` */
  parse(reference: string, breaksGlass: boolean): string {
    if (breaksGlass) parseTicketReference(this.patterns.glass, reference);
    return parseTicketReference(this.patterns.every, reference);
  }

  /**
   * Asks the system about a ticket; null where none is connected. Never inside a transaction.
   *
   * @param breaksGlass true: a system that is away does not refuse. Whatever it answers refuses all the same, also what is no answer: whoever
   *   asks could bring that about (docs/decisions/0026).
   * @throws RootkeepError `TICKET_UNKNOWN`, `TICKET_CLOSED`, `TICKETS_UNAVAILABLE`
   */
  async look(reference: string, breaksGlass: boolean): Promise<SeenTicket | null> {
    if (this.system === null) return null;
    const { name } = this.system;
    let ticket: Ticket | null;
    try {
      ticket = await this.#find(this.system, reference);
    } catch (error) {
      const isAway = isRootkeepError(error, "UNAVAILABLE");
      if (!isAway && !isRootkeepError(error, "TICKETS_UNAVAILABLE")) throw error;
      const reason = failureReason(error);
      this.events.looked(name, "unavailable");
      this.events.unavailable(name, reason);
      if (!isAway || !breaksGlass) throw new RootkeepError("TICKETS_UNAVAILABLE", { reason });
      return SeenTicket.mint(reference, { away: reason });
    }
    if (ticket?.isOpen !== true) {
      this.events.looked(name, ticket === null ? "unknown" : "closed");
      throw new RootkeepError(ticket === null ? "TICKET_UNKNOWN" : "TICKET_CLOSED");
    }
    return SeenTicket.mint(reference, { accounts: ticket.accounts });
  }

  /**
   * Demands, inside the deciding transaction, that this ticket was looked at just now and names the account. May be asked again: a
   * transaction may be run again.
   * @returns what the entry says of it; null where no system is connected. @throws RootkeepError `TICKETS_UNAVAILABLE`, `TICKET_OTHER_ACCOUNT`
   */
  demand(seen: SeenTicket | null | undefined, use: TicketUse): Sighting | null {
    if (this.system === null) return null;
    try {
      const sighting = SeenTicket.demand(seen, use);
      if (sighting.ticketSeen === "seen") this.events.looked(this.system.name, "good");
      return sighting;
    } catch (error) {
      if (isRootkeepError(error, "TICKET_OTHER_ACCOUNT")) this.events.looked(this.system.name, "other-account");
      throw error;
    }
  }

  async #find(system: TicketSystem, reference: string): Promise<Ticket | null> {
    const ticket = await withDeadline(this.deadlineMs, (signal) => system.find(reference, signal));
    // An answer about another ticket is none about this one.
    if (ticket !== null && ticket.reference !== reference)
      throw new RootkeepError("TICKETS_UNAVAILABLE", { reason: "tickets_other_reference" });
    return ticket;
  }
}
