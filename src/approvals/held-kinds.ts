import type { CustodyMode } from "../accounts/custody.js";
import { RootkeepError } from "../kernel/errors.js";
import type { PurposeKind } from "./purpose.js";

/** Kinds that are kept here, by custody. What the vault happens to have of an account that has gone elsewhere is not opened for all that. */
const HELD: Readonly<Record<CustodyMode, readonly PurposeKind[]>> = {
  VAULTED: ["root-password", "mfa-seed", "mail-code"],
  CO_OWNED: ["root-password", "mfa-seed", "mail-code"],
  SPLIT: ["root-password", "mail-code"],
  // Its mailbox is ours: the organization's own ways of changing the address send a code there.
  CENTRAL: ["mail-code"],
  CUSTOMER: [],
  NONE: [],
};

const KEPT_BY: Readonly<Record<CustodyMode, string>> = {
  VAULTED: "it is kept here",
  CO_OWNED: "it is kept here, and by the customer",
  SPLIT: "the customer keeps MFA device and telephone; address and password are here",
  CENTRAL: "there is none",
  CUSTOMER: "the customer keeps the root credentials",
  NONE: "nobody has given the root credentials into custody",
};

const CENTRAL_WAY =
  "The account has no root credentials: its organization does what root is needed for in a root session (sts:AssumeRoot), " +
  "or lets the account have a root password again first (custody CENTRAL).";

/** Of `kinds`, those that are kept here; all of them where none is, so that what is refused is refused by name. */
export function heldKinds(custody: CustodyMode, kinds: readonly PurposeKind[]): readonly PurposeKind[] {
  const held = kinds.filter((kind) => HELD[custody].includes(kind));
  return held.length > 0 ? held : kinds;
}

/** Why `kinds` are not opened of an account in this custody, or null where all of them are kept here. */
export function custodyRefusal(custody: CustodyMode, kinds: readonly PurposeKind[]): RootkeepError | null {
  if (kinds.every((kind) => HELD[custody].includes(kind))) return null;
  if (custody === "CENTRAL") return new RootkeepError("BETTER_WAY", { facts: { route: "ASSUME_ROOT", way: CENTRAL_WAY, custody } });
  return new RootkeepError("NOT_IN_CUSTODY", { facts: { custody, rule: KEPT_BY[custody] } });
}
