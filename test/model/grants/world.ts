// What a history is made of: the people and accounts it begins with, and what may happen. Both the model and the real engine are told of it in
// these words. People, accounts and requests are numbers, in the order in which they came; times are whole seconds since the history began.

export type SecretKind = "password" | "code";
export type ModelRole = "requester" | "approver";

/** Who acts where a custodian may: one of the two founders, who take no other part. */
export const CUSTODIAN = -1;

export interface ModelPurpose {
  readonly slug: string;
  readonly approvals: number;
  readonly minutes: number;
  readonly heals: boolean;
}

/** Three rows of the catalogue that differ in what a grant rests on; `catalogue rows` in small-world.test.ts holds them against the real one. */
export const PURPOSES: readonly ModelPurpose[] = [
  { slug: "billing-root-only", approvals: 1, minutes: 60, heals: false },
  { slug: "s3-bucket-policy-unlock", approvals: 2, minutes: 60, heals: false },
  { slug: "rotate-after-use", approvals: 1, minutes: 30, heals: true },
];

/** Codes that a purpose gives where nothing says otherwise. */
export const CODES = 2;
/** A code's time step. */
export const STEP_SECONDS = 30;
export const REQUEST_SECONDS = 24 * 3600;
export const SESSION_SECONDS = 8 * 3600;
/** A new authenticator counts for nothing but signing in for so long. */
export const WAIT_SECONDS = 24 * 3600;
/** A grant of the allowlist that nobody certifies counts for so long at most. */
export const VOUCHED_DAYS = 92;
export const DAY = 24 * 3600;
/** Wrong second factors after which a person is locked out for a while: histories stop short of it. */
export const FAILURES_MAX = 4;

/** Terms of a policy, all for every purpose on one account. */
export interface ModelPolicy {
  readonly approvals?: number;
  readonly otherTeam?: true;
  readonly minutes?: number;
  readonly codes?: number;
  readonly split?: true;
  readonly selfService?: false;
}

/** Policies that an account may get; the first is none. */
export const POLICIES: readonly ModelPolicy[] = [
  {},
  { approvals: 2 },
  { otherTeam: true },
  { minutes: 10 },
  { split: true },
  { selfService: false },
  { codes: 1 },
  { approvals: 3, minutes: 5 },
  { approvals: 2, otherTeam: true, split: true },
];

export const TEAMS = [null, "blue", "green"] as const;

/** An entry of the allowlist; `account` null reaches all of them. */
export interface ModelEntry {
  readonly role: ModelRole;
  readonly account: number | null;
  readonly days: number;
}

export interface ModelPerson {
  readonly entries: readonly ModelEntry[];
  readonly team: string | null;
  /** Seconds until their authenticator counts. */
  readonly waits: number;
}

export interface BrakeOfWorld {
  readonly person: number;
  readonly deployment: number;
  readonly minutes: number;
}

export interface World {
  readonly people: readonly ModelPerson[];
  readonly accounts: number;
  readonly brake: BrakeOfWorld;
  /** Seconds that each event takes. */
  readonly pace: number;
}

/**
 * How an opening goes once it is claimed. `key-fails`: the root key does not answer; `outcome-lost`: the log takes the intent and then no more;
 * `cut`: the database's connections break between intent and outcome; `crash`: the service dies there; `unwritable`: the log takes not even the
 * intent.
 */
export const FATES = ["sent", "key-fails", "outcome-lost", "cut", "crash", "unwritable"] as const;
export type Fate = (typeof FATES)[number];

/** A member of the union for each of `Names`. */
type Each<Names extends string, Rest> = Names extends string ? { readonly do: Names } & Rest : never;

/** One thing that somebody tries, or that happens. `request` is a number of a request, `which` a place in a list; both wrap around. */
export type ModelEvent =
  | {
      readonly do: "submit";
      readonly who: number;
      readonly account: number;
      readonly purpose: number;
      readonly kinds: readonly SecretKind[];
      /** Who is to hold the codes; null for whoever asks. */
      readonly codesTo: number | null;
      readonly glass: boolean;
      readonly minutes: number | null;
    }
  | Each<"approve" | "deny" | "withdraw" | "return" | "revoke", { readonly who: number; readonly request: number }>
  | { readonly do: "open"; readonly who: number; readonly request: number; readonly kind: SecretKind; readonly fate: Fate }
  | { readonly do: "sweep" }
  | Each<"sign-in" | "suspend" | "restore" | "reset", { readonly who: number }>
  | { readonly do: "take-off"; readonly who: number; readonly which: number }
  | { readonly do: "allow"; readonly who: number; readonly entry: ModelEntry }
  | { readonly do: "team"; readonly who: number; readonly team: string | null }
  | { readonly do: "policy"; readonly account: number; readonly policy: number }
  | Each<"waive" | "review", { readonly account: number }>
  | Each<"signing" | "paging" | "skewed", { readonly on: boolean }>
  | { readonly do: "wait"; readonly seconds: number }
  /** Time goes on so that the next event falls `offset` seconds after a moment at which something ends or begins. */
  | { readonly do: "wait-for"; readonly which: number; readonly offset: -1 | 0 | 1 };
