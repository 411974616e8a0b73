// A chronicle: what has happened, in its order, without a word about why it was allowed. The model writes one, and one is read out of the real
// engine's log; safety.ts judges both.
import type { ModelEntry, SecretKind } from "./world.js";

/** Who holds what of a request. */
export type Holders = Readonly<Partial<Record<SecretKind, number>>>;

/** A member of the union for each of `Names`. */
type Each<Names extends string, Rest> = Names extends string ? { readonly fact: Names } & Rest : never;

export type Happened =
  | {
      readonly fact: "submitted";
      readonly request: number;
      readonly who: number;
      readonly account: number;
      readonly purpose: number;
      readonly holders: Holders;
      readonly glass: boolean;
      /** The time box that was asked for. */
      readonly minutes: number;
    }
  | Each<"approved" | "denied" | "withdrawn", { readonly request: number; readonly who: number }>
  | { readonly fact: "granted"; readonly request: number }
  | { readonly fact: "ended"; readonly request: number; readonly how: "expired" | "revoked" | "returned" }
  /** The entry that comes before any opening: from here on the value counts as seen. */
  | {
      readonly fact: "intended";
      readonly request: number;
      readonly who: number;
      readonly kind: SecretKind;
      readonly number: number;
      readonly paged: boolean;
    }
  | { readonly fact: "outcome"; readonly request: number; readonly kind: SecretKind; readonly number: number; readonly how: string }
  /** Somebody has it. */
  | { readonly fact: "received"; readonly request: number; readonly who: number; readonly kind: SecretKind; readonly number: number }
  | Each<"signed-in" | "suspended" | "restored" | "reset", { readonly who: number }>
  | { readonly fact: "allowed"; readonly who: number; readonly entry: ModelEntry }
  | { readonly fact: "taken-off"; readonly who: number; readonly which: number }
  | { readonly fact: "teamed"; readonly who: number; readonly team: string | null }
  | { readonly fact: "policy"; readonly account: number; readonly policy: number }
  | Each<"waived" | "reviewed", { readonly account: number }>
  | Each<"signing" | "paging" | "skewed", { readonly on: boolean }>;

export type Fact = Happened & {
  /** Seconds since the history began. */
  readonly at: number;
};
