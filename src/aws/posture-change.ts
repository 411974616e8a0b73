import { canonicalJson, type JsonObject } from "../audit/canonical-json.js";
import { type CredentialSlot, NO_TIME } from "./aws-account.port.js";
import type { FindingVerdict, Posture, PostureEvidence, PostureItem } from "./posture.js";

/** What somebody must look at once when it comes. */
export const POSTURE_CHANGES = [
  "root-access-key-appeared",
  "signing-certificate-appeared",
  "mfa-went-off",
  "account-state-changed",
] as const;
export type PostureChange = (typeof POSTURE_CHANGES)[number];

/** Credentials of one kind, as they were known last. */
interface Holding {
  /** Null while nobody has ever known. */
  readonly count: number | null;
  /** Times by which they are told apart; fewer than `count` where AWS only says that there is one. */
  readonly since: readonly string[];
}

/** What was known last, whenever that was: that AWS once did not answer is no change, and must not make an old one new. */
export interface KnownPosture {
  readonly accessKeys: Holding;
  readonly signingCertificates: Holding;
  readonly mfa: FindingVerdict;
  readonly state: string | null;
}

const NEVER: Holding = { count: null, since: [] };
const NOTHING_KNOWN: KnownPosture = { accessKeys: NEVER, signingCertificates: NEVER, mfa: "unknown", state: null };

/** What has changed for the worse since it was known last, and what is known now. Without anything known, whatever is bad is news. */
export function changesOf(
  before: KnownPosture | null,
  evidence: PostureEvidence,
  posture: Posture,
): { readonly changes: readonly PostureChange[]; readonly known: KnownPosture } {
  const { accessKeys, signingCertificates, mfa, state } = before ?? NOTHING_KNOWN;
  const { summary, report } = evidence;
  const keys = holdingOf(summary.accessKeysPresent, report?.accessKeys ?? []);
  const certificates = holdingOf(summary.signingCertificatesPresent, report?.certificates ?? []);
  const [mfaNow, stateNow] = [verdictOf(posture, "mfa"), stateOf(evidence)];
  const changes: readonly [PostureChange, boolean][] = [
    ["root-access-key-appeared", hasAppeared(accessKeys, keys)],
    ["signing-certificate-appeared", hasAppeared(signingCertificates, certificates)],
    ["mfa-went-off", mfaNow === "bad" && mfa !== "bad"],
    ["account-state-changed", isStateNews(state, stateNow, posture)],
  ];
  return {
    changes: changes.filter(([, isNews]) => isNews).map(([change]) => change),
    known: {
      accessKeys: keys.count === null ? accessKeys : keys,
      signingCertificates: certificates.count === null ? signingCertificates : certificates,
      mfa: mfaNow === "unknown" ? mfa : mfaNow,
      state: stateNow ?? state,
    },
  };
}

/** What is known, as text that is kept with the row. */
export function knownText(known: KnownPosture): string {
  return canonicalJson(known);
}

/** The reverse of {@link knownText}; the row's HMAC has shown that it is ours. */
export function parseKnown(text: string): KnownPosture {
  return JSON.parse(text) as KnownPosture & JsonObject;
}

/** A state that is the first to be known is news where it is bad. */
function isStateNews(before: string | null, now: string | null, posture: Posture): boolean {
  if (now === null || now === before) return false;
  return before !== null || verdictOf(posture, "state") === "bad";
}

/** The two sources lag behind each other: the one that shows more is believed. */
function holdingOf(isAnyPresent: boolean | null, slots: readonly CredentialSlot[]): Holding {
  const present = slots.filter((slot) => slot.isPresent === true);
  const isKnown = isAnyPresent !== null || (slots.length > 0 && slots.every((slot) => slot.isPresent !== null)) || present.length > 0;
  if (!isKnown) return NEVER;
  const since = present.map((slot) => slot.since).filter((time): time is string => time !== null && time !== NO_TIME);
  return { count: Math.max(present.length, isAnyPresent === true ? 1 : 0), since: since.sort() };
}

function hasAppeared(before: Holding, now: Holding): boolean {
  if (now.count === null || now.count === 0) return false;
  if (now.count > (before.count ?? 0)) return true;
  // As many as before, but another one: only where all that there were are known by their times.
  return before.since.length === before.count && now.since.some((time) => !before.since.includes(time));
}

function verdictOf({ findings }: Posture, item: PostureItem): FindingVerdict {
  return findings.find((finding) => finding.item === item)?.verdict ?? "unknown";
}

function stateOf({ organization }: PostureEvidence): string | null {
  if (organization.isMember === false) return "OUTSIDE_ORGANIZATIONS";
  return organization.state;
}
