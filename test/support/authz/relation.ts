// What the matrix of relations is made of: how somebody can stand to what a call is about.
import type { Operation, Role } from "../../../src/kernel/operations.js";

/** Those who take part in an act. `about`: whom it is about, or who holds the other half of what is opened. */
export const PARTIES = ["asked", "about", "approver"] as const;
export type Party = (typeof PARTIES)[number];

/**
 * Those who have left. `suspended` still has the session of before; `off list` was taken off the allowlist and signed in anew; `back` was
 * taken off, put on again and signed in anew: of what they had before nothing may be left.
 */
export const LEAVERS = ["suspended", "off list", "back"] as const;
export type Leaver = (typeof LEAVERS)[number];

/** `other`: of the same role, in scope, took no part. `outside`: allowed for another customer's accounts only. */
export const RELATIONS = [...PARTIES, "other", ...LEAVERS, "outside"] as const;
export type Relation = (typeof RELATIONS)[number];

/**
 * What else is tried by the first who passed: with a second factor whose time is over, with one that was taken already, on a thing of which
 * another party was suspended; and (by `other` where nobody passed) on a thing that there is not.
 */
export const TRIALS = ["stale", "used", "orphan", "unknown"] as const;
export type Trial = (typeof TRIALS)[number];

export const COLUMNS = [...RELATIONS, ...TRIALS] as const;
export type Column = (typeof COLUMNS)[number];

/** Parties of an opening, of an act of custodians, of a break-glass; `none`: nobody takes part, or it is about somebody. */
export type Circle = "none" | "opening" | "custodians" | "glass";

/** Null where nobody takes that part. */
type Parts = Readonly<Record<Party, readonly Role[] | null>> & { readonly leaver: readonly Role[] };

/** Roles that somebody of a row has besides the row's own, because nobody takes that part without. */
export const PARTS: Readonly<Record<Circle, Parts>> = {
  none: { asked: null, about: [], approver: null, leaver: [] },
  opening: { asked: ["requester"], about: ["requester"], approver: ["approver"], leaver: ["requester", "approver"] },
  custodians: { asked: ["custodian"], about: ["custodian"], approver: ["custodian"], leaver: ["custodian"] },
  glass: {
    asked: ["requester", "custodian"],
    about: ["requester", "custodian"],
    approver: ["approver", "custodian"],
    leaver: ["custodian"],
  },
};

/** Guarded acts of custodians, and whether they are about a person. */
export const CUSTODIANS_ACTS = {
  "identity.link": "person",
  "person.enrol": "thing",
  "person.restore": "person",
  "person.leave": "person",
  "person.team": "person",
  "authenticator.reset": "person",
  "allowlist.grant": "person",
  "allowlist.certify": "thing",
  "config.approve": "thing",
  "policy.change": "thing",
  "secret.waive": "thing",
  "account.destroy": "thing",
  "account.change": "thing",
  "account.move": "thing",
  "checklist.waive": "thing",
  "disclosure.erase": "person",
  "brake.raise": "person",
} as const satisfies Partial<Record<Operation, "person" | "thing">>;
export type CustodiansAct = keyof typeof CUSTODIANS_ACTS;

/** What a call is about. */
export type TargetKind =
  | "nothing"
  | "account"
  | "destroyed account"
  | "import"
  | "person"
  | "delivery"
  | "request"
  | "grant"
  | "glass"
  | "fresh account"
  | "checklist"
  | "claimed checklist"
  | "invitation"
  | "ticket"
  | "general ticket"
  | "ticket update"
  | "shown candidate"
  | "staged candidate"
  | "request of verdict"
  | `subject of ${CustodiansAct}`
  | `request of ${CustodiansAct}`;

/** Ids by which a call names what it is about. */
export type IdName =
  | "account"
  | "checklist"
  | "delivery"
  | "entry"
  | "glass"
  | "grant"
  | "import"
  | "person"
  | "request"
  | "session"
  | "ticket"
  | "ticketUpdate"
  | "version";

export type Target = Readonly<Partial<Record<IdName, string>>> & { readonly subject?: Readonly<Record<string, unknown>> };
