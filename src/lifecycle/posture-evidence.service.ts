import { newestPosture } from "../aws/newest-posture.service.js";
import { RootkeepError } from "../kernel/errors.js";
import type { EvidenceSource } from "./evidence.port.js";

/**
 * Evidence of kind `posture`: the newest snapshot of what AWS says about this account's root, taken since the step was open, with the items that
 * the step names all ok. Named by the position of its entry `posture.taken`. A newer snapshot that says otherwise overtakes it.
 */
export const POSTURE_EVIDENCE: EvidenceSource = {
  kind: "posture",
  async check(tx, { account, accepted, openSince, reference }) {
    if (accepted.kind !== "posture") throw new Error("asked for another kind of evidence");
    const row = await newestPosture(tx, account.id);
    if (row?.seq !== reference)
      throw new RootkeepError("NOT_FOUND", { facts: { rule: "this is not the newest snapshot of this account" } });
    if (row.takenAt < openSince) throw refused("the snapshot is from before the step was open");
    const bad = accepted.items.filter((item) => !row.ok.includes(item));
    if (bad.length > 0) throw refused(`not shown to be as it should be: ${bad.join(", ")}`);
    return {
      entry: Number(row.seq),
      takenAt: row.takenAt.toISOString(),
      sha256: row.sha256,
      items: accepted.items,
    };
  },
  async stillHolds(tx, account, _reference, accepted) {
    if (accepted.kind !== "posture") return false;
    const row = await newestPosture(tx, account.id);
    return row !== null && accepted.items.every((item) => row.ok.includes(item));
  },
};

function refused(rule: string): RootkeepError {
  return new RootkeepError("STATE_CONFLICT", { facts: { rule } });
}
