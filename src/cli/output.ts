/** Where text goes. `isTTY` as Node has it: true for a terminal, absent or false for a pipe or a file. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/**
 * `text` on one line, with whatever a terminal would obey instead of show written as `\u{…}`. Names and reasons are other people's text: an
 * approver must see all of it, and a reason must not be able to move the cursor and repaint the screen.
 */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A value of an answer as a cell: text as it is, nothing as a dash, whatever has structure as JSON. */
export function cell(value: unknown): string {
  if (value === null || value === undefined || value === "") return "-";
  return printable(typeof value === "string" ? value : JSON.stringify(value));
}

/** Rows under their heads, columns aligned; a line without rows when there are none. */
export function renderTable(heads: readonly string[], rows: readonly (readonly unknown[])[]): string {
  if (rows.length === 0) return "nothing\n";
  const lines = [heads, ...rows.map((row) => row.map(cell))];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const render = (line: readonly string[]): string => line.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  ");
  return `${lines.map((line) => render(line).trimEnd()).join("\n")}\n`;
}

/** The members of one answer, one a line. */
export function renderMembers(members: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(members);
  const width = Math.max(0, ...names.map((name) => name.length));
  return names.map((name) => `${printable(name).padEnd(width)}  ${cell(members[name])}\n`).join("");
}
