import type { AccountTags } from "../accounts/account.js";
import { canonicalJson } from "../audit/canonical-json.js";
import type { FieldError } from "../kernel/errors.js";
import { isId } from "../kernel/ids.js";

/** The accounts that an allowlist entry reaches. A tag is `key=value`. */
export type Scope = { readonly kind: "all" } | { readonly kind: "customer" | "tag" | "account"; readonly values: readonly string[] };

/** The facts of an account that a scope looks at. */
export interface ScopedAccount {
  readonly id: string;
  readonly customer: string;
  readonly tags: AccountTags;
}

const VALUES_MAX = 100;
const TEXT = /^[^\p{C}]{1,128}$/u;

const VALUE_RULES = {
  customer: { text: "values are names of customers, 1 to 128 printable characters", holds: () => true },
  tag: { text: "values are key=value, 1 to 128 printable characters", holds: (item: string) => item.includes("=") },
  account: { text: "values are account ids", holds: (item: string) => isId("account", item) },
} as const;

/** The scope that `value` states, or the rule that it breaks. */
export function checkScope(value: unknown): { scope: Scope } | { errors: FieldError[] } {
  if (typeof value !== "object" || value === null) return broken("is an object with a kind");
  const { kind, values } = value as { kind?: unknown; values?: unknown };
  if (kind === "all") return values === undefined ? { scope: { kind } } : broken("of kind all has no values");
  if (kind !== "customer" && kind !== "tag" && kind !== "account") return broken("kind is all, customer, tag or account");
  if (!Array.isArray(values) || values.length < 1 || values.length > VALUES_MAX) return broken("has 1 to 100 values");
  const rule = VALUE_RULES[kind];
  if (!values.every((item): item is string => typeof item === "string" && TEXT.test(item) && rule.holds(item))) return broken(rule.text);
  return { scope: { kind, values: [...new Set(values)].sort() } };
}

function broken(rule: string): { errors: FieldError[] } {
  return { errors: [{ field: "scope", rule }] };
}

/** The text that is stored and sealed under the row's HMAC. */
export function scopeText(scope: Scope): string {
  return canonicalJson(scope);
}

/** Reads what {@link scopeText} wrote. */
export function parseScope(text: string): Scope {
  const checked = checkScope(JSON.parse(text));
  if ("errors" in checked) throw new Error("stored scope is malformed");
  return checked.scope;
}

/** True if `scope` reaches `account`. */
export function covers(scope: Scope, account: ScopedAccount): boolean {
  switch (scope.kind) {
    case "all":
      return true;
    case "account":
      return scope.values.includes(account.id);
    case "customer":
      return scope.values.includes(account.customer);
    case "tag":
      return scope.values.some((tag) => {
        const [key = "", ...rest] = tag.split("=");
        return Object.hasOwn(account.tags, key) && account.tags[key] === rest.join("=");
      });
  }
}

/** What an entry commits to for a scope: one field for each value, so that one of them can be opened without the others. */
export function scopeDisclosures(scope: Scope): { field: string; value: string }[] {
  if (scope.kind === "all") return [];
  return scope.values.map((value, index) => ({ field: `scope.${String(index)}`, value: `${scope.kind}:${value}` }));
}
