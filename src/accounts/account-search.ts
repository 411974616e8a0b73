import type { AccountRow } from "./account.entity.js";
import type { AccountState, AccountTags } from "./account.js";
import { type AccountReach, reachCondition } from "./account-reach.js";
import { type CustodyMode, custodyOf } from "./custody.js";

/** Which accounts are looked for; what is left out bars none. */
export interface AccountFilter {
  /** The whole name, as it is registered. */
  readonly customer?: string;
  readonly awsId?: string;
  readonly state?: AccountState;
  readonly custody?: CustodyMode;
  /** One access tag, which the account has with this value. */
  readonly tag?: { readonly key: string; readonly value: string };
  /** Beginning of customer, AWS id or root e-mail address, whatever the case of A to Z. */
  readonly text?: string;
}

/** A query for ids, in their order. */
export interface IdQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/**
 * What is searched by a text's beginning: each has an index of this very expression. Collation "C" folds A to Z alone, as {@link folded} does, and
 * orders by bytes, so that a beginning is a range of the index.
 */
const TEXTS = {
  customer: 'lower(customer COLLATE "C")',
  awsId: 'aws_id COLLATE "C"',
  rootEmail: 'lower(root_email COLLATE "C")',
} as const;

/** A text that somebody made unreadable is found by nothing here, and refused where its row is read. */
const TAGS = "(CASE WHEN tags IS JSON OBJECT THEN tags::jsonb END)";

/**
 * Ids of accounts that `filter` finds in a reach (null: anywhere), after `after`, at most `limit`. Each beginning is a search of its own: as one condition with OR no index would
 * serve it. The rows behind the ids are read and judged by the caller ({@link isFound}); this only finds them.
 */
export function searchQuery(filter: AccountFilter, after: string, limit: number, reach: AccountReach | null = null): IdQuery {
  const parameters: unknown[] = [];
  const bound = (value: unknown): string => `$${String(parameters.push(value))}`;
  const conditions = [`id > ${bound(after)}`];
  const { customer, awsId, state, custody, tag, text } = filter;
  if (customer !== undefined) conditions.push(`customer = ${bound(customer)}`);
  if (awsId !== undefined) conditions.push(`${TEXTS.awsId} = ${bound(awsId)}`);
  if (state !== undefined) conditions.push(`state = ${bound(state)}`);
  // Rows of before the column are of accounts that came with their credentials.
  if (custody !== undefined) conditions.push(`coalesce(custody, 'VAULTED') = ${bound(custody)}`);
  if (tag !== undefined) conditions.push(`${TAGS} @> ${bound(JSON.stringify({ [tag.key]: tag.value }))}::jsonb`);
  if (reach !== null) {
    const reached = reachCondition(reach, "account", parameters.length + 1);
    parameters.push(...reached.values);
    conditions.push(reached.sql);
  }
  const most = bound(limit);
  const select = (where: readonly string[]): string =>
    `SELECT id FROM accounts.account WHERE ${where.join(" AND ")} ORDER BY id LIMIT ${most}`;
  if (text === undefined) return { sql: select(conditions), parameters };
  const beginning = bound(folded(text));
  const searches = Object.values(TEXTS).map((expression) => `(${select([...conditions, `${expression} ^@ ${beginning}`])})`);
  return { sql: `SELECT id FROM (${searches.join(" UNION ")}) AS found ORDER BY id LIMIT ${most}`, parameters };
}

/** True if `row` is what `filter` looks for: whoever owns the database says what it finds, and this process what it shows [DR-15]. */
export function isFound(row: AccountRow, filter: AccountFilter): boolean {
  const { customer = row.customer, awsId = row.awsId, state = row.state, custody = custodyOf(row), tag, text } = filter;
  const isPlain = row.customer === customer && row.awsId === awsId && row.state === state && custodyOf(row) === custody;
  return isPlain && (tag === undefined || hasTag(row, tag)) && (text === undefined || beginsWith(row, folded(text)));
}

function hasTag(row: AccountRow, { key, value }: { readonly key: string; readonly value: string }): boolean {
  const tags = JSON.parse(row.tags) as AccountTags;
  return Object.hasOwn(tags, key) && tags[key] === value;
}

function beginsWith({ customer, awsId, rootEmail }: AccountRow, beginning: string): boolean {
  return [customer, awsId, rootEmail].some((one) => folded(one).startsWith(beginning));
}

/** `text` with A to Z in lower case, and nothing else bent: letters beyond have rules that differ between programs. */
function folded(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
