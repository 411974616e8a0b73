import { canonicalJson } from "../audit/canonical-json.js";

/** What of an account says who may read of it. Tags are the canonical JSON of the row. */
export interface ReachableAccount {
  readonly id: string;
  readonly customer: string;
  readonly tags: string;
}

/** The accounts that somebody may read of. */
export interface AccountReach {
  /** True: every account, also one that is registered tomorrow. */
  readonly isAll: boolean;
  readonly accounts: readonly string[];
  readonly customers: readonly string[];
  readonly tags: readonly (readonly [key: string, value: string])[];
  /** Decides, of a row that was checked against the log. */
  covers(account: ReachableAccount): boolean;
}

/**
 * The condition by which the database looks for accounts of a reach, on a table `alias`. It only finds; what it finds is read again as a row
 * that is checked, and {@link AccountReach.covers} decides. A tag is found as the text that it has in canonical JSON, of which there is one.
 * @param first number of the first parameter.
 */
export function reachCondition(reach: AccountReach, alias: string, first: number): { readonly sql: string; readonly values: unknown[] } {
  if (reach.isAll) return { sql: "TRUE", values: [] };
  const [accounts, customers, tags] = [first, first + 1, first + 2].map((number) => `$${String(number)}::text[]`);
  const tag = `EXISTS (SELECT FROM unnest(${tags ?? ""}) AS wanted(tag) WHERE position(wanted.tag IN ${alias}.tags) > 0)`;
  return {
    sql: `(${alias}.id = ANY(${accounts ?? ""}) OR ${alias}.customer = ANY(${customers ?? ""}) OR ${tag})`,
    values: [reach.accounts, reach.customers, reach.tags.map(([key, value]) => canonicalJson({ [key]: value }).slice(1, -1))],
  };
}
