import type { Claim } from "../approvals/access-grants.service.js";
import { readGrant } from "../approvals/standing-grant.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { isShowable, standingState, withApplier } from "./candidate.js";
import type { ReopeningsOfLog } from "./exposure.js";
import { SecretVersion, type VersionState } from "./secret-version.entity.js";

/** The state of `version` that counts now. */
export async function stateNow(tx: WorkTransaction, version: SecretVersion, log: ReopeningsOfLog, now: Date): Promise<VersionState> {
  const showing = version.grantId === null ? null : await readGrant(tx, version.grantId);
  return standingState(version, showing, log, now);
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
