import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { type FieldError, RootkeepError } from "../kernel/errors.js";
import type { Grant } from "../kernel/grant.js";
import { type Id, isId, newId } from "../kernel/ids.js";
import { ROLES, type Role } from "../kernel/operations.js";
import { AllowlistEntry } from "./allowlist-entry.entity.js";
import { Authenticator } from "./authenticator.entity.js";
import { CUSTODIANS_MIN } from "./lapse.js";
import { endAllOf } from "./leave.service.js";
import type { LeavingPort } from "./leaving.port.js";
import { Person } from "./person.entity.js";
import { checkScope, type Scope, scopeDisclosures, scopeText } from "./scope.js";
import { activeCustodians, requireRole } from "./standing.service.js";

/** What a request for an allowlist entry asks. */
export interface AllowlistForm {
  readonly personId: Id<"person">;
  readonly role: Role;
  readonly scope: Scope;
  /** Days from the approval on; at most a year. */
  readonly validDays: number;
}

const VALID_DAYS_MAX = 365;

/** The form that `value` states, or the rules that it breaks. */
export function checkAllowlistForm(value: Readonly<Record<string, unknown>>): { form: AllowlistForm } | { errors: FieldError[] } {
  const { personId, role, validDays = VALID_DAYS_MAX } = value;
  const checked = checkScope(value["scope"]);
  const errors: FieldError[] = "errors" in checked ? checked.errors : [];
  if (!isId("person", personId)) errors.push({ field: "personId", rule: "is the id of a person" });
  if (!isRole(role)) errors.push({ field: "role", rule: `is one of ${ROLES.join(", ")}` });
  if (!isValidDays(validDays)) errors.push({ field: "validDays", rule: "is a whole number of days, 1 to 365" });
  if ("errors" in checked || !isId("person", personId) || !isRole(role) || !isValidDays(validDays)) return { errors };
  if (role === "custodian" && checked.scope.kind !== "all") return { errors: [{ field: "scope", rule: "of a custodian is all" }] };
  return { form: { personId, role, scope: checked.scope, validDays } };
}

function isRole(value: unknown): value is Role {
  return ROLES.some((known) => known === value);
}

function isValidDays(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= VALID_DAYS_MAX;
}

/** The allowlist: being known is not being allowed (design §2). */
export class Allowlist {
  constructor(
    private readonly transactions: Transactions,
    private readonly leaving: LeavingPort,
  ) {}

  /** The approved act `allowlist.grant`. */
  async grant(
    tx: WorkTransaction,
    grant: Grant<"allowlist.grant">,
    form: AllowlistForm,
    parties: { requestId: Id<"request">; askedBy: Id<"person">; approvedBy: Id<"person"> },
  ): Promise<Drafted<EntryDraft>> {
    grant.spend("allowlist.grant", parties.requestId);
    const now = await tx.clock();
    const person = await tx.read(Person, form.personId);
    if (person === null || person.state === "LEFT") throw new RootkeepError("STATE_CONFLICT");
    const entry = tx.insert(AllowlistEntry, {
      id: newId("allowlist"),
      personId: form.personId,
      role: form.role,
      scope: scopeText(form.scope),
      validFrom: now,
      validTo: plusSeconds(now, form.validDays * 24 * 3600),
      endedAt: null,
    });
    const draft = draftEntry({
      action: "allowlist.grant",
      outcome: "committed",
      actor: personActor(parties.askedBy),
      target: { type: "allowlist-entry", id: entry.id },
      request: { id: parties.requestId },
      details: {
        person: form.personId,
        role: form.role,
        scopeKind: form.scope.kind,
        validTo: entry.validTo.toISOString(),
        approvedBy: parties.approvedBy,
      },
      disclosures: scopeDisclosures(form.scope),
    });
    return { draft, rows: [entry] };
  }

  /**
   * Takes an entry off, at once, by one custodian: taking rights away needs no second. The person's sessions and grants end, and what they
   * approved no longer counts; with what they are still allowed they sign in anew.
   * @throws RootkeepError `NOT_FOUND`; `SELF_APPROVAL` for one's own entry; `STATE_CONFLICT` when fewer than two custodians would be left.
   */
  async revoke(entryId: Id<"allowlist">, custodianId: Id<"person">): Promise<{ seq: number }> {
    const { receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      await requireRole(tx, custodianId, "custodian", now);
      const entry = await tx.lock(AllowlistEntry, entryId);
      if (entry?.endedAt !== null) throw new RootkeepError("NOT_FOUND");
      if (entry.personId === custodianId) throw new RootkeepError("SELF_APPROVAL");
      const { person, sessions, grants } = await endAllOf(tx, entry.personId, now, this.leaving);
      if (entry.role === "custodian") await assertCustodiansLeft(tx, entry.personId, now);
      tx.change(AllowlistEntry, entry, { endedAt: now });
      const draft = draftEntry({
        action: "allowlist.revoke",
        outcome: "committed",
        actor: personActor(custodianId),
        target: { type: "allowlist-entry", id: entry.id },
        details: { person: entry.personId, role: entry.role, sessionsEnded: sessions.length, grantsRevoked: grants.length },
      });
      return { result: undefined, entries: [{ draft, rows: [entry, person, ...sessions] }, ...grants] };
    });
    return { seq: receipts[0]?.facts.seq ?? -1 };
  }

  /** All entries, ended ones too. */
  async list(): Promise<AllowlistEntry[]> {
    return await this.transactions.peek((tx) => tx.readAll(AllowlistEntry, {}));
  }
}

/**
 * Removal never leaves fewer than two custodians (design §2): nobody could approve the next one, and the vault would be a brick. Who has no
 * authenticator that works is none of them: they cannot sign in, and giving them one takes two others. One that only has to wait its day counts:
 * the day passes by itself, and until then a custodian who does harm must not be safe from being suspended.
 * @throws RootkeepError `STATE_CONFLICT`
 */
export async function assertCustodiansLeft(tx: WorkTransaction, without: string, now: Date): Promise<void> {
  let left = 0;
  // Locked until the commit: nobody's is reset while somebody else is counted out. A row that is missing only bars.
  for (const personId of (await activeCustodians(tx, now)).filter((id) => id !== without))
    if ((await tx.readAll(Authenticator, { personId, kind: "totp", state: "ACTIVE" })).length > 0) left += 1;
  if (left < CUSTODIANS_MIN) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "two custodians must be left" } });
}
