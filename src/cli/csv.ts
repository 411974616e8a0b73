import { printable } from "./output.js";

// What a spreadsheet takes for the beginning of a formula, in its own width and in the full width of East Asian text.
const FORMULA = /^[\s]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/u;

/**
 * A value as a cell of a CSV file that people open in a spreadsheet. A name is other people's text: `=cmd|…` must stay a text, so a cell
 * that begins like a formula gets an apostrophe before it. Line ends and control characters are written as `\u{…}`.
 */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = printable(typeof value === "string" ? value : JSON.stringify(value));
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",;\s']/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line of a CSV file (RFC 4180). */
export function csvLine(values: readonly unknown[]): string {
  return `${values.map(csvCell).join(",")}\r\n`;
}
