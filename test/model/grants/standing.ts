// Who stands where, by the reference model (design §2 and §6; docs/spec/request.md, policy.md). Written from the pages, and imports nothing
// of what it is to be held against.
import type { Rules } from "./rules.js";
import type { PersonState, RequestState, State } from "./state.js";
import { CODES, CUSTODIAN, type ModelRole, POLICIES, PURPOSES } from "./world.js";

/** Terms of opening a purpose's secrets on an account. */
export interface ModelTerms {
  readonly approvals: number;
  readonly otherTeam: boolean;
  readonly minutes: number;
  readonly codes: number;
  readonly split: boolean;
  readonly selfService: boolean;
}

/** What catalogue and policy say together: of each term the stricter. A break-glass has one approver fewer, never none, and half the time. */
export function termsOf(rules: Rules, purpose: number, policy: number, glass: boolean): ModelTerms {
  const row = PURPOSES[purpose]!;
  const { approvals = 0, minutes = row.minutes, codes = CODES, otherTeam = false, split = false, selfService = true } = POLICIES[policy]!;
  const people = Math.max(row.approvals, approvals);
  const time = Math.min(row.minutes, minutes);
  const rest = { codes: Math.min(CODES, codes), otherTeam, split, selfService };
  if (!glass) return { approvals: people, minutes: time, ...rest };
  const least = rules.glassNeverNone ? 1 : 0;
  const half = Math.max(5, Math.min(30, Math.floor(time / 2)));
  return { approvals: Math.max(least, people - 1), minutes: half, ...rest };
}

/** Today's terms of a request. */
export function termsNow(rules: Rules, state: State, request: RequestState): ModelTerms {
  const policy = rules.tightenedCounts ? state.accounts[request.account]!.policy : 0;
  const terms = termsOf(rules, request.purpose, policy, request.glass);
  // Half of a short time is still five minutes, but never more than the policy gives.
  const plain = termsOf(rules, request.purpose, policy, false);
  return { ...terms, minutes: Math.min(terms.minutes, plain.minutes) };
}

/** Whoever asks, and whoever is to open something. */
export function askingOf({ who, holders }: Pick<RequestState, "who" | "holders">): number[] {
  return [...new Set([who, ...Object.values(holders)])];
}

/** True if somebody has the role over the account now: an end is over in its very second. */
export function hasRole(state: State, who: number, role: ModelRole, account: number): boolean {
  const { entries } = state.people[who]!;
  return entries.some(
    (entry) => entry.role === role && !entry.isOff && state.now < entry.until && (entry.account === null || entry.account === account),
  );
}

/** What keeps somebody from acting at all: their session, or that they are suspended. */
export function actingReasons(rules: Rules, { now, people }: State, who: number): string[] {
  if (who === CUSTODIAN) return [];
  const { isActive, session, struck } = people[who]!;
  const reasons = isActive ? [] : ["NOT_ALLOWLISTED"];
  const isLive = session !== null && session.order > struck && now < session.until;
  return isLive || !rules.sessionCounts ? reasons : [...reasons, "UNAUTHENTICATED"];
}

/** What keeps those who ask, or are to open, from having it now. `order` is that of the request or the grant. */
export function askingReasons(rules: Rules, state: State, request: RequestState, order: number): string[] {
  const reasons: string[] = [];
  for (const who of askingOf(request)) {
    const { isActive, struck } = state.people[who]!;
    if (rules.holderStandsAtUse && !(isActive && hasRole(state, who, "requester", request.account))) reasons.push("NOT_ALLOWLISTED");
    if (rules.holderStartsAnew && order <= struck) reasons.push("APPROVAL_EXPIRED");
  }
  return reasons;
}

/** True if teams count, and approver and asking people are of different ones; with `since`, if they have been since then. */
export function isApart({ people }: State, request: RequestState, approver: number, since = Number.POSITIVE_INFINITY): boolean {
  const own = people[approver]!;
  return askingOf(request).every((id) => {
    const other = people[id]!;
    const isOfSince = own.teamed < since && other.teamed < since;
    return own.team !== null && other.team !== null && own.team !== other.team && isOfSince;
  });
}

/** What keeps somebody from approving, whatever they did so far. */
export function approverReasons(rules: Rules, state: State, request: RequestState, approver: number, teams: boolean): string[] {
  const reasons: string[] = [];
  const parties = [...(rules.requesterIsNoApprover ? [request.who] : []), ...(rules.holderIsNoApprover ? holdersBut(request) : [])];
  if (parties.includes(approver)) reasons.push("SELF_APPROVAL");
  if (rules.approversAreAllowed && !hasRole(state, approver, "approver", request.account)) reasons.push("NOT_ALLOWLISTED");
  if (teams && !isApart(state, request, approver)) reasons.push("POLICY_REFUSED");
  return reasons;
}

function holdersBut({ who, holders }: RequestState): number[] {
  return Object.values(holders).filter((id) => id !== who);
}

/** How many approvals count now. */
export function approvalsNow(rules: Rules, state: State, request: RequestState, terms: ModelTerms): number {
  const teams = request.otherTeam || terms.otherTeam;
  const counting = request.decisions.filter(({ who, isYes, order }) => {
    if (!isYes) return false;
    const person = state.people[who]!;
    if (rules.comebackStartsAnew && order <= person.struck) return false;
    if (!rules.approversStandAtUse) return true;
    if (!person.isActive || approverReasons(rules, state, request, who, teams).length > 0) return false;
    return !teams || !rules.movedTeamsDoNotCount || isApart(state, request, who, order);
  });
  return rules.countsPeople ? new Set(counting.map(({ who }) => who)).size : counting.length;
}

/** Approvals that a request needs: the stricter of then and now, and never none. */
export function approvalsNeeded(rules: Rules, request: RequestState, terms: ModelTerms): number {
  const least = rules.glassNeverNone ? 1 : 0;
  return Math.max(least, rules.loosenedDoesNot ? request.approvals : 0, terms.approvals);
}

/** What the policy has against a request as it stands, beyond the number of approvers. */
export function policyReasons(rules: Rules, state: State, request: RequestState, terms: ModelTerms): string[] {
  const { password, code } = request.holders;
  const isSplit = terms.split || (rules.loosenedDoesNot && request.split);
  const account = state.accounts[request.account]!;
  const broken =
    (terms.otherTeam && askingOf(request).some((who) => state.people[who]!.team === null)) ||
    (!terms.selfService && Object.values(request.holders).includes(request.who)) ||
    (terms.split && password !== undefined && password === code) ||
    (isSplit && rules.splitRemembers && code !== undefined && account.knownBy.includes(code));
  return broken ? ["POLICY_REFUSED"] : [];
}

/** What keeps the person's second factor from counting: it still waits, or came after `madeBy`. */
export function authenticatorReasons(rules: Rules, { now }: State, { authenticator }: PersonState, madeBy?: number): string[] {
  const isUsable = now >= authenticator.usable || !rules.authenticatorWaits;
  // Out of reach: a grant is over long before an authenticator that came after it counts.
  const isKnown = madeBy === undefined || authenticator.made <= madeBy;
  return isUsable && isKnown ? [] : ["STEP_UP_REQUIRED"];
}
