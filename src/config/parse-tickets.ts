import type { TicketConfig } from "./config.js";
import type { EnvironmentReader } from "./environment.js";
import { readPair } from "./parse-notices.js";
import { type TicketSystemName, VARIABLES } from "./reference.js";

/** The ticket system that is connected, as the environment names it. */
export function readTickets(reader: EnvironmentReader): TicketConfig {
  const system = (reader.text("ROOTKEEP_TICKETS") ?? VARIABLES.ROOTKEEP_TICKETS.fallback) as TicketSystemName | "none";
  const webhook = readPair(reader, "ROOTKEEP_TICKET_WEBHOOK", "ROOTKEEP_TICKET_WEBHOOK_SECRET");
  // An address that is set and not used looks like a check that is made.
  if ((webhook !== null) !== (system === "webhook"))
    reader.refuse("ROOTKEEP_TICKET_WEBHOOK", "is set together with ROOTKEEP_TICKETS=webhook, or neither is");
  if (system === "webhook") return webhook === null ? { system: "none" } : { system, ...webhook };
  return { system };
}
