// What the model is held against: the real engine, over whatever keeps its rows.
import type { Transactions } from "../../../src/audit/transactions.service.js";
import type { Id } from "../../../src/kernel/ids.js";
import type { ActingPerson } from "../../../src/people/acting-person.service.js";
import type { Allowlist } from "../../../src/people/allowlist.service.js";
import type { People } from "../../../src/people/people.service.js";
import type { Sessions } from "../../../src/people/sessions.service.js";
import type { RevealSecret } from "../../../src/secrets/reveal-secret.service.js";
import type { WatchedGlass, WatchedGrants, WatchedRequests } from "../../support/unscoped.js";
import type { Fate } from "./world.js";

/** An entry of the log, as far as it is looked at here. */
export interface LoggedEntry {
  readonly seq: number;
  readonly time: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor: { readonly id?: string };
  readonly target?: { readonly id: string; readonly kind?: unknown };
  readonly request?: { readonly id?: unknown; readonly hash?: unknown };
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Somebody's second factor: the sealed seed, and the app that shows its codes. */
export interface Factor {
  readonly sealed: Buffer;
  readonly dataKeyId: string;
  readonly app: { next(): Promise<string> };
}

/** A custodian who founded the deployment. */
export interface Founder extends ActingPerson {
  readonly app: Factor["app"];
}

export interface ModelAccount {
  readonly id: Id<"account">;
  readonly passwordVersion: Id<"version">;
  readonly password: string;
}

export interface Services {
  readonly transactions: Transactions;
  readonly requests: WatchedRequests;
  readonly grants: WatchedGrants;
  readonly glass: WatchedGlass;
  readonly reveals: RevealSecret;
  readonly people: People;
  readonly allowlist: Allowlist;
  readonly sessions: Sessions;
}

export interface Engine {
  /** Other objects after a crash. */
  readonly services: Services;
  readonly founders: readonly [Founder, Founder];
  /** Milliseconds since 1970 of the second 0 of a new history, which no opening before is within a day of. */
  begin(): Promise<number>;
  /** Moves the clock, service's and database's. */
  moveTo(ms: number): Promise<void>;
  newFactor(personId: Id<"person">, authenticatorId: Id<"authenticator">): Promise<Factor>;
  newAccounts(count: number): Promise<readonly ModelAccount[]>;
  /** Number of entries in the log. */
  size(): Promise<number>;
  entries(from: number): Promise<readonly LoggedEntry[]>;
  set(name: "signing" | "paging" | "skewed", on: boolean): void;
  /**
   * Runs an opening that meets its fate once it is claimed.
   * @returns what `open` returns; `"crash"` where the service died on it.
   */
  meet<T>(fate: Fate, open: (services: Services) => Promise<T>): Promise<T | "crash">;
}
