// Worlds that are small enough to be tried out. In each the alphabet is what its question needs.
import type { SmallWorld } from "./explore.js";
import { NO_LIMIT } from "./generate.js";
import type { ModelEntry, ModelEvent, ModelPerson, SecretKind } from "./world.js";

const BOTH: readonly SecretKind[] = ["password", "code"];

function person(...roles: readonly ModelEntry["role"][]): ModelPerson {
  return { entries: roles.map((role) => ({ role, account: null, days: 365 })), team: null, waits: 0 };
}

function onRequests(
  count: number,
  who: readonly number[],
  ...names: readonly ("approve" | "deny" | "withdraw" | "return" | "revoke")[]
): ModelEvent[] {
  const requests = Array.from({ length: count }, (_, request) => request);
  return names.flatMap((name) => who.flatMap((each) => requests.map((request) => ({ do: name, who: each, request }))));
}

function openings(
  count: number,
  who: readonly number[],
  kinds: readonly SecretKind[],
  fates: readonly ("sent" | "key-fails")[],
): ModelEvent[] {
  const requests = Array.from({ length: count }, (_, request) => request);
  return who.flatMap((each) =>
    requests.flatMap((request) =>
      kinds.flatMap((kind) => fates.map((fate): ModelEvent => ({ do: "open", who: each, request, kind, fate }))),
    ),
  );
}

function submission(who: number, purpose: number, rest: Partial<Extract<ModelEvent, { do: "submit" }>> = {}): ModelEvent {
  return { do: "submit", who, account: 0, purpose, kinds: ["password"], codesTo: null, glass: false, minutes: null, ...rest };
}

/** The end of the grant in the very second, the second before it, and the next time step of codes. */
const TIME: readonly ModelEvent[] = [
  { do: "wait-for", which: 0, offset: 0 },
  { do: "wait-for", which: 0, offset: -1 },
];

/** Who may do what with one request after the other: four people, of whom one may both ask and approve. */
const PEOPLE: SmallWorld = {
  world: {
    people: [person("requester"), person("approver"), person("approver"), person("requester", "approver")],
    accounts: 1,
    brake: NO_LIMIT,
    pace: 0,
  },
  requests: 2,
  menu: [
    submission(0, 0),
    submission(3, 1),
    ...onRequests(2, [1, 2, 3], "approve"),
    ...onRequests(2, [1], "deny"),
    ...onRequests(2, [0], "withdraw"),
    ...onRequests(2, [1], "revoke"),
    ...openings(2, [0, 3], ["password"], ["sent", "key-fails"]),
    ...[0, 1].flatMap((who): ModelEvent[] => [
      { do: "suspend", who },
      { do: "restore", who },
      { do: "sign-in", who },
    ]),
    { do: "take-off", who: 2, which: 0 },
    { do: "wait-for", which: 0, offset: 0 },
  ],
};

/** One account and two requests for it: time, codes, check-out and what is burnt. */
const GRANTS: SmallWorld = {
  world: { people: [person("requester"), person("approver"), person("approver")], accounts: 1, brake: NO_LIMIT, pace: 0 },
  requests: 2,
  menu: [
    submission(0, 0, { kinds: BOTH }),
    submission(0, 2, { kinds: BOTH }),
    ...onRequests(2, [1, 2], "approve"),
    ...onRequests(2, [0], "return"),
    ...openings(2, [0], BOTH, ["sent", "key-fails"]),
    { do: "waive", account: 0 },
    { do: "policy", account: 0, policy: 1 },
    { do: "policy", account: 0, policy: 0 },
    { do: "sweep" },
    { do: "wait", seconds: 30 },
    ...TIME,
  ],
};

/** Two halves with two people, teams, break-glass and its review. */
const TERMS: SmallWorld = {
  world: {
    people: [
      { ...person("requester"), team: "blue" },
      { ...person("requester"), team: "blue" },
      { ...person("approver", "requester"), team: "green" },
      { ...person("approver"), team: "blue" },
    ],
    accounts: 1,
    brake: NO_LIMIT,
    pace: 0,
  },
  requests: 2,
  menu: [
    submission(0, 0, { kinds: BOTH, codesTo: 1 }),
    submission(0, 1, { kinds: BOTH, codesTo: 2, glass: true }),
    submission(1, 0, { kinds: ["code"] }),
    ...onRequests(2, [1, 2, 3], "approve"),
    ...onRequests(2, [0], "return"),
    ...openings(2, [0, 1, 2], BOTH, ["sent"]),
    { do: "policy", account: 0, policy: 2 },
    { do: "policy", account: 0, policy: 4 },
    { do: "team", who: 3, team: "green" },
    { do: "review", account: 0 },
    { do: "paging", on: false },
  ],
};

export const SMALL_WORLDS = { people: PEOPLE, grants: GRANTS, terms: TERMS } as const;
