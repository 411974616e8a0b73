import { Module } from "@nestjs/common";
import { DataSource } from "typeorm";
import { AccountRegistry } from "../accounts/account-registry.service.js";
import { RootAddresses } from "../accounts/root-addresses.service.js";
import { AccessGrants } from "../approvals/access-grants.service.js";
import { Requests } from "../approvals/requests.service.js";
import { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import { COVERAGE } from "../audit/audit.module.js";
import { AuditLog } from "../audit/audit-log.service.js";
import type { Coverage } from "../audit/coverage.port.js";
import { TlogReader } from "../audit/tlog-reader.service.js";
import { Transactions } from "../audit/transactions.service.js";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import { SYSTEM_CLOCK } from "../kernel/clock.js";
import { isRootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { DataKeys } from "../keys/data-keys.service.js";
import { KeyService } from "../keys/keys.service.js";
import { RecordsKey } from "../keys/records.js";
import { Certification } from "../people/certification.service.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import { AccountSecretsController } from "./account-secrets.rest.js";
import { CandidateReportsController } from "./candidate-reports.rest.js";
import { CandidatesController } from "./candidates.rest.js";
import { Candidates } from "./candidates.service.js";
import { CopiesBackfill } from "./copies-backfill.service.js";
import { openSecondStore } from "./create-second-store.service.js";
import { DestructionController } from "./destruction.rest.js";
import { DestructionCertificates } from "./destruction-certificates.service.js";
import { DoubtCandidates } from "./doubt-candidates.service.js";
import { DueRotations } from "./due-rotations.service.js";
import { ImportAccounts, type ImportProgress } from "./import-accounts.service.js";
import { ImportsController } from "./imports.rest.js";
import { KeptDestroyed } from "./kept-destroyed.service.js";
import { OpeningsController } from "./openings.rest.js";
import { ReadBack } from "./read-back.service.js";
import { ReportCandidate } from "./report-candidate.service.js";
import { RevealSecret } from "./reveal-secret.service.js";
import { RootKeyDeletions } from "./root-key-deletions.service.js";
import { RotationWatch } from "./rotation-watch.service.js";
import { RotationsController } from "./rotations.rest.js";
import { SealedCopies } from "./sealed-copies.service.js";
import { Secrets } from "./secrets.service.js";
import { SuspectSecret } from "./suspect-secret.service.js";
import { SuspicionsController } from "./suspicions.rest.js";
import { Sweeper } from "./sweeper.service.js";

@Module({
  controllers: [
    OpeningsController,
    ImportsController,
    AccountSecretsController,
    CandidatesController,
    CandidateReportsController,
    RotationsController,
    SuspicionsController,
    DestructionController,
  ],
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
      inject: [DataSource, Transactions, AuditLog, TrustedConfiguration, KeyService, DataKeys, SealedCopies],
      useFactory: (
        dataSource: DataSource,
        transactions: Transactions,
        log: AuditLog,
        trust: TrustedConfiguration,
        keys: KeyService,
        dataKeys: DataKeys,
        copies: SealedCopies,
      ) => {
        const readBack = new ReadBack(dataSource, transactions, keys, dataKeys, log);
        return new Candidates(dataSource, transactions, trust, keys, dataKeys, readBack, copies, log);
      },
    },
    {
      provide: SealedCopies,
      inject: [DataSource, Transactions, TrustedConfiguration, KeyService, DataKeys, RecordsKey, CONFIG, Log],
      useFactory: copySealed,
    },
    {
      provide: CopiesBackfill,
      inject: [Transactions, SealedCopies, TrustedConfiguration, Log, Metrics, HealthRegistry],
      useFactory: backfillCopies,
    },
    {
      provide: ReportCandidate,
      inject: [Transactions, AuditLog],
      useFactory: (transactions: Transactions, log: AuditLog) => new ReportCandidate(transactions, log),
    },
    {
      provide: DoubtCandidates,
      inject: [DataSource, Transactions, AuditLog],
      useFactory: (dataSource: DataSource, transactions: Transactions, log: AuditLog) => new DoubtCandidates(dataSource, transactions, log),
    },
    { provide: SuspectSecret, inject: [Transactions], useFactory: (transactions: Transactions) => new SuspectSecret(transactions) },
    {
      provide: DueRotations,
      inject: [Transactions, AccountRegistry, AuditLog],
      useFactory: (transactions: Transactions, accounts: AccountRegistry, log: AuditLog) => new DueRotations(transactions, accounts, log),
    },
    {
      provide: RotationWatch,
      // The rule that entries of the allowlist are judged by is lent by Certification, which therefore is there first.
      inject: [DataSource, DueRotations, Log, Metrics, Certification],
      useFactory: (dataSource: DataSource, rotations: DueRotations, log: Log, metrics: Metrics) =>
        new RotationWatch(
          dataSource,
          rotations,
          (overdue) => {
            metrics.set("rootkeep_rotations_overdue", {}, overdue);
          },
          (error) => {
            log.event("sweeper.failed", { job: slug("rotations"), code: isRootkeepError(error) ? error.code : "INTERNAL" });
          },
        ),
    },
    {
      provide: Sweeper,
      inject: [Requests, AccessGrants, ImportAccounts, RootAddresses, DoubtCandidates, AuditLog, Log],
      useFactory: (...parts: ConstructorParameters<typeof Sweeper>) => new Sweeper(...parts),
    },
    {
      provide: KeptDestroyed,
      inject: [DataSource, AuditLog, SealedCopies, Log],
      useFactory: (dataSource: DataSource, audit: AuditLog, copies: SealedCopies, log: Log) =>
        new KeptDestroyed(dataSource, audit, copies, {
          destroyedAgain: (accountId, rows) => {
            log.event("destruction.repeated", { accountId: accountId as Id<"account">, rows });
          },
          failed: (error) => {
            log.event("destruction.failed", { code: isRootkeepError(error) ? error.code : "INTERNAL" });
          },
        }),
    },
    {
      provide: RootKeyDeletions,
      inject: [Transactions, AuditLog, KeyService, Log],
      useFactory: (transactions: Transactions, audit: AuditLog, keys: KeyService, log: Log) =>
        new RootKeyDeletions(transactions, audit, keys, (error) => {
          log.event("destruction.failed", { code: isRootkeepError(error) ? error.code : "INTERNAL" });
        }),
    },
    {
      provide: DestructionCertificates,
      inject: [Transactions, AuditLog, TlogReader, KeptDestroyed],
      useFactory: (...parts: ConstructorParameters<typeof DestructionCertificates>) => new DestructionCertificates(...parts),
    },
  ],
  exports: [RevealSecret, ImportAccounts, SealedCopies, Secrets, Sweeper],
})
export class SecretsModule {}

