import type { FieldError } from "../kernel/errors.js";
import { ACCOUNT_RULES, TAG_LIMITS } from "./account.js";
import {
  CSV_COLUMNS,
  CSV_RULES,
  type ImportedAccount,
  type ImportedLine,
  LINE_FIELD,
  lineRule,
  nameFault,
  readAccount,
  readLines,
} from "./accounts-csv.js";
import { readMembers } from "./text-members.js";

/** Rules of the form of JSON lines; the others are those of the CSV file. Constants, never a byte of the file (law L8). */
export const JSONL_RULES = {
  form: "The line is not one JSON object whose members are all texts, without line breaks in it",
} as const;

/**
 * Reads an import file of JSON lines (docs/spec/import-jsonl.md): each line an object of texts, with the columns of the CSV file as its members. What
 * it yields, and what it keeps out of errors, is as `parseAccountsCsv` has it. `JSON.parse` would make strings of passwords, which cannot be
 * erased: the members are cut out of the bytes instead, and wiped.
 */
export function* parseAccountsJsonl(bytes: Buffer): Generator<ImportedLine, void, undefined> {
  const seen = new Set<string>();
  yield* readLines(bytes, (text) => readObject(text, seen));
}

function readObject(text: Buffer, seen: Set<string>): ImportedAccount | FieldError[] {
  const rule = lineRule(text);
  if (rule !== null) return [{ field: LINE_FIELD, rule }];
  const members = readMembers(text);
  if (members === null) return [{ field: LINE_FIELD, rule: JSONL_RULES.form }];
  try {
    const control = members.some(({ value }) => value.some((byte) => byte < 0x20 || byte === 0x7f));
    if (control) return [{ field: LINE_FIELD, rule: CSV_RULES.control }];
    const names = members.map(({ name }) => name.toString("utf8"));
    const errors = [...names.flatMap(nameFault), ...missing(names)];
    if (names.length > CSV_COLUMNS.length + TAG_LIMITS.tagsMax) errors.push({ field: "tags", rule: ACCOUNT_RULES.tagCount });
    if (errors.length > 0) return errors;
    return readAccount(new Map(members.map(({ value }, at) => [names[at] ?? "", value])), seen);
  } finally {
    for (const { name, value } of members) {
      name.fill(0);
      value.fill(0);
    }
  }
}

function missing(names: readonly string[]): FieldError[] {
  return CSV_COLUMNS.filter((column) => !names.includes(column)).map((field) => ({ field, rule: CSV_RULES.missing }));
}
