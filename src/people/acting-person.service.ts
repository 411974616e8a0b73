import type { DecidingRow } from "../database/deciding-row.entity.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { isCut } from "./cut-rule.js";
import { Identity } from "./identity.entity.js";
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
  if (!isOfNow(tx, session, standing.person)) throw new RootkeepError("UNAUTHENTICATED");
  // A recovery may be committed while this runs; under the audit lock it is known.
  tx.atHead(() => {
    if (isCut(tx, session)) throw new RootkeepError("UNAUTHENTICATED");
  });
  await identityOf(tx, session);
  return standing;
}

/**
 * The identity that opened `session`, if it still is the person's; null for a session of password and authenticator.
 * @throws RootkeepError `UNAUTHENTICATED`
 */
export async function identityOf(tx: WorkTransaction, session: Session): Promise<Identity | null> {
  if (session.identityId === null) return null;
  const identity = await tx.read(Identity, session.identityId);
  if (identity?.state !== "ACTIVE" || identity.personId !== session.personId || !isOfNow(tx, session, identity)) {
    throw new RootkeepError("UNAUTHENTICATED");
  }
  return identity;
}

/**
 * True if `row` was written after the newest change of `owner`: a session, an approval or a grant of its person, a session of its identity.
 * Whatever ends what a person has (suspending, leaving the allowlist, resetting, linking an identity) writes the person's row, so what was
 * hidden in the table meanwhile is outdated all the same (law L11) [DR-13]. So is what is older than the cut (`CutRule`).
 */
export function isOfNow(tx: WorkTransaction, row: Pick<DecidingRow, "seq">, owner: Pick<Person | Identity, "seq">): boolean {
  return Number(row.seq) > Number(owner.seq) && !isCut(tx, row);
}
