import { type BeforeApplicationShutdown, type DynamicModule, Global, Inject, Module, type OnApplicationBootstrap } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import { DataSource } from "typeorm";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import type { PgConnection } from "../database/connection.js";
import { SERVICE_CONNECTION } from "../database/database.module.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import { AccountLogController } from "./account-log.rest.js";
import { AccountLog } from "./account-log.service.js";
import { parseWitnessAnchor } from "./anchor-uri.js";
import { AuditController } from "./audit.rest.js";
import { AuditLog } from "./audit-log.service.js";
import { AuditReader } from "./audit-reader.service.js";
import { type Coverage, NO_COVERAGE } from "./coverage.port.js";
import { createGuard } from "./create-guard.service.js";
import { HeartbeatWriter } from "./heartbeat-writer.service.js";
import { connectLog } from "./log-connection.service.js";
import { LogGuard, type UnsignedEvents } from "./log-guard.service.js";
import { operatorAlarms } from "./operator-alarms.service.js";
import { ReportsController } from "./reports.rest.js";
import { Reports } from "./reports.service.js";
import type { StreamEvents } from "./stream/log-stream.service.js";
import { LogStreams } from "./stream/log-streams.service.js";
import type { VerifierKey } from "./tlog/verifier-key.js";
import { TlogController } from "./tlog.rest.js";
import { TlogReader } from "./tlog-reader.service.js";
import { WitnessWatch } from "./witness-watch.service.js";

/** The {@link Coverage} of this deployment. */
export const COVERAGE = Symbol("coverage");
/** The key by which this log's checkpoints are checked. */
export const LOG_VERIFIER_KEY = Symbol("log-verifier-key");

