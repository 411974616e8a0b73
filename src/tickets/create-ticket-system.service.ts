import type { TicketConfig } from "../config/config.js";
import type { Board } from "./board.service.js";
import { BoardTickets } from "./board-tickets.adapter.js";
import type { TicketSystem } from "./ticket-system.port.js";
import { WebhookTickets } from "./webhook-tickets.adapter.js";

/** The ticket system that the configuration connects; null for none. */
export function createTicketSystem(config: TicketConfig, board: Board): TicketSystem | null {
  switch (config.system) {
    case "none":
      return null;
    case "board":
      return new BoardTickets(board);
    case "webhook":
      return new WebhookTickets(config.url, config.secret);
  }
}
