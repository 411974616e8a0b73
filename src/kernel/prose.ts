import type { FieldError } from "./errors.js";
import { LIMITS } from "./limits.js";

/** Text of people: any printable characters, line breaks and tabs. Everything else (escape sequences, bidi overrides) is refused. */
const PROSE = /^(?:[^\p{C}]|[\n\t])*$/u;

/**
 * The rules that a person's text breaks: none, or the first one [RQ-6].
 * @param charsMin least length in UTF-16 code units, blanks around it not counted; 0 where the text may be left out.
 */
export function checkProse(field: string, text: string, charsMin = 5): FieldError[] {
  if (text.length > LIMITS.reasonCharsMax) return [{ field, rule: "has at most 2000 characters" }];
  if (text.trim().length < charsMin) return [{ field, rule: `has at least ${String(charsMin)} characters` }];
  return PROSE.test(text) ? [] : [{ field, rule: "has no control or invisible characters" }];
}
