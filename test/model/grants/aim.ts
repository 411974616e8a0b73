// Events drawn blindly are refused for the most part: the wrong person, on a request that is over. Aimed at what the state offers they reach
// deep, and blind ones among them still try what nobody should.
import { askingOf, hasRole } from "./standing.js";
import { momentsAhead, type RequestState, type State } from "./state.js";
import type { ModelEvent, SecretKind, World } from "./world.js";

/** An event as it was drawn. With `aim` it is turned to one of the things in the state that it could be about. */
export interface DrawnEvent {
  readonly event: ModelEvent;
  readonly aim: number | null;
}

/** A history as it was drawn. */
export interface DrawnHistory {
  readonly world: World;
  readonly events: readonly DrawnEvent[];
}

/** The event that `drawn` means in this state. */
export function aimed(world: World, state: State, { event, aim }: DrawnEvent): ModelEvent {
  if (aim === null) return event;
  const targets = targetsOf(world, state, event);
  return targets.length === 0 ? event : ({ ...event, ...targets[aim % targets.length] } as ModelEvent);
}

type Target = Partial<Omit<Extract<ModelEvent, { readonly do: "open" }>, "do"> & { readonly account: number; readonly which: number }> &
  Partial<Extract<ModelEvent, { readonly do: "wait" }>>;

function targetsOf(world: World, state: State, event: ModelEvent): Target[] {
  const people = [...state.people.keys()];
  switch (event.do) {
    case "submit":
      return people.filter((who) => isReady(state, who) && hasRole(state, who, "requester", event.account)).map((who) => ({ who }));
    case "approve":
      return requests(state, ({ phase, until }) => phase === "submitted" && state.now < until).flatMap(([request, about]) =>
        people.filter((who) => mayApprove(state, who, about)).map((who) => ({ who, request })),
      );
    case "open":
      return requests(state, ({ grant }) => grant?.state === "open").flatMap(([request, { holders }]) =>
        Object.entries(holders).map(([kind, who]) => ({ request, who, kind: kind as SecretKind })),
      );
    case "return":
      return requests(state, ({ grant }) => grant?.state === "open").flatMap(([request, { holders }]) =>
        Object.values(holders).map((who) => ({ request, who })),
      );
    case "revoke":
      return requests(state, ({ grant }) => grant?.state === "open").map(([request]) => ({ request }));
    case "withdraw":
      return requests(state, ({ phase }) => phase === "submitted").map(([request, { who }]) => ({ request, who }));
    case "sign-in":
      return people.filter((who) => state.people[who]!.isActive && !isReady(state, who)).map((who) => ({ who }));
    case "restore":
      return people.filter((who) => !state.people[who]!.isActive).map((who) => ({ who }));
    case "suspend":
    case "take-off":
    case "team":
      return involved(state).map((who) => ({ who }));
    case "waive":
      return accounts(state, ({ isBurnt }) => isBurnt);
    case "review":
      return accounts(state, ({ glass }) => glass !== null);
    case "wait-for":
      return endsOfGrants(world, state);
    default:
      return [];
  }
}

/** Ends of grants that run; a second where none does, for everything else that ends is far away. */
function endsOfGrants(world: World, state: State): Target[] {
  const moments = momentsAhead(world, state);
  const ends = requests(state, ({ grant }) => grant?.state === "open").map(([, { grant }]) => moments.indexOf(grant!.until));
  const found = ends.filter((which) => which >= 0).map((which) => ({ which }));
  return found.length > 0 ? found : [{ do: "wait", seconds: 1 }];
}

/** True if somebody is signed in and acts. */
function isReady({ people, now }: State, who: number): boolean {
  const { isActive, session, struck } = people[who]!;
  return isActive && session !== null && session.order > struck && now < session.until;
}

function mayApprove(state: State, who: number, request: RequestState): boolean {
  const hasDecided = request.decisions.some((decision) => decision.who === who);
  const isParty = askingOf(request).includes(who);
  return isReady(state, who) && !hasDecided && !isParty && hasRole(state, who, "approver", request.account);
}

/** People who take part in something that is not over. */
function involved(state: State): number[] {
  const open = state.requests.filter(({ phase }) => phase === "submitted" || phase === "approved" || phase === "opened");
  return [...new Set(open.flatMap((request) => [...askingOf(request), ...request.decisions.map(({ who }) => who)]))];
}

function requests(state: State, fits: (request: RequestState) => boolean): [number, RequestState][] {
  return [...state.requests.entries()].filter(([, request]) => fits(request));
}

function accounts(state: State, fits: (account: State["accounts"][number]) => boolean): { account: number }[] {
  return [...state.accounts.keys()].filter((account) => fits(state.accounts[account]!)).map((account) => ({ account }));
}
