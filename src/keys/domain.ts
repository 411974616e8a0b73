/** The four domains (design §4). Each has a root key of its own, so that one stolen role never opens both halves of a root sign-in. */
export const DOMAINS = ["password", "mfa", "mail", "people"] as const;
export type Domain = (typeof DOMAINS)[number];

/**
 * Every kind of sealed value and the domain whose keys seal it (design §5). `authenticator-totp` is an employee's second factor; an
 * account's TOTP seed is `mfa-seed`. `provider-tokens` are what a session may ask its OpenID Connect provider with.
 */
export const KIND_DOMAINS = {
  "root-password": "password",
  note: "password",
  "mfa-seed": "mfa",
  "mfa-recovery": "mfa",
  "mail-body": "mail",
  "mail-code": "mail",
  "authenticator-totp": "people",
  "provider-tokens": "people",
} as const satisfies Record<string, Domain>;

export type SealedKind = keyof typeof KIND_DOMAINS;

/** What a data key is for: sealing values, or authenticating rows (`records`, people domain only). One key never does both. */
export const DATA_KEY_USES = ["seal", "records"] as const;
export type DataKeyUse = (typeof DATA_KEY_USES)[number];

/** States of a data key after NIST SP 800-57: only an active one seals, a deactivated one still opens, a destroyed one does nothing. */
export const DATA_KEY_STATES = ["ACTIVE", "DEACTIVATED", "DESTROYED"] as const;
export type DataKeyState = (typeof DATA_KEY_STATES)[number];

/** Stands for "no account" in contexts and associated data of keys that belong to the whole deployment. Never an account's id. */
export const NO_ACCOUNT = "-";

/** Size of every root key, data key and derived key, in bytes (AES-256). */
export const KEY_BYTES = 32;

/** The domain whose keys seal values of `kind`. */
export function domainOf(kind: SealedKind): Domain {
  return KIND_DOMAINS[kind];
}

/** A data key as the table holds it: facts and the wrapped key, no plaintext. */
export interface DataKeyRow {
  readonly id: string;
  /** Our account id, or null for a key of the whole deployment. */
  readonly accountId: string | null;
  /** AWS's 12 digits, null exactly when `accountId` is. */
  readonly awsAccountId: string | null;
  readonly domain: Domain;
  readonly use: DataKeyUse;
  /** Counts from 1 per account, domain and use. */
  readonly version: number;
  readonly state: DataKeyState;
  /** The root key that wrapped it. It must be the one that is configured for the domain; a row never adds one. */
  readonly rootKeyUri: string;
  /** Empty for a key that is destroyed. */
  readonly wrapped: Buffer;
}
