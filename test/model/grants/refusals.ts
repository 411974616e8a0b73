// What the reference model has against an event. It names every reason that there is; the engine names the first that it meets, in whatever
// order it looks. Where there is none the event happens.
import type { Rules } from "./rules.js";
import {
  actingReasons,
  approvalsNeeded,
  approvalsNow,
  approverReasons,
  askingReasons,
  authenticatorReasons,
  hasRole,
  type ModelTerms,
  policyReasons,
  termsNow,
  termsOf,
} from "./standing.js";
import type { RequestState, State } from "./state.js";
import { CUSTODIAN, FAILURES_MAX, type ModelEvent, PURPOSES, REQUEST_SECONDS, type SecretKind, STEP_SECONDS, type World } from "./world.js";

type EventOf<Do extends ModelEvent["do"]> = Extract<ModelEvent, { readonly do: Do }>;
type OnRequest = EventOf<"approve" | "deny" | "withdraw" | "return" | "revoke">;

/** Codes of the reasons against an event; `skip` where there is nothing that it could be about. */
export type Reasons = ReadonlySet<string> | "skip";

/** The request that a number means, wrapping around; undefined while there is none. */
export function requestOf({ requests }: State, number: number): { readonly id: number; readonly request: RequestState } | undefined {
  const id = requests.length === 0 ? 0 : number % requests.length;
  const request = requests[id];
  return request && { id, request };
}

/** What is against `event`, which falls in the second `state.now`. */
export function reasonsAgainst(world: World, rules: Rules, state: State, event: ModelEvent): Reasons {
  switch (event.do) {
    case "submit":
      return new Set(againstSubmission(rules, state, event));
    case "approve":
    case "deny":
    case "withdraw":
    case "return":
    case "revoke":
    case "open":
      return againstActOnRequest(world, rules, state, event);
    case "suspend":
      return new Set(state.people[event.who]!.isActive ? [] : ["STATE_CONFLICT"]);
    case "waive":
      return new Set(state.accounts[event.account]!.isBurnt ? [] : ["STATE_CONFLICT"]);
    case "review":
      return againstReview(state, event.account);
    default:
      return isAbout(state, event) ? new Set() : "skip";
  }
}

/** True if the event changes anything: what changes nothing is refused elsewhere, and is nobody's concern here. */
function isAbout(state: State, event: ModelEvent): boolean {
  switch (event.do) {
    case "sign-in":
      return state.people[event.who]!.isActive;
    case "restore":
      return !state.people[event.who]!.isActive;
    case "take-off":
      return state.people[event.who]!.entries.some(({ isOff }) => !isOff);
    case "team":
      return state.people[event.who]!.team !== event.team;
    case "policy":
      return state.accounts[event.account]!.policy !== event.policy;
    default:
      return true;
  }
}

function againstSubmission(rules: Rules, state: State, event: EventOf<"submit">): string[] {
  const request = requestAskedFor(rules, state, event);
  const account = state.accounts[event.account]!;
  const reasons = actingReasons(rules, state, event.who);
  for (const who of new Set([event.who, ...Object.values(request.holders)])) {
    const isAllowed = state.people[who]!.isActive && hasRole(state, who, "requester", event.account);
    if (!isAllowed) reasons.push("NOT_ALLOWLISTED");
  }
  const terms = termsOf(rules, event.purpose, account.policy, event.glass);
  if (event.minutes !== null && event.minutes > terms.minutes) reasons.push("MALFORMED");
  reasons.push(...burntReasons(rules, state, request), ...glassReasons(rules, state, request));
  return [...reasons, ...policyReasons(rules, state, request, terms)];
}

/** The request as it would be. */
export function requestAskedFor(rules: Rules, state: State, event: EventOf<"submit">): RequestState {
  const { who, account, purpose, kinds, codesTo, glass, minutes } = event;
  const terms = termsOf(rules, purpose, state.accounts[account]!.policy, glass);
  const holders = Object.fromEntries(kinds.map((kind) => [kind, kind === "code" ? (codesTo ?? who) : who]));
  return {
    ...{ who, account, purpose, holders, glass, minutes: minutes ?? terms.minutes },
    ...{ approvals: terms.approvals, otherTeam: terms.otherTeam, split: terms.split, codes: terms.codes },
    ...{ order: state.order, until: state.now + REQUEST_SECONDS, phase: "submitted", decisions: [], grant: null },
  };
}

