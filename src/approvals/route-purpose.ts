import {
  type Catalogue,
  type CatalogueEntry,
  isReferral,
  isRootRoute,
  type Purpose,
  type PurposeKind,
  type PurposeScope,
  type Route,
} from "./purpose.js";

/**
 * What the catalogue says to a request.
 *
 * - `root`: root is needed; the request may go to its approvers.
 * - `mail-only`: the task has a better way than root, and what was asked for is the mailed code that this way needs; it is released like
 *   any secret, under the purpose's approvals.
 * - `better-way`: refused (law L7); `way` is a sentence for the person, `route` its kind.
 * - `unknown`, `not-for-this-kind`, `kinds-not-in-purpose`: refused; the words say why.
 */
export type RouteDecision =
  | { readonly decision: "root"; readonly purpose: Purpose }
  | { readonly decision: "mail-only"; readonly purpose: Purpose }
  | { readonly decision: "better-way"; readonly way: string; readonly route: Route }
  | { readonly decision: "unknown" }
  | { readonly decision: "not-for-this-kind" }
  | { readonly decision: "kinds-not-in-purpose" };

/**
 * Decides whether purpose `slug` opens the kinds of secret that are asked for, on an account of `scope`
 * (`purposeScopeOf(account)`). Pure and total: whatever it does not know, it refuses.
 *
 * The better way is looked for before the kinds are: who asks wrongly for a task that needs no root should hear that it needs none.
 */
export function routePurpose(catalogue: Catalogue, slug: string, scope: PurposeScope, kindsAsked: readonly PurposeKind[]): RouteDecision {
  const rows = catalogue.entries.filter((entry) => entry.slug === slug);
  if (rows.length === 0) return { decision: "unknown" };
  const entry = rows.find((row) => row.scope.includes(scope));
  if (entry === undefined) return { decision: "not-for-this-kind" };
  if (isReferral(entry)) return { decision: "better-way", way: entry.way, route: entry.route };
  const isCovered = kindsAsked.length > 0 && kindsAsked.every((kind) => entry.kinds.includes(kind));
  if (entry.way !== null) {
    const isMailOnly = isCovered && kindsAsked.every((kind) => kind === "mail-code");
    return isMailOnly ? { decision: "mail-only", purpose: entry } : { decision: "better-way", way: entry.way, route: entry.route };
  }
  const brokered = brokeredVariant(rows, entry, scope);
  if (brokered !== undefined) return { decision: "better-way", way: brokered.way, route: brokered.route };
  if (!isRootRoute(entry.route)) return { decision: "not-for-this-kind" };
  return isCovered ? { decision: "root", purpose: entry } : { decision: "kinds-not-in-purpose" };
}

/** The catalogue rule of the domain file §1.2: a member's root console stays shut while its organization can do the same task. */
function brokeredVariant(rows: readonly CatalogueEntry[], entry: Purpose, scope: PurposeScope): { way: string; route: Route } | undefined {
  if (scope !== "member" || entry.route !== "ROOT_CONSOLE") return undefined;
  for (const { route, way } of rows) {
    if ((route === "ASSUME_ROOT" || route === "ORG_API") && way !== null) return { way, route };
  }
  return undefined;
}
