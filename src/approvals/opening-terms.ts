import { RootkeepError } from "../kernel/errors.js";
import { covers, type ScopedAccount } from "../people/scope.js";
import type { Policy } from "./policy.js";
import type { Purpose, PurposeKind } from "./purpose.js";

/** Under which terms a purpose opens secrets of one account: the catalogue's, tightened by every policy that matches. */
export interface OpeningTerms {
  readonly approvals: number;
  readonly otherTeam: boolean;
  readonly minutes: number;
  readonly kinds: readonly PurposeKind[];
  readonly codes: number;
  readonly rotateAfter: boolean;
  /** The ticket's reference begins with each of these. */
  readonly ticketPrefixes: readonly string[];
  readonly split: boolean;
  readonly selfService: boolean;
}

export type TermName = keyof OpeningTerms;

/** Terms, and which rule decided each of them: names of policies, or none where the catalogue did. */
export interface DecidedTerms {
  readonly terms: OpeningTerms;
  /** Names of all policies that match, whether they tighten anything or not. */
  readonly policies: readonly string[];
  readonly decidedBy: Readonly<Partial<Record<TermName, readonly string[]>>>;
}

/** What the catalogue says by itself. */
export function catalogueTerms({ approvals, minutes, kinds, codes, rotateAfter }: Purpose): OpeningTerms {
  return { approvals, otherTeam: false, minutes, kinds, codes, rotateAfter, ticketPrefixes: [], split: false, selfService: true };
}

/** True if `policy` speaks about this purpose on this account. */
export function matches(policy: Policy, slug: string, account: ScopedAccount): boolean {
  return (policy.purposes === "all" || policy.purposes.includes(slug)) && covers(policy.scope, account);
}

/**
 * The terms of `purpose` for `account`. Of all policies that match, the strictest wins, field by field: merging never drops a gate, whatever
 * the order and however wide or narrow the scopes are (decision 0017).
 */
export function termsOf(purpose: Purpose, policies: readonly Policy[], account: ScopedAccount): DecidedTerms {
  const matching = policies.filter((policy) => matches(policy, purpose.slug, account));
  const terms = matching.map(tightening).reduce((sum, tighten) => tighten(sum), catalogueTerms(purpose));
  const start = catalogueTerms(purpose);
  const decidedBy: Partial<Record<TermName, readonly string[]>> = {};
  for (const name of TERM_NAMES) {
    if (isSame(start[name], terms[name])) continue;
    const deciders = matching.filter((policy) => {
      const alone = tightening(policy)(start)[name];
      return Array.isArray(alone) ? !isSame(alone, start[name]) : isSame(alone, terms[name]);
    });
    decidedBy[name] = deciders.map((policy) => policy.name);
  }
  return { terms, policies: matching.map(({ name }) => name), decidedBy };
}

/** What `policy` does to terms. Never anything else than making them stricter, or leaving them. */
function tightening(policy: Policy): (terms: OpeningTerms) => OpeningTerms {
  const { approvals = 0, minutes = Number.MAX_SAFE_INTEGER, kinds, codes = Number.MAX_SAFE_INTEGER, ticketPrefix } = policy;
  return (terms) => ({
    approvals: Math.max(terms.approvals, approvals),
    otherTeam: terms.otherTeam || policy.otherTeam === true,
    minutes: Math.min(terms.minutes, minutes),
    kinds: kinds === undefined ? terms.kinds : terms.kinds.filter((kind) => kinds.includes(kind)),
    codes: Math.min(terms.codes, codes),
    rotateAfter: terms.rotateAfter || policy.rotateAfter === true,
    ticketPrefixes:
      ticketPrefix === undefined || terms.ticketPrefixes.includes(ticketPrefix)
        ? terms.ticketPrefixes
        : [...terms.ticketPrefixes, ticketPrefix].sort(),
    split: terms.split || policy.split === true,
    selfService: terms.selfService && policy.selfService !== false,
  });
}

export const TERM_NAMES = [
  "approvals",
  "otherTeam",
  "minutes",
  "kinds",
  "codes",
  "rotateAfter",
  "ticketPrefixes",
  "split",
  "selfService",
] as const satisfies readonly TermName[];

/** True for two values of one field that mean the same. */
export function isSame(one: OpeningTerms[TermName], other: OpeningTerms[TermName]): boolean {
  return String(one) === String(other);
}

/** What of an opening its terms judge. */
export interface JudgedOpening {
  readonly requester: string;
  readonly secrets: readonly { readonly kind: string; readonly holder: string }[];
  readonly ticket: string | null;
}

/**
 * The rule of `terms` that the opening breaks, or null. Asked when it is submitted, at each approval and at each opening: the terms are
 * today's each time, so a policy that became stricter meanwhile counts.
 */
export function brokenTerm(terms: OpeningTerms, { requester, secrets, ticket }: JudgedOpening): { term: TermName; rule: string } | null {
  if (secrets.some(({ kind }) => !terms.kinds.some((known) => known === kind))) {
    return { term: "kinds", rule: "the policy does not open this kind of secret for this purpose" };
  }
  if (!terms.ticketPrefixes.every((prefix) => ticket?.startsWith(prefix) === true)) {
    return { term: "ticketPrefixes", rule: "the policy wants a ticket of another project" };
  }
  if (!terms.selfService && secrets.some(({ holder }) => holder === requester)) {
    return { term: "selfService", rule: "the policy wants somebody else than the requester to open: name the holders" };
  }
  if (terms.split && holdsBoth(secrets)) {
    return { term: "split", rule: "the policy wants the password and the codes with two people: name the holder of the codes" };
  }
  return null;
}

/** True if somebody is to hold the password and a code. A mailed code counts as one: it is a second factor, too. */
function holdsBoth(secrets: JudgedOpening["secrets"]): boolean {
  const readers = secrets.filter(({ kind }) => kind === "root-password").map(({ holder }) => holder);
  return secrets.some(({ kind, holder }) => kind !== "root-password" && readers.includes(holder));
}

/** The refusal of an opening that breaks `term`; names the policies, so that one knows whom to ask. */
export function policyRefusal({ term, rule }: { term: TermName; rule: string }, decided: Pick<DecidedTerms, "decidedBy">): RootkeepError {
  return new RootkeepError("POLICY_REFUSED", { facts: { rule, term, policies: (decided.decidedBy[term] ?? []).join(" ") } });
}
