import { In, IsNull, LessThan, MoreThan } from "typeorm";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { type Cut, seqOfCut } from "./certification.service.js";
import { Invitation } from "./invitation.entity.js";
import { Session } from "./session.entity.js";

/**
 * Ends sessions and invitations whose newest entry is older than the cut, `take` of each at most: what an ended epoch of the log, or custodians
 * who are no more, let in, nobody vouches for.
 * @returns the entry that tells of it; none when there is nothing left.
 */
export async function voidAccess(tx: WorkTransaction, cut: Cut, take: number): Promise<Drafted<EntryDraft>[]> {
  const now = await tx.clock();
  const seq = LessThan(String(seqOfCut(cut)));
  const sessions = await tx.readAll(Session, { endedAt: IsNull(), expiresAt: MoreThan(now), seq }, "lock", take);
  for (const session of sessions) tx.change(Session, session, { endedAt: now });
  const invitations = await tx.readAll(Invitation, { state: In(["OPEN", "LINK", "ACCEPTED"]), seq }, "lock", take);
  for (const invitation of invitations) tx.change(Invitation, invitation, { state: "VOID" });
  if (sessions.length + invitations.length === 0) return [];
  const draft = draftEntry({
    action: "log.voided",
    outcome: "committed",
    actor: SYSTEM_ACTOR,
    details: { ...cut, sessions: sessions.length, invitations: invitations.length },
  });
  return [{ draft, rows: [...sessions, ...invitations] }];
}
