import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { Grant } from "../kernel/grant.js";
import { type Id, isId } from "../kernel/ids.js";
import type { Operation } from "../kernel/operations.js";
import { type Allowlist, type AllowlistForm, checkAllowlistForm } from "../people/allowlist.service.js";
import type { Certification } from "../people/certification.service.js";
import { assertUnknown, type Enrolment } from "../people/enrolment.service.js";
import type { Identities } from "../people/identities.service.js";
import { assertKnownPerson, type People } from "../people/people.service.js";
import { checkPersonForm, type PersonForm } from "../people/person-form.js";
import { scopeDisclosures } from "../people/scope.js";
import { revokeGrantsOf } from "./end-grant.service.js";
import type { CheckedForm, DecidedRequest, GuardedAct, RequestForm } from "./guarded-act.port.js";

/** Policy of acts that custodians decide among themselves. */
export const CUSTODIAN_POLICY = Object.freeze({ version: "custodians-1", approvals: 1 });

/** What every act of custodians shares: one asks, another approves, and it is done with the approval. */
export const CUSTODIAN_ACT = {
  requesterRole: "custodian",
  approverRole: "custodian",
  isTicketNeeded: false,
  approvedState: "CLOSED",
  termsNow: () => Promise.resolve({ scoped: null, approvals: CUSTODIAN_POLICY.approvals }),
} as const satisfies Partial<GuardedAct>;

/** The form of an act of custodians about `subject`. */
export function custodianForm(subject: CheckedForm["subject"], rest: Partial<CheckedForm> = {}): CheckedForm {
  return {
    account: null,
    purpose: null,
    secrets: [],
    policy: CUSTODIAN_POLICY,
    minutes: 0,
    flags: [],
    subject,
    personId: null,
    scoped: null,
    disclosures: [],
    ...rest,
  };
}

/** Who asked and who decided, for the modules below. */
export function partiesOf(decided: DecidedRequest): { requestId: Id<"request">; askedBy: Id<"person">; approvedBy: Id<"person"> } {
  const approvedBy = decided.approvers.at(-1);
  if (approvedBy === undefined) throw new Error("nobody approved");
  return { requestId: decided.row.id, askedBy: decided.row.requesterId, approvedBy };
}

/** Proof for the module below that `operation` was decided here. */
export function mintGrant<Op extends Operation>(operation: Op, decided: DecidedRequest): Grant<Op> {
  return Grant.mint(operation, decided.row.id, decided.row.requesterId);
}

/** The guarded acts on people and allowlist: the engine's side of what `people` does. */
export function peopleActs(
  people: People,
  enrolment: Enrolment,
  allowlist: Allowlist,
  certification: Certification,
  linking: Linking,
): GuardedAct[] {
  return [
    ...[enrolAct(enrolment), resetAct(enrolment), restoreAct(people), leaveAct(people)],
    ...[allowlistAct(allowlist), certifyAct(certification), linkAct(linking)],
  ];
}

/** Who links identities, and of which issuer; null where there is no provider. */
export interface Linking {
  readonly identities: Identities;
  readonly issuer: string | null;
}

function enrolAct(enrolment: Enrolment): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "person.enrol",
    async check(tx, form) {
      const person = personForm(form);
      await assertUnknown(tx, person);
      const disclosures = [
        { field: "name", value: person.name },
        { field: "email", value: person.email },
      ];
      return custodianForm({ ...person }, { disclosures });
    },
    async apply(tx, decided) {
      const form = decided.body.subject as unknown as PersonForm;
      return [await enrolment.enrol(tx, mintGrant("person.enrol", decided), form, partiesOf(decided))];
    },
  };
}

function resetAct(enrolment: Enrolment): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "authenticator.reset",
    check: aboutPerson,
    async apply(tx, decided) {
      // Grants are locked before the person, as by those who open them.
      const revoked = await revokeGrantsOf(tx, personOf(decided));
      const reset = await enrolment.reset(tx, mintGrant("authenticator.reset", decided), personOf(decided), partiesOf(decided));
      return [reset, ...revoked, ...(await revokeGrantsOf(tx, personOf(decided)))];
    },
  };
}

