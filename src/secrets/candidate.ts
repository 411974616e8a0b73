import { canonicalJson } from "../audit/canonical-json.js";
import type { Id } from "../kernel/ids.js";
import type { ReopeningsOfLog } from "./exposure.js";
import type { SecretVersion, VersionState } from "./secret-version.entity.js";

/** States of a value that is to succeed the working one; of a secret there is one such value at most (I1). */
export const CANDIDATE_STATES = ["STAGED", "APPLYING", "AMBIGUOUS"] as const satisfies readonly VersionState[];

/** True for a candidate that was committed, read back and copied: only such a one is shown (law L5). */
export function isShowable({ state, ready }: Pick<SecretVersion, "state" | "ready">): boolean {
  return ready === true && CANDIDATE_STATES.some((known) => known === state);
}

/** The grant under which a candidate was shown, as it stands now. */
export interface Showing {
  readonly state: string;
  readonly expiresAt: Date;
}

/**
 * The state that counts: what time has decided already is not waited for. Once nobody holds the grant any more under which a candidate was
 * shown, nobody knows which value works. Neither does anybody of a candidate that is older than a reopening of the log: the lost part may
 * have told that it was shown.
 * @param showing the grant that the version names, or null.
 */
export function standingState(
  version: Pick<SecretVersion, "state" | "ready" | "deadline" | "seq">,
  showing: Showing | null,
  log: ReopeningsOfLog,
  now: Date,
): VersionState {
  const { state, ready, deadline, seq } = version;
  const reopened = log.epochStarts.at(-1)?.seq ?? 0;
  if (state === "STAGED" && ready === true && Number(seq) < reopened) return "AMBIGUOUS";
  if (state !== "APPLYING") return state;
  const isHeld = showing?.state === "OPEN" && showing.expiresAt > now && deadline !== null && deadline > now;
  return isHeld ? state : "AMBIGUOUS";
}

/** Everybody who was shown the candidate in order to set it, first one first. */
export function appliersOf({ appliers }: Pick<SecretVersion, "appliers">): readonly Id<"person">[] {
  return appliers === null ? [] : (JSON.parse(appliers) as readonly Id<"person">[]);
}

/** What the row says when `personId` was shown it, too. */
export function withApplier(version: Pick<SecretVersion, "appliers">, personId: Id<"person">): string {
  return canonicalJson([...new Set([...appliersOf(version), personId])]);
}
