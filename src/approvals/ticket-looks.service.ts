import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { ActingPerson } from "../people/acting-person.service.js";
import type { SeenTicket, Sighting, TicketCheck } from "../tickets/ticket-check.service.js";
import { isGlass } from "./glass-terms.js";
import type { GuardedAct, RequestForm } from "./guarded-act.port.js";
import { grantedBody } from "./opening-request.service.js";
import type { RequestBody } from "./request-body.js";
import type { TrustedConfiguration } from "./trusted-configuration.service.js";

/**
 * Looks at the tickets of requests where the design wants them real: when a request is submitted, and when it is used. Each look is made
 * before the transaction that demands its proof, and only for somebody who may: whoever is merely signed in makes the system answer nothing.
 */
export class TicketLooks {
  constructor(
    private readonly transactions: Transactions,
    private readonly check: TicketCheck,
    private readonly trust: Pick<TrustedConfiguration, "assertApproved">,
  ) {}

  /** The ticket that `form` names, by its form; null for none. @throws RootkeepError `TICKET_INVALID` */
  reference({ isTicketNeeded }: GuardedAct, { ticket, breakGlass }: RequestForm): string | null {
    if (ticket !== null && ticket !== "") return this.check.parse(ticket, breakGlass === true);
    if (isTicketNeeded) throw new RootkeepError("TICKET_INVALID", { facts: { rule: "an opening names a ticket" } });
    return null;
  }

  /**
   * @param judge throws what refuses the request whatever its ticket; the deciding transaction asks it again.
   * @throws RootkeepError `CONFIG_UNAPPROVED`, as `judge`, as `TicketCheck.look`
   */
  async atSubmission(
    reference: string | null,
    { operation, breakGlass }: RequestForm,
    judge: (tx: WorkTransaction) => Promise<unknown>,
  ): Promise<SeenTicket | null> {
    if (reference === null) return null;
    this.#assertTrusted(operation);
    if (!this.check.isConnected) return null;
    await this.transactions.peek(judge);
    return await this.check.look(reference, breakGlass === true);
  }

  /**
   * An act that its approval does uses its ticket then; an opening does so when it is opened.
   * @param judge the request, if its approval may do the act; it throws what refuses the approval whatever the ticket.
   * @throws RootkeepError `CONFIG_UNAPPROVED`, as `judge`, as `TicketCheck.look`
   */
  async atApproval(judge: (tx: WorkTransaction) => Promise<RequestBody | null>): Promise<SeenTicket | null> {
    if (!this.check.isConnected) return null;
    return await this.#lookFor(await this.transactions.peek(judge));
  }

  /** Before an opening; null also for a grant that is not `acting`'s to open now: the claim says why. @throws RootkeepError as `TicketCheck.look` */
  async atOpening(acting: ActingPerson, grantId: Id<"grant">): Promise<SeenTicket | null> {
    if (!this.check.isConnected) return null;
    return await this.#lookFor(await this.transactions.peek((tx) => grantedBody(tx, acting, grantId)));
  }

  /**
   * Demands the proof of a look, inside the transaction, and that the ticket still has the form that is asked for: a pattern that somebody
   * loosened for a moment lets nothing in that is used later.
   * @returns what the entry says of it; null where nothing is to be checked.
   * @throws RootkeepError `TICKET_INVALID`, `CONFIG_UNAPPROVED`, as `TicketCheck.demand`
   */
  demand(
    tx: WorkTransaction,
    seen: SeenTicket | null | undefined,
    body: Pick<RequestBody, "operation" | "ticket" | "account" | "flags">,
  ): Sighting | null {
    const { operation, ticket, account } = body;
    if (ticket === null) return null;
    this.check.parse(ticket, isGlass(body));
    this.#assertTrusted(operation);
    // Again once the log has been read to its end: another replica may have taken over what is trusted.
    tx.atHead(() => {
      this.#assertTrusted(operation);
    });
    return this.check.demand(seen, { reference: ticket, awsId: account?.awsId ?? null });
  }

  async #lookFor(body: RequestBody | null): Promise<SeenTicket | null> {
    const ticket = body?.ticket ?? null;
    if (body === null || ticket === null) return null;
    this.#assertTrusted(body.operation);
    return await this.check.look(ticket, isGlass(body));
  }

  /**
   * What is connected, and what a ticket looks like, works only as custodians approved it: where it is not, no ticket is good. Approving it goes on.
   * @throws RootkeepError `CONFIG_UNAPPROVED`
   */
  #assertTrusted(operation: string): void {
    if (operation !== "config.approve") this.trust.assertApproved();
  }
}
