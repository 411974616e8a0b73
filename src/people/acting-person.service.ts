import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { Person } from "./person.entity.js";
import { Session } from "./session.entity.js";
import { type Standing, standingOf } from "./standing.service.js";

/** Who acts: the person and the session that says so. */
export interface ActingPerson {
  readonly personId: Id<"person">;
  readonly sessionId: Id<"session">;
}

/**
 * Looks again, inside the deciding transaction, at what the edge has looked at before: the session lives, the person is active. Both
 * rows stay locked, so neither sign-out nor suspension can slip in between.
 * @throws RootkeepError `UNAUTHENTICATED`, `NOT_ALLOWLISTED`
 */
export async function actingStanding(tx: WorkTransaction, acting: ActingPerson, now: Date): Promise<Standing> {
  const session = await tx.read(Session, acting.sessionId);
  if (session?.personId !== acting.personId || session.endedAt !== null || session.expiresAt <= now) {
    throw new RootkeepError("UNAUTHENTICATED");
  }
  const standing = await standingOf(tx, acting.personId, now);
  if (!isOfNow(session, standing.person)) throw new RootkeepError("UNAUTHENTICATED");
  return standing;
}

/**
 * True if the session began after the newest change of its person. Suspending, restoring and resetting write the person's row, so a
 * session that was hidden in the table while they ended the others is outdated all the same (law L11) [DR-13].
 */
export function isOfNow(session: Session, person: Person): boolean {
  return Number(session.seq) > Number(person.seq);
}
