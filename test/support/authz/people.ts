// People who are written as enrolment and allowlist write them, without the days and the custodians that these take: the matrix of relations needs
// a hundred of them. What is asked of them afterwards goes over HTTP.

import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { Transactions } from "../../../src/audit/transactions.service.js";
import type { WorkTransaction } from "../../../src/database/work-transaction.js";
import { plusSeconds } from "../../../src/kernel/clock.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import type { Role } from "../../../src/kernel/operations.js";
import { AllowlistEntry } from "../../../src/people/allowlist-entry.entity.js";
import { AuthenticatorSeal } from "../../../src/people/authenticator-seal.service.js";
import { Person } from "../../../src/people/person.entity.js";
import { type Scope, scopeText } from "../../../src/people/scope.js";
import { newSessionToken, Sessions } from "../../../src/people/sessions.service.js";
import { AuthenticatorApps } from "../authenticator-app.js";
import type { RestApp } from "../rest-app.js";
import { insertAuthenticators, newAuthenticators } from "../seeded-authenticators.js";

/** How many authenticators somebody has. Each gives two codes at once and one a minute; so none has to be waited for. */
const AUTHENTICATORS = { idle: 1, acting: 10, busy: 24 } as const;
const YEAR_SECONDS = 365 * 86_400;

export interface Session {
  readonly token: string;
  readonly sessionId: Id<"session">;
}

/** A person, and what they act with now. */
export interface Actor extends Session {
  readonly personId: Id<"person">;
  readonly app: AuthenticatorApps;
  /** Their entries of the allowlist that have not ended. */
  readonly entryIds: readonly Id<"allowlist">[];
}

/** Whom to write. */
export interface Casting {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly scope?: Scope;
  /** `idle`: only acted upon, or acts once. `busy`: approves, or tries everything that nobody takes part in. */
  readonly use?: keyof typeof AUTHENTICATORS;
}

/** Writes people into the running application's tables, by its own transactions. */
export class Seeds {
  readonly #transactions: Transactions;
  readonly #sessions: Sessions;
  readonly #seal: AuthenticatorSeal;

  constructor(
    rest: RestApp,
    private readonly stepSeconds: number,
  ) {
    this.#transactions = rest.part(Transactions);
    this.#sessions = rest.part(Sessions);
    this.#seal = rest.part(AuthenticatorSeal);
  }

  /** A person with authenticators that count at once, on the allowlist, and signed in. */
  async person({ name, roles, scope = { kind: "all" }, use = "acting" }: Casting): Promise<Actor> {
    const personId = newId("person");
    const email = `${personId}@example.com`;
    const made = await newAuthenticators(this.#seal, { personId, email }, AUTHENTICATORS[use], this.stepSeconds);
    const session = newSessionToken();
    const { result: entryIds } = await this.#transactions.run(async (tx) => {
      const now = await tx.clock();
      const person = tx.insert(Person, { id: personId, name: `${name} ${personId}`, email, state: "ACTIVE", createdAt: now });
      const rows = [person, ...insertAuthenticators(tx, personId, made, now)];
      const entries = allowIn(tx, personId, roles, scope, now);
      const draft = draftEntry({
        action: "account.changed",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        target: { type: "person", id: personId },
        disclosures: [{ field: "name", value: name }],
      });
      // A session counts from an entry after the person's own.
      const opened = this.#openIn(tx, personId, session, now);
      return {
        result: entries.map(({ id }) => id),
        entries: [
          { draft, rows: [...rows, ...entries] },
          { draft: systemDraft(), rows: [opened] },
        ],
      };
    });
    return { personId, entryIds, app: new AuthenticatorApps(made.map(({ otpauth }) => otpauth)), ...session };
  }

  /** Puts somebody on the allowlist. */
  async allow(personId: Id<"person">, roles: readonly Role[], scope: Scope = { kind: "all" }): Promise<readonly Id<"allowlist">[]> {
    const { result } = await this.#transactions.run(async (tx) => {
      const rows = allowIn(tx, personId, roles, scope, await tx.clock());
      return { result: rows.map(({ id }) => id), entries: [{ draft: systemDraft() }] };
    });
    return result;
  }

  /** Signs somebody in; a session is younger than whatever ended earlier ones. */
  async session(personId: Id<"person">): Promise<Session> {
    const session = newSessionToken();
    await this.#transactions.run(async (tx) => {
      this.#openIn(tx, personId, session, await tx.clock());
      return { result: undefined, entries: [{ draft: systemDraft() }] };
    });
    return session;
  }

  #openIn(tx: WorkTransaction, personId: Id<"person">, session: Session, now: Date) {
    return this.#sessions.open(tx, { ...session, personId, identityId: null, place: "127.0.0.1" }, now);
  }
}

function allowIn(tx: WorkTransaction, personId: Id<"person">, roles: readonly Role[], scope: Scope, now: Date): AllowlistEntry[] {
  return roles.map((role) =>
    tx.insert(AllowlistEntry, {
      id: newId("allowlist"),
      personId,
      role,
      scope: scopeText(scope),
      validFrom: now,
      validTo: plusSeconds(now, YEAR_SECONDS),
      endedAt: null,
    }),
  );
}

function systemDraft(): ReturnType<typeof draftEntry> {
  return draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR });
}
