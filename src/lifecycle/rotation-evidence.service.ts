import { RootkeepError } from "../kernel/errors.js";
import { versionFacts } from "../secrets/secret-evidence.service.js";
import type { EvidenceSource } from "./evidence.port.js";

/**
 * Evidence of kind `rotation`: a value of this account that two people settled as working since the step was open, and that is still the one in
 * force. Named by the id of the version.
 */
export const ROTATION_EVIDENCE: EvidenceSource = {
  kind: "rotation",
  async check(tx, { account, accepted, openSince, reference }) {
    if (accepted.kind !== "rotation") throw new Error("asked for another kind of evidence");
    const version = await versionFacts(tx, reference);
    if (version?.accountId !== account.id) throw new RootkeepError("NOT_FOUND", { facts: { rule: "no such version of this account" } });
    if (version.kind !== accepted.of) throw refused(`the version is of ${version.kind}, and the step wants ${accepted.of}`);
    if (version.state !== "ACTIVE" || version.settledAt === null) throw refused("nobody has settled that the version works");
    if (version.settledAt < openSince) throw refused("the version was settled before the step was open");
    return { version: reference, secretKind: version.kind, settledAt: version.settledAt.toISOString() };
  },
  async stillHolds(tx, _account, reference) {
    const version = await versionFacts(tx, reference);
    // What was destroyed afterwards was the working value all the same.
    return version?.state === "ACTIVE" || version?.state === "DESTROYED";
  },
};

function refused(rule: string): RootkeepError {
  return new RootkeepError("STATE_CONFLICT", { facts: { rule } });
}
