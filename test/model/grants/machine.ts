// The reference model: one event after the other, each refused for a reason or done, with what has happened by it.
import type { Fact, Happened } from "./facts.js";
import { isEnoughWith, reasonsAgainst, requestAskedFor, requestOf } from "./refusals.js";
import { RIGHT, type Rules } from "./rules.js";
import { termsNow } from "./standing.js";
import { entryEnd, momentsAhead, type RequestState, type State, stateOf } from "./state.js";
import { type Fate, type ModelEvent, SESSION_SECONDS, STEP_SECONDS, WAIT_SECONDS, type World } from "./world.js";

/** What the model says of an event: that there is nothing to try, the reasons against it, or what has happened. */
export type Answer = "skip" | { readonly refused: ReadonlySet<string> } | { readonly happened: readonly Fact[] };

/** Codes by which a claimed opening may end that gives nothing out. */
export const ENDINGS: Readonly<Record<Fate, ReadonlySet<string>>> = {
  sent: new Set(["ok"]),
  "key-fails": new Set(["KEY_UNAVAILABLE"]),
  "outcome-lost": new Set(["AUDIT_UNAVAILABLE"]),
  // What was under way when connections broke may have come through, or not.
  cut: new Set(["ok", "AUDIT_UNAVAILABLE", "UNAVAILABLE", "DEADLINE"]),
  crash: new Set(["CRASH"]),
  unwritable: new Set(),
};

export class Machine {
  constructor(
    readonly world: World,
    readonly rules: Rules = RIGHT,
    readonly state: State = stateOf(world),
  ) {}

  /** One event, after which the state is the next one. */
  step(event: ModelEvent): Answer {
    if (!this.tick(event)) return { happened: [] };
    const reasons = reasonsAgainst(this.world, this.rules, this.state, event);
    if (reasons === "skip") return "skip";
    if (reasons.size > 0) {
      if (reasons.has("STEP_UP_REQUIRED") && "who" in event) this.state.people[event.who]!.failures++;
      return { refused: reasons };
    }
    return { happened: this.apply(event) };
  }

  /** The clock's part of an event. @returns false where there is no other. */
  tick(event: ModelEvent): boolean {
    const { state, world } = this;
    state.order++;
    if (event.do === "wait") state.now += event.seconds;
    else if (event.do === "wait-for") {
      const moments = momentsAhead(world, state);
      const moment = moments[event.which % Math.max(1, moments.length)];
      if (moment !== undefined) state.now = Math.max(state.now, moment + event.offset - world.pace);
    } else state.now += world.pace;
    return event.do !== "wait" && event.do !== "wait-for";
  }

  /** Does what nothing is against. @returns what has happened. */
  apply(event: ModelEvent): Fact[] {
    return this.#happen(event).map((happened) => ({ ...happened, at: this.state.now }));
  }

