// What must never happen (design §1, L1 to L4; §6), said about chronicles: judged by what happened, not by what somebody believed at the time.
import { Chronicle, type Submitted } from "./chronicle.js";
import type { Fact, Holders } from "./facts.js";
import { PURPOSES, STEP_SECONDS, type World } from "./world.js";

type Intended = Extract<Fact, { readonly fact: "intended" }>;

/** Every way in which `facts` break a law, in words. */
export function violationsIn(world: World, facts: readonly Fact[]): string[] {
  return violationsSince(world, facts, 0);
}

/** As {@link violationsIn}, of the facts from `first` on: those before were judged already. */
export function violationsSince(world: World, facts: readonly Fact[], first: number): string[] {
  const chronicle = new Chronicle(world, facts);
  return facts.slice(first).flatMap((fact, index) => judged(chronicle, fact, first + index));
}

function judged(chronicle: Chronicle, fact: Fact, place: number): string[] {
  switch (fact.fact) {
    case "intended":
      return openingViolations(chronicle, fact, place);
    case "received":
      return receivedViolations(chronicle, fact, place);
    case "granted":
      return grantViolations(chronicle, fact.request, place);
    case "suspended":
    case "taken-off":
    case "reset":
      return leavingViolations(chronicle, fact, place);
    default:
      return [];
  }
}

/** Whoever leaves, or is set back, holds no grant from that second on. */
function leavingViolations(
  chronicle: Chronicle,
  { who, at }: Extract<Fact, { fact: "suspended" | "taken-off" | "reset" }>,
  place: number,
): string[] {
  const held = chronicle.all("granted", place, ({ request }) =>
    Object.values(chronicle.submission(request, place)?.holders ?? {}).includes(who),
  );
  const isOver = (request: number): boolean => {
    const ended = chronicle.last("ended", chronicle.facts.length, (fact) => fact.request === request && fact.at <= at);
    return ended >= 0;
  };
  return named({ "somebody who left kept a grant": held.some(({ request }) => !isOver(request)) });
}

function named(problems: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(problems).flatMap(([name, isSo]) => (isSo ? [name] : []));
}

function askingOf({ who, holders }: { readonly who: number; readonly holders: Holders }): number[] {
  return [...new Set([who, ...Object.values(holders)])];
}

/** L1: nobody receives what no entry told of before. */
function receivedViolations(chronicle: Chronicle, fact: Extract<Fact, { fact: "received" }>, place: number): string[] {
  const { request, kind, number, who } = fact;
  const isSame = (other: Intended): boolean =>
    other.request === request && other.kind === kind && other.number === number && other.who === who;
  const received = chronicle.all("received", place, (other) => other.request === request && other.kind === kind && other.number === number);
  return named({
    "a value came out without an entry before it": chronicle.places("intended", place, isSame).length !== 1,
    "one opening gave out two values": received.length > 0,
  });
}

/** Everything that must be true when something is opened. */
function openingViolations(chronicle: Chronicle, fact: Intended, place: number): string[] {
  const { request, who, at } = fact;
  const asked = chronicle.submission(request, place);
  if (asked === undefined) return ["opened what nobody asked for"];
  const granted = chronicle.last("granted", place, (other) => other.request === request);
  if (granted < 0) return ["opened what nobody granted"];
  const { account } = asked;
  const grantedAt = chronicle.facts[granted]!.at;
  const minutes = Math.min(asked.minutes, chronicle.minutes(asked, asked.place), chronicle.minutes(asked, place));
  const asking = askingOf(asked);
  const isOver = (other: { readonly request: number }): boolean => other.request === request;
  const problems = named({
    "opened by somebody who holds no part of it": asked.holders[fact.kind] !== who,
    "opened by somebody who is suspended": !chronicle.isActive(who, place),
    "opened by somebody who is not on the allowlist": asking.some((id) => !chronicle.isAllowed(id, "requester", account, place, at)),
    "opened for somebody who had lost everything since": asking.some(
      (id) => chronicle.struckAt(id, place) > granted || !chronicle.isActive(id, place),
    ),
    "opened without a session": !chronicle.hasSession(who, place, at),
    "opened after its time": at >= grantedAt + minutes * 60,
    "opened after it was ended": chronicle.last("ended", place, isOver) >= 0,
    "opened after it was denied or withdrawn":
      chronicle.last("denied", place, isOver) >= 0 || chronicle.last("withdrawn", place, isOver) >= 0,
    "opened with a second factor that does not count": !chronicle.hasFactor(who, place, at, grantedAt),
    "opened while nobody signs the log": !chronicle.isOn("signing", place),
    "opened while clocks differ": chronicle.isOn("skewed", place),
    "broke the glass without a page": asked.glass && !fact.paged,
    "another grant has the account":
      chronicle.last("granted", place, (other) => accountOf(chronicle, other.request, place) === account) > granted,
  });
  const counting = countingApprovers(chronicle, asked, place, at);
  const needed = Math.max(chronicle.approvals(asked, asked.place), chronicle.approvals(asked, place));
  if (counting.size < needed) problems.push("opened without enough distinct valid people");
  return [...problems, ...countViolations(chronicle, fact, asked, place), ...brakeViolations(chronicle, fact, place)];
}