function burntReasons(rules: Rules, { accounts }: State, { account, purpose, holders }: RequestState): string[] {
  const isBurnt = holders.password !== undefined && accounts[account]!.isBurnt && !PURPOSES[purpose]!.heals;
  return isBurnt && rules.burntWaits ? ["BURNT"] : [];
}

function glassReasons(rules: Rules, { accounts }: State, { account, glass }: RequestState): string[] {
  return glass && accounts[account]!.glass !== null && rules.glassIsReviewed ? ["REVIEW_DUE"] : [];
}

function againstActOnRequest(world: World, rules: Rules, state: State, event: OnRequest | EventOf<"open">): Reasons {
  const about = requestOf(state, event.request);
  if (about === undefined) return "skip";
  const { request } = about;
  switch (event.do) {
    case "approve":
      return againstApproval(rules, state, request, event.who);
    case "deny":
      return new Set([...undecidedReasons(rules, state, request), ...deciderReasons(rules, state, request, event.who, false)]);
    case "withdraw": {
      const isOther = event.who !== request.who;
      return new Set([
        ...undecidedReasons(rules, state, request),
        ...actingReasons(rules, state, event.who),
        ...(isOther ? ["NOT_FOUND"] : []),
      ]);
    }
    case "return":
    case "revoke":
      return againstEnd(rules, state, request, event);
    case "open":
      return againstOpening(world, rules, state, request, event);
  }
}

function undecidedReasons(rules: Rules, { now }: State, { phase, until }: RequestState): string[] {
  const isDecided = phase !== "submitted" && (rules.overIsOver || phase === "approved" || phase === "opened");
  const isOver = now >= until && rules.overIsOver;
  return [...(isDecided ? ["STATE_CONFLICT"] : []), ...(isOver ? ["APPROVAL_EXPIRED"] : [])];
}

function deciderReasons(rules: Rules, state: State, request: RequestState, who: number, teams: boolean): string[] {
  const reasons = [...actingReasons(rules, state, who), ...approverReasons(rules, state, request, who, teams)];
  const hasDecided = request.decisions.some((decision) => decision.who === who);
  return hasDecided && rules.countsPeople ? [...reasons, "STATE_CONFLICT"] : reasons;
}

function againstApproval(rules: Rules, state: State, request: RequestState, who: number): Reasons {
  const person = state.people[who]!;
  if (person.failures >= FAILURES_MAX) return "skip";
  const terms = termsNow(rules, state, request);
  const reasons = [
    ...undecidedReasons(rules, state, request),
    ...deciderReasons(rules, state, request, who, request.otherTeam || terms.otherTeam),
    ...policyReasons(rules, state, request, terms),
    ...askingReasons(rules, state, request, request.order),
    ...authenticatorReasons(rules, state, person),
  ];
  return new Set(isEnoughWith(rules, state, request, who, terms) ? [...reasons, ...grantReasons(rules, state, request)] : reasons);
}

/** True if the approval of `who` would be the one that decides. */
export function isEnoughWith(rules: Rules, state: State, request: RequestState, who: number, terms: ModelTerms): boolean {
  const decisions = [...request.decisions, { who, isYes: true, order: state.order }];
  return approvalsNow(rules, state, { ...request, decisions }, terms) >= approvalsNeeded(rules, request, terms);
}

/** What keeps the approval that decides from making a grant. */
function grantReasons(rules: Rules, state: State, request: RequestState): string[] {
  const { heldBy } = state.accounts[request.account]!;
  const holding = heldBy === null ? null : state.requests[heldBy]!.grant;
  const isHeld = holding?.state === "open" && state.now < holding.until;
  const reasons = isHeld && rules.checkOutIsExclusive ? ["CHECKED_OUT"] : [];
  return [...reasons, ...burntReasons(rules, state, request), ...glassReasons(rules, state, request)];
}

