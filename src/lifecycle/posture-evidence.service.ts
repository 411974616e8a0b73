import { PostureRow } from "../aws/posture.entity.js";
import { parseSnapshot } from "../aws/posture-snapshot.js";
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
    const row = await tx.read(PostureRow, account.id);
    if (row?.seq !== reference)
      throw new RootkeepError("NOT_FOUND", { facts: { rule: "this is not the newest snapshot of this account" } });
    if (row.takenAt < openSince) throw refused("the snapshot is from before the step was open");
    const bad = accepted.items.filter((item) => !isOk(row, item));
    if (bad.length > 0) throw refused(`not shown to be as it should be: ${bad.join(", ")}`);
    return {
      entry: Number(row.seq),
      takenAt: row.takenAt.toISOString(),
      sha256: row.snapshotSha256.toString("hex"),
      items: accepted.items,
    };
  },
  async stillHolds(tx, account, _reference, accepted) {
    if (accepted.kind !== "posture") return false;
    const row = await tx.read(PostureRow, account.id);
    return row !== null && accepted.items.every((item) => isOk(row, item));
  },
};

function isOk(row: PostureRow, item: string): boolean {
  return parseSnapshot(row.snapshot).posture.findings.some((finding) => finding.item === item && finding.verdict === "ok");
}

function refused(rule: string): RootkeepError {
  return new RootkeepError("STATE_CONFLICT", { facts: { rule } });
}
