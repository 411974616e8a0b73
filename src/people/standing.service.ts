import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { Role } from "../kernel/operations.js";
import { AllowlistEntry } from "./allowlist-entry.entity.js";
import { Person } from "./person.entity.js";
import { covers, parseScope, type ScopedAccount } from "./scope.js";

/** A person who is active, and the allowlist entries that are in force now. */
export interface Standing {
  readonly person: Person;
  readonly entries: readonly AllowlistEntry[];
}

/** True if `entry` is in force at `now`. Expiry is computed at use; nobody has to sweep for it to hold. */
export function isInForce(entry: AllowlistEntry, now: Date): boolean {
  return entry.endedAt === null && entry.validFrom <= now && now < entry.validTo;
}

/**
 * What `personId` may do at `now`, from rows that stay locked until the transaction ends: nobody can be taken off the allowlist between
 * this look and the commit.
 * @throws RootkeepError `NOT_ALLOWLISTED` when the person is unknown or not active.
 */
export async function standingOf(tx: WorkTransaction, personId: string, now: Date): Promise<Standing> {
  const person = await tx.read(Person, personId);
  if (person?.state !== "ACTIVE") throw new RootkeepError("NOT_ALLOWLISTED", { reason: "person is not active" });
  const entries = await tx.readAll(AllowlistEntry, { personId: person.id });
  return { person, entries: entries.filter((entry) => isInForce(entry, now)) };
}

/** True if one of the entries gives `role`, over `account` where one is named. */
export function hasRole(standing: Standing, role: Role, account?: ScopedAccount): boolean {
  return standing.entries.some((entry) => entry.role === role && (account === undefined || covers(parseScope(entry.scope), account)));
}

/**
 * Demands `role` of a person, over `account` where one is named.
 * @throws RootkeepError `NOT_ALLOWLISTED`
 */
export async function requireRole(
  tx: WorkTransaction,
  personId: string,
  role: Role,
  now: Date,
  account?: ScopedAccount,
): Promise<Standing> {
  const standing = await standingOf(tx, personId, now);
  if (!hasRole(standing, role, account)) throw new RootkeepError("NOT_ALLOWLISTED", { reason: `no ${role} entry in force` });
  return standing;
}

/** Ids of everybody who is, or once was, on the allowlist with `role`: whom to ask {@link standingOf} about. */
export async function everWithRole(tx: WorkTransaction, role: Role): Promise<Id<"person">[]> {
  const entries = await tx.readAll(AllowlistEntry, { role });
  return [...new Set(entries.map(({ personId }) => personId))];
}

/** Ids of everybody who is an active custodian at `now`. */
export async function activeCustodians(tx: WorkTransaction, now: Date): Promise<Id<"person">[]> {
  const entries = await tx.readAll(AllowlistEntry, { role: "custodian" });
  const ids = [...new Set(entries.filter((entry) => isInForce(entry, now)).map(({ personId }) => personId))];
  const active: Id<"person">[] = [];
  for (const id of ids) if ((await tx.read(Person, id))?.state === "ACTIVE") active.push(id);
  return active;
}
