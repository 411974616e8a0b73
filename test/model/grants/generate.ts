// Histories drawn at random, and made smaller where one goes wrong.
import fc from "fast-check";
import type { DrawnEvent, DrawnHistory } from "./aim.js";
import {
  FATES,
  type Fate,
  type ModelEntry,
  type ModelEvent,
  type ModelPerson,
  POLICIES,
  PURPOSES,
  type SecretKind,
  TEAMS,
  type World,
} from "./world.js";

/** People of a drawn world. */
const PEOPLE = 6;
const ACCOUNTS = 2;

export interface Drawing {
  /** Events of a history at most. */
  readonly events: number;
  /** Ways in which openings go. */
  readonly fates: readonly Fate[];
  /** The brake's limits; drawn by default. */
  readonly brake?: World["brake"];
  /** Kinds of event that are drawn; all of them by default. */
  readonly only?: readonly ModelEvent["do"][];
}

const who = fc.nat(PEOPLE - 1);
const account = fc.nat(ACCOUNTS - 1);
/** Mostly one of the newest requests of a history, which the first numbers are as long as there are few. */
const request = fc.nat(5);
const role = fc.constantFrom("requester" as const, "approver" as const);
const entry = fc.record({
  role,
  account: fc.constantFrom(null, null, 0, 1),
  days: fc.constantFrom(365, 365, 1),
}) satisfies fc.Arbitrary<ModelEntry>;

/** Two who ask, two who approve, one who may do both, and one drawn at will; which of them reach which account is drawn, too. */
const people: fc.Arbitrary<ModelPerson[]> = fc
  .tuple(fc.array(fc.constantFrom(null, null, null, 0, 1), { minLength: PEOPLE, maxLength: PEOPLE }), fc.array(entry, { maxLength: 2 }))
  .chain(([accounts, drawn]) => {
    const roles: readonly (readonly ModelEntry["role"][])[] = [
      ["requester"],
      ["requester"],
      ["approver"],
      ["approver"],
      ["requester", "approver"],
    ];
    const entries = roles.map((given, index) => given.map((each): ModelEntry => ({ role: each, account: accounts[index]!, days: 365 })));
    const person = (own: readonly ModelEntry[]): fc.Arbitrary<ModelPerson> =>
      fc.record({ entries: fc.constant(own), team: fc.constantFrom(...TEAMS), waits: fc.constantFrom(0, 0, 0, 0, 0, 3600) });
    return fc.tuple(...[...entries, drawn].map(person));
  });

const kinds = fc.constantFrom<readonly SecretKind[]>(["password", "code"], ["password", "code"], ["password"], ["code"]);

function eventOf({ fates, only }: Drawing): fc.Arbitrary<ModelEvent> {
  const asking = fc.constantFrom(0, 0, 0, 1, 1, 4, 5);
  const submit = fc
    .record({
      do: fc.constant("submit" as const),
      who: asking,
      account,
      purpose: fc.nat(PURPOSES.length - 1),
      kinds,
      codesTo: fc.constantFrom(null, null, null, 1, 4),
      glass: fc.constantFrom(false, false, false, true),
      minutes: fc.constantFrom(null, null, null, 1, 5, 31),
    })
    .map((event) => (event.kinds.includes("code") ? event : { ...event, codesTo: null }));
  const onRequest = (name: "approve" | "deny" | "withdraw" | "return" | "revoke", actor: fc.Arbitrary<number>) =>
    fc.record({ do: fc.constant(name), who: actor, request });
  const open = fc.record({
    do: fc.constant("open" as const),
    who: fc.constantFrom(0, 0, 1, 1, 4, 5),
    request,
    kind: fc.constantFrom("password" as const, "password" as const, "code" as const),
    fate: fc.constantFrom("sent" as const, "sent" as const, "sent" as const, ...fates),
  });
  const simple = <Do extends "sign-in" | "suspend" | "restore" | "reset">(name: Do) => fc.record({ do: fc.constant(name), who });
  const onAccount = <Do extends "waive" | "review">(name: Do) => fc.record({ do: fc.constant(name), account });
  const offset = fc.constantFrom(-1 as const, 0 as const, 1 as const);
  const weighted: readonly Weighted[] = [
    ["submit", 16, submit],
    ["approve", 30, onRequest("approve", fc.constantFrom(2, 2, 2, 3, 3, 4, 5, 0))],
    ["open", 30, open],
    ["deny", 2, onRequest("deny", who)],
    ["withdraw", 2, onRequest("withdraw", asking)],
    ["return", 3, onRequest("return", asking)],
    ["revoke", 3, onRequest("revoke", fc.constantFrom(-1, 2, 3, 0))],
    ["sweep", 2, fc.constant({ do: "sweep" as const })],
    ["sign-in", 7, simple("sign-in")],
    ["suspend", 2, simple("suspend")],
    ["restore", 2, simple("restore")],
    ["reset", 1, simple("reset")],
    ["take-off", 1, fc.record({ do: fc.constant("take-off" as const), who, which: fc.nat(3) })],
    ["allow", 3, fc.record({ do: fc.constant("allow" as const), who, entry })],
    ["team", 2, fc.record({ do: fc.constant("team" as const), who, team: fc.constantFrom(...TEAMS) })],
    ["policy", 4, fc.record({ do: fc.constant("policy" as const), account, policy: fc.nat(POLICIES.length - 1) })],
    ["waive", 4, onAccount("waive")],
    ["review", 2, onAccount("review")],
    ["wait", 3, fc.record({ do: fc.constant("wait" as const), seconds: fc.constantFrom(1, 29, 60, 600, 3600) })],
    ["wait-for", 4, fc.record({ do: fc.constant("wait-for" as const), which: fc.nat(4), offset })],
    ...(["signing", "paging", "skewed"] as const).map(
      (name): Weighted => [name, 1, fc.record({ do: fc.constant(name), on: fc.boolean() })],
    ),
  ];
  const wanted = weighted.filter(([name]) => only === undefined || only.includes(name));
  return fc.oneof(...wanted.map(([, weight, arbitrary]) => ({ weight, arbitrary })));
}

type Weighted = readonly [ModelEvent["do"], number, fc.Arbitrary<ModelEvent>];

/** Histories, as they are drawn, on a world of six people and two accounts. */
export function histories(drawing: Drawing): fc.Arbitrary<DrawnHistory> {
  const limits =
    drawing.brake === undefined
      ? fc.constantFrom({ person: 3, deployment: 4, minutes: 60 }, NO_LIMIT, NO_LIMIT)
      : fc.constant(drawing.brake);
  const world = fc.record({ people, accounts: fc.constant(ACCOUNTS), brake: limits, pace: fc.constant(1) });
  const drawn = fc.record({
    event: eventOf(drawing),
    aim: fc.option(fc.nat(99), { nil: null, freq: 6 }),
  }) satisfies fc.Arbitrary<DrawnEvent>;
  const events = fc.array(drawn, { minLength: 1, maxLength: drawing.events, size: "max" });
  return fc.record({ world, events });
}

/** A brake that no history meets. */
export const NO_LIMIT: World["brake"] = { person: 1000, deployment: 1000, minutes: 60 };

/** All fates that leave the process as it is. */
export const CALM_FATES: readonly Fate[] = FATES.filter((fate) => fate !== "cut" && fate !== "crash");

/** A history in lines, for people. */
export function told(world: World, events: readonly ModelEvent[]): string {
  const lines = world.people.map((person, index) => `${index}: ${JSON.stringify(person)}`);
  return [...lines, `brake ${JSON.stringify(world.brake)}`, ...events.map((event) => JSON.stringify(event))].join("\n");
}
