import type { Provider } from "@nestjs/common";
import { DataSource } from "typeorm";
import { AuditLog } from "../audit/audit-log.service.js";
import { Transactions } from "../audit/transactions.service.js";
import type { Config } from "../config/config.js";
import { CONFIG } from "../config/config.module.js";
import type { DataKeyRow } from "../keys/domain.js";
import { PEOPLE_DATA_KEYS } from "../keys/keys.module.js";
import { KeyService } from "../keys/keys.service.js";
import { RecordsKey } from "../keys/records.js";
import { Log } from "../telemetry/log.service.js";
import { BackChannelLogout } from "./back-channel-logout.service.js";
import { Identities } from "./identities.service.js";
import type { LeavingPort } from "./leaving.port.js";
import { OidcLogins } from "./oidc-logins.service.js";
import { OidcProvider } from "./oidc-provider.adapter.js";
import { OidcSignIn } from "./oidc-sign-in.service.js";
import { ProviderSessions } from "./provider-session.repository.js";
import { ProviderStanding } from "./provider-standing.service.js";
import { ProviderSweeper } from "./provider-sweeper.service.js";
import { ProviderTokenSeal } from "./provider-token-seal.service.js";
import { Sessions } from "./sessions.service.js";
import { StepUp } from "./step-up.service.js";
import { UnknownFailures } from "./unknown-failures.service.js";

/** Null where the deployment has no provider. */
const PROVIDER = Symbol("oidc-provider");

/** What signing in at the company's provider is made of, and the sessions that rest on it. */
export function providerProviders(leavingPort: symbol): Provider[] {
  return [
    {
      provide: PROVIDER,
      inject: [CONFIG, Log],
      useFactory: ({ oidc }: Config, log: Log) => (oidc === null ? null : new OidcProvider(oidc, log)),
    },
    {
      provide: ProviderTokenSeal,
      inject: [KeyService, PEOPLE_DATA_KEYS],
      useFactory: (keys: KeyService, rows: readonly DataKeyRow[]) => new ProviderTokenSeal(keys, rows),
    },
    {
      provide: ProviderSessions,
      inject: [DataSource, RecordsKey],
      useFactory: (dataSource: DataSource, records: RecordsKey) => new ProviderSessions(dataSource, records),
    },
    {
      provide: ProviderStanding,
      inject: [Transactions, AuditLog, ProviderSessions, ProviderTokenSeal, PROVIDER],
      useFactory: (...parts: ConstructorParameters<typeof ProviderStanding>) => new ProviderStanding(...parts),
    },
    {
      provide: ProviderSweeper,
      inject: [ProviderStanding, CONFIG, Log],
      useFactory: (standing: ProviderStanding, { sessions }: Config, log: Log) => new ProviderSweeper(standing, sessions.idleSeconds, log),
    },
    {
      provide: Sessions,
      inject: [DataSource, Transactions, RecordsKey, ProviderStanding, CONFIG],
      useFactory: (
        dataSource: DataSource,
        transactions: Transactions,
        records: RecordsKey,
        standing: ProviderStanding,
        { sessions }: Config,
      ) => new Sessions(dataSource, transactions, records, standing, sessions),
    },
    {
      provide: OidcLogins,
      inject: [DataSource, RecordsKey, PROVIDER],
      useFactory: (...parts: ConstructorParameters<typeof OidcLogins>) => new OidcLogins(...parts),
    },
    {
      provide: Identities,
      inject: [DataSource, Transactions, RecordsKey, StepUp, leavingPort, CONFIG],
      useFactory: (
        dataSource: DataSource,
        transactions: Transactions,
        records: RecordsKey,
        stepUp: StepUp,
        leaving: LeavingPort,
        { trial }: Config,
      ) => new Identities(dataSource, transactions, records, { stepUp, leaving }, { waitSeconds: trial.authenticatorWaitSeconds }),
    },
    {
      provide: OidcSignIn,
      inject: [Transactions, AuditLog, PROVIDER, OidcLogins, ProviderStanding, Identities, Sessions, StepUp, UnknownFailures],
      useFactory: (
        transactions: Transactions,
        log: AuditLog,
        provider: OidcProvider | null,
        logins: OidcLogins,
        standing: ProviderStanding,
        identities: Identities,
        sessions: Sessions,
        stepUp: StepUp,
        unknownFailures: UnknownFailures,
      ) => new OidcSignIn(transactions, log, { provider, logins, standing, identities }, { sessions, stepUp, unknownFailures }),
    },
    {
      provide: BackChannelLogout,
      inject: [Transactions, RecordsKey, ProviderSessions, PROVIDER],
      useFactory: (...parts: ConstructorParameters<typeof BackChannelLogout>) => new BackChannelLogout(...parts),
    },
  ];
}
