import { createHash } from "node:crypto";
import { canonicalJson } from "../audit/canonical-json.js";
import {
  type Catalogue,
  type CatalogueEntry,
  isRootRoute,
  KIND_OF_WORD,
  PURPOSE_SCOPES,
  type Purpose,
  type PurposeScope,
  REVEAL_WORDS,
  type Referral,
  type RevealWord,
  ROUTES,
  type Route,
} from "./purpose.js";

/** One row of the catalogue as it is written. The names of the fields are those of the domain file §1.2. */
export interface CatalogueRow {
  readonly slug: string;
  readonly title: string;
  readonly scope: readonly PurposeScope[];
  readonly route: Route;
  readonly reveal?: readonly RevealWord[];
  /** Left out by referrals only. */
  readonly approvals?: number;
  readonly maxMinutes?: number;
  readonly rotateAfter?: boolean;
  readonly codes?: number;
  readonly verifies?: boolean;
  readonly irreversible?: boolean;
  readonly mail?: readonly string[];
  readonly ctEvents?: readonly string[];
  readonly calls?: readonly string[];
  readonly taskPolicy?: string;
  readonly way?: string;
}

/** Bounds of a purpose. Five approvers is more than any rule we know asks for; a day is the longest an AWS step takes. */
export const PURPOSE_LIMITS = { approvalsMax: 5, minutesMax: 1_440, codesMax: 6, codesDefault: 2, textCharsMax: 400 } as const;

const FIELDS = new Set([
  "slug",
  "title",
  "scope",
  "route",
  "reveal",
  "approvals",
  "maxMinutes",
  "rotateAfter",
  "codes",
  "verifies",
  "irreversible",
  "mail",
  "ctEvents",
  "calls",
  "taskPolicy",
  "way",
]);
const REFERRAL_FIELDS = new Set(["slug", "title", "scope", "route", "way"]);
const SLUG = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const NAME = /^[A-Za-z][A-Za-z0-9:-]{0,63}$/;

/**
 * Checks rows of unknown origin against the closed form and makes the catalogue of them. Everything that a row leaves out takes the
 * stricter meaning; a field that we do not know refuses, because what it was meant to restrict would silently not be restricted.
 * @throws Error naming the row and the rule; a catalogue with one bad row does not load at all.
 */
export function loadCatalogue(rows: readonly unknown[]): Catalogue {
  const entries = rows.map((row, at) => Object.freeze(readRow(row, `catalogue row ${String(at + 1)}`)));
  const taken = new Set<string>();
  for (const { slug, scope } of entries) {
    for (const one of scope) {
      const key = `${slug} for ${one}`;
      // With two rows for one account the laxer could be picked.
      if (taken.has(key)) throw new Error(`the catalogue has ${key} twice`);
      taken.add(key);
    }
  }
  entries.sort((a, b) => compare(a.slug, b.slug) || compare(a.scope.join(), b.scope.join()));
  const digest = createHash("sha256").update(canonicalJson(entries), "utf8").digest("hex");
  return Object.freeze({ version: `c1-${digest.slice(0, 16)}`, entries: Object.freeze(entries) });
}

/**
 * Demands that every purpose is decided for every kind of account: who asks is told what to do, never that there is nothing to say.
 * @throws Error naming the first hole.
 */
export function assertNoHole(catalogue: Catalogue): Catalogue {
  for (const slug of new Set(catalogue.entries.map((entry) => entry.slug))) {
    const decided = catalogue.entries.filter((entry) => entry.slug === slug).flatMap(({ scope }) => scope);
    const open = PURPOSE_SCOPES.find((scope) => !decided.includes(scope));
    if (open !== undefined) throw new Error(`the catalogue does not decide ${slug} for ${open}`);
  }
  return catalogue;
}

