import { type DynamicModule, Global, Module, type Provider } from "@nestjs/common";
import { DataSource } from "typeorm";
import { AccountRegistry } from "../accounts/account-registry.service.js";
import { RootAddresses } from "../accounts/root-addresses.service.js";
import { AuditLog } from "../audit/audit-log.service.js";
import type { JsonObject } from "../audit/canonical-json.js";
import { Leadership } from "../audit/leadership.service.js";
import { connectLog } from "../audit/log-connection.service.js";
import { LogGuard } from "../audit/log-guard.service.js";
import { Transactions } from "../audit/transactions.service.js";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import { trustedConfig, trustedConfigDigest } from "../config/trusted.js";
import type { PgConnection } from "../database/connection.js";
import { SERVICE_CONNECTION } from "../database/database.module.js";
import { isRootkeepError } from "../kernel/errors.js";
import { DataKeys } from "../keys/data-keys.service.js";
import { KeyService } from "../keys/keys.service.js";
import { RecordsKey } from "../keys/records.js";
import { Pager } from "../notices/pager.service.js";
import { Allowlist } from "../people/allowlist.service.js";
import { Certification } from "../people/certification.service.js";
import { Enrolment } from "../people/enrolment.service.js";
import { Identities } from "../people/identities.service.js";
import { People } from "../people/people.service.js";
import { StepUp } from "../people/step-up.service.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import { ToldSystem } from "../tickets/post-ticket-update.service.js";
import { TicketCheck } from "../tickets/ticket-check.service.js";
import { TicketTrust } from "../tickets/ticket-trust.js";
import { AccessGrants } from "./access-grants.service.js";
import { accountChangeAct } from "./account-change-act.service.js";
import { brakeRaiseAct } from "./brake-raise-act.service.js";
import { CATALOGUE } from "./catalogue.js";
import { ConfigurationController } from "./configuration.rest.js";
import { CoverageController } from "./coverage.rest.js";
import { CoverageWatch } from "./coverage-watch.service.js";
import { EndedEpoch } from "./ended-epoch.service.js";
import { eraseAct } from "./erase-act.service.js";
import { EscrowBackfill } from "./escrow-backfill.service.js";
import { ExplainPolicy } from "./explain-policy.service.js";
import { GlassController } from "./glass.rest.js";
import { Glass } from "./glass.service.js";
import { GrantsController } from "./grants.rest.js";
import type { GuardedAct } from "./guarded-act.port.js";
import { OpeningBrake } from "./opening-brake.service.js";
import { peopleActs } from "./people-acts.service.js";
import { PoliciesController } from "./policies.rest.js";
import { Policies } from "./policies.service.js";
import { policyActs } from "./policy-acts.service.js";
import { PreviewPolicy } from "./preview-policy.service.js";
import { PurposesController } from "./purposes.rest.js";
import { RegisterAccount } from "./register-account.service.js";
import { RegistrationsController } from "./registrations.rest.js";
import { RequestsController } from "./requests.rest.js";
import { Requests } from "./requests.service.js";
import { revealAct } from "./reveal-act.service.js";
import type { SecretFactsPort } from "./secret-facts.port.js";
import { TicketLooks } from "./ticket-looks.service.js";
import { TrustedConfiguration } from "./trusted-configuration.service.js";

/** Token of the {@link SecretFactsPort}, whose adapter stands in the module above. */
export const SECRET_FACTS = Symbol("secret-facts");
/** Token of the guarded acts of the modules above. */
export const HIGHER_ACTS = Symbol("higher-acts");
const REVEAL_ACT = Symbol("reveal-act");

