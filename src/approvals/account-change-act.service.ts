import {
  type AccountFactsNow,
  changedFacts,
  checkFacts,
  columnsOf,
  FACT_NAMES,
  type FactName,
  factDisclosures,
  factsHash,
  factsOf,
} from "../accounts/account-facts.js";
import { readLife } from "../accounts/account-life.service.js";
import { type AccountRow, changeFacts, lockAccount, readAccount } from "../accounts/account-registry.service.js";
import type { JsonObject } from "../audit/canonical-json.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, parseId } from "../kernel/ids.js";
import type { GuardedAct, RequestForm } from "./guarded-act.port.js";
import { CUSTODIAN_ACT, CUSTODIAN_POLICY, custodianForm, mintGrant, partiesOf } from "./people-acts.service.js";
import type { RequestBody } from "./request-body.js";

/** What a change says: the facts that change, as they are and as they are to be, and the hash of all facts that it was asked on. */
interface ChangeSubject {
  readonly before: Partial<AccountFactsNow>;
  readonly after: Partial<AccountFactsNow>;
  readonly replaces: string;
}

/** Facts by which a checklist was begun. */
const DECIDES_STEPS: readonly FactName[] = ["customer", "kind", "custody"];

/**
 * The guarded act `account.change`: customer, access tags, kind, custody, organization and contacts of an account. Customer and tags say whose
 * rights reach the account, kind and custody which tasks open something: who approves sees both sides of each fact that changes, and approves
 * that change of these facts alone. Whoever loses the account by it loses it at once: requests and grants are judged by the account's facts
 * at approval and at use.
 */
export function accountChangeAct(): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "account.change",
    async check(tx, form) {
      const account = await accountOf(tx, form);
      const before = factsOf(account);
      const after = statedFacts(form, before);
      const names = changedFacts(before, after);
      if (names.length === 0) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "this changes nothing" } });
      await assertSettled(tx, account, names);
      const subject: ChangeSubject = { before: pick(before, names), after: pick(after, names), replaces: factsHash(before) };
      return custodianForm(subject as unknown as JsonObject, {
        account: { id: account.id as Id<"account">, awsId: account.awsId, partition: account.partition },
        disclosures: disclosuresOf(before, after, names),
      });
    },
    async termsNow(tx, body, mode) {
      const account = await (mode === "lock" ? lockAccount : readAccount)(tx, accountIdOf(body));
      return { scoped: null, approvals: CUSTODIAN_POLICY.approvals, refusal: staleRefusal(account, body) };
    },
    async apply(tx, decided) {
      const { row, body } = decided;
      const account = await lockAccount(tx, accountIdOf(body));
      const stale = staleRefusal(account, body);
      if (account === null || stale !== null) throw stale ?? new RootkeepError("NOT_FOUND");
      const before = factsOf(account);
      const checked = checkFacts(subjectOf(body).after, before);
      // Rules of a later build may be stricter than those that it was asked under.
      if ("errors" in checked) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the facts break a rule" } });
      const names = changedFacts(before, checked.facts);
      await assertSettled(tx, account, names);
      const parties = partiesOf(decided);
      changeFacts(tx, mintGrant("account.change", decided), row.id, account, columnsOf(checked.facts));
      const draft = draftEntry({
        action: "account.change",
        outcome: "committed",
        actor: personActor(parties.askedBy),
        target: { type: "account", id: account.id, awsId: account.awsId, partition: account.partition },
        request: { id: parties.requestId, hash: row.hash.toString("hex") },
        details: { approvedBy: parties.approvedBy, changed: [...names], before: plain(before, names), after: plain(checked.facts, names) },
        disclosures: disclosuresOf(before, checked.facts, names),
        stream: account.id,
      });
      return [{ draft, rows: [account] }];
    },
  };
}

/**
 * Which steps of a checklist apply, and on whose order it is worked through, was decided by these facts when it began.
 * @throws RootkeepError `STATE_CONFLICT` while a checklist of the account is open.
 */
async function assertSettled(tx: WorkTransaction, { id }: AccountRow, names: readonly FactName[]): Promise<void> {
  if (!names.some((name) => DECIDES_STEPS.includes(name))) return;
  const life = await readLife(tx, id);
  if (life !== null && life.checklistId !== null)
    throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "a checklist of the account is open, and rests on these facts" } });
}

async function accountOf(tx: WorkTransaction, form: RequestForm): Promise<AccountRow> {
  if (form.accountId === null) throw new RootkeepError("MALFORMED", { fields: [{ field: "accountId", rule: "names the account" }] });
  const account = await readAccount(tx, parseId("account", form.accountId));
  if (account === null) throw new RootkeepError("NOT_FOUND");
  return account;
}

/** The facts as they are to be. @throws RootkeepError `MALFORMED` */
function statedFacts(form: RequestForm, before: AccountFactsNow): AccountFactsNow {
  const isKnown = (name: string): boolean => (FACT_NAMES as readonly string[]).includes(name);
  if (!Object.keys(form.subject).every(isKnown)) {
    throw new RootkeepError("MALFORMED", { fields: [{ field: "subject", rule: `holds ${FACT_NAMES.join(", ")} alone` }] });
  }
  const checked = checkFacts(form.subject, before);
  if ("facts" in checked) return checked.facts;
  throw new RootkeepError("MALFORMED", { fields: checked.errors.map((error) => ({ ...error, field: `subject.${error.field}` })) });
}

/** Approved was this change of those facts; an account that has others by now is not the one that was looked at (law L3). */
function staleRefusal(account: AccountRow | null, body: RequestBody): RootkeepError | null {
  if (account === null) return new RootkeepError("NOT_FOUND");
  if (factsHash(factsOf(account)) === subjectOf(body).replaces) return null;
  return new RootkeepError("STATE_CONFLICT", { facts: { rule: "the account's facts changed after this was asked for: ask again" } });
}

function accountIdOf({ account }: RequestBody): Id<"account"> {
  if (account === null) throw new Error("request is about no account");
  return account.id;
}

function subjectOf(body: RequestBody): ChangeSubject {
  return body.subject as unknown as ChangeSubject;
}

function pick(facts: AccountFactsNow, names: readonly FactName[]): Partial<AccountFactsNow> {
  return Object.fromEntries(names.map((name) => [name, facts[name]]));
}

/** What of `names` an entry says in the clear: nothing about people, nothing about who the customer is. */
function plain({ kind, custody, organizationId }: AccountFactsNow, names: readonly FactName[]): JsonObject {
  return Object.fromEntries(Object.entries({ kind, custody, organizationId }).filter(([name]) => names.includes(name as FactName)));
}

function disclosuresOf(before: AccountFactsNow, after: AccountFactsNow, names: readonly FactName[]): { field: string; value: string }[] {
  const sides = { before, after };
  return Object.entries(sides).flatMap(([side, facts]) =>
    factDisclosures(facts, names).map(({ field, value }) => ({ field: `${side}.${field}`, value })),
  );
}
