import { type AccountRow, readAccount } from "../accounts/account-registry.service.js";
import type { Claim } from "../approvals/access-grants.service.js";
import { isOpenFor, readGrant } from "../approvals/standing-grant.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { isShowable, standingState, withApplier } from "./candidate.js";
import type { ReopeningsOfLog } from "./exposure.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion, type VersionState } from "./secret-version.entity.js";

/** The state of `version` that counts now. */
export async function stateNow(tx: WorkTransaction, version: SecretVersion, log: ReopeningsOfLog, now: Date): Promise<VersionState> {
  const showing = version.grantId === null ? null : await readGrant(tx, version.grantId);
  return standingState(version, showing, log, now);
}

/** A version with all that decides about it, locked. */
export interface FoundCandidate {
  readonly version: SecretVersion;
  readonly secret: SecretRow;
  readonly account: AccountRow;
  /** The state that counts now. */
  readonly state: VersionState;
}

/**
 * The version with its secret and account, in the order in which an opening locks: grant, account, version; the other way round the two could
 * wait for each other. Null where there is none.
 */
export async function lockCandidate(
  tx: WorkTransaction,
  versionId: Id<"version">,
  log: ReopeningsOfLog,
  now: Date,
  mode: "read" | "lock" = "lock",
): Promise<FoundCandidate | null> {
  // Only a hint at what is to be locked first: each row is read as a deciding row behind it.
  const [hint]: { account: Id<"account">; grants: readonly Id<"grant">[] }[] = await tx.manager.query(
    `SELECT s.account_id AS account, array_remove(ARRAY[v.grant_id, a.checkout_grant_id], NULL) AS grants FROM secrets.secret_version v
     JOIN secrets.secret s ON s.id = v.secret_id JOIN accounts.account a ON a.id = s.account_id WHERE v.id = $1`,
    [versionId],
  );
  const grants = new Set<Id<"grant">>(hint?.grants ?? []);
  for (const grant of [...grants].sort()) await readGrant(tx, grant);
  if (hint !== undefined) await readAccount(tx, hint.account);
  const version = await tx[mode](SecretVersion, versionId);
  const secret = version === null ? null : await tx.read(SecretRow, version.secretId);
  const account = secret === null ? null : await readAccount(tx, secret.accountId);
  if (version === null || secret === null || account === null) return null;
  return { version, secret, account, state: await stateNow(tx, version, log, now) };
}

/** True while somebody holds a grant that names the version: they may be setting it at this moment. */
export async function isHeld(tx: WorkTransaction, { checkoutGrantId }: AccountRow, { id }: SecretVersion, now: Date): Promise<boolean> {
  const grant = checkoutGrantId === null ? null : await readGrant(tx, checkoutGrantId as Id<"grant">);
  return grant !== null && isOpenFor(grant, id, now);
}

/** Writes down that nobody knows whether the candidate works; what has been decided by time already. */
export async function doubt(tx: WorkTransaction, version: SecretVersion): Promise<void> {
  await tx.manager.query("SELECT secrets.doubt($1)", [version.id]);
  tx.adopt(SecretVersion, version, { state: "AMBIGUOUS" });
}

/**
 * Notes in the transaction of the claim that `personId` is about to be shown the candidate: from its commit on the value may be the one that
 * works, whatever becomes of the answer.
 * @throws RootkeepError `STATE_CONFLICT` for one that may not be shown.
 */
export async function showCandidate(
  tx: WorkTransaction,
  version: SecretVersion,
  claim: Claim,
  { personId, log, now }: { readonly personId: Id<"person">; readonly log: ReopeningsOfLog; readonly now: Date },
): Promise<void> {
  const state = await stateNow(tx, version, log, now);
  if (!isShowable(version) || (state === "STAGED" && claim.isVerifying)) {
    throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the version is no candidate that may be shown", state } });
  }
  if (state === "STAGED") {
    await tx.manager.query("SELECT secrets.apply($1)", [version.id]);
    tx.adopt(SecretVersion, version, { state: "APPLYING" });
    tx.change(SecretVersion, version, { grantId: claim.grant.id, deadline: claim.until });
  } else if (state !== version.state) await doubt(tx, version);
  if (!claim.isVerifying) tx.change(SecretVersion, version, { appliers: withApplier(version, personId) });
}
