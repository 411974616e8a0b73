import { createHash } from "node:crypto";
import { canonicalJson } from "../audit/canonical-json.js";
import type { FieldError } from "../kernel/errors.js";
import { checkScope, type Scope } from "../people/scope.js";
import { PURPOSE_LIMITS } from "./load-catalogue.js";
import { PURPOSE_KINDS, type PurposeKind } from "./purpose.js";

/**
 * What a deployment demands beyond the catalogue, for some purposes on some accounts. What is left out stays as the catalogue has it;
 * whatever stands here can only tighten it (decision 0017).
 */
export interface Policy {
  /** Its name in the book: lower-case words joined by hyphens. */
  readonly name: string;
  /** Slugs, or `all`. */
  readonly purposes: "all" | readonly string[];
  readonly scope: Scope;
  /** Distinct people besides the requester, at least this many. */
  readonly approvals?: number;
  /** True: who approves is of another team than requester and holders. */
  readonly otherTeam?: true;
  /** The grant stands at most this long. */
  readonly minutes?: number;
  /** Only these kinds are opened; an empty list closes the purposes. */
  readonly kinds?: readonly PurposeKind[];
  /** At most this many MFA codes for one grant. */
  readonly codes?: number;
  readonly rotateAfter?: true;
  /** The ticket's reference begins with this. That there is one is not for a policy to say: an opening always names one. */
  readonly ticketPrefix?: string;
  /** True: who is shown the password is given no code. */
  readonly split?: true;
  /** False: who asks is not who opens. */
  readonly selfService?: false;
}

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const PREFIX = /^[A-Za-z0-9][A-Za-z0-9_-]{0,15}$/;
const PURPOSES_MAX = 100;
const FIELDS = new Set([
  "name",
  "purposes",
  "scope",
  "approvals",
  "otherTeam",
  "minutes",
  "kinds",
  "codes",
  "rotateAfter",
  "ticketPrefix",
  "split",
  "selfService",
]);

/** True for the name of a policy, whether there is one or not. */
export function isPolicyName(value: unknown): value is string {
  return typeof value === "string" && value.length <= 48 && NAME.test(value);
}

/**
 * The policy that `value` states, in its one canonical form, or the rules that it breaks. A field that we do not know refuses: what it was
 * meant to restrict would silently not be restricted.
 */
export function checkPolicy(value: unknown): { policy: Policy } | { errors: FieldError[] } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { errors: [{ field: "policy", rule: "is an object" }] };
  const fields = new Map<string, unknown>(Object.entries(value).filter(([, member]) => member !== undefined));
  const errors: FieldError[] = [];
  const demand = (field: string, holds: boolean, rule: string): void => {
    if (!holds) errors.push({ field: `policy.${field}`, rule });
  };
  if (![...fields.keys()].every((field) => FIELDS.has(field)))
    errors.push({ field: "policy", rule: "holds no field that is not of its form" });
  const optional = (field: string, isGood: (member: unknown) => boolean, rule: string): void => {
    if (fields.has(field)) demand(field, isGood(fields.get(field)), rule);
  };
  const purposes = fields.get("purposes");
  const checked = checkScope(fields.get("scope"));
  demand("name", isPolicyName(fields.get("name")), "is lower-case words joined by hyphens, at most 48 characters");
  demand("purposes", purposes === "all" || isSlugs(purposes), "is all, or a list of 1 to 100 different purposes");
  if ("errors" in checked) errors.push(...checked.errors.map(({ field, rule }) => ({ field: `policy.${field}`, rule })));
  // Law L2: zero approvers once meant an open gate elsewhere; here such a policy does not load.
  optional("approvals", (it) => isWhole(it, 1, PURPOSE_LIMITS.approvalsMax), "is a whole number from 1 to 5");
  optional("minutes", (it) => isWhole(it, 1, PURPOSE_LIMITS.minutesMax), "is a whole number from 1 to 1440");
  optional("codes", (it) => isWhole(it, 0, PURPOSE_LIMITS.codesMax), "is a whole number from 0 to 6");
  optional("kinds", isKinds, `is a list of different words out of ${PURPOSE_KINDS.join(", ")}`);
  optional("ticketPrefix", (it) => typeof it === "string" && PREFIX.test(it), "is 1 to 16 letters, digits, hyphens or underscores");
  // A mark that loosens has no meaning: it is absent, or it tightens.
  for (const mark of ["otherTeam", "rotateAfter", "split"]) optional(mark, (it) => it === true, "is true, or left out");
  optional("selfService", (it) => it === false, "is false, or left out");
  if (errors.length > 0 || "errors" in checked) return { errors };
  const { kinds } = Object.fromEntries(fields) as { kinds?: readonly PurposeKind[] };
  const policy = {
    ...Object.fromEntries(fields),
    purposes: purposes === "all" ? purposes : [...(purposes as readonly string[])].sort(),
    scope: checked.scope,
    ...(kinds === undefined ? {} : { kinds: PURPOSE_KINDS.filter((kind) => kinds.includes(kind)) }),
  } as unknown as Policy;
  return { policy: Object.freeze(policy) };
}

/** SHA-256 of the policy's canonical JSON, hex: what a change names as what it replaces. */
export function policyHash(policy: Policy): string {
  return createHash("sha256").update(canonicalJson(policy), "utf8").digest("hex");
}

function isSlugs(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > PURPOSES_MAX) return false;
  return new Set(value).size === value.length && value.every(isPolicyName);
}

function isKinds(value: unknown): boolean {
  if (!Array.isArray(value) || new Set(value).size !== value.length) return false;
  return value.every((item) => PURPOSE_KINDS.some((kind) => kind === item));
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
}
