import type { AccountKind } from "../accounts/account.js";
import { type AccountSummary, NO_TIME, type OrganizationState, type RootReport } from "./aws-account.port.js";

/** What AWS said about the root of one account, without personal data. Null, everywhere, is what it did not say. */
export interface PostureEvidence {
  readonly summary: AccountSummary;
  /** Null where AWS denied it. */
  readonly report: RootReport | null;
  readonly organization: {
    /** Whether the account is in an organization. */
    readonly isMember: boolean | null;
    /** Whether it is the management account of it. */
    readonly isManagement: boolean | null;
    readonly state: OrganizationState | null;
  };
  readonly contacts: Readonly<Record<"billing" | "operations" | "security", "present" | "absent" | "unknown">>;
  /** Calls that AWS denied: permissions that the role lacks. */
  readonly denied: readonly string[];
}

/** What we know ourselves, and hold AWS's answer against. */
export interface PostureExpectation {
  readonly kind: AccountKind;
  /** When the password that we keep came to be: by takeover or by rotation. Null where we keep none. */
  readonly passwordSince: Date | null;
}

export const POSTURE_ITEMS = ["accessKeys", "signingCertificates", "mfa", "password", "state"] as const;
export type PostureItem = (typeof POSTURE_ITEMS)[number];

export const FINDING_VERDICTS = ["ok", "bad", "unknown"] as const;
export type FindingVerdict = (typeof FINDING_VERDICTS)[number];

/** One item as it is judged. */
export interface Finding {
  readonly item: PostureItem;
  readonly verdict: FindingVerdict;
  /** Fields of the evidence that the verdict rests on: those that say it is bad, those that are missing, or all. */
  readonly restsOn: readonly string[];
}

export const POSTURE_VERDICTS = ["insecure", "unknown", "secured"] as const;
export type PostureVerdict = (typeof POSTURE_VERDICTS)[number];

/** The judgement of one snapshot. */
export interface Posture {
  /** `secured` only when every item is ok; one that is not known is not ok. */
  readonly verdict: PostureVerdict;
  readonly findings: readonly Finding[];
}

/** One field of the evidence: whether it is as it should be; null where nobody knows. */
interface Claim {
  readonly field: string;
  readonly isGood: boolean | null;
}

/** Judges evidence. Nothing is asked and nothing is remembered here: the same evidence is judged the same, by anybody, at any time. */
export function judgePosture(evidence: PostureEvidence, expectation: PostureExpectation): Posture {
  const { summary, report } = evidence;
  const findings = [
    finding("accessKeys", [
      { field: "summary.accessKeysPresent", isGood: not(summary.accessKeysPresent) },
      ...slots("report.accessKeys", report?.accessKeys),
    ]),
    finding("signingCertificates", [
      { field: "summary.signingCertificatesPresent", isGood: not(summary.signingCertificatesPresent) },
      ...slots("report.certificates", report?.certificates),
    ]),
    finding("mfa", [
      { field: "summary.mfaEnabled", isGood: summary.mfaEnabled },
      { field: "report.mfaActive", isGood: report?.mfaActive ?? null },
    ]),
    finding("password", passwordClaims(evidence, expectation)),
    finding("state", stateClaims(evidence, expectation)),
  ];
  return { verdict: verdictOf(findings), findings };
}

function verdictOf(findings: readonly Finding[]): PostureVerdict {
  if (findings.some(({ verdict }) => verdict === "bad")) return "insecure";
  return findings.every(({ verdict }) => verdict === "ok") ? "secured" : "unknown";
}

function finding(item: PostureItem, claims: readonly Claim[]): Finding {
  const fieldsThat = (isGood: boolean | null): string[] => claims.filter((claim) => claim.isGood === isGood).map(({ field }) => field);
  const [bad, unknown] = [fieldsThat(false), fieldsThat(null)];
  if (bad.length > 0) return { item, verdict: "bad", restsOn: bad };
  // No claim at all is no good one.
  if (unknown.length > 0 || claims.length === 0) return { item, verdict: "unknown", restsOn: unknown };
  return { item, verdict: "ok", restsOn: claims.map(({ field }) => field) };
}

function slots(field: string, list: RootReport["accessKeys"] | undefined): Claim[] {
  if (list === undefined || list.length === 0) return [{ field, isGood: null }];
  return list.map(({ isPresent }, at) => ({ field: `${field}.${String(at + 1)}`, isGood: not(isPresent) }));
}

/**
 * The password that AWS has must not be older than the one that we keep: else somebody else knows it, or ours opens nothing. AWS counts in
 * seconds. That there is a password is said by fewer accounts than ask for it, so only a no counts.
 */
function passwordClaims({ summary, report }: PostureEvidence, { passwordSince }: PostureExpectation): Claim[] {
  const changed = report?.passwordLastChanged ?? null;
  const since = passwordSince === null ? null : Math.floor(passwordSince.getTime() / 1_000) * 1_000;
  const isOurs = changed === null || since === null ? null : changed !== NO_TIME && Date.parse(changed) >= since;
  return [
    { field: "report.passwordLastChanged", isGood: isOurs },
    ...(summary.passwordPresent === false ? [{ field: "summary.passwordPresent", isGood: false }] : []),
  ];
}

/** An account that is in no organization has no state that AWS would tell: that its role let us in is all there is to say. */
function stateClaims({ organization }: PostureEvidence, { kind }: PostureExpectation): Claim[] {
  const { isMember, isManagement, state } = organization;
  const inOne = { field: "organization.isMember", isGood: isMember === null ? null : isMember === (kind !== "standalone") };
  if (kind === "standalone") return [inOne];
  return [
    inOne,
    { field: "organization.isManagement", isGood: isManagement === null ? null : isManagement === (kind === "management") },
    { field: "organization.state", isGood: state === null ? null : state === "ACTIVE" },
  ];
}

function not(value: boolean | null): boolean | null {
  return value === null ? null : !value;
}