async function copySealed(
  dataSource: DataSource,
  transactions: Transactions,
  trust: TrustedConfiguration,
  keys: KeyService,
  dataKeys: DataKeys,
  marks: RecordsKey,
  config: Config,
  log: Log,
): Promise<SealedCopies> {
  return new SealedCopies({
    dataSource,
    transactions,
    dataKeys,
    keys,
    marks,
    trust,
    deployment: config.deployment,
    recipient: config.escrowRecipient,
    store: await openSecondStore(config),
    changed: (id) => {
      log.event("second_store.changed", { table: slug("secret_version"), id });
    },
  });
}

/** `/readyz` says by these alerts when law L5 holds only to the last backup; no replica is taken out of service for it (decision 0033). */
function backfillCopies(
  transactions: Transactions,
  copies: SealedCopies,
  trust: TrustedConfiguration,
  log: Log,
  metrics: Metrics,
  health: HealthRegistry,
): CopiesBackfill {
  let missing = 0;
  health.watch("no-second-store", () => !copies.isConfigured);
  health.watch("second-store-away", () => copies.isAway);
  health.watch("versions-uncopied", () => missing > 0);
  return new CopiesBackfill({
    copies,
    trust,
    now: () => transactions.peek((tx) => tx.clock()),
    looked: (look) => {
      missing = look.missing;
      metrics.set("rootkeep_versions_uncopied", {}, missing);
      if (look.copied > 0) log.event("second_store.progress", { copied: look.copied, missing });
    },
    failed: (error) => {
      if (isRootkeepError(error, "COPY_UNAVAILABLE")) log.event("second_store.unavailable", { reason: slug(error.reason ?? "unknown") });
      else log.event("sweeper.failed", { job: slug("copies"), code: isRootkeepError(error) ? error.code : "INTERNAL" });
    },
  });
}