/** The log. It is open, read to its end and held against the guard before anything that injects it is made. */
@Global()
@Module({
  controllers: [AuditController, TlogController, AccountLogController, ReportsController],
  providers: [
    {
      provide: AuditLog,
      inject: [SERVICE_CONNECTION, CONFIG, Log, Metrics, HealthRegistry],
      useFactory: async (connection: PgConnection, config: Config, log: Log, metrics: Metrics, health: HealthRegistry) => {
        const audit = new AuditLog(() => connectLog(connection), operatorAlarms(log, metrics));
        await audit.open(config.logOrigin, config.deployment);
        health.register("log", () => audit.check());
        return audit;
      },
    },
    {
      provide: LogGuard,
      inject: [AuditLog, SERVICE_CONNECTION, CONFIG, LOG_VERIFIER_KEY, HealthRegistry, Log],
      useFactory: async (
        audit: AuditLog,
        connection: PgConnection,
        config: Config,
        verifierKey: VerifierKey,
        health: HealthRegistry,
        log: Log,
      ) => {
        const { logOrigin: origin, guard: uri, awsS3Endpoint } = config;
        const guard = createGuard(uri, awsS3Endpoint === null ? {} : { endpoint: awsS3Endpoint });
        const logGuard = new LogGuard(audit, {
          connect: () => connectLog(connection),
          origin,
          verifierKey,
          guard,
          events: unsignedEvents(log),
        });
        await logGuard.start();
        health.register("guard", () => logGuard.check());
        return logGuard;
      },
    },
    {
      provide: COVERAGE,
      inject: [CONFIG, LogGuard],
      useFactory: ({ trial }: Config, guard: LogGuard): Coverage => (trial.opensBeforeGuard ? NO_COVERAGE : guard),
    },
    {
      provide: HeartbeatWriter,
      inject: [AuditLog, SERVICE_CONNECTION, CONFIG, Log, Metrics],
      useFactory: (audit: AuditLog, connection: PgConnection, { logOrigin: origin }: Config, log: Log, metrics: Metrics) =>
        new HeartbeatWriter(audit, {
          connect: () => connectLog(connection),
          origin,
          onFailed: (code, reason) => {
            metrics.add("rootkeep_heartbeat_failures_total", {});
            log.event("audit.heartbeat_failed", { code, reason: slug(reason.replaceAll(" ", "-")) });
          },
        }),
    },
    {
      provide: LogStreams,
      inject: [SERVICE_CONNECTION, CONFIG, Log, HttpAdapterHost],
      useFactory: (connection: PgConnection, { stream, dataDirectory }: Config, log: Log, host: HttpAdapterHost) => {
        const streams = new LogStreams(stream, { dataDirectory, connect: () => connectLog(connection), events: streamEvents(log) });
        host.listen$.subscribe(() => {
          streams.start();
        });
        return streams;
      },
    },
    {
      provide: WitnessWatch,
      inject: [SERVICE_CONNECTION, CONFIG, LOG_VERIFIER_KEY, Log],
      useFactory: (connection: PgConnection, { logOrigin: origin, witnesses }: Config, verifierKey: VerifierKey, log: Log) =>
        new WitnessWatch({
          connect: () => connectLog(connection),
          origin,
          verifierKey,
          witnesses: witnesses.map(parseWitnessAnchor),
          onMissing: (witness, seconds) => {
            log.event("witness.missing", { witness: slug(witness), seconds });
          },
        }),
    },
    { provide: AuditReader, inject: [DataSource], useFactory: (dataSource: DataSource) => new AuditReader(dataSource) },
    {
      provide: TlogReader,
      inject: [DataSource, CONFIG, LOG_VERIFIER_KEY, AuditLog],
      useFactory: (dataSource: DataSource, { logOrigin }: Config, key: VerifierKey, audit: AuditLog) =>
        new TlogReader(dataSource, logOrigin, key, audit),
    },
    {
      provide: Reports,
      inject: [DataSource, CONFIG, LOG_VERIFIER_KEY],
      useFactory: (dataSource: DataSource, { logOrigin }: Config, key: VerifierKey) => new Reports(dataSource, logOrigin, key),
    },
    {
      provide: AccountLog,
      inject: [DataSource, AuditLog, TlogReader, CONFIG, LOG_VERIFIER_KEY],
      useFactory: (dataSource: DataSource, audit: AuditLog, tlog: TlogReader, { logOrigin }: Config, key: VerifierKey) =>
        new AccountLog(dataSource, audit, tlog, logOrigin, key),
    },
  ],
  exports: [AuditLog, AuditReader, LogGuard, COVERAGE, TlogReader],
})
export class AuditModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  static of(verifierKey: VerifierKey): DynamicModule {
    return { module: AuditModule, providers: [{ provide: LOG_VERIFIER_KEY, useValue: verifierKey }], exports: [LOG_VERIFIER_KEY] };
  }

  constructor(
    @Inject(AuditLog) private readonly log: AuditLog,
    @Inject(LogGuard) private readonly guard: LogGuard,
    @Inject(HeartbeatWriter) private readonly heartbeats: HeartbeatWriter,
    @Inject(LogStreams) private readonly streams: LogStreams,
    @Inject(WitnessWatch) private readonly witnesses: WitnessWatch,
  ) {}

  onApplicationBootstrap(): void {
    this.guard.watch();
    this.heartbeats.start();
    this.witnesses.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.heartbeats.stop(), this.streams.stop(), this.witnesses.stop()]);
    await this.guard.stop();
    await this.log.close();
  }
}

function unsignedEvents(log: Log): UnsignedEvents {
  return {
    openingsStopped: (entries, seconds) => {
      log.event("audit.openings_stopped", { entries, seconds });
    },
    decisionsStopped: (entries, seconds) => {
      log.event("audit.decisions_stopped", { entries, seconds });
    },
    signedAgain: (seconds) => {
      log.event("audit.signed_again", { seconds });
    },
  };
}

function streamEvents(log: Log): StreamEvents {
  return {
    leading: (sink) => {
      log.event("stream.leading", { sink });
    },
    failed: (sink, reason) => {
      log.event("stream.failed", { sink, reason: slug(reason.replaceAll(" ", "-")) });
    },
    behind: (sink, entries, seconds) => {
      log.event("stream.behind", { sink, entries, seconds });
    },
    rolledBack: (sink, delivered, size, resumed) => {
      log.event("stream.rolled_back", { sink, delivered, size, resumed });
    },
  };
}
