// The state of the reference model.
import type { Holders } from "./facts.js";
import { DAY, type ModelRole, SESSION_SECONDS, VOUCHED_DAYS, type World } from "./world.js";

export interface EntryState {
  readonly role: ModelRole;
  readonly account: number | null;
  readonly until: number;
  isOff: boolean;
}

export interface PersonState {
  isActive: boolean;
  /** When what they had last ended: what is older counts no more. As all `order`s, the number of an event. */
  struck: number;
  team: string | null;
  teamed: number;
  readonly entries: EntryState[];
  authenticator: { readonly order: number; readonly made: number; readonly usable: number };
  session: { readonly order: number; readonly until: number } | null;
  failures: number;
}

export interface DecisionState {
  readonly who: number;
  readonly isYes: boolean;
  readonly order: number;
}

export interface GrantState {
  readonly order: number;
  readonly at: number;
  readonly until: number;
  readonly codes: number;
  state: "open" | "returned" | "expired" | "revoked";
  passwordsGiven: number;
  codesGiven: number;
}

export type RequestPhase = "submitted" | "approved" | "opened" | "returned" | "denied" | "expired" | "revoked" | "withdrawn";

export interface RequestState {
  readonly who: number;
  readonly account: number;
  readonly purpose: number;
  readonly holders: Holders;
  readonly glass: boolean;
  readonly minutes: number;
  readonly approvals: number;
  readonly otherTeam: boolean;
  readonly split: boolean;
  readonly codes: number;
  readonly order: number;
  readonly until: number;
  phase: RequestPhase;
  readonly decisions: DecisionState[];
  grant: GrantState | null;
}

export interface AccountState {
  policy: number;
  /** The request whose grant has it checked out. */
  heldBy: number | null;
  isBurnt: boolean;
  /** Newest time step whose code was given out, to anybody. */
  step: number;
  /** The break-glass that nobody has reviewed yet. */
  glass: number | null;
  /** Who has opened the password, whatever became of it. */
  readonly knownBy: number[];
}

export interface State {
  now: number;
  order: number;
  readonly people: PersonState[];
  readonly accounts: AccountState[];
  readonly requests: RequestState[];
  readonly openings: { readonly at: number; readonly who: number }[];
  isSigning: boolean;
  isPaging: boolean;
  isSkewed: boolean;
}

/** How a history begins: everybody is signed in, nothing is asked for. */
export function stateOf(world: World): State {
  return {
    now: 0,
    order: 0,
    people: world.people.map(({ entries, team, waits }) => ({
      isActive: true,
      struck: -1,
      team,
      teamed: -1,
      entries: entries.map(({ role, account, days }) => ({ role, account, until: entryEnd(0, days), isOff: false })),
      authenticator: { order: 0, made: 0, usable: waits },
      session: { order: 0, until: SESSION_SECONDS },
      failures: 0,
    })),
    accounts: Array.from({ length: world.accounts }, () => ({
      policy: 0,
      heldBy: null,
      isBurnt: false,
      step: -1,
      glass: null,
      knownBy: [],
    })),
    requests: [],
    openings: [],
    isSigning: true,
    isPaging: true,
    isSkewed: false,
  };
}

/** When an entry given at `from` ends: after its days, or when nobody has vouched for it for too long. */
export function entryEnd(from: number, days: number): number {
  return from + Math.min(days, VOUCHED_DAYS) * DAY;
}

/** Moments to come at which something ends or begins by itself, in their order, each once. */
export function momentsAhead({ brake }: World, { now, people, requests, openings }: State): number[] {
  const moments = new Set<number>();
  for (const { entries, authenticator, session } of people) {
    for (const { until, isOff } of entries) if (!isOff) moments.add(until);
    moments.add(authenticator.usable);
    if (session !== null) moments.add(session.until);
  }
  for (const { phase, until, grant } of requests) {
    if (phase === "submitted") moments.add(until);
    if (grant?.state === "open") moments.add(grant.until);
  }
  // The last second in which the brake still counts it, and what `offset` adds is the first in which it does not.
  for (const { at } of openings) moments.add(at + brake.minutes * 60);
  return [...moments].filter((moment) => moment > now).sort((one, other) => one - other);
}