function againstEnd(rules: Rules, state: State, { grant, holders, account }: RequestState, event: OnRequest): Reasons {
  if (grant === null) return "skip";
  const reasons = actingReasons(rules, state, event.who);
  if (event.do === "return" && !Object.values(holders).includes(event.who)) reasons.push("NOT_FOUND");
  const mayRevoke = event.who === CUSTODIAN || hasRole(state, event.who, "approver", account);
  if (event.do === "revoke" && !mayRevoke) reasons.push("NOT_ALLOWLISTED");
  if (grant.state !== "open") reasons.push("STATE_CONFLICT");
  return new Set(reasons);
}

function againstOpening(world: World, rules: Rules, state: State, request: RequestState, event: EventOf<"open">): Reasons {
  const { grant } = request;
  const person = state.people[event.who]!;
  if (grant === null || person.failures >= FAILURES_MAX) return "skip";
  const terms = termsNow(rules, state, request);
  const until = Math.min(grant.until, grant.at + terms.minutes * 60);
  const isOver = grant.state !== "open" || (rules.endIsOver ? state.now >= until : state.now > until);
  const reasons = [
    ...(isOver ? ["APPROVAL_EXPIRED"] : []),
    ...halfReasons(rules, request, event),
    ...spentReasons(rules, grant, event.kind, terms),
    ...(request.phase === "approved" || request.phase === "opened" ? [] : ["STATE_CONFLICT"]),
    ...policyReasons(rules, state, request, terms),
    ...actingReasons(rules, state, event.who),
    ...askingReasons(rules, state, request, grant.order),
    ...authenticatorReasons(rules, state, person, grant.at),
    ...serviceReasons(world, rules, state, request, event),
  ];
  if (approvalsNow(rules, state, request, terms) < approvalsNeeded(rules, request, terms)) reasons.push("APPROVAL_REQUIRED");
  const account = state.accounts[request.account]!;
  if (state.requests[account.heldBy ?? -1] !== request && rules.checkOutIsExclusive) reasons.push("STATE_CONFLICT");
  const isGiven = event.kind === "code" && Math.floor(state.now / STEP_SECONDS) <= account.step;
  if (isGiven && rules.stepsRise) reasons.push("CODE_WAIT");
  return new Set(reasons);
}

function halfReasons(rules: Rules, { holders }: RequestState, { who, kind }: EventOf<"open">): string[] {
  const holder = holders[kind];
  const isTheirs = rules.halvesApart ? holder === who : Object.values(holders).includes(who);
  return holder !== undefined && isTheirs ? [] : ["NOT_FOUND"];
}

function spentReasons(rules: Rules, grant: NonNullable<RequestState["grant"]>, kind: SecretKind, { codes }: ModelTerms): string[] {
  const { passwordsGiven, codesGiven } = grant;
  const isSpent = kind === "password" ? passwordsGiven > 0 && rules.opensOnce : codesGiven >= Math.min(grant.codes, codes);
  return isSpent && (kind === "password" || rules.codesAreCounted) ? ["GRANT_SPENT"] : [];
}

/** What the deployment as a whole has against an opening. */
function serviceReasons(world: World, rules: Rules, state: State, request: RequestState, event: EventOf<"open">): string[] {
  const { brake } = world;
  const since = state.now - brake.minutes * 60;
  const counted = state.openings.filter(({ at }) => at >= since);
  const own = counted.filter(({ who }) => who === event.who);
  const isBraked = own.length >= brake.person || counted.length >= brake.deployment;
  const isUnsigned = !state.isSigning && rules.unsignedOpensNothing;
  return [
    ...(isBraked && rules.brakeHolds ? ["BRAKE_ENGAGED"] : []),
    ...(isUnsigned || event.fate === "unwritable" ? ["AUDIT_UNAVAILABLE"] : []),
    ...(state.isSkewed && rules.skewOpensNothing ? ["CLOCK_SKEW"] : []),
    ...(request.glass && !state.isPaging && rules.glassIsPaged ? ["PAGE_UNACCEPTED"] : []),
  ];
}

function againstReview(state: State, account: number): Reasons {
  const use = state.accounts[account]!.glass;
  if (use === null) return "skip";
  const grant = state.requests[use]!.grant;
  return new Set(grant?.state === "open" && state.now < grant.until ? ["STATE_CONFLICT"] : []);
}
