import type { Secret } from "../kernel/secret.js";
import type { RootKeyDomain, VariableName } from "./reference.js";

/** Where the database is. URLs hold a password and therefore are secrets. */
export type DatabaseConfig =
  | { readonly kind: "embedded"; readonly directory: string }
  | { readonly kind: "external"; readonly service: Secret<string>; readonly migrate: Secret<string> | null };

/** Settings that production refuses; in production they hold their defaults. */
export interface TrialConfig {
  readonly totpPeriodSeconds: number;
  readonly authenticatorWaitSeconds: number;
  readonly printsInvitations: boolean;
  /** Trial variables that were set, for the loud line at start. */
  readonly names: readonly VariableName[];
}

/** Things worth a loud line at start that do not stop it. */
export const CONFIG_WARNINGS = ["few-custodians", "file-root-key", "trial-settings", "migrate-role-present"] as const;
export type ConfigWarning = (typeof CONFIG_WARNINGS)[number];

/** The whole configuration of a running service: validated, complete and frozen. */
export interface Config {
  readonly deployment: string;
  readonly listen: { readonly host: string; readonly port: number; readonly isLoopback: boolean };
  /** Absolute path. */
  readonly dataDirectory: string;
  readonly database: DatabaseConfig;
  readonly poolSize: number;
  /** Root key URI of each domain; the path of a `file:` one is absolute. */
  readonly rootKeys: Readonly<Record<RootKeyDomain, string>>;
  readonly awsKmsEndpoint: string | null;
  /** Source of a regular expression, not anchored. */
  readonly ticketPattern: string;
  readonly logOrigin: string;
  readonly foundingCustodians: number;
  /** AWS account ids that onboarding refuses, sorted, without repeats: the listed ones and those of our KMS keys. */
  readonly refusedAccounts: readonly string[];
  readonly trial: TrialConfig;
  /** Listening beyond loopback, or an external database, or a root key that is not `file:` (design §11). */
  readonly isProduction: boolean;
  readonly warnings: readonly ConfigWarning[];
}

/** One broken rule. Neither part ever holds a value: it may be a password pasted into the wrong line. */
export interface ConfigProblem {
  readonly variable: string;
  readonly rule: string;
}

/** The configuration does not stand; `problems` lists everything that is wrong with it at once. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, rule }) => `  ${variable} ${rule}.`);
    super(`The configuration has ${problems.length === 1 ? "one problem" : `${String(problems.length)} problems`}:\n${lines.join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}
