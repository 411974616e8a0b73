// Questions that safety.ts asks about a chronicle. Each is answered from the facts before a place in it and from nothing else: no state is kept,
// so nothing can be kept wrongly.
import type { Fact } from "./facts.js";
import {
  CODES,
  DAY,
  type ModelEntry,
  type ModelPolicy,
  type ModelRole,
  POLICIES,
  PURPOSES,
  SESSION_SECONDS,
  VOUCHED_DAYS,
  WAIT_SECONDS,
  type World,
} from "./world.js";

type FactOf<Name extends Fact["fact"]> = Extract<Fact, { readonly fact: Name }>;
export type Submitted = FactOf<"submitted"> & { readonly place: number };

/** Facts that end whatever somebody has going. */
const STRIKES: ReadonlySet<Fact["fact"]> = new Set(["suspended", "restored", "reset", "taken-off"]);

/** An entry of the allowlist as the chronicle has it. */
interface DatedEntry {
  readonly entry: ModelEntry;
  readonly from: number;
}

export class Chronicle {
  constructor(
    readonly world: World,
    readonly facts: readonly Fact[],
  ) {}

  /** Places of the facts of one kind before `before`, oldest first. */
  places<Name extends Fact["fact"]>(name: Name, before: number, fits: (fact: FactOf<Name>) => boolean = () => true): number[] {
    const found: number[] = [];
    for (let place = 0; place < before; place++) {
      const fact = this.facts[place]!;
      if (fact.fact === name && fits(fact as FactOf<Name>)) found.push(place);
    }
    return found;
  }

  /** Place of the newest fact of one kind before `before`; -1 where there is none. */
  last<Name extends Fact["fact"]>(name: Name, before: number, fits?: (fact: FactOf<Name>) => boolean): number {
    return this.places(name, before, fits).at(-1) ?? -1;
  }

  /** Facts of one kind before `before`. */
  all<Name extends Fact["fact"]>(name: Name, before: number, fits?: (fact: FactOf<Name>) => boolean): FactOf<Name>[] {
    return this.places(name, before, fits).map((place) => this.facts[place] as FactOf<Name>);
  }

  submission(request: number, before: number): Submitted | undefined {
    const place = this.last("submitted", before, (fact) => fact.request === request);
    return place < 0 ? undefined : { ...(this.facts[place] as FactOf<"submitted">), place };
  }

  /** Place of the newest fact that ended what `who` had going; -1 where there is none. */
  struckAt(who: number, before: number): number {
    for (let place = before - 1; place >= 0; place--) {
      const fact = this.facts[place]!;
      if (STRIKES.has(fact.fact) && "who" in fact && fact.who === who) return place;
    }
    return -1;
  }

  isActive(who: number, before: number): boolean {
    return this.last("suspended", before, (fact) => fact.who === who) <= this.last("restored", before, (fact) => fact.who === who);
  }

  /** True if an entry that was not taken off gives `who` the role over the account in the second `at`. */
  isAllowed(who: number, role: ModelRole, account: number, before: number, at: number): boolean {
    const given: DatedEntry[] = [
      ...this.world.people[who]!.entries.map((entry) => ({ entry, from: 0 })),
      ...this.all("allowed", before, (fact) => fact.who === who).map((fact) => ({ entry: fact.entry, from: fact.at })),
    ];
    const off = new Set(this.all("taken-off", before, (fact) => fact.who === who).map(({ which }) => which));
    return given.some(({ entry, from }, index) => {
      const reaches = entry.account === null || entry.account === account;
      return entry.role === role && reaches && !off.has(index) && at < from + Math.min(entry.days, VOUCHED_DAYS) * DAY;
    });
  }

  /** Team of `who`, and the place of the fact that made it so. */
  team(who: number, before: number): { readonly team: string | null; readonly place: number } {
    const place = this.last("teamed", before, (fact) => fact.who === who);
    return { team: place < 0 ? this.world.people[who]!.team : (this.facts[place] as FactOf<"teamed">).team, place };
  }

  policy(account: number, before: number): ModelPolicy {
    const place = this.last("policy", before, (fact) => fact.account === account);
    return POLICIES[place < 0 ? 0 : (this.facts[place] as FactOf<"policy">).policy]!;
  }

  /** Approvers that the account's terms want of a request, as they are before `before`. */
  approvals({ account, purpose, glass }: Submitted, before: number): number {
    const usual = Math.max(PURPOSES[purpose]!.approvals, this.policy(account, before).approvals ?? 0);
    return Math.max(1, glass ? usual - 1 : usual);
  }

  /** Minutes that the account's terms give a request, as they are before `before`: half of them, at most half an hour, where glass is broken. */
  minutes({ account, purpose, glass }: Submitted, before: number): number {
    const usual = Math.min(PURPOSES[purpose]!.minutes, this.policy(account, before).minutes ?? Number.POSITIVE_INFINITY);
    return glass ? Math.min(usual, 30, Math.max(5, Math.floor(usual / 2))) : usual;
  }

  codes({ account }: Submitted, before: number): number {
    return Math.min(CODES, this.policy(account, before).codes ?? CODES);
  }

  /** True if a term that can only be set was set when it was asked for, or is now. */
  isSet(term: "otherTeam" | "split", { account, place }: Submitted, before: number): boolean {
    return this.policy(account, place)[term] === true || this.policy(account, before)[term] === true;
  }

  /** True if the person's second factor counts in the second `at`; with `by`, one that they had then. */
  hasFactor(who: number, before: number, at: number, by = at): boolean {
    const place = this.last("reset", before, (fact) => fact.who === who);
    if (place < 0) return at >= this.world.people[who]!.waits;
    const made = this.facts[place]!.at;
    return at >= made + WAIT_SECONDS && made <= by;
  }

  hasSession(who: number, before: number, at: number): boolean {
    const place = this.last("signed-in", before, (fact) => fact.who === who);
    return place >= this.struckAt(who, before) && at < (place < 0 ? 0 : this.facts[place]!.at) + SESSION_SECONDS;
  }

  isOn(name: "signing" | "paging" | "skewed", before: number): boolean {
    const place = this.last(name, before);
    return place < 0 ? name !== "skewed" : (this.facts[place] as FactOf<"signing">).on;
  }
}