@Global()
@Module({})
export class ApprovalsModule {
  /** @param above providers of {@link SECRET_FACTS} and {@link HIGHER_ACTS}; the composition root knows the modules above. */
  static with(above: Provider[]): DynamicModule {
    return {
      module: ApprovalsModule,
      controllers: [
        RequestsController,
        GrantsController,
        PurposesController,
        PoliciesController,
        ConfigurationController,
        CoverageController,
        GlassController,
        RegistrationsController,
      ],
      providers: [
        ...above,
        {
          provide: TrustedConfiguration,
          inject: [AuditLog, RecordsKey, Certification, CONFIG, HealthRegistry, TicketTrust],
          useFactory: (
            log: AuditLog,
            records: RecordsKey,
            certification: Certification,
            config: Config,
            health: HealthRegistry,
            tickets: TicketTrust,
          ) => {
            const settings = trustedConfig(config) as unknown as JsonObject;
            const trust = new TrustedConfiguration(log, records, certification, { settings, digest: trustedConfigDigest(config) });
            tickets.judgeBy(trust.tickets());
            // Before founding there is nothing that could be opened.
            health.register("config", () => {
              if (log.lastOf("people.founded") !== undefined) trust.assertMayOpen();
              return Promise.resolve();
            });
            return trust;
          },
        },
        {
          provide: EndedEpoch,
          // What requests are told through is lent by ToldSystem, judged by what is trusted, and the guard tells whether the log was put back:
          // all three therefore are there first.
          inject: [Transactions, AuditLog, Certification, ToldSystem, TrustedConfiguration, LogGuard],
          useFactory: async (transactions: Transactions, log: AuditLog, certification: Certification) => {
            const ended = new EndedEpoch(transactions, certification);
            // Before anything else is made, and long before anybody is answered. A log that was put back again takes no entry.
            if (!log.isRolledBack) await ended.voidOpen();
            return ended;
          },
        },
        {
          provide: TicketLooks,
          inject: [Transactions, TicketCheck, TrustedConfiguration],
          useFactory: (transactions: Transactions, check: TicketCheck, trust: TrustedConfiguration) =>
            new TicketLooks(transactions, check, trust),
        },
        { provide: REVEAL_ACT, inject: [SECRET_FACTS], useFactory: (facts: SecretFactsPort) => revealAct(CATALOGUE, facts) },
        {
          provide: Requests,
          inject: [
            Transactions,
            StepUp,
            CONFIG,
            REVEAL_ACT,
            HIGHER_ACTS,
            TrustedConfiguration,
            People,
            Enrolment,
            Allowlist,
            Certification,
            Identities,
            TicketLooks,
          ],
          useFactory: (
            transactions: Transactions,
            stepUp: StepUp,
            config: Config,
            reveal: GuardedAct,
            higher: readonly GuardedAct[],
            trust: TrustedConfiguration,
            people: People,
            enrolment: Enrolment,
            allowlist: Allowlist,
            certification: Certification,
            identities: Identities,
            tickets: TicketLooks,
          ) => {
            const linking = { identities, issuer: config.oidc?.issuer ?? null };
            const acts = [
              reveal,
              ...higher,
              trust.act(),
              eraseAct(),
              accountChangeAct(),
              brakeRaiseAct(),
              ...peopleActs(people, enrolment, allowlist, certification, linking),
              ...policyActs(CATALOGUE),
            ];
            return new Requests(transactions, stepUp, acts, { logOrigin: config.logOrigin, tickets });
          },
        },
        {
          provide: RegisterAccount,
          inject: [Transactions, TrustedConfiguration, RootAddresses, CONFIG],
          useFactory: (transactions: Transactions, trust: TrustedConfiguration, addresses: RootAddresses, config: Config) =>
            new RegisterAccount(transactions, trust, addresses, config.refusedAccounts),
        },
        { provide: Policies, inject: [Transactions], useFactory: (transactions: Transactions) => new Policies(transactions) },
        {
          provide: ExplainPolicy,
          inject: [Transactions, REVEAL_ACT],
          useFactory: (transactions: Transactions, act: GuardedAct) => new ExplainPolicy(transactions, act, CATALOGUE),
        },
        {
          provide: PreviewPolicy,
          inject: [Transactions],
          useFactory: (transactions: Transactions) => new PreviewPolicy(transactions, CATALOGUE),
        },
        {
          provide: Glass,
          inject: [Transactions, StepUp, Pager, HealthRegistry, Metrics],
          useFactory: (transactions: Transactions, stepUp: StepUp, pager: Pager, health: HealthRegistry, metrics: Metrics) => {
            const glass = new Glass(transactions, stepUp, pager, (overdue) => {
              metrics.set("rootkeep_glass_reviews_overdue", {}, overdue);
            });
            health.watch("glass-review-overdue", () => glass.overdue > 0);
            return glass;
          },
        },
        {
          provide: OpeningBrake,
          inject: [AuditLog, Transactions, CONFIG],
          useFactory: (log: AuditLog, transactions: Transactions, { brake }: Config) => new OpeningBrake(log, transactions, brake),
        },
        {
          provide: CoverageWatch,
          // The rule that entries are judged by is lent by Certification, which therefore is there first.
          inject: [Transactions, AccountRegistry, Log, Metrics, HealthRegistry, Certification],
          useFactory: watchCoverage,
        },
        {
          provide: EscrowBackfill,
          inject: [
            DataSource,
            SERVICE_CONNECTION,
            Transactions,
            KeyService,
            DataKeys,
            TrustedConfiguration,
            CONFIG,
            Log,
            Metrics,
            HealthRegistry,
          ],
          useFactory: backfillEscrow,
        },
        {
          provide: AccessGrants,
          inject: [Transactions, StepUp, REVEAL_ACT, OpeningBrake, Glass, TicketLooks],
          useFactory: (...parts: ConstructorParameters<typeof AccessGrants>) => new AccessGrants(...parts),
        },
      ],
      exports: [TrustedConfiguration, Requests, AccessGrants, CoverageWatch],
    };
  }
}

