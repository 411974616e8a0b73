import type { Transactions } from "../audit/transactions.service.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { ActingPerson } from "../people/acting-person.service.js";
import type { SeenTicket, Sighting, TicketCheck } from "../tickets/ticket-check.service.js";
import { isGlass } from "./glass-terms.js";
import type { GuardedAct, RequestForm } from "./guarded-act.port.js";
import { grantedBody } from "./opening-request.service.js";
import { Request } from "./request.entity.js";
import { parseRequest, type RequestBody } from "./request-body.js";

/**
 * Looks at the tickets of requests where the design wants them real: when a request is submitted, and when it is used. Each look is made
 * before the transaction that demands its proof.
 */
export class TicketLooks {
  constructor(
    private readonly transactions: Transactions,
    private readonly check: TicketCheck,
  ) {}

  /** The ticket that `form` names, by its form; null for none. @throws RootkeepError `TICKET_INVALID` */
  reference({ isTicketNeeded }: GuardedAct, { ticket, breakGlass }: RequestForm): string | null {
    if (ticket !== null && ticket !== "") return this.check.parse(ticket, breakGlass === true);
    if (isTicketNeeded) throw new RootkeepError("TICKET_INVALID", { facts: { rule: "an opening names a ticket" } });
    return null;
  }

  /** @throws RootkeepError as `TicketCheck.look` */
  async atSubmission(reference: string | null, breaksGlass: boolean): Promise<SeenTicket | null> {
    return reference === null ? null : await this.check.look(reference, breaksGlass);
  }

  /** An act that its approval does uses its ticket then; an opening does so when it is opened. @throws RootkeepError as `TicketCheck.look` */
  async atApproval(requestId: Id<"request">, isDoneByApproval: (row: Request) => boolean): Promise<SeenTicket | null> {
    if (!this.check.isConnected) return null;
    const row = await this.transactions.peek((tx) => tx.read(Request, requestId));
    if (row?.state !== "SUBMITTED" || !isDoneByApproval(row)) return null;
    return await this.atSubmission(parseRequest(row.body, row.hash).ticket, false);
  }

  /** Before an opening; null also for a grant that is not `acting`'s to open now: the claim says why. @throws RootkeepError as `TicketCheck.look` */
  async atOpening(acting: ActingPerson, grantId: Id<"grant">): Promise<SeenTicket | null> {
    if (!this.check.isConnected) return null;
    const body = await this.transactions.peek((tx) => grantedBody(tx, acting, grantId));
    return body === null ? null : await this.atSubmission(body.ticket, isGlass(body));
  }

  /**
   * Demands the proof of a look, inside the transaction.
   * @returns what the entry says of it; null where nothing is to be checked. @throws RootkeepError as `TicketCheck.demand`
   */
  demand(seen: SeenTicket | null | undefined, { ticket, account }: Pick<RequestBody, "ticket" | "account">): Sighting | null {
    return ticket === null ? null : this.check.demand(seen, { reference: ticket, awsId: account?.awsId ?? null });
  }
}
