import type { ScopedAccount } from "../people/scope.js";
import { catalogueTerms, isSame, matches, type OpeningTerms, TERM_NAMES, type TermName, termsOf } from "./opening-terms.js";
import type { Policy } from "./policy.js";
import { type Catalogue, isReferral, type Purpose, type PurposeScope } from "./purpose.js";

/** One field of the terms that a change moves. */
export interface TermChange {
  readonly term: TermName;
  readonly before: OpeningTerms[TermName];
  readonly after: OpeningTerms[TermName];
  readonly effect: "stricter" | "looser";
}

/** What a change does to one purpose, on accounts of one kind that the same other policies reach. */
export interface PurposeChange {
  readonly purpose: string;
  readonly kind: PurposeScope;
  /** How many registered accounts this is; 0 where none is registered that the change reaches, and it is shown for what it would do. */
  readonly accounts: number;
  /** One of them. */
  readonly example: string | null;
  /** Names of the other policies that reach them. */
  readonly beside: readonly string[];
  readonly changes: readonly TermChange[];
}

/** An account as policies and purposes see it. */
export interface PolicedAccount {
  readonly kind: PurposeScope;
  readonly scoped: ScopedAccount;
}

/** How `after` differs from `before`, field by field. */
export function compareTerms(before: OpeningTerms, after: OpeningTerms): TermChange[] {
  return TERM_NAMES.filter((term) => !isSame(before[term], after[term])).map((term) => ({
    term,
    before: before[term],
    after: after[term],
    effect: isStricter(term, before, after) ? "stricter" : "looser",
  }));
}

/** For fields that differ. Sets of one book can be neither: then the change takes something away that was demanded, and is looser. */
function isStricter(term: TermName, before: OpeningTerms, after: OpeningTerms): boolean {
  switch (term) {
    case "approvals":
      return after.approvals > before.approvals;
    case "minutes":
    case "codes":
      return after[term] < before[term];
    case "kinds":
      return after.kinds.every((kind) => before.kinds.includes(kind));
    case "ticketPrefixes":
      return before.ticketPrefixes.every((prefix) => after.ticketPrefixes.includes(prefix));
    case "selfService":
      return before.selfService;
    default:
      return after[term];
  }
}

/**
 * What the step from `before` to `after` does, purpose by purpose. Accounts that the same policies reach are one line, so a thousand
 * accounts of one customer read as one.
 */
export function compareBooks(
  catalogue: Catalogue,
  before: readonly Policy[],
  after: readonly Policy[],
  accounts: readonly PolicedAccount[],
): PurposeChange[] {
  const changed = [...before, ...after].filter((policy) => !(before.includes(policy) && after.includes(policy)));
  const found: PurposeChange[] = [];
  for (const entry of catalogue.entries) {
    if (isReferral(entry) || !changed.some(({ purposes }) => purposes === "all" || purposes.includes(entry.slug))) continue;
    const groups = groupsOf(entry, [...before, ...after], changed, accounts);
    found.push(
      ...(groups.length > 0 ? groups.flatMap((group) => reached(entry, before, after, group)) : unreached(entry, before, after, changed)),
    );
  }
  return found;
}

interface Group {
  readonly kind: PurposeScope;
  readonly example: PolicedAccount;
  readonly beside: readonly string[];
  members: number;
}

function groupsOf(entry: Purpose, all: readonly Policy[], changed: readonly Policy[], accounts: readonly PolicedAccount[]): Group[] {
  const groups = new Map<string, Group>();
  for (const account of accounts) {
    if (!entry.scope.includes(account.kind)) continue;
    const matching = all.filter((policy) => matches(policy, entry.slug, account.scoped));
    if (!matching.some((policy) => changed.includes(policy))) continue;
    const beside = [...new Set(matching.filter((policy) => !changed.includes(policy)).map(({ name }) => name))];
    const key = [account.kind, ...all.map((policy) => (matching.includes(policy) ? "1" : "0"))].join();
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { kind: account.kind, example: account, beside, members: 1 });
    else known.members += 1;
  }
  return [...groups.values()];
}

function reached(entry: Purpose, before: readonly Policy[], after: readonly Policy[], group: Group): PurposeChange[] {
  const { scoped } = group.example;
  const changes = compareTerms(termsOf(entry, before, scoped).terms, termsOf(entry, after, scoped).terms);
  if (changes.length === 0) return [];
  return [{ purpose: entry.slug, kind: group.kind, accounts: group.members, example: scoped.id, beside: group.beside, changes }];
}

/** For a change that reaches no account yet: what it would do by itself. */
function unreached(entry: Purpose, before: readonly Policy[], after: readonly Policy[], changed: readonly Policy[]): PurposeChange[] {
  const alone = (book: readonly Policy[]): OpeningTerms => {
    const own = book.filter((policy) => changed.includes(policy)).map((policy) => ({ ...policy, scope: { kind: "all" } as const }));
    return own.length === 0 ? catalogueTerms(entry) : termsOf(entry, own, { id: "", customer: "", tags: {} }).terms;
  };
  const changes = compareTerms(alone(before), alone(after));
  if (changes.length === 0) return [];
  return entry.scope.map((kind) => ({ purpose: entry.slug, kind, accounts: 0, example: null, beside: [], changes }));
}
