import { canonicalJson } from "../audit/canonical-json.js";
import { encodeFields } from "../kernel/encoding.js";
import type { RecordsKey } from "../keys/records.js";
import type { AlternateContact, ContactKind } from "./aws-account.port.js";

/** Of each kind that AWS told of, an HMAC; null where there is no such contact. */
type ContactMarks = Readonly<Partial<Record<ContactKind, string | null>>>;

/** A contact as its commitment in the log holds it. */
export interface ContactDisclosure {
  readonly field: string;
  readonly value: string;
}

/**
 * Which contacts are others than at the last snapshot. Names and addresses are personal: the log gets a commitment whose opening can be erased,
 * and the row nothing but an HMAC, by a key that the database never sees, so that nobody can try addresses against it.
 * @param before text of the row; null for the first snapshot.
 */
export function contactChanges(
  records: Pick<RecordsKey, "mac">,
  accountId: string,
  contacts: Readonly<Partial<Record<ContactKind, AlternateContact | null>>>,
  before: string | null,
): { readonly text: string; readonly disclosures: readonly ContactDisclosure[] } {
  const known: ContactMarks = before === null ? {} : (JSON.parse(before) as ContactMarks);
  const marks: Partial<Record<ContactKind, string | null>> = { ...known };
  const disclosures: ContactDisclosure[] = [];
  for (const [kind, contact] of Object.entries(contacts) as [ContactKind, AlternateContact | null][]) {
    const value = contact === null ? null : canonicalJson(contact);
    const mark = value === null ? null : records.mac(encodeFields(["posture-contact/1", accountId, kind, value])).toString("hex");
    if (mark === marks[kind]) continue;
    marks[kind] = mark;
    if (value !== null) disclosures.push({ field: `contact.${kind.toLowerCase()}`, value });
  }
  return { text: canonicalJson(marks), disclosures };
}
