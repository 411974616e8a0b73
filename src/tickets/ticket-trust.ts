/** What custodians have approved of the ticket system. */
export interface TrustedTickets {
  /** Whether what this process runs with is what they approved last. */
  isApproved(): boolean;
  /** Whether tickets are told of requests under what they approved last; true where nobody can say. */
  areTold(): boolean;
}

/**
 * Whether the ticket system that is connected is the one that custodians approved. Only the module above knows, and says so here; until it
 * has, nothing is sent and everything is kept.
 */
export class TicketTrust implements TrustedTickets {
  #trusted: TrustedTickets = { isApproved: () => false, areTold: () => true };

  judgeBy(trusted: TrustedTickets): void {
    this.#trusted = trusted;
  }

  isApproved(): boolean {
    return this.#trusted.isApproved();
  }

  areTold(): boolean {
    return this.#trusted.areTold();
  }
}
