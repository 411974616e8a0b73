/** What a spreadsheet would run as a formula (OWASP, "CSV Injection"), also behind blanks and in full width. */
const FORMULA = /^\s*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/u;
const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/u;

/**
 * One record of RFC 4180, with its line end. A text that a spreadsheet would take for a formula gets an apostrophe in front: tickets and
 * names are other people's text, and an auditor's computer is a good place to run something on.
 */
export function csvRecord(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
