import { type BeforeApplicationShutdown, Global, Inject, Module, type OnApplicationBootstrap } from "@nestjs/common";
import { DataSource } from "typeorm";
import { Transactions } from "../audit/transactions.service.js";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import { Board } from "./board.service.js";
import { createTicketSystem } from "./create-ticket-system.service.js";
import { ToldSystem } from "./post-ticket-update.service.js";
import { TicketCheck } from "./ticket-check.service.js";
import { compileTicketPattern } from "./ticket-reference.js";
import type { TicketSystem } from "./ticket-system.port.js";
import { TicketTrust } from "./ticket-trust.js";
import { TicketUpdatesController } from "./ticket-updates.rest.js";
import { TicketUpdates } from "./ticket-updates.service.js";
import { TicketsController } from "./tickets.rest.js";
import { type UpdateEvents, UpdateSender } from "./update-sender.service.js";

/** Longer than the longest wait between two attempts: something that waits so long is not merely between them. */
const LATE_SECONDS = 2 * 3_600;
const CONNECTED = Symbol("connected-ticket-system");

/** Tickets: the board, the check of dual control, and what tickets are told. */
@Global()
@Module({
  controllers: [TicketsController, TicketUpdatesController],
  providers: [
    {
      provide: Board,
      inject: [Transactions, CONFIG],
      useFactory: (transactions: Transactions, { ticketPattern }: Config) => new Board(transactions, compileTicketPattern(ticketPattern)),
    },
    {
      provide: CONNECTED,
      inject: [CONFIG, Board],
      useFactory: ({ tickets }: Config, board: Board) => createTicketSystem(tickets, board),
    },
    TicketTrust,
    {
      provide: ToldSystem,
      inject: [Transactions, CONNECTED, TicketTrust],
      useFactory: (transactions: Transactions, system: TicketSystem | null, trust: TicketTrust) => {
        const told = new ToldSystem(system?.name ?? null, trust);
        transactions.lend(ToldSystem, told);
        return told;
      },
    },
    { provide: TicketCheck, inject: [CONNECTED, CONFIG, Log, Metrics], useFactory: createCheck },
    {
      provide: TicketUpdates,
      inject: [DataSource, CONNECTED, TicketTrust, CONFIG, Log, Metrics, HealthRegistry],
      useFactory: createUpdates,
    },
  ],
  exports: [TicketCheck, TicketTrust, ToldSystem],
})
export class TicketsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(TicketUpdates) private readonly updates: TicketUpdates) {}

  onApplicationBootstrap(): void {
    this.updates.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.updates.stop();
  }
}

function createCheck(system: TicketSystem | null, config: Config, log: Log, metrics: Metrics): TicketCheck {
  const patterns = { every: compileTicketPattern(config.ticketPattern), glass: compileTicketPattern(config.glassTicketPattern) };
  return new TicketCheck(system, patterns, {
    looked: (name, outcome) => {
      metrics.add("rootkeep_ticket_looks_total", { system: name, outcome });
    },
    unavailable: (name, reason) => {
      log.event("tickets.unavailable", { system: name, reason: slug(reason) });
    },
  });
}

function createUpdates(
  dataSource: DataSource,
  system: TicketSystem | null,
  trust: TicketTrust,
  { deployment, publicUrl }: Config,
  log: Log,
  metrics: Metrics,
  health: HealthRegistry,
): TicketUpdates {
  const sender =
    system === null ? null : new UpdateSender(dataSource, system, { deployment, publicUrl }, trust, updateEvents(log, metrics));
  const updates = new TicketUpdates(dataSource, sender, ({ waiting, dead }) => {
    metrics.set("rootkeep_ticket_updates_waiting", {}, waiting);
    metrics.set("rootkeep_ticket_updates_dead", {}, dead);
  });
  health.watch("ticket-updates-dead", () => updates.counts.dead > 0);
  // Whatever keeps them: what is never tried makes no failure that would be told.
  health.watch("ticket-updates-late", () => sender !== null && updates.counts.oldestSeconds > LATE_SECONDS);
  return updates;
}

function updateEvents(log: Log, metrics: Metrics): UpdateEvents {
  return {
    sent: (system) => {
      metrics.add("rootkeep_ticket_updates_sent_total", { system });
    },
    failed: (system, reason) => {
      metrics.add("rootkeep_ticket_update_failures_total", { system });
      log.event("ticket_update.failed", { system, reason: slug(reason) });
    },
    gaveUp: (system, id, reason) => {
      metrics.add("rootkeep_ticket_update_failures_total", { system });
      log.event("ticket_update.dead", { system, id, reason: slug(reason) });
    },
  };
}
