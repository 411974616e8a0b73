import type { AuditLog } from "../audit/audit-log.service.js";
import { RootkeepError } from "../kernel/errors.js";
import type { EvidenceSource } from "./evidence.port.js";

/**
 * Evidence of kind `entry`: the log of this deployment says that it was done. The entry is read again and held against the chain, so nobody
 * who edits the table makes one up; it must be of this account, of an action that the step accepts, done, and not from before the step was open.
 */
export function entryEvidence(log: Pick<AuditLog, "entryAt">): EvidenceSource {
  return {
    kind: "entry",
    async check(tx, { account, accepted, openSince, reference }) {
      if (accepted.kind !== "entry") throw new Error("asked for another kind of evidence");
      const entry = await log.entryAt(tx.manager, Number(reference));
      // Of another account's entry not even that it is there is told.
      if (entry?.["stream"] !== account.id) throw new RootkeepError("NOT_FOUND", { facts: { rule: "no such entry of this account" } });
      const { action, outcome, seq, time } = entry;
      if (!accepted.actions.some((known) => known === action)) {
        throw refused(`the entry says ${action}, and the step wants ${accepted.actions.join(" or ")}`);
      }
      if (outcome !== "committed" && outcome !== "allowed") throw refused("the entry does not say that it was done");
      if (accepted.mayBeEarlier !== true && Date.parse(time) < openSince.getTime())
        throw refused("the entry is from before the step was open");
      return { action, entry: seq, at: time };
    },
  };
}

function refused(rule: string): RootkeepError {
  return new RootkeepError("STATE_CONFLICT", { facts: { rule } });
}
