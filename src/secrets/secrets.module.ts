import { Module } from "@nestjs/common";
import { DataSource } from "typeorm";
import { RootAddresses } from "../accounts/root-addresses.service.js";
import { AccessGrants } from "../approvals/access-grants.service.js";
import { Requests } from "../approvals/requests.service.js";
import { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import { COVERAGE } from "../audit/audit.module.js";
import { AuditLog } from "../audit/audit-log.service.js";
import type { Coverage } from "../audit/coverage.port.js";
import { Transactions } from "../audit/transactions.service.js";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import { SYSTEM_CLOCK } from "../kernel/clock.js";
import { DataKeys } from "../keys/data-keys.service.js";
import { KeyService } from "../keys/keys.service.js";
import { Log } from "../telemetry/log.service.js";
import { AccountSecretsController } from "./account-secrets.rest.js";
import { CandidatesController } from "./candidates.rest.js";
import { Candidates } from "./candidates.service.js";
import { ImportAccounts, type ImportProgress } from "./import-accounts.service.js";
import { ImportsController } from "./imports.rest.js";
import { OpeningsController } from "./openings.rest.js";
import { ReadBack } from "./read-back.service.js";
import { RevealSecret } from "./reveal-secret.service.js";
import { NO_COPIES } from "./sealed-copies.port.js";
import { Secrets } from "./secrets.service.js";
import { Sweeper } from "./sweeper.service.js";

@Module({
  controllers: [OpeningsController, ImportsController, AccountSecretsController, CandidatesController],
  providers: [
    {
      provide: Secrets,
      inject: [Transactions, AuditLog],
      useFactory: (transactions: Transactions, log: AuditLog) => new Secrets(transactions, log),
    },
    {
      provide: RevealSecret,
      inject: [DataSource, Transactions, AuditLog, AccessGrants, TrustedConfiguration, KeyService, DataKeys, COVERAGE, CONFIG],
      useFactory: (
        dataSource: DataSource,
        transactions: Transactions,
        log: AuditLog,
        grants: AccessGrants,
        trust: TrustedConfiguration,
        keys: KeyService,
        dataKeys: DataKeys,
        coverage: Coverage,
        config: Config,
      ) => {
        const settings = { clock: SYSTEM_CLOCK, demandsDeliveryKey: config.delivery === "jwe" };
        return new RevealSecret(dataSource, transactions, log, grants, trust, keys, dataKeys, coverage, settings);
      },
    },
    {
      provide: ImportAccounts,
      inject: [DataSource, Transactions, AuditLog, TrustedConfiguration, KeyService, DataKeys, CONFIG, Log, RootAddresses],
      useFactory: (
        dataSource: DataSource,
        transactions: Transactions,
        audit: AuditLog,
        trust: TrustedConfiguration,
        keys: KeyService,
        dataKeys: DataKeys,
        config: Config,
        log: Log,
        addresses: RootAddresses,
      ) => {
        const tell = (progress: ImportProgress): void => {
          const { importId, imported, rows, errors, isDone } = progress;
          // A line for every hundredth account: an import of two thousand is not to drown the rest of the log.
          if (isDone || imported % 100 === 0) log.event("import.progress", { importId, imported, rows, errors, isDone });
        };
        return new ImportAccounts(dataSource, transactions, audit, trust, keys, dataKeys, config.refusedAccounts, tell, addresses);
      },
    },
    {
      provide: Candidates,
      inject: [DataSource, Transactions, AuditLog, TrustedConfiguration, KeyService, DataKeys],
      useFactory: (
        dataSource: DataSource,
        transactions: Transactions,
        log: AuditLog,
        trust: TrustedConfiguration,
        keys: KeyService,
        dataKeys: DataKeys,
      ) => {
        const readBack = new ReadBack(dataSource, transactions, keys, dataKeys, log);
        return new Candidates(dataSource, transactions, trust, keys, dataKeys, readBack, NO_COPIES);
      },
    },
    {
      provide: Sweeper,
      inject: [Requests, AccessGrants, ImportAccounts, RootAddresses, AuditLog, Log],
      useFactory: (...parts: ConstructorParameters<typeof Sweeper>) => new Sweeper(...parts),
    },
  ],
  exports: [RevealSecret, ImportAccounts, Secrets, Sweeper],
})
export class SecretsModule {}
