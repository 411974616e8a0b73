import { parse } from "csv-parse/sync";
import type { Partition } from "../accounts/account.js";
import { type CredentialSlot, NO_TIME, type ReportTime, type RootReport } from "./aws-account.port.js";
import { noEvidence } from "./aws-errors.js";

const ROOT = "<root_account>";
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * The row of root in a credential report. Columns are found by their names: AWS adds some, and an answer must not move to its neighbour.
 * A column that is missing, and a value that is none of the known ones, is null: not known.
 * @throws RootkeepError `EVIDENCE_UNAVAILABLE`: `aws_answer_is_malformed` where there is no header, no row of root or two of them;
 *   `aws_wrong_account` where the row is of another account's root.
 */
export function parseRootReport(
  content: Uint8Array | undefined,
  generatedAt: Date | undefined,
  { partition, awsId }: { readonly partition: Partition; readonly awsId: string },
): RootReport {
  const row = rootRow(Buffer.from(content ?? []).toString("utf8"));
  if (row.get("arn") !== `arn:${partition}:iam::${awsId}:root`) throw noEvidence("aws_wrong_account");
  const slot = (name: string): CredentialSlot => slotOf(row, name);
  return {
    generatedAt: generatedAt === undefined || Number.isNaN(generatedAt.getTime()) ? null : generatedAt.toISOString(),
    passwordEnabled: yesNo(row.get("password_enabled")),
    passwordLastUsed: timeOf(row.get("password_last_used")),
    passwordLastChanged: timeOf(row.get("password_last_changed")),
    mfaActive: yesNo(row.get("mfa_active")),
    accessKeys: [slot("access_key_1"), slot("access_key_2")],
    certificates: [slot("cert_1"), slot("cert_2")],
  };
}

/** Names and values of root's row. Lines of users are not looked at: their names may hold commas. */
function rootRow(text: string): ReadonlyMap<string, string> {
  const [header = "", ...lines] = text.split(/\r?\n/);
  // No name of a user holds a `<`.
  const [line, ...more] = lines.filter((candidate) => candidate.includes(ROOT));
  if (line === undefined || more.length > 0) throw noEvidence("aws_answer_is_malformed");
  const [names = [], values = []] = cellsOf(`${header}\n${line}\n`);
  const isHeader = names.includes("user") && names.includes("arn") && new Set(names).size === names.length;
  if (!isHeader || values.length !== names.length) throw noEvidence("aws_answer_is_malformed");
  const row = new Map(names.map((name, at) => [name, values[at] ?? ""]));
  if (row.get("user") !== ROOT) throw noEvidence("aws_answer_is_malformed");
  return row;
}

function cellsOf(text: string): string[][] {
  try {
    return parse(text, { bom: true, relax_column_count: true });
  } catch {
    // The parser's error quotes the row.
    throw noEvidence("aws_answer_is_malformed");
  }
}

function slotOf(row: ReadonlyMap<string, string>, name: string): CredentialSlot {
  const isActive = yesNo(row.get(`${name}_active`));
  const since = timeOf(row.get(`${name}_last_rotated`));
  return { isPresent: isPresent(isActive, since), isActive, since };
}

/** An inactive credential has a time and counts: whoever may use IAM makes it active again. */
function isPresent(isActive: boolean | null, since: ReportTime): boolean | null {
  if (isActive === true || (since !== null && since !== NO_TIME)) return true;
  return isActive === false && since === NO_TIME ? false : null;
}

function yesNo(value: string | undefined): boolean | null {
  const text = value?.toLowerCase();
  return text === "true" ? true : text === "false" ? false : null;
}

function timeOf(value: string | undefined): ReportTime {
  if (value === "N/A" || value === "no_information") return NO_TIME;
  if (value === undefined || !TIME.test(value)) return null;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}