function backfillEscrow(
  dataSource: DataSource,
  connection: PgConnection,
  transactions: Transactions,
  keys: KeyService,
  dataKeys: DataKeys,
  trust: TrustedConfiguration,
  { escrowRecipient, isProduction }: Config,
  log: Log,
  metrics: Metrics,
  health: HealthRegistry,
): EscrowBackfill {
  let missing = 0;
  health.watch("no-escrow", () => isProduction && escrowRecipient === null);
  health.watch("keys-unescrowed", () => escrowRecipient !== null && missing > 0);
  return new EscrowBackfill({
    dataSource,
    transactions,
    keys,
    dataKeys,
    trust,
    recipient: escrowRecipient,
    leadership: new Leadership({ connect: () => connectLog(connection), turn: "escrow_turn" }),
    looked: (look) => {
      missing = look.missing;
      metrics.set("rootkeep_data_keys_unescrowed", {}, missing);
      if (look.wrapped > 0) log.event("escrow.progress", { wrapped: look.wrapped, missing });
    },
    failed: (error) => {
      log.event("sweeper.failed", { job: slug("escrow"), code: isRootkeepError(error) ? error.code : "INTERNAL" });
    },
  });
}

function watchCoverage(
  transactions: Transactions,
  accounts: AccountRegistry,
  log: Log,
  metrics: Metrics,
  health: HealthRegistry,
): CoverageWatch {
  let uncovered = 0;
  health.watch("accounts-uncovered", () => uncovered > 0);
  return new CoverageWatch(
    transactions,
    accounts,
    CATALOGUE,
    (look, isNews) => {
      uncovered = look.uncovered;
      metrics.set("rootkeep_accounts_uncovered", {}, uncovered);
      if (isNews) log.event("coverage.changed", { uncovered, accounts: look.accounts });
    },
    (error) => {
      log.event("sweeper.failed", { job: slug("coverage"), code: isRootkeepError(error) ? error.code : "INTERNAL" });
    },
  );
}
