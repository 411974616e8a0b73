import { type DynamicModule, Module } from "@nestjs/common";
import { AccountsModule } from "./accounts/accounts.module.js";
import { ApprovalsModule, HIGHER_ACTS, SECRET_FACTS } from "./approvals/approvals.module.js";
import { revokeGrantsOf } from "./approvals/end-grant.service.js";
import { TAKING_STATEMENT } from "./approvals/taking-statement.service.js";
import { TrustedConfiguration } from "./approvals/trusted-configuration.service.js";
import { AuditModule } from "./audit/audit.module.js";
import { AuditLog } from "./audit/audit-log.service.js";
import type { VerifierKey } from "./audit/tlog/verifier-key.js";
import { Transactions } from "./audit/transactions.service.js";
import { AwsModule } from "./aws/aws.module.js";
import type { Config } from "./config/config.js";
import { ConfigModule } from "./config/config.module.js";
import type { PgConnection } from "./database/connection.js";
import { DatabaseModule } from "./database/database.module.js";
import { EdgeModule } from "./edge/edge.module.js";
import { ENTITIES } from "./entities.js";
import { DataKeys } from "./keys/data-keys.service.js";
import { KeysModule } from "./keys/keys.module.js";
import { AGEING, ageingOf, LifecycleModule } from "./lifecycle/lifecycle.module.js";
import { moveAct } from "./lifecycle/move-act.service.js";
import { waiveStepAct } from "./lifecycle/waive-step-act.service.js";
import { NoticesModule, RECIPIENTS } from "./notices/notices.module.js";
import type { LeavingPort } from "./people/leaving.port.js";
import { NoticeRecipients } from "./people/notice-recipients.service.js";
import { LEAVING_PORT, PeopleModule, TAKING_STATEMENT_PORT } from "./people/people.module.js";
import { destroyAct } from "./secrets/destroy-act.service.js";
import { SecretsModule } from "./secrets/secrets.module.js";
import { Secrets } from "./secrets/secrets.service.js";
import { settleAct } from "./secrets/settle-act.service.js";
import { waiveAct } from "./secrets/waive-act.service.js";
import type { Log } from "./telemetry/log.service.js";
import { TelemetryModule } from "./telemetry/telemetry.module.js";
import { TicketsModule } from "./tickets/tickets.module.js";
import { VERSION } from "./version.js";

/** The composition root: lists the modules, lowest first, and hands the facts of a higher module to the ports of a lower one. */
@Module({})
export class AppModule {
  static of(config: Config, connection: PgConnection, log: Log, verifierKey: VerifierKey): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(config),
        TelemetryModule.of(log),
        DatabaseModule.of({ connection, entities: ENTITIES, poolSize: config.poolSize }),
        AuditModule.of(verifierKey),
        KeysModule,
        AccountsModule,
        NoticesModule.with([
          { provide: RECIPIENTS, inject: [Transactions], useFactory: (transactions: Transactions) => new NoticeRecipients(transactions) },
        ]),
        PeopleModule.with([
          { provide: TAKING_STATEMENT_PORT, useValue: TAKING_STATEMENT },
          { provide: LEAVING_PORT, useValue: { revokeGrantsOf } satisfies LeavingPort },
        ]),
        TicketsModule,
        ApprovalsModule.with([
          {
            provide: SECRET_FACTS,
            inject: [Transactions, AuditLog],
            useFactory: (transactions: Transactions, audit: AuditLog) => new Secrets(transactions, audit),
          },
          {
            provide: HIGHER_ACTS,
            inject: [AuditLog, DataKeys, TrustedConfiguration],
            useFactory: (log: AuditLog, dataKeys: DataKeys, trust: TrustedConfiguration) => {
              const { deployment, backupHorizonDays } = config;
              const ageing = ageingOf(log);
              return [
                waiveAct(log),
                settleAct(log),
                destroyAct({ log, dataKeys, trust, deployment, backupHorizonDays }),
                moveAct(ageing),
                waiveStepAct(ageing),
              ];
            },
          },
        ]),
        SecretsModule,
        AwsModule.of(config),
        LifecycleModule.with([{ provide: AGEING, inject: [AuditLog], useFactory: (audit: AuditLog) => ageingOf(audit) }]),
        EdgeModule.register({ imports: [], version: VERSION }),
      ],
    };
  }
}
