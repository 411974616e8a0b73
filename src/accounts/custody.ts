/**
 * Who keeps the root credentials of an account (domain file §3.2). `VAULTED`: password and MFA seed are here. `CENTRAL`: there are none, and the
 * organization runs what root is needed for in root sessions. `SPLIT`: address and password are here, MFA and telephone are the customer's.
 * `CO_OWNED`: here, and the customer has them too. `CUSTOMER`: only there. `NONE`: nobody's that we know of.
 */
export const CUSTODY_MODES = ["VAULTED", "CENTRAL", "SPLIT", "CO_OWNED", "CUSTOMER", "NONE"] as const;
export type CustodyMode = (typeof CUSTODY_MODES)[number];

/** What {@link isCustodyMode} demands, as an error says it. */
export const CUSTODY_RULE = "must be VAULTED, CENTRAL, SPLIT, CO_OWNED, CUSTOMER or NONE";

/** True if `value` is one of {@link CUSTODY_MODES}. */
export function isCustodyMode(value: unknown): value is CustodyMode {
  return (CUSTODY_MODES as readonly unknown[]).includes(value);
}

/**
 * The custody of an account's row. Rows that are older than the column are of accounts that were imported with their credentials, and their
 * HMACs leave it out while it is null [DR-16]: nobody can take a mode away from a row that has one.
 */
export function custodyOf(row: { readonly custody: string | null }): CustodyMode {
  if (row.custody === null) return "VAULTED";
  if (!isCustodyMode(row.custody)) throw new Error("stored custody is malformed");
  return row.custody;
}

/** True if mail to the account's root address is ours to read. */
export function hasOurMailbox(custody: CustodyMode): boolean {
  return custody !== "CUSTOMER" && custody !== "NONE";
}
