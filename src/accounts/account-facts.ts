import { createHash } from "node:crypto";
import { canonicalJson } from "../audit/canonical-json.js";
import type { FieldError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { AccountRow } from "./account.entity.js";
import { ACCOUNT_RULES, type AccountKind, type AccountTags, checkTags, holdsAccessKeyId, isAccountKind, isLabel } from "./account.js";
import { type Contact, checkContacts, contactDisclosures, contactsText, parseContacts } from "./contact.js";
import { CUSTODY_RULE, type CustodyMode, custodyOf, isCustodyMode } from "./custody.js";

/** The facts of an account that its custodians may change. AWS id and partition are the account itself; state and address have rules of their own. */
export interface AccountFactsNow {
  readonly customer: string;
  readonly tags: AccountTags;
  readonly kind: AccountKind;
  readonly custody: CustodyMode;
  /** Id of the AWS organization, `o-…`, or null where there is none, or none that we know. */
  readonly organizationId: string | null;
  readonly contacts: readonly Contact[];
}

/** Names of {@link AccountFactsNow}, in the order in which they are shown. */
export const FACT_NAMES = [
  "customer",
  "tags",
  "kind",
  "custody",
  "organizationId",
  "contacts",
] as const satisfies readonly (keyof AccountFactsNow)[];
export type FactName = (typeof FACT_NAMES)[number];

const FACT_RULES = {
  tags: "is an object of texts",
  organizationId: "is the id of an AWS organization, o- and 10 to 32 lower-case letters and digits, or null",
  ofNone: "is null for a standalone account",
  central: "may be CENTRAL for a member of an organization only: root sessions come from there",
} as const;

const ORGANIZATION_ID = /^o-[a-z0-9]{10,32}$/;

/** The facts that `row` states. */
export function factsOf(row: Pick<AccountRow, "customer" | "tags" | "kind" | "custody" | "organizationId" | "contacts">): AccountFactsNow {
  return {
    customer: row.customer,
    tags: JSON.parse(row.tags) as AccountTags,
    kind: row.kind as AccountKind,
    custody: custodyOf(row),
    organizationId: row.organizationId,
    contacts: parseContacts(row.contacts),
  };
}

/** The columns that state `facts`. */
export function columnsOf(facts: AccountFactsNow): Pick<AccountRow, FactName> {
  const { customer, tags, kind, custody, organizationId, contacts } = facts;
  return { customer, tags: canonicalJson({ ...tags }), kind, custody, organizationId, contacts: contactsText(contacts) };
}

/** The facts that `stated` names, checked; a fact that it leaves out is that of `otherwise`. Errors hold no value (law L8). */
export function checkFacts(
  stated: Readonly<Record<string, unknown>>,
  otherwise: AccountFactsNow,
): { readonly facts: AccountFactsNow } | { readonly errors: readonly FieldError[] } {
  const all: StatedFacts = { ...otherwise, ...stated };
  const errors = FACT_NAMES.flatMap((name) => CHECKS[name](all[name], all));
  return errors.length > 0 ? { errors } : { facts: factsOfChecked(all) };
}

type StatedFacts = Readonly<Record<FactName, unknown>>;

/** Contacts come back whole, with what they leave out as null. */
function factsOfChecked(all: StatedFacts): AccountFactsNow {
  const { customer, tags, kind, custody, organizationId } = all as unknown as AccountFactsNow;
  const read = checkContacts(all.contacts);
  return { customer, tags, kind, custody, organizationId, contacts: "contacts" in read ? read.contacts : [] };
}

/** What each fact is held against; `all` for those that have to fit each other. */
const CHECKS: Readonly<Record<FactName, (value: unknown, all: StatedFacts) => readonly FieldError[]>> = {
  customer: (value) => {
    if (typeof value !== "string" || !isLabel(value, LIMITS.nameCharsMax)) return [{ field: "customer", rule: ACCOUNT_RULES.customer }];
    return holdsAccessKeyId(value) ? [{ field: "customer", rule: ACCOUNT_RULES.accessKey }] : [];
  },
  tags: (value) => (isTextMap(value) ? checkTags(value) : [{ field: "tags", rule: FACT_RULES.tags }]),
  kind: (value) => (typeof value === "string" && isAccountKind(value) ? [] : [{ field: "kind", rule: ACCOUNT_RULES.kind }]),
  custody: (value, { kind }) => {
    if (!isCustodyMode(value)) return [{ field: "custody", rule: CUSTODY_RULE }];
    return value === "CENTRAL" && kind !== "member" ? [{ field: "custody", rule: FACT_RULES.central }] : [];
  },
  organizationId: (value, { kind }) => {
    if (!isOrganizationId(value)) return [{ field: "organizationId", rule: FACT_RULES.organizationId }];
    return value !== null && kind === "standalone" ? [{ field: "organizationId", rule: FACT_RULES.ofNone }] : [];
  },
  contacts: (value) => {
    const read = checkContacts(value);
    return "errors" in read ? read.errors : [];
  },
};

function isOrganizationId(value: unknown): value is string | null {
  return value === null || (typeof value === "string" && ORGANIZATION_ID.test(value));
}

function isTextMap(value: unknown): value is AccountTags {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every((item) => typeof item === "string")
  );
}

/** SHA-256 over the canonical JSON of all facts, hex: what a change is bound to. It stands beside the facts, in no entry. */
export function factsHash(facts: AccountFactsNow): string {
  return createHash("sha256")
    .update(canonicalJson(columnsOf(facts)), "utf8")
    .digest("hex");
}

/** Names of the facts in which the two differ. */
export function changedFacts(before: AccountFactsNow, after: AccountFactsNow): readonly FactName[] {
  const [one, other] = [columnsOf(before), columnsOf(after)];
  return FACT_NAMES.filter((name) => one[name] !== other[name]);
}

/** What an entry only commits to of `facts`: who the customer is, what was written on labels, and people. */
export function factDisclosures(facts: AccountFactsNow, names: readonly FactName[] = FACT_NAMES): { field: string; value: string }[] {
  return [
    ...(names.includes("customer") ? [{ field: "customer", value: facts.customer }] : []),
    ...(names.includes("tags") ? [{ field: "tags", value: columnsOf(facts).tags }] : []),
    ...(names.includes("contacts") ? contactDisclosures(facts.contacts) : []),
  ];
}
