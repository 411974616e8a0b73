import { Global, Inject, Module, type OnApplicationShutdown } from "@nestjs/common";
import { DataSource } from "typeorm";
import { AuditLog } from "../audit/audit-log.service.js";
import { ForgedEntries } from "../audit/forged-entries.service.js";
import { RowWatch } from "../audit/row-watch.service.js";
import { Transactions } from "../audit/transactions.service.js";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import { SYSTEM_CLOCK } from "../kernel/clock.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { HealthRegistry } from "../telemetry/health.js";
import { Log } from "../telemetry/log.service.js";
import { slug } from "../telemetry/site.js";
import { DataKeys } from "./data-keys.service.js";
import { DOMAINS, type Domain } from "./domain.js";
import { KeyService } from "./keys.service.js";
import { loadPeopleKeys } from "./people-keys.service.js";
import { RecordsKey } from "./records.js";
import type { RootKey } from "./root-key.port.js";
import { createRootKeys } from "./root-keys.service.js";

/** Rows of the people domain's data keys, loaded. */
export const PEOPLE_DATA_KEYS = Symbol("people-data-keys");
const ROOT_KEYS = Symbol("root-keys");

type RootKeys = Readonly<Record<Domain, RootKey>>;

/**
 * Keys, and with them the transaction runner: it stamps rows with the records key, whose adapter stands here, while its port and the
 * runner itself belong to the modules below.
 */
@Global()
@Module({
  providers: [
    { provide: DataKeys, useValue: new DataKeys() },
    {
      provide: ROOT_KEYS,
      inject: [CONFIG, HealthRegistry],
      useFactory: (config: Config, health: HealthRegistry) => {
        const rootKeys = createRootKeys(config.rootKeys, config.awsKmsEndpoint === null ? {} : { awsEndpoint: config.awsKmsEndpoint });
        health.register("root_keys", () => assertUsable(rootKeys));
        return rootKeys;
      },
    },
    {
      provide: KeyService,
      inject: [CONFIG, ROOT_KEYS],
      useFactory: ({ deployment, escrowRecipient }: Config, rootKeys: RootKeys) =>
        new KeyService({ deployment, rootKeys, escrowRecipient, clock: SYSTEM_CLOCK }),
    },
    { provide: PEOPLE_DATA_KEYS, inject: [DataSource, KeyService, DataKeys], useFactory: loadPeopleKeys },
    { provide: RecordsKey, inject: [KeyService, PEOPLE_DATA_KEYS], useFactory: (keys: KeyService) => keys.records },
    {
      provide: Transactions,
      inject: [DataSource, AuditLog, RecordsKey],
      useFactory: (dataSource: DataSource, log: AuditLog, records: RecordsKey) => new Transactions(dataSource, log, records),
    },
    {
      provide: ForgedEntries,
      inject: [AuditLog, RecordsKey, Log],
      useFactory: (audit: AuditLog, records: RecordsKey, log: Log) =>
        new ForgedEntries(audit, records, ({ seq, action }) => {
          log.event("audit.entry_forged", { seq, reason: slug(action) });
        }),
    },
    {
      provide: RowWatch,
      inject: [DataSource, Transactions, AuditLog, Log],
      useFactory: (dataSource: DataSource, transactions: Transactions, audit: AuditLog, log: Log) =>
        new RowWatch(dataSource, transactions, audit, (error) => {
          log.event("sweeper.failed", { job: slug("row-watch"), code: isRootkeepError(error) ? error.code : "INTERNAL" });
        }),
    },
  ],
  exports: [KeyService, DataKeys, RecordsKey, Transactions, PEOPLE_DATA_KEYS],
})
export class KeysModule implements OnApplicationShutdown {
  constructor(@Inject(KeyService) private readonly keys: KeyService) {}

  onApplicationShutdown(): void {
    this.keys.close();
  }
}

async function assertUsable(rootKeys: RootKeys): Promise<void> {
  for (const rootKey of new Set(DOMAINS.map((domain) => rootKeys[domain]))) {
    const { isUsable, reason } = await rootKey.check();
    if (!isUsable) throw new RootkeepError("KEY_UNAVAILABLE", reason === null ? {} : { reason });
  }
}
