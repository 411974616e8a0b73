import { type BeforeApplicationShutdown, Global, Inject, Module } from "@nestjs/common";
import { DataSource } from "typeorm";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import type { PgConnection } from "../database/connection.js";
import { SERVICE_CONNECTION } from "../database/database.module.js";
import type { Id } from "../kernel/ids.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import { AuditController } from "./audit.rest.js";
import { type AuditAlarms, AuditLog } from "./audit-log.service.js";
import { AuditReader } from "./audit-reader.service.js";
import { connectLog } from "./log-connection.service.js";

/** The log. It is open, and read to its end, before anything that injects it is made. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [
    {
      provide: AuditLog,
      inject: [SERVICE_CONNECTION, CONFIG, Log, Metrics, HealthRegistry],
      useFactory: async (connection: PgConnection, config: Config, log: Log, metrics: Metrics, health: HealthRegistry) => {
        const audit = new AuditLog(() => connectLog(connection), alarms(log, metrics));
        await audit.open(config.logOrigin, config.deployment);
        health.register("log", () => audit.check());
        return audit;
      },
    },
    { provide: AuditReader, inject: [DataSource], useFactory: (dataSource: DataSource) => new AuditReader(dataSource) },
  ],
  exports: [AuditLog, AuditReader],
})
export class AuditModule implements BeforeApplicationShutdown {
  constructor(@Inject(AuditLog) private readonly log: AuditLog) {}

  async beforeApplicationShutdown(): Promise<void> {
    await this.log.close();
  }
}

function alarms(log: Log, metrics: Metrics): AuditAlarms {
  return {
    chainBroken: (seq) => {
      log.event("audit.chain_broken", { seq });
    },
    appendFailed: (reason) => {
      metrics.add("rootkeep_audit_append_failures_total", {});
      log.event("audit.append_failed", { code: "AUDIT_UNAVAILABLE", sqlState: slug(reason.replaceAll(" ", "-")) });
    },
    rolledBack: (seq) => {
      log.event("audit.rollback_detected", { seq });
    },
    clockRefused: (reason) => {
      log.event("clock.skew", { reason: slug(reason) });
    },
    rowRefused: (rowKey, reason) => {
      metrics.add("rootkeep_rows_refused_total", {});
      const [table = "", id] = rowKey.split("/");
      log.event("row.refused", { table: slug(table), id: id as Id | undefined, reason: slug(reason) });
    },
  };
}
