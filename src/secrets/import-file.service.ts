import { knownAwsIds } from "../accounts/account-registry.service.js";
import { type ImportedAccount, parseAccountsCsv } from "../accounts/accounts-csv.js";
import { parseAccountsJsonl } from "../accounts/accounts-jsonl.js";
import { circleFault } from "../accounts/circle.js";
import type { RootAddresses } from "../accounts/root-addresses.service.js";
import { addressKey } from "../accounts/root-mail.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { FieldError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";

/** A line that may be imported, with its number in the file. */
export interface GoodLine {
  readonly line: number;
  readonly row: ImportedAccount;
}

const RULE_KNOWN = "The account is registered already";
const RULE_ADDRESS = "The root e-mail address is, or was, another account's";
const COLUMNS = { awsId: "aws_account_id", rootEmail: "root_email" } as const;

/** Forms that an import file may have: docs/spec/import-csv.md, docs/spec/import-jsonl.md. */
export type ImportFormat = "csv" | "jsonl";

const PARSERS = { csv: parseAccountsCsv, jsonl: parseAccountsJsonl } as const satisfies Record<ImportFormat, typeof parseAccountsCsv>;

/** What a file is judged by besides its own form. */
export interface ImportRules {
  readonly transactions: Transactions;
  readonly addresses: RootAddresses;
  readonly refusedAccounts: readonly string[];
}

/**
 * Judges the whole `file`, whose bytes are wiped. Lines before `fromLine` are left out. Rows stay in memory, as `Secret`s, until they
 * are sealed; nothing of them is stored anywhere before.
 * @returns the lines that may be imported, to be wiped by the caller ({@link wipeLine}); the faults of the others with line, column and
 *   rule, never the cell, in the order of the file and at most `LIMITS.importErrorsMax`; and the last line's number.
 */
export async function judgeFile(
  { transactions, addresses, refusedAccounts }: ImportRules,
  file: Buffer,
  { format, fromLine }: { readonly format: ImportFormat; readonly fromLine: number },
): Promise<{ good: GoodLine[]; errors: FieldError[]; lastLine: number }> {
  const good: GoodLine[] = [];
  const errors: FieldError[] = [];
  let lastLine = 1;
  try {
    for (const item of PARSERS[format](file)) {
      lastLine = item.line;
      if ("errors" in item) errors.push(...item.errors.map((error) => ({ ...error, line: item.line })));
      else if (item.line < fromLine) wipeLine(item.row);
      else good.push(item);
    }
  } finally {
    file.fill(0);
  }
  const known = await transactions.peek(async (tx) => ({
    awsIds: await knownAwsIds(
      tx,
      good.map(({ row }) => row.awsId),
    ),
    addresses: new Set(
      await addresses.known(
        tx,
        good.map(({ row }) => row.rootEmail),
      ),
    ),
  }));
  const accepted = good.filter(({ line, row }) => {
    const fault = lineFault(row, known, refusedAccounts);
    // Of two lines with one address the first has it.
    known.addresses.add(addressKey(row.rootEmail));
    if (fault === null) return true;
    errors.push({ line, ...fault });
    wipeLine(row);
    return false;
  });
  errors.sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
  return { good: accepted, errors: errors.slice(0, LIMITS.importErrorsMax), lastLine };
}

interface Known {
  readonly awsIds: ReadonlySet<string>;
  readonly addresses: ReadonlySet<string>;
}

function lineFault(row: ImportedAccount, known: Known, refusedAccounts: readonly string[]): FieldError | null {
  const circle = circleFault(row, refusedAccounts);
  if (circle !== null) return { field: COLUMNS[circle.fact], rule: circle.rule };
  if (known.awsIds.has(row.awsId)) return { field: COLUMNS.awsId, rule: RULE_KNOWN };
  return known.addresses.has(addressKey(row.rootEmail)) ? { field: COLUMNS.rootEmail, rule: RULE_ADDRESS } : null;
}

/** Overwrites the credentials of a line. */
export function wipeLine(row: ImportedAccount): void {
  row.password.wipe();
  row.mfaSeed.wipe();
}
