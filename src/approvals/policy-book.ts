import { createHash } from "node:crypto";
import { canonicalJson, parseCanonical } from "../audit/canonical-json.js";
import { RootkeepError } from "../kernel/errors.js";
import { checkPolicy, type Policy, policyHash } from "./policy.js";

const FORMAT = "rk-policies-1";
/** All of them are read at each opening, and shown to whoever approves a change. */
export const POLICIES_MAX = 200;

/** All policies of a deployment at one moment. */
export interface PolicyBook {
  /** 0 before the first change; each change is the next. */
  readonly number: number;
  /** `p`, the number, `-` and 16 hex digits of SHA-256 over the text; a request's hash covers it. */
  readonly version: string;
  /** Sorted by name. */
  readonly policies: readonly Policy[];
}

/** A change of one policy: what replaces what. */
export interface PolicyChange {
  readonly name: string;
  /** The whole new policy; null takes it away. */
  readonly policy: Policy | null;
  /** Hash of the policy that it replaces; null where there is none of this name. */
  readonly replaces: string | null;
}

/** The text of a book, as its row keeps it. */
export function bookText(policies: readonly Policy[]): string {
  return canonicalJson({ format: FORMAT, policies });
}

/** The book of `number` that `policies` are. */
export function bookOf(number: number, policies: readonly Policy[]): PolicyBook {
  const digest = createHash("sha256").update(bookText(policies), "utf8").digest("hex");
  return Object.freeze({ number, version: `p${String(number)}-${digest.slice(0, 16)}`, policies: Object.freeze([...policies]) });
}

/** What holds before the first change: the catalogue alone. */
export const EMPTY_BOOK = bookOf(0, []);

/**
 * Reads a stored book.
 * @throws RootkeepError `ROW_REFUSED` for one that this build does not understand whole: a restriction that is not understood is not to be
 *   passed over (law L11).
 */
export function parseBook(number: number, text: string): PolicyBook {
  const { format, policies, ...rest } = parseCanonical(Buffer.from(text, "utf8"));
  if (format !== FORMAT || Object.keys(rest).length > 0 || !Array.isArray(policies)) throw unknownForm();
  const read = policies.map((stated) => {
    const checked = checkPolicy(stated);
    if ("errors" in checked) throw unknownForm();
    return checked.policy;
  });
  const names = read.map(({ name }) => name);
  const isSorted = names.every((name, at) => at === 0 || (names[at - 1] ?? "") < name);
  if (!isSorted || names.length > POLICIES_MAX || bookText(read) !== text) throw unknownForm();
  return bookOf(number, read);
}

/**
 * The book after `change`.
 * @throws RootkeepError `STATE_CONFLICT` when the policy is no longer the one that the change replaces: of two that race, one hears it.
 */
export function changedBook(book: PolicyBook, change: PolicyChange): PolicyBook {
  const current = book.policies.find(({ name }) => name === change.name);
  if ((current === undefined ? null : policyHash(current)) !== change.replaces) {
    throw new RootkeepError("STATE_CONFLICT", {
      facts: { rule: "the policy is no longer the one that this replaces", policies: book.version },
    });
  }
  if (change.policy === null && current === undefined) throw new RootkeepError("NOT_FOUND");
  const others = book.policies.filter(({ name }) => name !== change.name);
  const policies = [...others, ...(change.policy === null ? [] : [change.policy])].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (policies.length > POLICIES_MAX) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "there are at most 200 policies" } });
  if (bookText(policies) === bookText(book.policies))
    throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "this changes nothing" } });
  return bookOf(book.number + 1, policies);
}

function unknownForm(): RootkeepError {
  return new RootkeepError("ROW_REFUSED", { reason: "policy form" });
}
