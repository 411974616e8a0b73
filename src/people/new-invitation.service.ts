import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { type Id, newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { Invitation } from "./invitation.entity.js";

/** Who asked for an act about a person, and who gave the last approval. */
export interface EnrolmentParties {
  readonly requestId: Id<"request">;
  readonly askedBy: Id<"person">;
  readonly approvedBy: Id<"person">;
}

/** Invites a person to enrol authenticators (`OPEN`) or to link an identity (`LINK`); both halves are still to be taken. */
export function invite(
  tx: WorkTransaction,
  personId: Id<"person">,
  parties: EnrolmentParties,
  now: Date,
  state: "OPEN" | "LINK",
): Invitation {
  return tx.insert(Invitation, {
    id: newId("invitation"),
    personId,
    requestId: parties.requestId,
    askedBy: parties.askedBy,
    approvedBy: parties.approvedBy,
    state,
    tokenHash: null,
    codeHash: null,
    expiresAt: plusSeconds(now, LIMITS.invitationSeconds),
    failures: 0,
  });
}

/** Voids what the person was invited to and has not completed. @returns the rows. */
export async function voidInvitations(
  tx: WorkTransaction,
  personId: Id<"person">,
  states: readonly Invitation["state"][],
): Promise<Invitation[]> {
  const open = (await tx.readAll(Invitation, { personId }, "lock")).filter(({ state }) => states.includes(state));
  for (const invitation of open) tx.change(Invitation, invitation, { state: "VOID" });
  return open;
}
