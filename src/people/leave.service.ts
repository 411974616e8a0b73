import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { endSessions } from "./end-sessions.service.js";
import type { LeavingPort } from "./leaving.port.js";
import { Person } from "./person.entity.js";
import type { Session } from "./session.entity.js";

/** What a person lost at once. */
export interface Losses {
  readonly person: Person;
  readonly sessions: readonly Session[];
  /** Entries of the grants that were revoked. */
  readonly grants: readonly Drafted<EntryDraft>[];
}

/**
 * Ends what a person has going: sessions, grants, and by writing the person's row every approval that still waits to count and everything
 * that is hidden in the tables just now ({@link isOfNow}). Grants are locked first, as by those who open them; those of an approval that
 * was under way meanwhile are found the second time.
 * @throws RootkeepError `NOT_FOUND`
 */
export async function endAllOf(tx: WorkTransaction, personId: Id<"person">, now: Date, leaving: LeavingPort): Promise<Losses> {
  const first = await leaving.revokeGrantsOf(tx, personId);
  const person = await tx.lock(Person, personId);
  if (person === null) throw new RootkeepError("NOT_FOUND");
  tx.change(Person, person, {});
  const sessions = await endSessions(tx, personId, now);
  return { person, sessions, grants: [...first, ...(await leaving.revokeGrantsOf(tx, personId))] };
}
