import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { DataSource } from "typeorm";
import { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import { AuditLog } from "../audit/audit-log.service.js";
import { Leadership } from "../audit/leadership.service.js";
import { connectLog } from "../audit/log-connection.service.js";
import { Transactions } from "../audit/transactions.service.js";
import type { Config, PostureConfig } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import type { PgConnection } from "../database/connection.js";
import { SERVICE_CONNECTION } from "../database/database.module.js";
import { isRootkeepError } from "../kernel/errors.js";
import { RecordsKey } from "../keys/records.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import { AccountFinder } from "./account-finder.service.js";
import { AwsAccountsAdapter } from "./aws-accounts.adapter.js";
import { POSTURE_VERDICTS } from "./posture.js";
import { PostureController } from "./posture.rest.js";
import { PostureService } from "./posture.service.js";
import type { DueCounts } from "./posture-due.repository.js";
import { PostureRounds } from "./posture-rounds.service.js";
import { TakePosture } from "./take-posture.service.js";

const HOUR_SECONDS = 3_600;

const SERVICE: Provider = {
  provide: PostureService,
  inject: [DataSource, Transactions, CONFIG],
  useFactory: (dataSource: DataSource, transactions: Transactions, { posture: { role, everyHours } }: Config) =>
    new PostureService(dataSource, transactions, { role, everySeconds: everyHours * HOUR_SECONDS }),
};

/** Posture evidence. Without a role nobody asks AWS: what was known can be read. */
@Module({ controllers: [PostureController] })
export class AwsModule {
  static of({ posture: { role } }: Pick<Config, "posture">): DynamicModule {
    const rounds: Provider = {
      provide: PostureRounds,
      inject: [
        DataSource,
        SERVICE_CONNECTION,
        Transactions,
        AuditLog,
        RecordsKey,
        TrustedConfiguration,
        CONFIG,
        Log,
        Metrics,
        HealthRegistry,
      ],
      useFactory: createRounds,
    };
    return { module: AwsModule, providers: role === null ? [SERVICE] : [SERVICE, rounds] };
  }
}

function createRounds(
  dataSource: DataSource,
  connection: PgConnection,
  transactions: Transactions,
  audit: AuditLog,
  records: RecordsKey,
  trust: TrustedConfiguration,
  { deployment, posture }: Config,
  log: Log,
  metrics: Metrics,
  health: HealthRegistry,
): PostureRounds {
  let counts: DueCounts | undefined;
  health.watch("posture-insecure", () => (counts?.insecure ?? 0) > 0);
  health.watch("posture-stale", () => (counts?.stale ?? 0) > 0);
  const finder = new AccountFinder(dataSource, transactions);
  return new PostureRounds({
    dataSource,
    taker: new TakePosture(transactions, finder, createAccounts(posture, deployment), records, trust),
    audit,
    trust,
    leadership: new Leadership({ connect: () => connectLog(connection), turn: "posture_turn" }),
    everySeconds: posture.everyHours * HOUR_SECONDS,
    counted: (newest) => {
      counts = newest;
      metrics.set("rootkeep_posture_due_accounts", {}, newest.due);
      metrics.set("rootkeep_posture_stale_accounts", {}, newest.stale);
      for (const verdict of POSTURE_VERDICTS) metrics.set("rootkeep_posture_accounts", { verdict }, newest[verdict]);
    },
    progress: ({ taken, failed, due }) => {
      log.event("posture.progress", { taken, failed, due });
    },
    changed: (account) => {
      log.event("posture.changed", { account });
    },
    visitFailed: (account, reason) => {
      log.event("posture.failed", { account, reason: slug(reason) });
    },
    failed: (error) => {
      log.event("sweeper.failed", { job: slug("posture"), code: isRootkeepError(error) ? error.code : "INTERNAL" });
    },
  });
}

function createAccounts({ role, profiles, endpoint }: PostureConfig, deployment: string): AwsAccountsAdapter {
  if (role === null) throw new Error("posture is off");
  return new AwsAccountsAdapter({
    role,
    profiles,
    sessionName: `rootkeep-${deployment}`,
    ...(endpoint === null ? {} : { endpoint: endpoint.replace(/\/$/, "") }),
  });
}
