import type { TicketSystemName } from "../config/reference.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { TicketUpdate } from "./ticket-note.js";
import type { TrustedTickets } from "./ticket-trust.js";
import { UpdateOutbox } from "./update-outbox.repository.js";

/** Lent to every transaction, so that no change of a request can forget to ask: whether a ticket is told of it. */
export class ToldSystem {
  constructor(
    private readonly name: TicketSystemName | null,
    private readonly trust: TrustedTickets,
  ) {}

  /** While nobody has approved what this process runs with, what was approved last says so: who disconnects the system alone hides nothing. */
  get isTold(): boolean {
    return this.trust.isApproved() ? this.name !== null : this.trust.areTold();
  }
}

/**
 * Notes, in the transaction of the change, that a ticket is to be told of it: committed with it or not at all. Whoever posts holds the
 * request's lock, so that what is told of one request has the order in which it happened.
 */
export async function postTicketUpdate(tx: WorkTransaction, update: TicketUpdate): Promise<void> {
  if (!tx.lent(ToldSystem).isTold) return;
  await UpdateOutbox.post(tx.manager, update);
}
