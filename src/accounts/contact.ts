import { canonicalJson } from "../audit/canonical-json.js";
import type { FieldError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { holdsAccessKeyId, isLabel, isRootEmail } from "./account.js";

/** What somebody is to an account: AWS's three alternate contacts, and who owns it and signs for it. */
export const CONTACT_ROLES = ["owner", "signatory", "billing", "operations", "security"] as const;
export type ContactRole = (typeof CONTACT_ROLES)[number];

/** Somebody at the customer's whom an account's life concerns. Personal data: entries of the log only commit to it. */
export interface Contact {
  readonly role: ContactRole;
  readonly name: string;
  readonly email: string | null;
  /** In E.164: a plus, then 7 to 15 digits. */
  readonly phone: string | null;
}

/** Of one account. What a request shows before and after has to fit its form. */
export const CONTACTS_MAX = 6;

const CONTACT_RULES = {
  list: `is a list of at most ${String(CONTACTS_MAX)} contacts`,
  form: "has role, name, and email or phone, and nothing else",
  role: `is one of ${CONTACT_ROLES.join(", ")}`,
  name: "is 1 to 120 visible characters in Unicode form NFC, without blanks at either end",
  email: "is an e-mail address of at most 254 ASCII characters",
  phone: "is a plus and 7 to 15 digits (E.164), such as +493012345678",
} as const;

const MEMBERS = new Set(["role", "name", "email", "phone"]);
const PHONE = /^\+[1-9][0-9]{6,14}$/;

/** The contacts that `value` states, or the rules that it breaks; the values stand in no error (law L8). */
export function checkContacts(value: unknown): { readonly contacts: readonly Contact[] } | { readonly errors: readonly FieldError[] } {
  if (!Array.isArray(value) || value.length > CONTACTS_MAX) return { errors: [{ field: "contacts", rule: CONTACT_RULES.list }] };
  const read = value.map((item: unknown, at) => checkContact(item, `contacts.${String(at)}`));
  const errors = read.flatMap((item) => ("errors" in item ? item.errors : []));
  return errors.length > 0 ? { errors } : { contacts: read.flatMap((item) => ("contact" in item ? [item.contact] : [])) };
}

function checkContact(value: unknown, field: string): { readonly contact: Contact } | { readonly errors: readonly FieldError[] } {
  const stated: Readonly<Record<string, unknown>> = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const { role, name, email = null, phone = null } = stated;
  const isWhole = Object.keys(stated).every((member) => MEMBERS.has(member)) && (email !== null || phone !== null);
  const faults: readonly (readonly [string, string, boolean])[] = [
    [field, CONTACT_RULES.form, isWhole],
    [`${field}.role`, CONTACT_RULES.role, isRole(role)],
    [`${field}.name`, CONTACT_RULES.name, isName(name)],
    [`${field}.email`, CONTACT_RULES.email, email === null || isEmail(email)],
    [`${field}.phone`, CONTACT_RULES.phone, phone === null || isPhone(phone)],
  ];
  const errors = faults.filter(([, , isGood]) => !isGood).map(([at, rule]) => ({ field: at, rule }));
  return errors.length > 0 ? { errors } : { contact: { role, name, email, phone } as Contact };
}

function isEmail(value: unknown): value is string {
  return typeof value === "string" && isRootEmail(value);
}

function isPhone(value: unknown): value is string {
  return typeof value === "string" && PHONE.test(value);
}

function isRole(value: unknown): value is ContactRole {
  return (CONTACT_ROLES as readonly unknown[]).includes(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && isLabel(value, LIMITS.nameCharsMax) && !holdsAccessKeyId(value);
}

/** The text that is stored and stands under the row's HMAC; null for nobody. */
export function contactsText(contacts: readonly Contact[]): string | null {
  return contacts.length === 0 ? null : canonicalJson(contacts.map((contact) => ({ ...contact })));
}

/** Reads what {@link contactsText} wrote. */
export function parseContacts(text: string | null): readonly Contact[] {
  const checked = text === null ? { contacts: [] } : checkContacts(JSON.parse(text));
  if ("errors" in checked) throw new Error("stored contacts are malformed");
  return checked.contacts;
}

/** What an entry commits to: one field for each contact, so that one of them can be erased without the others. */
export function contactDisclosures(contacts: readonly Contact[], prefix = "contact"): { field: string; value: string }[] {
  return contacts.map((contact, at) => ({ field: `${prefix}.${String(at)}`, value: canonicalJson({ ...contact }) }));
}
