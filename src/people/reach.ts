import type { AccountTags } from "../accounts/account.js";
import type { AccountReach } from "../accounts/account-reach.js";
import { covers, type Scope } from "./scope.js";

/** The union of `scopes`: what one of them reaches may be read, and without any nothing. */
export function reachOfScopes(scopes: readonly Scope[]): AccountReach {
  const valuesOf = (kind: Exclude<Scope["kind"], "all">): string[] => [
    ...new Set(scopes.flatMap((scope) => (scope.kind === kind ? scope.values : []))),
  ];
  return {
    isAll: scopes.some(({ kind }) => kind === "all"),
    accounts: valuesOf("account"),
    customers: valuesOf("customer"),
    tags: valuesOf("tag").map((tag) => {
      const [key = "", ...rest] = tag.split("=");
      return [key, rest.join("=")] as const;
    }),
    covers: ({ id, customer, tags }) => {
      const scoped = { id, customer, tags: JSON.parse(tags) as AccountTags };
      return scopes.some((scope) => covers(scope, scoped));
    },
  };
}