/** Linking an identity of the company's provider: custodians see of which issuer. */
function linkAct({ identities, issuer }: Linking): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "identity.link",
    async check(tx, form) {
      if (issuer === null) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "there is no provider to sign in at" } });
      const checked = await aboutPerson(tx, form);
      return { ...checked, subject: { ...checked.subject, issuer } };
    },
    async apply(tx, decided) {
      if (decided.body.subject["issuer"] !== issuer) throw new RootkeepError("STATE_CONFLICT");
      return [await identities.invite(tx, mintGrant("identity.link", decided), personOf(decided), partiesOf(decided))];
    },
  };
}

function restoreAct(people: People): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "person.restore",
    check: aboutPerson,
    async apply(tx, decided) {
      return [await people.restore(tx, mintGrant("person.restore", decided), personOf(decided), partiesOf(decided))];
    },
  };
}

function leaveAct(people: People): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "person.leave",
    check: aboutPerson,
    async apply(tx, decided) {
      return await people.leave(tx, mintGrant("person.leave", decided), personOf(decided), partiesOf(decided));
    },
  };
}

function allowlistAct(allowlist: Allowlist): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "allowlist.grant",
    async check(tx, form) {
      const checked = checkAllowlistForm(form.subject);
      if ("errors" in checked) throw new RootkeepError("MALFORMED", { fields: checked.errors.map(inSubject) });
      const { personId, role, scope, validDays } = checked.form;
      await assertKnownPerson(tx, personId);
      return custodianForm({ personId, role, scope, validDays }, { personId, disclosures: scopeDisclosures(scope) });
    },
    async apply(tx, decided): Promise<readonly Drafted<EntryDraft>[]> {
      const form = decided.body.subject as unknown as AllowlistForm;
      return [await allowlist.grant(tx, mintGrant("allowlist.grant", decided), form, partiesOf(decided))];
    },
  };
}

function certifyAct(certification: Certification): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "allowlist.certify",
    async check(tx, form) {
      const { digest, policies, entries, lapsed } = await certification.currentIn(tx);
      // The custodian names what they have looked at; what changed meanwhile is not it.
      if (form.subject["digest"] !== digest)
        throw new RootkeepError("MALFORMED", {
          fields: [{ field: "subject.digest", rule: "is the digest of allowlist, teams and policies as they stand" }],
        });
      return custodianForm({ digest, policies, entries, lapsed });
    },
    async apply(tx, decided) {
      const { digest } = decided.body.subject;
      if (typeof digest !== "string") throw new RootkeepError("STATE_CONFLICT");
      return [await certification.certify(tx, mintGrant("allowlist.certify", decided), digest, partiesOf(decided))];
    },
  };
}

function personForm(form: RequestForm): PersonForm {
  const { name, email } = form.subject;
  const person = { name: typeof name === "string" ? name : "", email: typeof email === "string" ? email : "" };
  const fields = checkPersonForm(person);
  if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields: fields.map(inSubject) });
  return person;
}

async function aboutPerson(tx: WorkTransaction, form: RequestForm): Promise<CheckedForm> {
  const { personId } = form.subject;
  if (!isId("person", personId)) {
    throw new RootkeepError("MALFORMED", { fields: [{ field: "subject.personId", rule: "is the id of a person" }] });
  }
  await assertKnownPerson(tx, personId);
  return custodianForm({ personId }, { personId });
}

function personOf(decided: DecidedRequest): Id<"person"> {
  const { personId } = decided.row;
  if (personId === null) throw new Error("request is about nobody");
  return personId;
}

function inSubject<E extends { readonly field: string }>(error: E): E {
  return { ...error, field: `subject.${error.field}` };
}
