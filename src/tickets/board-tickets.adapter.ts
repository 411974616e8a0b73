import { RootkeepError } from "../kernel/errors.js";
import { isId } from "../kernel/ids.js";
import type { Board } from "./board.service.js";
import type { TicketNote } from "./ticket-note.js";
import type { Ticket, TicketSystem } from "./ticket-system.port.js";

/** Letters of the tickets that the service opens by itself. */
const OWN_SERIES = "RK";

/** The built-in board as the connected ticket system. */
export class BoardTickets implements TicketSystem {
  readonly name = "board";

  constructor(private readonly board: Board) {}

  async find(reference: string): Promise<Ticket | null> {
    const ticket = await this.board.look(reference);
    return ticket === null ? null : { reference, isOpen: ticket.isOpen, accounts: ticket.awsId === null ? [] : [ticket.awsId] };
  }

  async open({ key, subject, text, facts }: TicketNote): Promise<string> {
    const accountId = isId("account", facts["account"]) ? facts["account"] : null;
    const reference = await this.board.openOnce(key, { series: OWN_SERIES, accountId, title: subject });
    await this.board.note(reference, key, text);
    return reference;
  }

  async append(reference: string, { key, text }: TicketNote): Promise<void> {
    if (!(await this.board.note(reference, key, text))) throw new RootkeepError("TICKET_UNKNOWN");
  }
}
