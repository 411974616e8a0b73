// What writes into tickets over a test's vault, as the module composes it, and a vault whose tickets are of a desk on a real socket.
import { Secret } from "../../src/kernel/secret.js";
import type { TicketSystem } from "../../src/tickets/ticket-system.port.js";
import { UpdateSender } from "../../src/tickets/update-sender.service.js";
import { WebhookTickets } from "../../src/tickets/webhook-tickets.adapter.js";
import { DESK_SECRET, type TicketDesk } from "./ticket-desk.js";
import type { Vault } from "./vault.js";

/** The desk as a ticket system; one that does not answer is waited for for a moment only. */
export function deskTickets(desk: TicketDesk, deadlineMs = 400): TicketSystem {
  return new WebhookTickets(desk.url, Secret.of(DESK_SECRET), { deadlineMs });
}

export interface TicketCrew {
  readonly sender: UpdateSender;
  readonly sent: string[];
  readonly failed: string[];
  readonly dead: string[];
  /** Writes what is due now, until nothing is. */
  turn(): Promise<void>;
  /** As {@link turn}, after what waits was made due. */
  later(): Promise<void>;
}

export function ticketCrew(vault: Vault, system: TicketSystem | null = vault.ticketSystem): TicketCrew {
  if (system === null) throw new Error("no ticket system is connected");
  const [sent, failed, dead]: [string[], string[], string[]] = [[], [], []];
  const sender = new UpdateSender(
    vault.dataSource,
    system,
    { deployment: "test", publicUrl: "https://vault.example.com" },
    vault.trust.tickets(),
    {
      sent: (name) => void sent.push(name),
      failed: (_name, reason) => void failed.push(reason),
      gaveUp: (_name, _id, reason) => void dead.push(reason),
    },
  );
  const turn = async (): Promise<void> => {
    while ((await sender.sendDue(new AbortController().signal)) > 0);
  };
  return {
    sender,
    sent,
    failed,
    dead,
    turn,
    later: async () => {
      await vault.dataSource.query("UPDATE tickets.ticket_update SET next_at = clock_timestamp() WHERE state = 'WAITING'");
      await turn();
    },
  };
}
