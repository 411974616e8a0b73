// People put straight into an engine, as enrolment would: rows in one transaction of the runner, with an entry that tells of them.
import { draftEntry, personActor, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import type { WorkTransaction } from "../../../src/database/work-transaction.js";
import { plusSeconds } from "../../../src/kernel/clock.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import type { Role } from "../../../src/kernel/operations.js";
import { AllowlistEntry } from "../../../src/people/allowlist-entry.entity.js";
import { Authenticator } from "../../../src/people/authenticator.entity.js";
import { Person } from "../../../src/people/person.entity.js";
import { PersonTeam } from "../../../src/people/person-team.entity.js";
import { type Scope, scopeText } from "../../../src/people/scope.js";
import { newSessionToken } from "../../../src/people/sessions.service.js";
import type { Engine, Factor, Founder, Services } from "./engine.js";
import { DAY } from "./world.js";

/** Somebody who is put into an engine. */
export interface NewPerson {
  readonly team: string | null;
  /** Seconds until their second factor counts. */
  readonly waits: number;
  readonly entries: readonly { readonly role: Role; readonly scope: Scope; readonly days: number }[];
}

/** Somebody as a history knows them. */
export interface Seat {
  readonly personId: Id<"person">;
  readonly app: Factor["app"];
  readonly entryIds: Id<"allowlist">[];
}

/** Puts people in, all at once. */
export async function seat(engine: Engine, people: readonly NewPerson[]): Promise<Seat[]> {
  const seats: (Seat & { readonly person: NewPerson; readonly factor: Factor; readonly authenticatorId: Id<"authenticator"> })[] = [];
  for (const person of people) {
    const [personId, authenticatorId] = [newId("person"), newId("authenticator")];
    const factor = await engine.newFactor(personId, authenticatorId);
    seats.push({ personId, authenticatorId, factor, app: factor.app, entryIds: person.entries.map(() => newId("allowlist")), person });
  }
  await engine.services.transactions.run(async (tx) => {
    const now = await tx.clock();
    for (const { personId, authenticatorId, factor, entryIds, person } of seats) {
      const name = `Person ${personId}`;
      tx.insert(Person, { id: personId, name, email: `${personId}@example.com`, state: "ACTIVE", createdAt: now });
      insertFactor(tx, personId, authenticatorId, factor, now, person.waits);
      if (person.team !== null) tx.insert(PersonTeam, { id: personId, team: person.team });
      for (const [index, { role, scope, days }] of person.entries.entries()) {
        const dates = { validFrom: now, validTo: plusSeconds(now, days * DAY), endedAt: null };
        tx.insert(AllowlistEntry, { id: entryIds[index]!, personId, role, scope: scopeText(scope), ...dates });
      }
    }
    return {
      result: undefined,
      entries: [{ draft: draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR }) }],
    };
  });
  return seats;
}

/** The row of a second factor, in the transaction of whoever gives it. */
export function insertFactor(
  tx: WorkTransaction,
  personId: Id<"person">,
  id: Id<"authenticator">,
  { sealed, dataKeyId }: Factor,
  now: Date,
  waits: number,
): void {
  const times = { usableFrom: plusSeconds(now, waits), createdAt: now };
  const seed = { passwordHash: null, sealed, dataKeyId: dataKeyId as Id<"dataKey">, lastStep: null };
  tx.insert(Authenticator, { id, personId, kind: "totp", state: "ACTIVE", ...seed, ...times });
}

/** Two custodians. */
export async function seatFounders(engine: Engine): Promise<readonly [Founder, Founder]> {
  const custodian: NewPerson = { team: null, waits: 0, entries: [{ role: "custodian", scope: { kind: "all" }, days: 365 }] };
  const seats = await seat(engine, [custodian, custodian]);
  const [one, two] = await openSessions(engine.services, seats);
  return [one!, two!];
}

/** Everybody with a session, as signing in opens it. */
export async function openSessions<S extends { readonly personId: Id<"person"> }>(
  { transactions, sessions }: Services,
  people: readonly S[],
): Promise<(S & { readonly sessionId: Id<"session"> })[]> {
  const signedIn = people.map((person) => ({ ...person, ...newSessionToken() }));
  await transactions.run(async (tx) => {
    const now = await tx.clock();
    const entries = signedIn.map(({ personId, sessionId, token }) => {
      const session = sessions.open(tx, { sessionId, token, personId, identityId: null, place: "127.0.0.1" }, now);
      const target = { type: "session", id: sessionId };
      return { draft: draftEntry({ action: "session.create", outcome: "allowed", actor: personActor(personId), target }), rows: [session] };
    });
    return { result: undefined, entries };
  });
  return signedIn;
}
