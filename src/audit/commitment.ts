import { hash, randomBytes } from "node:crypto";
import { utf8 } from "../kernel/encoding.js";

/** Bytes of a salt. 128 random bits: a guess of the value (a name, an e-mail address) cannot be tried without them. */
export const SALT_BYTES = 16;

const LABEL = Buffer.from("rk-pii-1\0", "utf8");
const NUL = Buffer.from([0]);
const FORM = /^c1:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const FIELD = /^[a-z][A-Za-z0-9_]{0,63}(?:\.[A-Za-z0-9_]{1,63}){0,4}$/;

/** What opens a commitment: kept in a table of its own, which may be erased without touching the log. */
export interface Opening {
  /** Dotted name, such as `request.reason`. */
  readonly field: string;
  /** {@link SALT_BYTES} random bytes. */
  readonly salt: Buffer;
  readonly value: string;
}

/** True if `text` has the form of a commitment, `c1:` and 43 characters of base64url. */
export function isCommitment(text: unknown): text is string {
  return typeof text === "string" && FORM.test(text);
}

/** True if `field` may name a committed value. It holds no NUL, which is what makes the committed bytes unambiguous [AE-14]. */
export function isCommittedField(field: string): boolean {
  return FIELD.test(field);
}

/**
 * A commitment to `value` under a fresh salt. The entry carries the commitment and stays for ever; the opening can be erased, and what
 * remains tells nothing.
 * @param salt for vectors only.
 * @throws Error when the field has no proper name or the value is not well-formed Unicode.
 */
export function commit(field: string, value: string, salt: Buffer = randomBytes(SALT_BYTES)): { commitment: string; salt: Buffer } {
  if (!isCommittedField(field)) throw new Error("a committed field has no proper name");
  if (salt.length !== SALT_BYTES) throw new Error("a salt has 16 bytes");
  // The field's name is inside: an opening of one field does not open another that holds the same text.
  const bytes = Buffer.concat([LABEL, salt, NUL, utf8(field), NUL, utf8(value)]);
  return { commitment: `c1:${hash("sha256", bytes, "buffer").toString("base64url")}`, salt };
}

/** True if `opening` opens `commitment`. Both are public by then, so the comparison need not hide its time. */
export function verifyCommitment(commitment: string, opening: Opening): boolean {
  if (!isCommittedField(opening.field) || opening.salt.length !== SALT_BYTES || !opening.value.isWellFormed()) return false;
  return commit(opening.field, opening.value, opening.salt).commitment === commitment;
}