  #happen(event: ModelEvent): Happened[] {
    const { state } = this;
    switch (event.do) {
      case "submit":
        return this.#submit(event);
      case "approve":
      case "deny":
      case "withdraw":
      case "return":
      case "revoke":
      case "open":
        return this.#actOnRequest(event);
      case "sweep":
        return this.#sweep();
      case "waive":
        state.accounts[event.account]!.isBurnt = false;
        return [{ fact: "waived", account: event.account }];
      case "review":
        state.accounts[event.account]!.glass = null;
        return [{ fact: "reviewed", account: event.account }];
      case "policy":
        state.accounts[event.account]!.policy = event.policy;
        return [{ fact: "policy", account: event.account, policy: event.policy }];
      case "signing":
        state.isSigning = event.on;
        return [{ fact: "signing", on: event.on }];
      case "paging":
        state.isPaging = event.on;
        return [{ fact: "paging", on: event.on }];
      case "skewed":
        state.isSkewed = event.on;
        return [{ fact: "skewed", on: event.on }];
      case "wait":
      case "wait-for":
        return [];
      default:
        return this.#changePerson(event);
    }
  }

  #submit(event: Extract<ModelEvent, { do: "submit" }>): Happened[] {
    const { requests } = this.state;
    const request = requestAskedFor(this.rules, this.state, event);
    requests.push(request);
    const { who, account, purpose, holders, glass, minutes } = request;
    return [{ fact: "submitted", request: requests.length - 1, who, account, purpose, holders, glass, minutes }];
  }

  #actOnRequest(event: Extract<ModelEvent, { request: number }>): Happened[] {
    const { id, request } = requestOf(this.state, event.request)!;
    switch (event.do) {
      case "approve":
        return this.#approve(id, request, event.who);
      case "deny":
        request.decisions.push({ who: event.who, isYes: false, order: this.state.order });
        request.phase = "denied";
        return [{ fact: "denied", request: id, who: event.who }];
      case "withdraw":
        request.phase = "withdrawn";
        return [{ fact: "withdrawn", request: id, who: event.who }];
      case "return":
        return this.#endGrant(id, request, "returned");
      case "revoke":
        return this.#endGrant(id, request, "revoked");
      case "open":
        return this.#open(id, request, event);
    }
  }

  #approve(id: number, request: RequestState, who: number): Happened[] {
    const { state, rules } = this;
    const terms = termsNow(rules, state, request);
    const isEnough = isEnoughWith(rules, state, request, who, terms);
    request.decisions.push({ who, isYes: true, order: state.order });
    const happened: Happened[] = [{ fact: "approved", request: id, who }];
    if (!isEnough) return happened;
    const account = state.accounts[request.account]!;
    const holding = account.heldBy === null ? undefined : state.requests[account.heldBy];
    // A grant whose time is over makes way, whether or not the sweeper was there.
    if (account.heldBy !== null && holding?.grant?.state === "open" && rules.checkOutIsExclusive) {
      happened.push(...this.#endGrant(account.heldBy, holding, "expired"));
    }
    request.phase = "approved";
    request.grant = {
      order: state.order,
      at: state.now,
      until: state.now + Math.min(request.minutes, terms.minutes) * 60,
      codes: Math.min(request.codes, terms.codes),
      ...{ state: "open", passwordsGiven: 0, codesGiven: 0 },
    };
    account.heldBy = id;
    if (request.glass) account.glass = id;
    return [...happened, { fact: "granted", request: id }];
  }

  #open(id: number, request: RequestState, { who, kind, fate }: Extract<ModelEvent, { do: "open" }>): Happened[] {
    const { state, rules } = this;
    const grant = request.grant!;
    const account = state.accounts[request.account]!;
    const number = (kind === "password" ? grant.passwordsGiven : grant.codesGiven) + 1;
    const paged = request.glass && state.isPaging;
    state.openings.push({ at: state.now, who });
    const happened: Happened[] = [{ fact: "intended", request: id, who, kind, number, paged }];
    if (fate === "sent") happened.push({ fact: "received", request: id, who, kind, number });
    if (fate !== "sent" && !rules.failureSpends) return happened;
    request.phase = "opened";
    if (kind === "password") {
      grant.passwordsGiven++;
      account.isBurnt = true;
      account.knownBy.push(who);
    } else {
      grant.codesGiven++;
      account.step = Math.floor(state.now / STEP_SECONDS);
    }
    return happened;
  }

  #endGrant(id: number, request: RequestState, how: "expired" | "revoked" | "returned"): Happened[] {
    const account = this.state.accounts[request.account]!;
    request.grant!.state = how;
    request.phase = how === "expired" && request.phase === "opened" ? "returned" : how;
    if (account.heldBy === id) account.heldBy = null;
    return [{ fact: "ended", request: id, how }];
  }

  #sweep(): Happened[] {
    const { now, requests } = this.state;
    const happened: Happened[] = [];
    for (const [id, request] of requests.entries()) {
      if (request.phase !== "submitted" || request.until > now) continue;
      request.phase = "expired";
      happened.push({ fact: "ended", request: id, how: "expired" });
    }
    for (const [id, request] of requests.entries()) {
      if (request.grant?.state === "open" && request.grant.until <= now) happened.push(...this.#endGrant(id, request, "expired"));
    }
    return happened;
  }

  #changePerson(
    event: Extract<ModelEvent, { who: number; do: "sign-in" | "suspend" | "restore" | "reset" | "take-off" | "allow" | "team" }>,
  ): Happened[] {
    const { state } = this;
    const { who } = event;
    const person = state.people[who]!;
    switch (event.do) {
      case "sign-in":
        person.session = { order: state.order, until: state.now + SESSION_SECONDS };
        return [{ fact: "signed-in", who }];
      case "suspend":
        person.isActive = false;
        return [{ fact: "suspended", who }, ...this.#strike(who)];
      case "restore":
        person.isActive = true;
        person.struck = state.order;
        return [{ fact: "restored", who }];
      case "reset":
        person.authenticator = { order: state.order, made: state.now, usable: state.now + WAIT_SECONDS };
        return [{ fact: "reset", who }, ...this.#strike(who)];
      case "take-off": {
        const open = [...person.entries.keys()].filter((index) => !person.entries[index]!.isOff);
        const which = open[event.which % open.length]!;
        person.entries[which]!.isOff = true;
        return [{ fact: "taken-off", who, which }, ...this.#strike(who)];
      }
      case "allow": {
        const { role, account, days } = event.entry;
        person.entries.push({ role, account, until: entryEnd(state.now, days), isOff: false });
        return [{ fact: "allowed", who, entry: event.entry }];
      }
      case "team":
        person.team = event.team;
        person.teamed = state.order;
        return [{ fact: "teamed", who, team: event.team }];
    }
  }

  /** Ends what somebody has going. */
  #strike(who: number): Happened[] {
    const { state, rules } = this;
    state.people[who]!.struck = state.order;
    const happened: Happened[] = [];
    for (const [id, request] of state.requests.entries()) {
      const isHeld = request.grant?.state === "open" && Object.values(request.holders).includes(who);
      if (isHeld && rules.leaversLoseGrants) happened.push(...this.#endGrant(id, request, "revoked"));
    }
    return happened;
  }
}
