import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { GrantedVersion } from "./granted-version.js";
import { type Purpose, type PurposeKind, versionsOpened } from "./purpose.js";
import type { CandidateVersion, SecretFactsPort } from "./secret-facts.port.js";

/** Flag of a request whose purpose verifies a candidate and sets none. */
export const VERIFIES_FLAG = "verifies";

/** What of an account is to be opened. */
export interface WantedForm {
  readonly accountId: Id<"account">;
  readonly kinds: readonly PurposeKind[];
  readonly purpose: Purpose;
  readonly holderOf: (kind: PurposeKind) => Id<"person">;
}

/**
 * The versions that a grant of `purpose` names, at submission and again when it is granted: of each kind the current one, the candidate, or
 * both, as the purpose shows them.
 * @throws RootkeepError `NOT_FOUND`, `BURNT`, `CANDIDATE_REQUIRED`; for a purpose that verifies `STATE_CONFLICT` where nothing is in doubt, and
 *   `POLICY_REFUSED` for whoever was to set what is to be verified.
 */
export async function wantedVersions(tx: WorkTransaction, secrets: SecretFactsPort, form: WantedForm): Promise<readonly GrantedVersion[]> {
  const { accountId, kinds, purpose } = form;
  const current = await secrets.currentVersions(
    tx,
    accountId,
    kinds.filter((kind) => versionsOpened(purpose, kind).current),
  );
  const candidates = await candidatesOf(tx, secrets, form);
  // What takes an account over has no predecessor here: a working value is never without a successor (I4), so that there never was one.
  const isThere = (kind: PurposeKind): boolean => [...current, ...candidates].some((version) => version.kind === kind);
  if (!kinds.every(isThere)) throw new RootkeepError("NOT_FOUND", { facts: { rule: "a kind that was asked for has no value" } });
  if (!purpose.heals && current.some(({ isBurnt }) => isBurnt)) throw new RootkeepError("BURNT");
  return [
    ...current.map(({ secretId, versionId, kind }) => ({ secretId, versionId, kind })),
    ...candidates.map(({ secretId, versionId, kind }) => ({ secretId, versionId, kind, isCandidate: true as const })),
  ];
}

async function candidatesOf(tx: WorkTransaction, secrets: SecretFactsPort, form: WantedForm): Promise<readonly CandidateVersion[]> {
  const { accountId, purpose, holderOf } = form;
  const kinds = form.kinds.filter((kind) => versionsOpened(purpose, kind).candidate);
  if (kinds.length === 0) return [];
  const found = await secrets.candidates(tx, accountId, kinds);
  if (!purpose.verifies) {
    // Law L5: nobody goes to change a password before the new one is kept.
    if (found.length < kinds.length) throw new RootkeepError("CANDIDATE_REQUIRED");
    return found;
  }
  const inDoubt = found.filter(({ isInDoubt }) => isInDoubt);
  if (inDoubt.length === 0) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "no candidate is in doubt" } });
  if (inDoubt.some(({ kind, appliers }) => appliers.includes(holderOf(kind)))) {
    throw new RootkeepError("POLICY_REFUSED", { facts: { rule: "whoever was to set a candidate does not verify it" } });
  }
  return inDoubt;
}
