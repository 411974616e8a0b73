import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";

/** What is wrong with a ticket reference; constants, never the reference. */
export const TICKET_RULES = {
  length: "must be 1 to 64 characters",
  characters: "must hold no control or invisible character",
  pattern: "must match the ticket pattern of this deployment",
} as const;

/** Bounds of a configured pattern: enough for the references that ticket systems make, too little for one that hangs. */
export const TICKET_PATTERN_LIMITS = { sourceCharsMax: 200, repetitionsMax: 5, alternativesMax: 8 } as const;

/** A pattern that was checked and anchored. Made by {@link compileTicketPattern} only. */
export interface TicketPattern {
  readonly source: string;
  readonly expression: RegExp;
}

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

/**
 * Compiles the source of a regular expression, which we anchor at both ends: a reference must match as a whole, or `X-1 ignore` would
 * pass for a ticket.
 *
 * A backtracking engine can take exponential time even over 64 characters, so forms that can do that are refused: a repeated group,
 * a back reference, a look-around; and the single repetitions and alternatives, whose numbers multiply, are few.
 * @throws Error naming the rule; the source is configuration, and its fault stops the start.
 */
export function compileTicketPattern(source: string): TicketPattern {
  if (source.length === 0 || source.length > TICKET_PATTERN_LIMITS.sourceCharsMax) {
    throw new Error(`the ticket pattern must have 1 to ${String(TICKET_PATTERN_LIMITS.sourceCharsMax)} characters`);
  }
  let expression: RegExp;
  try {
    // Compiled bare first: `a)|(?:b` would otherwise close our own group and escape the anchors.
    new RegExp(source, "u");
    expression = new RegExp(`^(?:${source})$`, "u");
  } catch {
    throw new Error("the ticket pattern is not a regular expression");
  }
  refuseSlowForms(source);
  return Object.freeze({ source, expression });
}

/** The rule that `reference` breaks, or null. Nothing is trimmed or folded: what was typed is what is logged and looked up. */
export function ticketRule(pattern: TicketPattern, reference: string): string | null {
  return textRule(reference) ?? (pattern.expression.test(reference) ? null : TICKET_RULES.pattern);
}

/** True if a ticket could be called so in some deployment: what is not, need not be looked for. */
export function isTicketText(reference: string): boolean {
  return textRule(reference) === null;
}

function textRule(reference: string): string | null {
  // The length comes first, so the pattern never runs over more than that.
  if (reference.length === 0 || reference.length > LIMITS.ticketCharsMax) return TICKET_RULES.length;
  return !reference.isWellFormed() || HIDDEN.test(reference) ? TICKET_RULES.characters : null;
}

/**
 * `reference`, checked.
 * @throws RootkeepError `TICKET_INVALID` with the rule under field `ticket`.
 */
export function parseTicketReference(pattern: TicketPattern, reference: string): string {
  const rule = ticketRule(pattern, reference);
  if (rule !== null) throw new RootkeepError("TICKET_INVALID", { fields: [{ field: "ticket", rule }] });
  return reference;
}

/** Reads the source once, leaving out escapes and character classes, and counts what makes an expression slow. */
function refuseSlowForms(source: string): void {
  if (/\\(?:[1-9]|k<)/u.test(source.replaceAll("\\\\", ""))) throw new Error("the ticket pattern must not refer back");
  const bare = source.replaceAll(/\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\./gu, "x").replaceAll(/\[[^\]]*\]/gu, "x");
  if (/\(\?[=!<]/u.test(bare)) throw new Error("the ticket pattern must not look around, nor name its groups");
  if (/\)[*+?{]/u.test(bare)) throw new Error("the ticket pattern must not repeat a group");
  const plain = bare.replaceAll("(?:", "(");
  const repetitions = plain.match(/[*+]|\?|\{/gu)?.length ?? 0;
  if (repetitions > TICKET_PATTERN_LIMITS.repetitionsMax) {
    throw new Error(`the ticket pattern must not have more than ${String(TICKET_PATTERN_LIMITS.repetitionsMax)} repetitions`);
  }
  if (plain.split("|").length > TICKET_PATTERN_LIMITS.alternativesMax) {
    throw new Error(`the ticket pattern must not have more than ${String(TICKET_PATTERN_LIMITS.alternativesMax)} alternatives`);
  }
}
