// Signing in at the company's provider, composed as the application does it.
import type { DataSource } from "typeorm";
import type { AuditLog } from "../../src/audit/audit-log.service.js";
import type { Transactions } from "../../src/audit/transactions.service.js";
import type { OidcConfig } from "../../src/config/config.js";
import type { DataKeyRow } from "../../src/keys/domain.js";
import type { KeyService } from "../../src/keys/keys.service.js";
import { BackChannelLogout } from "../../src/people/back-channel-logout.service.js";
import { Identities } from "../../src/people/identities.service.js";
import type { LeavingPort } from "../../src/people/leaving.port.js";
import { OidcLogins } from "../../src/people/oidc-logins.service.js";
import { OidcProvider } from "../../src/people/oidc-provider.adapter.js";
import { OidcSignIn } from "../../src/people/oidc-sign-in.service.js";
import { ProviderSessions } from "../../src/people/provider-session.repository.js";
import { ProviderStanding } from "../../src/people/provider-standing.service.js";
import { ProviderTokenSeal } from "../../src/people/provider-token-seal.service.js";
import { Sessions } from "../../src/people/sessions.service.js";
import type { StepUp } from "../../src/people/step-up.service.js";

export interface ProviderBenchOptions {
  readonly config: OidcConfig | null;
  /** How long a new identity waits; not at all unless told. */
  readonly waitSeconds?: number;
  readonly sessions?: { readonly idleSeconds: number; readonly absoluteSeconds: number };
}

export interface ProviderBench {
  readonly signIn: OidcSignIn;
  readonly identities: Identities;
  readonly standing: ProviderStanding;
  readonly kept: ProviderSessions;
  readonly logout: BackChannelLogout;
  readonly sessions: Sessions;
  /** What the adapter told the operators: `step reason`. */
  readonly told: readonly string[];
}

interface Below {
  readonly dataSource: DataSource;
  readonly transactions: Transactions;
  readonly log: AuditLog;
  readonly keys: KeyService;
  readonly peopleKeys: readonly DataKeyRow[];
  readonly stepUp: StepUp;
  readonly leaving: LeavingPort;
  readonly unknownFailures: { note(): void };
}

export function providerBench(below: Below, options: ProviderBenchOptions): ProviderBench {
  const { dataSource, transactions, log, keys, peopleKeys, stepUp, leaving, unknownFailures } = below;
  const told: string[] = [];
  const tell = (_name: string, fields: object): void => void told.push(Object.values(fields).join(" "));
  const provider = options.config === null ? null : new OidcProvider(options.config, { event: tell });
  const kept = new ProviderSessions(dataSource, keys.records);
  const standing = new ProviderStanding(transactions, log, kept, new ProviderTokenSeal(keys, peopleKeys), provider);
  const limits = options.sessions ?? { idleSeconds: 900, absoluteSeconds: 28_800 };
  const sessions = new Sessions(dataSource, transactions, keys.records, standing, limits);
  const settings = { waitSeconds: options.waitSeconds ?? 0 };
  const identities = new Identities(dataSource, transactions, keys.records, { stepUp, leaving }, settings);
  const logins = new OidcLogins(dataSource, keys.records, provider);
  const signIn = new OidcSignIn(transactions, log, { provider, logins, standing, identities }, { sessions, stepUp, unknownFailures });
  return { signIn, identities, standing, kept, logout: new BackChannelLogout(transactions, keys.records, kept, provider), sessions, told };
}
