import { draftEntry, personActor } from "../audit/draft.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { type FieldError, RootkeepError } from "../kernel/errors.js";
import { isId } from "../kernel/ids.js";
import { assertKnownPerson } from "../people/people.service.js";
import { scopeDisclosures } from "../people/scope.js";
import { isTeam, setTeam } from "../people/teams.service.js";
import type { GuardedAct, RequestForm } from "./guarded-act.port.js";
import { CUSTODIAN_ACT, custodianForm, mintGrant, partiesOf } from "./people-acts.service.js";
import { bookId, currentBook } from "./policies.service.js";
import { checkPolicy, isPolicyName, type Policy, policyHash } from "./policy.js";
import { PolicyBookRow } from "./policy-book.entity.js";
import { bookText, changedBook, type PolicyChange } from "./policy-book.js";
import { type Catalogue, isReferral } from "./purpose.js";

/** The guarded acts on policies and teams. */
export function policyActs(catalogue: Catalogue): GuardedAct[] {
  return [changeAct(catalogue), teamAct()];
}

/**
 * The guarded act `policy.change`. The request holds the whole new policy and the hash of the one that it replaces, so what is approved is
 * what will stand there, and of two changes that race one hears of the other.
 */
function changeAct(catalogue: Catalogue): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "policy.change",
    async check(tx, form) {
      const change = changeOf(catalogue, form.subject);
      // Refused here already if it could not be done now.
      changedBook(await currentBook(tx), change);
      const disclosures = change.policy === null ? [] : scopeDisclosures(change.policy.scope);
      return custodianForm({ name: change.name, policy: change.policy as never, replaces: change.replaces }, { disclosures });
    },
    async termsNow(tx, _body, mode) {
      // Locked before the approver's second factor is: an opening takes the two in this order, too.
      if (mode === "lock") await currentBook(tx, "lock");
      return { scoped: null, approvals: 1 };
    },
    async apply(tx, decided) {
      const parties = partiesOf(decided);
      const change = changeOf(catalogue, decided.body.subject);
      const before = await currentBook(tx, "lock");
      const after = changedBook(before, change);
      const row = tx.insert(PolicyBookRow, {
        id: bookId(after.number),
        text: bookText(after.policies),
        requestId: parties.requestId,
        changedAt: decided.now,
      });
      const draft = draftEntry({
        action: "policy.change",
        outcome: "committed",
        actor: personActor(parties.askedBy),
        target: { type: "policy", id: change.name },
        request: { id: parties.requestId, hash: decided.row.hash.toString("hex") },
        details: {
          approvedBy: parties.approvedBy,
          before: before.version,
          after: after.version,
          replaces: change.replaces,
          policy: change.policy === null ? null : policyHash(change.policy),
        },
      });
      return [{ draft, rows: [row] }];
    },
  };
}

/** The change that `subject` states. @throws RootkeepError `MALFORMED` */
export function changeOf(catalogue: Catalogue, subject: Readonly<Record<string, unknown>>): PolicyChange {
  const { name, policy: stated = null, replaces = null, ...rest } = subject;
  const errors: FieldError[] = [];
  if (Object.keys(rest).length > 0) errors.push({ field: "subject", rule: "holds name, policy and replaces alone" });
  if (!isPolicyName(name)) errors.push({ field: "subject.name", rule: "is the name of a policy" });
  if (!isHash(replaces)) {
    errors.push({ field: "subject.replaces", rule: "is the hash of the policy that this replaces, or null where there is none" });
  }
  const checked = stated === null ? { policy: null } : statedPolicy(catalogue, stated, name);
  if ("errors" in checked) errors.push(...checked.errors);
  if (errors.length > 0 || "errors" in checked) throw new RootkeepError("MALFORMED", { fields: errors });
  return { name: name as string, policy: checked.policy, replaces: replaces as string | null };
}

function isHash(value: unknown): boolean {
  return value === null || (typeof value === "string" && /^[0-9a-f]{64}$/.test(value));
}

function statedPolicy(catalogue: Catalogue, stated: unknown, name: unknown): { policy: Policy } | { errors: FieldError[] } {
  const checked = checkPolicy(stated);
  if ("errors" in checked) return { errors: checked.errors.map((error) => ({ ...error, field: `subject.${error.field}` })) };
  const errors = illusions(catalogue, checked.policy);
  if (checked.policy.name !== name) errors.push({ field: "subject.policy.name", rule: "is the name of the change" });
  return errors.length > 0 ? { errors } : checked;
}

/** Rules for a purpose that there is not, or laxer than the catalogue: they would do nothing, and somebody would think that they did. */
function illusions(catalogue: Catalogue, policy: Policy): FieldError[] {
  if (policy.purposes === "all") return [];
  const errors: FieldError[] = [];
  const rows = catalogue.entries.filter(({ slug }) => policy.purposes.includes(slug));
  const opened = rows.filter((row) => !isReferral(row));
  if (policy.purposes.some((slug) => !rows.some((row) => row.slug === slug))) {
    errors.push({ field: "subject.policy.purposes", rule: "are purposes of the catalogue" });
  }
  const never = (field: string, isLax: boolean): void => {
    if (isLax) errors.push({ field: `subject.policy.${field}`, rule: "is not laxer than the catalogue, for any of its purposes" });
  };
  const { approvals, minutes, codes } = policy;
  never("approvals", approvals !== undefined && opened.some((row) => approvals < row.approvals));
  never("minutes", minutes !== undefined && opened.some((row) => minutes > row.minutes));
  never("codes", codes !== undefined && opened.some((row) => codes > row.codes));
  return errors;
}

/** The guarded act `person.team`. */
function teamAct(): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "person.team",
    async check(tx, form) {
      const { personId, team } = await teamForm(tx, form);
      return custodianForm({ personId, team }, { personId, disclosures: team === null ? [] : [{ field: "team", value: team }] });
    },
    async apply(tx, decided) {
      const { personId } = decided.row;
      const team = decided.body.subject["team"];
      if (personId === null || !(team === null || isTeam(team))) throw new Error("request is about no team");
      return [await setTeam(tx, mintGrant("person.team", decided), { personId, team }, partiesOf(decided))];
    },
  };
}

async function teamForm(tx: WorkTransaction, { subject }: RequestForm) {
  const { personId, team = null } = subject;
  const fields: FieldError[] = [];
  if (!isId("person", personId)) fields.push({ field: "subject.personId", rule: "is the id of a person" });
  if (team !== null && !isTeam(team)) {
    fields.push({ field: "subject.team", rule: "is lower-case words joined by hyphens, at most 48 characters; or null" });
  }
  if (fields.length > 0 || !isId("person", personId)) throw new RootkeepError("MALFORMED", { fields });
  await assertKnownPerson(tx, personId);
  return { personId, team: team as string | null };
}