/** L4: how often, and who may know what. */
function countViolations(chronicle: Chronicle, fact: Intended, asked: Submitted, place: number): string[] {
  const { request, who, kind, at } = fact;
  const { account } = asked;
  const ofGrant = chronicle.all("intended", place, (other) => other.request === request && other.kind === kind).length;
  const ofAccount = (wanted: Intended["kind"]): ((other: Intended) => boolean) => {
    return (other) => other.kind === wanted && accountOf(chronicle, other.request, place) === account;
  };
  const waived = chronicle.last("waived", place, (other) => other.account === account);
  const burnt = chronicle.places("intended", place, ofAccount("password")).some((other) => other > waived);
  if (kind === "password") {
    return named({
      "one grant opened one version twice": ofGrant > 0,
      "opened a burnt password that nobody waived": burnt && !PURPOSES[asked.purpose]!.heals,
    });
  }
  const granted = chronicle.last("granted", place, (other) => other.request === request);
  const codes = Math.min(...[asked.place, granted, place].map((before) => chronicle.codes(asked, before)));
  const step = Math.floor(at / STEP_SECONDS);
  const knowing = chronicle.all("intended", place, ofAccount("password")).map((other) => other.who);
  return named({
    "gave more codes than were granted": ofGrant >= codes,
    "gave a time step twice": chronicle
      .all("intended", place, ofAccount("code"))
      .some((other) => Math.floor(other.at / STEP_SECONDS) >= step),
    "one person has password and code where the policy splits them": chronicle.isSet("split", asked, place) && knowing.includes(who),
  });
}

/** The exfiltration brake. */
function brakeViolations(chronicle: Chronicle, { who, at }: Intended, place: number): string[] {
  const { person, deployment, minutes } = chronicle.world.brake;
  const counted = chronicle.all("intended", place, (other) => other.at >= at - minutes * 60);
  const own = counted.filter((other) => other.who === who);
  return named({ "opened more than the brake lets through": own.length >= person || counted.length >= deployment });
}

/** L2, and one check-out at a time, when a grant is made. */
function grantViolations(chronicle: Chronicle, request: number, place: number): string[] {
  const asked = chronicle.submission(request, place);
  if (asked === undefined) return ["granted what nobody asked for"];
  const { at } = chronicle.facts[place]!;
  const needed = Math.max(chronicle.approvals(asked, asked.place), chronicle.approvals(asked, place));
  const unreviewed = chronicle.places("granted", place, (other) => {
    const its = chronicle.submission(other.request, place);
    return its?.glass === true && its.account === asked.account;
  });
  const reviewed = chronicle.last("reviewed", place, (other) => other.account === asked.account);
  return named({
    "granted twice": chronicle.last("granted", place, (other) => other.request === request) >= 0,
    "granted without enough distinct valid people": countingApprovers(chronicle, asked, place, at).size < needed,
    "granted while another has the account": chronicle
      .places("granted", place, (other) => other.request !== request && accountOf(chronicle, other.request, place) === asked.account)
      .some((other) => isRunning(chronicle, other, place, at)),
    "broke the glass before the last time was reviewed": asked.glass && unreviewed.some((other) => other > reviewed),
  });
}

/** True if the grant made at `granted` has neither ended nor run out before `place`. */
function isRunning(chronicle: Chronicle, granted: number, place: number, at: number): boolean {
  const { request, at: grantedAt } = chronicle.facts[granted] as Extract<Fact, { fact: "granted" }>;
  const asked = chronicle.submission(request, granted)!;
  const minutes = Math.min(asked.minutes, chronicle.minutes(asked, granted));
  const hasEnded = chronicle.last("ended", place, (fact) => fact.request === request) >= 0;
  return !hasEnded && at < grantedAt + minutes * 60;
}

function accountOf(chronicle: Chronicle, request: number, before: number): number | undefined {
  return chronicle.submission(request, before)?.account;
}

/** L2: people whose approval counts in the second `at`: others than who asks or holds, on the allowlist then and now, and the same as then. */
function countingApprovers(chronicle: Chronicle, asked: Submitted, place: number, at: number): Set<number> {
  const asking = askingOf(asked);
  const teams = chronicle.isSet("otherTeam", asked, place);
  const counting = chronicle
    .places("approved", place, (fact) => fact.request === asked.request)
    .filter((approval) => {
      const { who, at: approvedAt } = chronicle.facts[approval] as Extract<Fact, { fact: "approved" }>;
      if (asking.includes(who) || !chronicle.isActive(who, place)) return false;
      const isAllowed = (before: number, when: number): boolean => chronicle.isAllowed(who, "approver", asked.account, before, when);
      if (!isAllowed(approval, approvedAt) || !isAllowed(place, at)) return false;
      if (chronicle.struckAt(who, place) > approval || !chronicle.hasFactor(who, approval, approvedAt)) return false;
      if (!chronicle.hasSession(who, approval, approvedAt)) return false;
      return !teams || isApart(chronicle, who, asking, approval, place);
    });
  return new Set(counting.map((approval) => (chronicle.facts[approval] as { readonly who: number }).who));
}

/** True if the approver was of another team than everybody who asks, and nobody has been moved since. */
function isApart(chronicle: Chronicle, approver: number, asking: readonly number[], approval: number, place: number): boolean {
  const own = chronicle.team(approver, place);
  return asking.every((id) => {
    const other = chronicle.team(id, place);
    const isMoved = own.place > approval || other.place > approval;
    return own.team !== null && other.team !== null && own.team !== other.team && !isMoved;
  });
}
