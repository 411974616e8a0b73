import type { Partition } from "../accounts/account.js";

/** The role of an account that the vault signs in by. */
export interface AccountTarget {
  readonly partition: Partition;
  readonly awsId: string;
  /** Ours for this account alone: a role that another customer's account shows us does not fit (the confused deputy). Not a secret. */
  readonly externalId: string;
}

/** `iam:GetAccountSummary`, of root. Null is what AWS did not say, and never a no. */
export interface AccountSummary {
  readonly mfaEnabled: boolean | null;
  readonly accessKeysPresent: boolean | null;
  readonly signingCertificatesPresent: boolean | null;
  readonly passwordPresent: boolean | null;
}

/** A time of the report in RFC 3339; `none` where AWS says that there is none; null where it says nothing. */
export type ReportTime = string | null;
export const NO_TIME = "none";

/** One of two places for a credential. An inactive one is there all the same. */
export interface CredentialSlot {
  readonly isPresent: boolean | null;
  readonly isActive: boolean | null;
  readonly since: ReportTime;
}

/** The row `<root_account>` of the credential report. */
export interface RootReport {
  /** AWS makes a new report at most every four hours. */
  readonly generatedAt: ReportTime;
  readonly passwordEnabled: boolean | null;
  readonly passwordLastUsed: ReportTime;
  readonly passwordLastChanged: ReportTime;
  readonly mfaActive: boolean | null;
  readonly accessKeys: readonly CredentialSlot[];
  readonly certificates: readonly CredentialSlot[];
}

/** Kinds of alternate contacts. */
export const CONTACT_KINDS = ["BILLING", "OPERATIONS", "SECURITY"] as const;
export type ContactKind = (typeof CONTACT_KINDS)[number];

/** Personal data: it may stand in a commitment and nowhere else. */
export interface AlternateContact {
  readonly name: string;
  readonly title: string;
  readonly email: string;
  readonly phone: string;
}

/** States of an account as AWS Organizations names them (`Account.State`). */
export const ORGANIZATION_STATES = ["PENDING_ACTIVATION", "ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"] as const;
export type OrganizationState = (typeof ORGANIZATION_STATES)[number];

/**
 * What the vault asks of a customer's account, with a session of fifteen minutes that can only read. Every failure is a RootkeepError
 * `EVIDENCE_UNAVAILABLE` whose `reason` is a word of `aws-errors.ts`: `aws_denied` is AWS's answer, all others are none.
 */
export interface AwsAccountSession {
  /** `sts:GetCallerIdentity`: the account that really answered; it is the one that was asked for. */
  readonly awsId: string;
  accountSummary(): Promise<AccountSummary>;
  /** Has AWS make a report, and waits for it. `aws_report_pending` where it is not ready in time. */
  rootReport(): Promise<RootReport>;
  /** AWS id of the management account of the account's organization; null for an account that is in none. */
  managementAccount(): Promise<string | null>;
  /** The state of a member, or of the account itself; only a management account may ask. Null is a state that AWS did not say. */
  accountState(awsId: string): Promise<OrganizationState | null>;
  /** Null where AWS says that there is none. */
  alternateContact(kind: ContactKind): Promise<AlternateContact | null>;
  /** By which AWS's own log (CloudTrail) finds our calls: `service:Operation request-id`. */
  readonly requestIds: readonly string[];
  /** Forgets the session's keys. */
  close(): void;
}

/** AWS, as far as it concerns accounts of customers. */
export interface AwsAccounts {
  /**
   * Signs in to the account by its role. Refuses a session that turns out to be of another account.
   * @param signal ends all calls of the session.
   */
  signIn(target: AccountTarget, signal: AbortSignal): Promise<AwsAccountSession>;
}
