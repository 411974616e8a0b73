import type { TicketSystemName } from "../config/reference.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { TicketUpdate } from "./ticket-note.js";
import { UpdateOutbox } from "./update-outbox.repository.js";

/** Lent to every transaction, so that no change of a request can forget to ask: which ticket system is told of it, if one is. */
export class ToldSystem {
  constructor(readonly name: TicketSystemName | null) {}
}

/**
 * Notes, in the transaction of the change, that a ticket is to be told of it: committed with it or not at all. Whoever posts holds the
 * request's lock, so that what is told of one request has the order in which it happened.
 */
export async function postTicketUpdate(tx: WorkTransaction, update: TicketUpdate): Promise<void> {
  if (tx.lent(ToldSystem).name === null) return;
  await UpdateOutbox.post(tx.manager, update);
}
