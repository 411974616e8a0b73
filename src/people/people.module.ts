import { type DynamicModule, Global, Inject, Module, type OnApplicationShutdown, type Provider } from "@nestjs/common";
import { Pool } from "pg";
import { DataSource } from "typeorm";
import { AuditLog } from "../audit/audit-log.service.js";
import { LogReading } from "../audit/log-reading.port.js";
import { Transactions } from "../audit/transactions.service.js";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import { trustedConfigDigest } from "../config/trusted.js";
import type { PgConnection } from "../database/connection.js";
import { clientOptions, SERVICE_SESSION, SteadyClient } from "../database/data-source.service.js";
import { SERVICE_CONNECTION } from "../database/database.module.js";
import { isRootkeepError } from "../kernel/errors.js";
import type { DataKeyRow } from "../keys/domain.js";
import { PEOPLE_DATA_KEYS } from "../keys/keys.module.js";
import { KeyService } from "../keys/keys.service.js";
import { RecordsKey } from "../keys/records.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import { AllowlistController } from "./allowlist.rest.js";
import { Allowlist } from "./allowlist.service.js";
import { allowlistAlarms } from "./allowlist-alarms.service.js";
import { AllowlistReminders } from "./allowlist-reminders.service.js";
import { AllowlistReport } from "./allowlist-report.service.js";
import { AllowlistWatch } from "./allowlist-watch.service.js";
import { AuthenticatorSeal } from "./authenticator-seal.service.js";
import { Certification } from "./certification.service.js";
import { Enrolment } from "./enrolment.service.js";
import { FailureCounter } from "./failure-counter.service.js";
import { FoundingController } from "./founding.rest.js";
import { Founding } from "./founding.service.js";
import { Identities } from "./identities.service.js";
import { InvitationHalves } from "./invitation-halves.service.js";
import { InvitationsController } from "./invitations.rest.js";
import type { LeavingPort } from "./leaving.port.js";
import { OidcController } from "./oidc.rest.js";
import { PeopleController } from "./people.rest.js";
import { People } from "./people.service.js";
import { PersonSessionsController } from "./person-sessions.rest.js";
import { providerProviders } from "./provider-providers.module.js";
import { Reading } from "./reading.service.js";
import { SessionMethods } from "./session-methods.service.js";
import { SessionsController } from "./sessions.rest.js";
import { Sessions } from "./sessions.service.js";
import { SignIn } from "./sign-in.service.js";
import { StepUp } from "./step-up.service.js";
import type { TakingStatementPort } from "./taking-statement.port.js";
import { TeamsController } from "./teams.rest.js";
import { Teams } from "./teams.service.js";
import { UnknownFailures } from "./unknown-failures.service.js";

/** Token of the {@link TakingStatementPort}, whose adapter stands in the module above. */
export const TAKING_STATEMENT_PORT = Symbol("taking-statement");
/** Token of the {@link LeavingPort}, whose adapter stands in the module above. */
export const LEAVING_PORT = Symbol("leaving");
const COUNTER_POOL = Symbol("counter-pool");