/** By UTF-16 units, not by locale: the version must not depend on the machine. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function readRow(row: unknown, where: string): CatalogueEntry {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw new Error(`${where}: must be an object`);
  const fields = new Map<string, unknown>(Object.entries(row));
  const demand = (holds: boolean, rule: string): void => {
    if (!holds) throw new Error(`${where}: ${rule}`);
  };
  const route = oneOf(fields.get("route"), ROUTES, "route", demand);
  const isReferred = route === "ROLE" || route === "NONE";
  const allowed = isReferred ? REFERRAL_FIELDS : FIELDS;
  demand(
    [...fields.keys()].every((field) => allowed.has(field)),
    "holds a field that is not of its form",
  );
  const slug = fields.get("slug");
  demand(typeof slug === "string" && slug.length <= 48 && SLUG.test(slug), "slug must be lower-case words joined by hyphens");
  const named = {
    slug: slug as string,
    title: text(fields.get("title"), "title", demand),
    // In the vocabulary's order, so that two ways to write a set are one catalogue version.
    scope: inOrder(list(fields.get("scope"), PURPOSE_SCOPES, "scope", demand), PURPOSE_SCOPES),
  };
  demand(named.scope.length > 0, "scope must not be empty");
  if (isReferred) return { ...named, route, way: text(fields.get("way"), "way", demand) } satisfies Referral;
  return readPurpose(fields, { ...named, route }, demand);
}

type Demand = (holds: boolean, rule: string) => void;
type Named = Pick<Purpose, "slug" | "title" | "scope" | "route">;

function readPurpose(fields: ReadonlyMap<string, unknown>, named: Named, demand: Demand): Purpose {
  const reveals = inOrder(list(fields.get("reveal") ?? [], REVEAL_WORDS, "reveal", demand), REVEAL_WORDS);
  const way = fields.has("way") ? text(fields.get("way"), "way", demand) : null;
  demandRoute(named.route, reveals, way, demand);
  const approvals = fields.get("approvals");
  demand(isWhole(approvals, 1, PURPOSE_LIMITS.approvalsMax), "approvals must be a whole number from 1 to 5");
  const minutes = fields.get("maxMinutes");
  demand(isWhole(minutes, 1, PURPOSE_LIMITS.minutesMax), "maxMinutes must be a whole number from 1 to 1440");
  const rotateAfter = flag(fields.get("rotateAfter"), "rotateAfter", demand);
  demand(!rotateAfter || reveals.includes("password"), "rotateAfter belongs to purposes that show the password");
  const verifies = flag(fields.get("verifies"), "verifies", demand);
  demand(!verifies || reveals.includes("newPassword") || reveals.includes("newTotp"), "verifies belongs to purposes that show a candidate");
  return {
    ...named,
    reveals,
    kinds: Object.freeze([...new Set(reveals.map((word) => KIND_OF_WORD[word]).filter((kind) => kind !== null))]),
    approvals: approvals as number,
    minutes: minutes as number,
    rotateAfter,
    codes: codesOf(fields.get("codes"), reveals.includes("totp") || reveals.includes("newTotp"), demand),
    // A purpose that ends with a new password heals a burnt one, and only such a purpose does: it is not for a row to claim.
    heals: reveals.includes("newPassword"),
    verifies,
    irreversible: flag(fields.get("irreversible"), "irreversible", demand),
    mail: names(fields.get("mail") ?? [], "mail", demand),
    events: names(fields.get("ctEvents") ?? [], "ctEvents", demand),
    calls: names(fields.get("calls") ?? [], "calls", demand),
    taskPolicy: taskPolicyOf(fields, named.route, demand),
    way,
  };
}

/** Law L7 as a rule of form: either a row opens a root credential by a route that is root, or it names the better way. */
function demandRoute(route: Route, reveals: readonly RevealWord[], way: string | null, demand: Demand): void {
  const showsRootCredential = reveals.some((word) => KIND_OF_WORD[word] === "root-password" || KIND_OF_WORD[word] === "mfa-seed");
  const opensNothing = reveals.every((word) => KIND_OF_WORD[word] === null);
  if (!isRootRoute(route)) {
    demand(!showsRootCredential, "a route that is not root must show no password and no MFA code");
    demand(way !== null, "a route that is not root must name the way");
  } else if (route === "SUPPORT") {
    demand(opensNothing === (way !== null), "a support route either opens a secret or names the better way");
  } else {
    demand(!opensNothing, "the root console needs a secret");
    demand(way === null, "a task with a better way must not open the root console");
  }
}

function codesOf(value: unknown, hasCodes: boolean, demand: Demand): number {
  const codes = value ?? (hasCodes ? PURPOSE_LIMITS.codesDefault : 0);
  demand(hasCodes ? isWhole(codes, 1, PURPOSE_LIMITS.codesMax) : codes === 0, "codes must be 1 to 6 with totp, and absent without");
  return codes as number;
}

function taskPolicyOf(fields: ReadonlyMap<string, unknown>, route: Route, demand: Demand): string | null {
  const policy = fields.has("taskPolicy") ? (names([fields.get("taskPolicy")], "taskPolicy", demand)[0] ?? null) : null;
  demand((policy !== null) === (route === "ASSUME_ROOT"), "a task policy belongs to ASSUME_ROOT, which needs one");
  return policy;
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
}

function flag(value: unknown, field: string, demand: Demand): boolean {
  demand(value === undefined || typeof value === "boolean", `${field} must be true or false`);
  return value === true;
}

function text(value: unknown, field: string, demand: Demand): string {
  const isText = typeof value === "string" && value.length > 0 && value.length <= PURPOSE_LIMITS.textCharsMax;
  demand(isText && /^[\x20-\x7e]+$/.test(value) && value.trim() === value, `${field} must be 1 to 400 printable ASCII characters`);
  return value as string;
}

function oneOf<T extends string>(value: unknown, vocabulary: readonly T[], field: string, demand: Demand): T {
  demand((vocabulary as readonly unknown[]).includes(value), `${field} must be one of ${vocabulary.join(", ")}`);
  return value as T;
}

function list<T extends string>(value: unknown, vocabulary: readonly T[], field: string, demand: Demand): readonly T[] {
  demand(Array.isArray(value) && new Set(value).size === value.length, `${field} must be a list without repetition`);
  return (value as unknown[]).map((item) => oneOf(item, vocabulary, field, demand));
}

function names(value: unknown, field: string, demand: Demand): readonly string[] {
  demand(Array.isArray(value) && value.every((item) => typeof item === "string" && NAME.test(item)), `${field} must be a list of names`);
  return Object.freeze([...(value as string[])]);
}

function inOrder<T>(chosen: readonly T[], vocabulary: readonly T[]): readonly T[] {
  return Object.freeze(vocabulary.filter((word) => chosen.includes(word)));
}
