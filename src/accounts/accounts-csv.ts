import { isUtf8 } from "node:buffer";
import { parse } from "csv-parse/sync";
import type { FieldError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { Secret } from "../kernel/secret.js";
import { ACCOUNT_RULES, type AccountStatement, checkAccount, holdsAccessKeyId, isTagKey, TAG_LIMITS } from "./account.js";
import { decodeSeed, passwordRule } from "./imported-credential.js";

/** The columns of the import file, in the order that the documentation shows; the file may order them as it likes. All are required. */
export const CSV_COLUMNS = ["aws_account_id", "partition", "kind", "customer", "root_email", "password", "mfa_seed"] as const;
export type CsvColumn = (typeof CSV_COLUMNS)[number];

/** Bounds of the file's lines and cells, in bytes; those of the whole file stand in the kernel's limits. */
export const CSV_LIMITS = { lineBytesMax: 8_192, cellBytesMax: 512 } as const;

/** Rules of the file's form; constants, never a byte of the file (law L8). Rules of single facts stand beside the facts. */
export const CSV_RULES = {
  empty: "The file is empty: it needs a header line and one line for each account",
  fileSize: "The file is larger than an import may be: split it",
  rowCount: "The file has more accounts than an import may have: split it; nothing after this line was read",
  errorCount: "There are more errors than are shown; nothing after this line was read",
  utf16: "The file is UTF-16: save it as UTF-8",
  encoding: "The line is not UTF-8 (Latin-1, perhaps): save the file as UTF-8",
  control: "The line holds a control character; a cell cannot hold a tab or a line break",
  lineSize: "The line is longer than 8192 bytes",
  cellSize: "The cell is longer than 512 bytes",
  quotes: 'The quotes of the line do not match: a cell with a comma or a quote is quoted whole, and a quote in it is written ""',
  separator: "Columns are separated by commas",
  width: "The line has not as many cells as the header",
  blankLine: "The line is empty",
  missing: "The column is missing",
  unknown: "The column is not known; extra columns are named tag:<key>",
  duplicateColumn: "The column is there twice",
  duplicateAccount: "The AWS account id is in the file twice",
  accessKey: ACCOUNT_RULES.accessKey,
} as const;

/** One account of the file. The secrets belong to whoever takes the row and are wiped by them. */
export interface ImportedAccount extends AccountStatement {
  /** The password's bytes as the cell had them, nothing trimmed. */
  readonly password: Secret<Buffer>;
  /** The seed's raw bytes, 10 to 80, decoded from base32. */
  readonly mfaSeed: Secret<Buffer>;
}

/** What one line came to. `line` is the physical line of the file, from 1, which is the header. */
export type ImportedLine =
  | { readonly line: number; readonly row: ImportedAccount }
  | { readonly line: number; readonly errors: readonly FieldError[] };

/** The field of an error that is about a whole line, and about the whole file. */
export const LINE_FIELD = "line";
const FILE_FIELD = "file";

const ACCESS_KEY_COLUMN = /(?:access|secret)[ _-]*key/i;
const TAG_PREFIX = "tag:";
const LF = 0x0a;
const CR = 0x0d;

interface Header {
  /** A known column or `tag:<key>`, by position. */
  readonly columns: readonly string[];
}

/**
 * Reads an import file line by line (docs/spec/import-csv.md), holding one line at a time: rows may be sealed while later ones are still
 * unread. Every line of the file yields one item. A fault of header, encoding or size ends the reading; a fault of a line does not.
 *
 * An error names line, column and rule. No byte of the file stands in it, not even a column's name that we do not know: in a file
 * without a header the "names" are somebody's credentials. The caller owns `bytes` and wipes them afterwards.
 */
export function* parseAccountsCsv(bytes: Buffer): Generator<ImportedLine, void, undefined> {
  const seen = new Set<string>();
  let header: Header | undefined;
  yield* readLines(bytes, (text) => {
    if (header !== undefined) return readRow(header, text, seen);
    const read = readHeader(text);
    if (Array.isArray(read)) return { fatal: read };
    header = read;
    return "header";
  });
}

/** What one line comes to: an account, its faults, a fault that ends the reading, or nothing for the header. */
export type ReadLine = ImportedAccount | readonly FieldError[] | { readonly fatal: readonly FieldError[] } | "header";

/** Reads the lines of an import file of whatever form, within the limits of both. */
export function* readLines(bytes: Buffer, read: (text: Buffer) => ReadLine): Generator<ImportedLine, void, undefined> {
  const fault = fileFault(bytes);
  if (fault !== null) return yield failed(1, [{ field: FILE_FIELD, rule: fault }]);
  let rowCount = 0;
  let errorCount = 0;
  for (const { line, text } of physicalLines(bytes)) {
    if (rowCount === LIMITS.importRowsMax) return yield failed(line, [{ field: FILE_FIELD, rule: CSV_RULES.rowCount }]);
    const came = read(text);
    if (came === "header") continue;
    if ("fatal" in came) return yield failed(line, came.fatal);
    rowCount++;
    if (!isFaulty(came)) {
      yield { line, row: came };
      continue;
    }
    yield failed(line, came);
    errorCount += came.length;
    if (errorCount >= LIMITS.importErrorsMax) return yield failed(line, [{ field: FILE_FIELD, rule: CSV_RULES.errorCount }]);
  }
}

function isFaulty(came: ImportedAccount | readonly FieldError[]): came is readonly FieldError[] {
  return Array.isArray(came);
}

function failed(line: number, errors: readonly FieldError[]): ImportedLine {
  return { line, errors: errors.map((error) => ({ ...error, line })) };
}

function fileFault(bytes: Buffer): string | null {
  if (bytes.length === 0) return CSV_RULES.empty;
  if (bytes.length > LIMITS.importBytesMax) return CSV_RULES.fileSize;
  const start = bytes.subarray(0, 4);
  const isMarked = (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
  // Without a mark, a Latin letter in UTF-16 shows by its zero byte.
  return isMarked || start.includes(0) ? CSV_RULES.utf16 : null;
}

/** Cuts at LF and drops one CR before it. Quoted line breaks do not exist here, so a broken quote spoils one line and not the rest. */
function* physicalLines(bytes: Buffer): Generator<{ line: number; text: Buffer }> {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  let start = hasMark ? 3 : 0;
  if (start === bytes.length) yield { line: 1, text: Buffer.alloc(0) };
  for (let line = 1; start < bytes.length; line++) {
    const found = bytes.indexOf(LF, start);
    const end = found === -1 ? bytes.length : found;
    yield { line, text: bytes.subarray(start, end > start && bytes[end - 1] === CR ? end - 1 : end) };
    start = end + 1;
  }
}

/** The rule that a line breaks before anybody looks at what it says, or null. */
export function lineRule(text: Buffer): string | null {
  if (text.length === 0) return CSV_RULES.blankLine;
  if (text.length > CSV_LIMITS.lineBytesMax) return CSV_RULES.lineSize;
  if (!isUtf8(text)) return CSV_RULES.encoding;
  return text.some((byte) => byte < 0x20 || byte === 0x7f) ? CSV_RULES.control : null;
}

/** The line's cells as bytes, or the rule that its form breaks. */
function cellsOf(text: Buffer): Buffer[] | string {
  const rule = lineRule(text);
  if (rule !== null) return rule;
  try {
    // `encoding: null` keeps cells as bytes: a string of a password could not be erased.
    const records = parse(text, {
      encoding: null,
      delimiter: ",",
      quote: '"',
      escape: '"',
      record_delimiter: "\n",
      relax_quotes: false,
      relax_column_count: true,
      max_record_size: CSV_LIMITS.lineBytesMax,
    }) as unknown as Buffer[][];
    return records[0] ?? CSV_RULES.blankLine;
  } catch {
    // The parser's error quotes the cell in its message and carries it as a property: it is dropped whole and becomes nobody's cause.
    return CSV_RULES.quotes;
  }
}

function readHeader(text: Buffer): Header | FieldError[] {
  const cells = cellsOf(text);
  if (typeof cells === "string") return [{ field: LINE_FIELD, rule: cells === CSV_RULES.blankLine ? CSV_RULES.empty : cells }];
  const names = cells.map((cell) => cell.toString("utf8"));
  if (names.length === 1 && names[0]?.includes(";") === true) return [{ field: LINE_FIELD, rule: CSV_RULES.separator }];
  const errors = names.flatMap(nameFault);
  for (const column of CSV_COLUMNS) {
    if (!names.includes(column)) errors.push({ field: column, rule: CSV_RULES.missing });
  }
  if (names.length > CSV_COLUMNS.length + TAG_LIMITS.tagsMax) errors.push({ field: "tags", rule: ACCOUNT_RULES.tagCount });
  return errors.length === 0 ? { columns: names } : errors.slice(0, LIMITS.importErrorsMax);
}

/**
 * The rule that the name of a column or member breaks. One at fault is named by its position: where a file has no header, or is put together
 * wrongly, the names are somebody's credentials.
 */
export function nameFault(name: string, at: number, names: readonly string[]): FieldError[] {
  const field = `#${String(at + 1)}`;
  if (ACCESS_KEY_COLUMN.test(name) || holdsAccessKeyId(name)) return [{ field, rule: CSV_RULES.accessKey }];
  if (names.indexOf(name) !== at) return [{ field, rule: CSV_RULES.duplicateColumn }];
  if (isColumn(name)) return [];
  if (!name.startsWith(TAG_PREFIX)) return [{ field, rule: CSV_RULES.unknown }];
  return isTagKey(name.slice(TAG_PREFIX.length)) ? [] : [{ field, rule: ACCOUNT_RULES.tagKey }];
}

function isColumn(name: string): name is CsvColumn {
  return (CSV_COLUMNS as readonly string[]).includes(name);
}

function readRow(header: Header, text: Buffer, seen: Set<string>): ImportedAccount | FieldError[] {
  const cells = cellsOf(text);
  if (typeof cells === "string") return [{ field: LINE_FIELD, rule: cells }];
  try {
    if (cells.length !== header.columns.length) return [{ field: LINE_FIELD, rule: CSV_RULES.width }];
    return readAccount(new Map(header.columns.map((column, at) => [column, cells[at] ?? Buffer.alloc(0)])), seen);
  } finally {
    // Whatever came of the line, its cells do not outlive it; what is kept of a good one was copied into secrets.
    for (const cell of cells) cell.fill(0);
  }
}

const COLUMN_OF_FACT: Readonly<Record<string, CsvColumn>> = { awsId: "aws_account_id", rootEmail: "root_email" };

/** The account that cells of a line state, by column; every column is there. The caller wipes the cells. */
export function readAccount(cells: ReadonlyMap<string, Buffer>, seen: Set<string>): ImportedAccount | FieldError[] {
  const oversize = [...cells].filter(([, cell]) => cell.length > CSV_LIMITS.cellBytesMax);
  if (oversize.length > 0) return oversize.map(([field]) => ({ field, rule: CSV_RULES.cellSize }));
  const bytesOf = (column: string): Buffer => cells.get(column) ?? Buffer.alloc(0);
  const textOf = (column: CsvColumn): string => bytesOf(column).toString("utf8");
  const statement = {
    awsId: textOf("aws_account_id"),
    partition: textOf("partition"),
    kind: textOf("kind"),
    customer: textOf("customer"),
    rootEmail: textOf("root_email"),
    tags: tagsOf(cells),
  };
  const errors: FieldError[] = checkAccount(statement).map(({ field, rule }) => ({ field: COLUMN_OF_FACT[field] ?? field, rule }));
  if (isRepeated(statement, errors, seen)) errors.push({ field: "aws_account_id", rule: CSV_RULES.duplicateAccount });

  const badPassword = passwordRule(bytesOf("password"), statement.rootEmail);
  if (badPassword !== null) errors.push({ field: "password", rule: badPassword });
  const seed = decodeSeed(bytesOf("mfa_seed"));
  if (typeof seed === "string") return [...errors, { field: "mfa_seed", rule: seed }];
  if (errors.length > 0) {
    seed.fill(0);
    return errors;
  }
  const password = Buffer.alloc(bytesOf("password").length);
  bytesOf("password").copy(password);
  // checkAccount found nothing, so the texts are what AccountStatement says.
  return { ...(statement as AccountStatement), password: Secret.of(password), mfaSeed: Secret.of(seed) };
}

/** An empty cell under a tag's column means that the account has no such tag. */
function tagsOf(cells: ReadonlyMap<string, Buffer>): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [column, cell] of cells) {
    if (column.startsWith(TAG_PREFIX) && cell.length > 0) tags[column.slice(TAG_PREFIX.length)] = cell.toString("utf8");
  }
  return tags;
}

/** Notes a well-formed id, also of a line that fails otherwise, and says whether it was noted before. */
function isRepeated(statement: { awsId: string; partition: string }, errors: readonly FieldError[], seen: Set<string>): boolean {
  if (errors.some(({ field }) => field === "aws_account_id" || field === "partition")) return false;
  const key = `${statement.partition}/${statement.awsId}`;
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}
