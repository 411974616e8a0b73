import type { AccountKind, Partition } from "../accounts/account.js";

/**
 * Which accounts a purpose is for: a kind of account, or `govcloud` for any account of that partition. A GovCloud root user has no
 * console of its own, so the tasks of the other kinds are not its tasks.
 */
export const PURPOSE_SCOPES = ["standalone", "management", "member", "govcloud"] as const;
export type PurposeScope = (typeof PURPOSE_SCOPES)[number];

/**
 * How a task is done (domain file §1.1). `ROOT_CONSOLE`: a person signs in as root. `SUPPORT`: an AWS Support case, in which root may have
 * to sign in or to be phoned. `ASSUME_ROOT`: a root session of at most 15 minutes under a task policy. `ORG_API`: a call of the
 * organization's management account. `ROLE`: an ordinary IAM role is enough. `NONE`: there is no such task for this kind of account; the
 * row says what there is instead.
 */
export const ROUTES = ["ROOT_CONSOLE", "SUPPORT", "ASSUME_ROOT", "ORG_API", "ROLE", "NONE"] as const;
/** Routes of rows that open nothing: they only say what to do instead. */
export type ReferralRoute = "ROLE" | "NONE";
export type Route = (typeof ROUTES)[number];

/**
 * The catalogue's words for what a person has to see. `newPassword` and `newTotp` are of the candidate: a value that is staged to succeed the
 * current one. `phoneOtp` is spoken on a telephone that is not ours.
 */
export const REVEAL_WORDS = ["password", "newPassword", "totp", "newTotp", "mailOtp", "phoneOtp"] as const;
export type RevealWord = (typeof REVEAL_WORDS)[number];

/** Kinds of secret that a purpose can open to a person (design §5). A recovery seed, a mail's body or a note is opened by none. */
export const PURPOSE_KINDS = ["root-password", "mfa-seed", "mail-code"] as const;
export type PurposeKind = (typeof PURPOSE_KINDS)[number];

/** Kind behind each word: two words for one kind are of two versions; of a seed only codes come out. */
export const KIND_OF_WORD: Readonly<Record<RevealWord, PurposeKind | null>> = {
  password: "root-password",
  newPassword: "root-password",
  totp: "mfa-seed",
  newTotp: "mfa-seed",
  mailOtp: "mail-code",
  phoneOtp: null,
};

/** What an account's root user may be needed for, under which terms. Frozen, complete: nothing is optional after loading. */
export interface Purpose {
  readonly slug: string;
  readonly title: string;
  readonly scope: readonly PurposeScope[];
  readonly route: Exclude<Route, ReferralRoute>;
  readonly reveals: readonly RevealWord[];
  /** The kinds behind {@link reveals}, each once. */
  readonly kinds: readonly PurposeKind[];
  /** Distinct people besides the requester, at least one (law L2). */
  readonly approvals: number;
  /** How long the grant stands after the last approval. */
  readonly minutes: number;
  /** The password is to be rotated although this purpose did not replace it. */
  readonly rotateAfter: boolean;
  /** How many MFA codes one grant gives; 0 where the purpose needs none. */
  readonly codes: number;
  /** May open a burnt password, because it ends with a new one (design §6, check-in). */
  readonly heals: boolean;
  /** Opens candidates that were shown already, to find out which value works: for somebody who was not to set them. */
  readonly verifies: boolean;
  readonly irreversible: boolean;
  /** Categories of root mail that are expected while the grant is open. */
  readonly mail: readonly string[];
  /** CloudTrail event names that prove the task. */
  readonly events: readonly string[];
  /** Calls that do the task where it is brokered: `service:Operation` or the operation alone. */
  readonly calls: readonly string[];
  /** Name of AWS's task policy for `sts:AssumeRoot`; null on every other route. */
  readonly taskPolicy: string | null;
  /** What to do instead of seeing a root credential; null where there is no better way. */
  readonly way: string | null;
}

/** A task that used to need root, or seems to, or that this kind of account does not have: it is refused and the better way is named (law L7). Nothing is opened, so nobody approves. */
export interface Referral {
  readonly slug: string;
  readonly title: string;
  readonly scope: readonly PurposeScope[];
  readonly route: ReferralRoute;
  readonly way: string;
}

export type CatalogueEntry = Purpose | Referral;

/** A loaded catalogue. `version` is `c1-` and 16 hex digits over its content; a request's hash covers it. */
export interface Catalogue {
  readonly version: string;
  /** Sorted by slug, then by scope. */
  readonly entries: readonly CatalogueEntry[];
}

/** Words of the candidate. */
const CANDIDATE_WORDS: readonly RevealWord[] = ["newPassword", "newTotp"];

/** Which versions of a kind `purpose` opens. */
export function versionsOpened(
  { reveals }: Pick<Purpose, "reveals">,
  kind: PurposeKind,
): { readonly current: boolean; readonly candidate: boolean } {
  const words = reveals.filter((word) => KIND_OF_WORD[word] === kind);
  return {
    current: words.some((word) => !CANDIDATE_WORDS.includes(word)),
    candidate: words.some((word) => CANDIDATE_WORDS.includes(word)),
  };
}

/** The scope that an account falls under. */
export function purposeScopeOf(account: { readonly partition: Partition; readonly kind: AccountKind }): PurposeScope {
  return account.partition === "aws-us-gov" ? "govcloud" : account.kind;
}

/** True for a row that opens nothing, for anybody. */
export function isReferral(entry: CatalogueEntry): entry is Referral {
  return entry.route === "ROLE" || entry.route === "NONE";
}

/** True for a route by which a person signs in as root and so may need the password. */
export function isRootRoute(route: Route): boolean {
  return route === "ROOT_CONSOLE" || route === "SUPPORT";
}
