import type { AccountKind, AccountTags, Partition } from "../accounts/account.js";
import type { Id } from "../kernel/ids.js";
import { covers, type Scope } from "../people/scope.js";
import { termsOf } from "./opening-terms.js";
import type { Policy } from "./policy.js";
import { type Catalogue, isReferral, PURPOSE_SCOPES, type Purpose, type PurposeScope, purposeScopeOf } from "./purpose.js";

/** An entry of the allowlist that gives its rights now. */
export interface LiveEntry {
  readonly personId: string;
  readonly role: "requester" | "approver";
  readonly scope: Scope;
}

/** Of an account, what decides who may act on it. */
export interface CoveredAccount {
  readonly id: Id<"account">;
  readonly customer: string;
  readonly tags: AccountTags;
  readonly partition: Partition;
  readonly kind: AccountKind;
}

/** Accounts for which the same people may act, and too few of them. */
export interface UncoveredGroup {
  readonly purposeScope: PurposeScope;
  readonly customer: string;
  readonly requesters: number;
  readonly approvers: number;
  /** People who must be able to approve: one more than the strictest purpose needs, for one of them may be the one who asks. */
  readonly approversNeeded: number;
  readonly accounts: number;
  /** Some of them. */
  readonly examples: readonly Id<"account">[];
}

/** What the whole registry came to. */
export interface CoverageResult {
  readonly accounts: number;
  readonly uncovered: number;
  /** The largest first; of very many groups the largest only. */
  readonly groups: readonly UncoveredGroup[];
}

const EXAMPLES_MAX = 5;
const GROUPS_MAX = 200;

/** How many approvals an account's purposes need. */
export interface NeededApprovals {
  /** Of the strictest purpose that opens something; null where none does. */
  of(purposeScope: PurposeScope, account: CoveredAccount): number | null;
  /** What else than its kind tells one account's need from another's. */
  readonly scopes: readonly Scope[];
}

/** As the catalogue says, tightened by every policy that matches the account. */
export function approvalsNeeded({ entries }: Catalogue, policies: readonly Policy[]): NeededApprovals {
  const purposes = new Map(
    PURPOSE_SCOPES.map((scope) => [
      scope,
      entries.filter((entry): entry is Purpose => !isReferral(entry) && entry.kinds.length > 0 && entry.scope.includes(scope)),
    ]),
  );
  return {
    of(purposeScope, account) {
      const counts = (purposes.get(purposeScope) ?? []).map((purpose) => termsOf(purpose, policies, account).terms.approvals);
      return counts.length === 0 ? null : Math.max(...counts);
    },
    scopes: policies.map(({ scope }) => scope),
  };
}

interface Reach {
  readonly requesters: ReadonlySet<string>;
  readonly approvers: ReadonlySet<string>;
}

/**
 * Counts, account by account as they come, who may ask and who may approve. Accounts that no entry tells apart (the same customer, the same of
 * the tags that entries name) are judged once: the work grows with accounts plus groups times entries, not with their product.
 */
export class AccountCoverage {
  readonly #byAccount = new Map<string, LiveEntry[]>();
  readonly #byTrait: readonly LiveEntry[];
  readonly #tagKeys: readonly string[];
  readonly #reaches = new Map<string, Reach>();
  readonly #needs = new Map<string, number | null>();
  readonly #ownNeeds: ReadonlySet<string>;
  readonly #groups = new Map<string, UncoveredGroup & { accounts: number; examples: Id<"account">[] }>();
  #accounts = 0;

  constructor(
    entries: readonly LiveEntry[],
    private readonly needed: NeededApprovals,
  ) {
    for (const entry of entries) {
      if (entry.scope.kind !== "account") continue;
      for (const id of entry.scope.values) this.#byAccount.set(id, [...(this.#byAccount.get(id) ?? []), entry]);
    }
    this.#byTrait = entries.filter(({ scope }) => scope.kind !== "account");
    const scopes = [...this.#byTrait.map(({ scope }) => scope), ...needed.scopes];
    const tags = scopes.flatMap((scope) => (scope.kind === "tag" ? scope.values : []));
    this.#ownNeeds = new Set(needed.scopes.flatMap((scope) => (scope.kind === "account" ? scope.values : [])));
    this.#tagKeys = [...new Set(tags.map((tag) => tag.slice(0, tag.indexOf("="))))].sort();
  }

  /** Takes one account. */
  add(account: CoveredAccount): void {
    this.#accounts += 1;
    const purposeScope = purposeScopeOf(account);
    const traits = this.#traitsOf(account);
    const needed = this.#needOf(purposeScope, account, traits);
    if (needed === null) return;
    const { requesters, approvers } = this.#reachOf(account, traits);
    const approversNeeded = needed + 1;
    if (requesters.size > 0 && approvers.size >= approversNeeded) return;
    const facts = { purposeScope, customer: account.customer, requesters: requesters.size, approvers: approvers.size, approversNeeded };
    const key = JSON.stringify(Object.values(facts));
    const group = this.#groups.get(key) ?? { ...facts, accounts: 0, examples: [] };
    group.accounts += 1;
    if (group.examples.length < EXAMPLES_MAX) group.examples.push(account.id);
    this.#groups.set(key, group);
  }

  result(): CoverageResult {
    const groups = [...this.#groups.values()].sort(
      (one, other) => other.accounts - one.accounts || (one.customer < other.customer ? -1 : 1),
    );
    const uncovered = groups.reduce((sum, { accounts }) => sum + accounts, 0);
    return { accounts: this.#accounts, uncovered, groups: groups.slice(0, GROUPS_MAX) };
  }

  /** The same for accounts that neither entries nor policies tell apart, unless they name them one by one. */
  #traitsOf({ customer, tags }: CoveredAccount): string {
    return JSON.stringify([customer, this.#tagKeys.map((tag) => (Object.hasOwn(tags, tag) ? tags[tag] : null))]);
  }

  #needOf(purposeScope: PurposeScope, account: CoveredAccount, traits: string): number | null {
    if (this.#ownNeeds.has(account.id)) return this.needed.of(purposeScope, account);
    const key = `${purposeScope} ${traits}`;
    const known = this.#needs.get(key);
    if (known !== undefined) return known;
    const need = this.needed.of(purposeScope, account);
    this.#needs.set(key, need);
    return need;
  }

  #reachOf(account: CoveredAccount, key: string): Reach {
    const shared = this.#reaches.get(key) ?? reachOf(this.#byTrait.filter(({ scope }) => covers(scope, account)));
    this.#reaches.set(key, shared);
    const own = this.#byAccount.get(account.id);
    if (own === undefined) return shared;
    const more = reachOf(own);
    return {
      requesters: new Set([...shared.requesters, ...more.requesters]),
      approvers: new Set([...shared.approvers, ...more.approvers]),
    };
  }
}

function reachOf(entries: readonly LiveEntry[]): Reach {
  const of = (role: LiveEntry["role"]): Set<string> =>
    new Set(entries.filter((entry) => entry.role === role).map(({ personId }) => personId));
  return { requesters: of("requester"), approvers: of("approver") };
}
