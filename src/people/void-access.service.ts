import { type FindOptionsWhere, In, IsNull, MoreThan } from "typeorm";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Cut } from "./certification.service.js";
import { Invitation } from "./invitation.entity.js";
import { type OpenKind, openKind } from "./open-kind.service.js";
import { Session } from "./session.entity.js";

/**
 * Ends the sessions that match: what an ended epoch of the log, or custodians who are no more, let in, nobody vouches for.
 * @returns the entry that tells of it; none when there are none.
 */
async function voidSessions(tx: WorkTransaction, cut: Cut, where: FindOptionsWhere<Session>): Promise<Drafted<EntryDraft>[]> {
  const now = await tx.clock();
  const sessions = await tx.readAll(Session, where, "lock");
  for (const session of sessions) tx.change(Session, session, { endedAt: now });
  return voided(cut, sessions, []);
}

/** Ends the invitations that match, as {@link voidSessions} does. @returns the entry that tells of it; none when there are none. */
async function voidInvited(tx: WorkTransaction, cut: Cut, where: FindOptionsWhere<Invitation>): Promise<Drafted<EntryDraft>[]> {
  const invitations = await tx.readAll(Invitation, where, "lock");
  for (const invitation of invitations) tx.change(Invitation, invitation, { state: "VOID" });
  return voided(cut, [], invitations);
}

function voided(cut: Cut, sessions: readonly Session[], invitations: readonly Invitation[]): Drafted<EntryDraft>[] {
  if (sessions.length + invitations.length === 0) return [];
  const draft = draftEntry({
    action: "log.voided",
    outcome: "committed",
    actor: SYSTEM_ACTOR,
    details: { ...cut, sessions: sessions.length, invitations: invitations.length },
  });
  return [{ draft, rows: [...sessions, ...invitations] }];
}

/** Who has been let in, and who would be. */
export const ACCESS_KINDS: readonly OpenKind[] = [
  openKind(Session, (now) => ({ endedAt: IsNull(), expiresAt: MoreThan(now) }), voidSessions),
  openKind(Invitation, () => ({ state: In(["OPEN", "LINK", "ACCEPTED"]) }), voidInvited),
];