@Global()
@Module({
  controllers: [
    FoundingController,
    InvitationsController,
    SessionsController,
    OidcController,
    PeopleController,
    PersonSessionsController,
    TeamsController,
    AllowlistController,
  ],
  providers: [
    { provide: COUNTER_POOL, inject: [SERVICE_CONNECTION], useFactory: counterPool },
    { provide: FailureCounter, inject: [COUNTER_POOL], useFactory: (pool: Pool) => new FailureCounter(pool) },
    {
      provide: AuthenticatorSeal,
      inject: [KeyService, PEOPLE_DATA_KEYS],
      useFactory: (keys: KeyService, rows: readonly DataKeyRow[]) => new AuthenticatorSeal(keys, rows),
    },
    {
      provide: StepUp,
      inject: [AuthenticatorSeal, FailureCounter, CONFIG],
      useFactory: (seal: AuthenticatorSeal, failures: FailureCounter, { trial }: Config) =>
        new StepUp(seal, failures, { periodSeconds: trial.totpPeriodSeconds }),
    },
    { provide: UnknownFailures, inject: [Log], useFactory: (log: Log) => new UnknownFailures(log) },
    {
      provide: SignIn,
      inject: [DataSource, Transactions, AuditLog, Sessions, StepUp, FailureCounter, UnknownFailures],
      useFactory: (
        dataSource: DataSource,
        transactions: Transactions,
        log: AuditLog,
        sessions: Sessions,
        stepUp: StepUp,
        failures: FailureCounter,
        unknownFailures: UnknownFailures,
      ) => new SignIn(dataSource, transactions, log, sessions, stepUp, { failures, unknownFailures }),
    },
    {
      provide: SessionMethods,
      inject: [SignIn, CONFIG],
      useFactory: (signIn: SignIn, { isPasswordOffered }: Config) => new SessionMethods(signIn, isPasswordOffered),
    },
    ...providerProviders(LEAVING_PORT),
    {
      provide: Founding,
      inject: [Transactions, AuditLog, AuthenticatorSeal, RecordsKey, CONFIG],
      useFactory: (transactions: Transactions, log: AuditLog, seal: AuthenticatorSeal, records: RecordsKey, config: Config) =>
        new Founding(transactions, log, seal, {
          deployment: config.deployment,
          custodians: config.foundingCustodians,
          periodSeconds: config.trial.totpPeriodSeconds,
          // The embedded trial approves its own configuration; in production two custodians do (design §4).
          records,
          configDigest: config.isProduction ? null : trustedConfigDigest(config),
        }),
    },
    {
      provide: Enrolment,
      inject: [DataSource, Transactions, RecordsKey, AuthenticatorSeal, CONFIG],
      useFactory: (dataSource: DataSource, transactions: Transactions, records: RecordsKey, seal: AuthenticatorSeal, config: Config) =>
        new Enrolment(dataSource, transactions, records, seal, {
          deployment: config.deployment,
          periodSeconds: config.trial.totpPeriodSeconds,
          waitSeconds: config.trial.authenticatorWaitSeconds,
        }),
    },
    {
      provide: InvitationHalves,
      inject: [Transactions, RecordsKey, StepUp, TAKING_STATEMENT_PORT],
      useFactory: (transactions: Transactions, records: RecordsKey, stepUp: StepUp, statements: TakingStatementPort) =>
        new InvitationHalves(transactions, records, stepUp, statements),
    },
    {
      provide: Allowlist,
      inject: [Transactions, LEAVING_PORT],
      useFactory: (transactions: Transactions, leaving: LeavingPort) => new Allowlist(transactions, leaving),
    },
    {
      provide: Certification,
      inject: [Transactions, AuditLog, RecordsKey, CONFIG],
      useFactory: (transactions: Transactions, log: AuditLog, records: RecordsKey, { recertifyDays }: Config) =>
        new Certification(transactions, log, records, recertifyDays * 86_400),
    },
    { provide: Reading, inject: [Transactions, Certification], useFactory: (transactions: Transactions) => new Reading(transactions) },
    { provide: LogReading, useExisting: Reading },
    {
      provide: AllowlistReport,
      // The rule that it judges by is lent by Certification, which therefore is there first.
      inject: [Transactions, AuditLog, Certification],
      useFactory: (transactions: Transactions, log: AuditLog) => new AllowlistReport(transactions, log),
    },
    {
      provide: AllowlistWatch,
      inject: [Transactions, AuditLog, DataSource, Log, Metrics, HealthRegistry],
      useFactory: watchAllowlist,
    },
    { provide: Teams, inject: [Transactions], useFactory: (transactions: Transactions) => new Teams(transactions) },
    {
      provide: People,
      inject: [Transactions, LEAVING_PORT],
      useFactory: (transactions: Transactions, leaving: LeavingPort) => new People(transactions, leaving),
    },
  ],
  exports: [
    LogReading,
    Reading,
    StepUp,
    Sessions,
    Founding,
    Enrolment,
    Allowlist,
    AllowlistReport,
    AllowlistWatch,
    Certification,
    People,
    Identities,
  ],
})
export class PeopleModule implements OnApplicationShutdown {
  /** @param above the provider of {@link TAKING_STATEMENT_PORT}; the composition root knows the module above. */
  static with(above: Provider[]): DynamicModule {
    return { module: PeopleModule, providers: above };
  }

  constructor(
    @Inject(COUNTER_POOL) private readonly pool: Pool,
    @Inject(UnknownFailures) private readonly unknownFailures: UnknownFailures,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.unknownFailures.flush();
    await this.pool.end();
  }
}

function watchAllowlist(
  transactions: Transactions,
  audit: AuditLog,
  dataSource: DataSource,
  log: Log,
  metrics: Metrics,
  health: HealthRegistry,
): AllowlistWatch {
  return new AllowlistWatch(transactions, audit, allowlistAlarms(log, metrics, health), new AllowlistReminders(dataSource), (error) => {
    log.event("sweeper.failed", { job: slug("allowlist"), code: isRootkeepError(error) ? error.code : "INTERNAL" });
  });
}

function counterPool(connection: PgConnection): Pool {
  const pool = new Pool({ ...clientOptions(connection, "rootkeep-failures"), ...SERVICE_SESSION, max: 2, Client: SteadyClient });
  // A lost idle connection is replaced at the next query; without a listener it would end the program.
  pool.on("error", () => undefined);
  return pool;
}
