import { knownAwsIds } from "../accounts/account-registry.service.js";
import { type ImportedAccount, parseAccountsCsv } from "../accounts/accounts-csv.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { FieldError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";

/** A line that may be imported, with its number in the file. */
export interface GoodLine {
  readonly line: number;
  readonly row: ImportedAccount;
}

const RULE_KNOWN = "The account is registered already";
const RULE_REFUSED = "The account hosts this vault, its keys or its mail: refuse the circle";

/**
 * Judges the whole file `csv`, whose bytes are wiped. Lines before `fromLine` are left out. Rows stay in memory, as `Secret`s, until they
 * are sealed; nothing of them is stored anywhere before.
 * @returns the lines that may be imported, to be wiped by the caller ({@link wipeLine}); the faults of the others with line, column and
 *   rule, never the cell, in the order of the file and at most `LIMITS.importErrorsMax`; and the last line's number.
 */
export async function judgeFile(
  transactions: Transactions,
  refusedAccounts: readonly string[],
  csv: Buffer,
  fromLine: number,
): Promise<{ good: GoodLine[]; errors: FieldError[]; lastLine: number }> {
  const good: GoodLine[] = [];
  const errors: FieldError[] = [];
  let lastLine = 1;
  try {
    for (const item of parseAccountsCsv(csv)) {
      lastLine = item.line;
      if ("errors" in item) errors.push(...item.errors.map((error) => ({ ...error, line: item.line })));
      else if (item.line < fromLine) wipeLine(item.row);
      else good.push(item);
    }
  } finally {
    csv.fill(0);
  }
  const known = await transactions.peek((tx) =>
    knownAwsIds(
      tx,
      good.map(({ row }) => row.awsId),
    ),
  );
  const accepted = good.filter(({ line, row }) => {
    const rule = refusedAccounts.includes(row.awsId) ? RULE_REFUSED : known.has(row.awsId) ? RULE_KNOWN : null;
    if (rule === null) return true;
    errors.push({ line, field: "aws_account_id", rule });
    wipeLine(row);
    return false;
  });
  errors.sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
  return { good: accepted, errors: errors.slice(0, LIMITS.importErrorsMax), lastLine };
}

/** Overwrites the credentials of a line. */
export function wipeLine(row: ImportedAccount): void {
  row.password.wipe();
  row.mfaSeed.wipe();
}
