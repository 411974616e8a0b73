import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { Session } from "./session.entity.js";

/** Ends every session of `personId` that has not ended yet; returns them, so that the caller's entry can list them. */
export async function endSessions(tx: WorkTransaction, personId: Id<"person">, now: Date): Promise<Session[]> {
  const sessions = await tx.readAll(Session, { personId }, "lock");
  const open = sessions.filter((session) => session.endedAt === null && session.expiresAt > now);
  for (const session of open) tx.change(Session, session, { endedAt: now });
  return open;
}
