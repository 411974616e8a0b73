import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { Role } from "../kernel/operations.js";
import { AllowlistEntry } from "./allowlist-entry.entity.js";
import { custodianFloor, dueAt, givesRights, isOpen, LapseRule, standingAt } from "./lapse.js";
import { Person } from "./person.entity.js";
import { covers, parseScope, type ScopedAccount } from "./scope.js";

/** A person who is active, and the allowlist entries that are in force now. */
export interface Standing {
  readonly person: Person;
  readonly entries: readonly AllowlistEntry[];
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
  return { person, entries: await inForce(tx, entries, now) };
}

/** Of `entries`, all of active people, those that give their rights at `now`. Expiry and lapse are computed at use. */
async function inForce(tx: WorkTransaction, entries: readonly AllowlistEntry[], now: Date): Promise<AllowlistEntry[]> {
  const rule = tx.lent(LapseRule);
  const isOver = (entry: AllowlistEntry): boolean => isOpen(entry, now) && dueAt(entry, rule, now) <= now;
  // Only then is it worth a look at the whole list.
  const needsFloor = entries.some((entry) => entry.role === "custodian" && isOver(entry));
  const floor = needsFloor ? await readFloor(tx, rule, now) : Number.POSITIVE_INFINITY;
  return entries.filter((entry) => givesRights(standingAt(entry, rule, now, floor)));
}

/** The floor of {@link custodianFloor}. Absence is proven: a fresher custodian whose row was hidden would bring back one that has lapsed. */
async function readFloor(tx: WorkTransaction, rule: LapseRule, now: Date): Promise<number> {
  const open = (await tx.readProven(AllowlistEntry)).filter((entry) => entry.role === "custodian" && isOpen(entry, now));
  return custodianFloor(await ofActive(tx, open), rule, now);
}

async function ofActive(tx: WorkTransaction, entries: readonly AllowlistEntry[]): Promise<AllowlistEntry[]> {
  const active = new Set<string>();
  for (const id of new Set(entries.map(({ personId }) => personId))) if ((await tx.read(Person, id))?.state === "ACTIVE") active.add(id);
  return entries.filter(({ personId }) => active.has(personId));
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

/** Entries of `role` that give their rights at `now`, of people who are active. */
export async function holdings(tx: WorkTransaction, role: Role, now: Date): Promise<AllowlistEntry[]> {
  return await inForce(tx, await ofActive(tx, await tx.readAll(AllowlistEntry, { role })), now);
}

/** Ids of everybody who is an active custodian at `now`. */
export async function activeCustodians(tx: WorkTransaction, now: Date): Promise<Id<"person">[]> {
  return [...new Set((await holdings(tx, "custodian", now)).map(({ personId }) => personId))];
}
