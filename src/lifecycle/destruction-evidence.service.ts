import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { destructionFacts } from "../secrets/secret-evidence.service.js";
import type { EvidenceSource } from "./evidence.port.js";

/**
 * Evidence of kind `destruction`: what was kept for this account is destroyed. Named by the position of the entry `account.destroyed`, as the
 * certificate says it.
 */
export const DESTRUCTION_EVIDENCE: EvidenceSource = {
  kind: "destruction",
  async check(tx, { account, reference }) {
    const destruction = await destructionFacts(tx, account.id as Id<"account">);
    if (destruction?.seq !== reference) throw new RootkeepError("NOT_FOUND", { facts: { rule: "no such destruction of this account" } });
    return { entry: Number(destruction.seq), destroyedAt: destruction.destroyedAt.toISOString(), request: destruction.requestId };
  },
};
