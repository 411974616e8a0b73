import { ACCOUNT_RULES } from "./account.js";

/** What the checks of a credential answer; constants, never a byte of the credential (law L8). */
export const CREDENTIAL_RULES = {
  passwordLength: "must be 8 to 128 characters, which is AWS's rule for root passwords; blanks count and are kept",
  passwordCharacters: "must be printable ASCII, which is what AWS's sign-in form takes",
  passwordClasses:
    "must hold three of: upper-case letters, lower-case letters, digits, the symbols ! @ # $ % ^ & * ( ) < > [ ] { } | _ + - = (AWS's rule)",
  passwordIsEmail: "must not be the root e-mail address (AWS's rule)",
  seedLength: "must be 16 to 128 base32 characters after blanks are taken out (10 to 80 bytes)",
  seedAlphabet: "must be base32: the upper-case letters A to Z and the digits 2 to 7; padding with = is not needed",
  seedForm: "is not whole base32: characters are missing at its end, or its padding is wrong",
  accessKey: ACCOUNT_RULES.accessKey,
} as const;

/** A rule that a credential broke. */
export type CredentialRule = (typeof CREDENTIAL_RULES)[keyof typeof CREDENTIAL_RULES];

const PASSWORD_BYTES_MIN = 8;
const PASSWORD_BYTES_MAX = 128;
const PASSWORD_CLASSES_MIN = 3;
const SEED_CHARS_MIN = 16;
const SEED_CHARS_MAX = 128;
const SYMBOLS = new Set(Buffer.from("!@#$%^&*()<>[]{}|_+-=", "ascii"));
const BLANK = 0x20;
const EQUALS = 0x3d;

const isUpper = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const lower = (byte: number): number => (isUpper(byte) ? byte | 0x20 : byte);

/**
 * The rule of AWS that an existing root password breaks, or null (domain file §2.1). It works on bytes and makes no string, which could
 * not be erased. Blanks are part of a password and are not trimmed: a trimmed one would be sealed and never work.
 */
export function passwordRule(password: Buffer, rootEmail: string): CredentialRule | null {
  if (holdsAccessKeyId(password)) return CREDENTIAL_RULES.accessKey;
  if (password.some((byte) => byte < 0x20 || byte > 0x7e)) return CREDENTIAL_RULES.passwordCharacters;
  if (password.length < PASSWORD_BYTES_MIN || password.length > PASSWORD_BYTES_MAX) return CREDENTIAL_RULES.passwordLength;
  const classes = [isUpper, isLower, isDigit, (byte: number) => SYMBOLS.has(byte)];
  if (classes.filter((belongs) => password.some(belongs)).length < PASSWORD_CLASSES_MIN) return CREDENTIAL_RULES.passwordClasses;
  const email = Buffer.from(rootEmail, "utf8");
  if (email.length === password.length && password.every((byte, at) => lower(byte) === lower(email[at] ?? 0))) {
    return CREDENTIAL_RULES.passwordIsEmail;
  }
  return null;
}

/**
 * The seed that `text` spells in base32 (RFC 4648 §6), as raw bytes, or the rule that it breaks. Blanks, which authenticator pages put
 * between groups, are taken out; case is not bent, and bits left over at the end must be zero, because both are signs of a bad copy and
 * a wrong seed is noticed only when it is needed. The caller owns, and wipes, both buffers.
 */
export function decodeSeed(text: Buffer): Buffer | CredentialRule {
  if (isAccessKeyId(text)) return CREDENTIAL_RULES.accessKey;
  const kept = text.filter((byte) => byte !== BLANK);
  const dense = Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength);
  try {
    return decodeDense(dense);
  } finally {
    dense.fill(0);
  }
}

function decodeDense(dense: Buffer): Buffer | CredentialRule {
  const padding = dense.indexOf(EQUALS);
  const length = padding === -1 ? dense.length : padding;
  const letters = dense.subarray(0, length);
  if (letters.some((byte) => base32Digit(byte) === -1)) return CREDENTIAL_RULES.seedAlphabet;
  if (dense.subarray(length).some((byte) => byte !== EQUALS)) return CREDENTIAL_RULES.seedAlphabet;
  if (length < SEED_CHARS_MIN || length > SEED_CHARS_MAX) return CREDENTIAL_RULES.seedLength;
  if (padding !== -1 && dense.length !== Math.ceil(length / 8) * 8) return CREDENTIAL_RULES.seedForm;

  const seed = Buffer.alloc(Math.floor((length * 5) / 8));
  let bits = 0;
  let bitCount = 0;
  let written = 0;
  for (const byte of letters) {
    bits = (bits << 5) | base32Digit(byte);
    bitCount += 5;
    if (bitCount < 8) continue;
    bitCount -= 8;
    seed[written++] = bits >>> bitCount;
    bits &= (1 << bitCount) - 1;
  }
  // Five or more bits left over mean a character that carries nothing: no encoder writes that.
  if (bitCount < 5 && bits === 0) return seed;
  seed.fill(0);
  return CREDENTIAL_RULES.seedForm;
}

function base32Digit(byte: number): number {
  if (isUpper(byte)) return byte - 0x41;
  return byte >= 0x32 && byte <= 0x37 ? byte - 0x32 + 26 : -1;
}

const KEY_ID_CHARS = 20;
const isKeyIdByte = (byte: number | undefined): boolean => byte !== undefined && (isUpper(byte) || isDigit(byte));

/** True if the whole cell is an AWS access key id. A part of a seed is not looked at: it may hold these letters by chance. */
function isAccessKeyId(cell: Buffer): boolean {
  if (cell.length !== KEY_ID_CHARS || cell[0] !== 0x41 || cell[2] !== 0x49 || cell[3] !== 0x41) return false;
  if (cell[1] !== 0x4b && cell[1] !== 0x53) return false;
  return cell.every(isKeyIdByte);
}

/**
 * True if an AWS access key id stands in the cell, alone or beside something: a key comes with its secret, often in one piece. No generated
 * password holds one but by a chance of less than one in 10^20.
 */
function holdsAccessKeyId(cell: Buffer): boolean {
  for (let at = cell.indexOf(0x41); at !== -1 && at + KEY_ID_CHARS <= cell.length; at = cell.indexOf(0x41, at + 1)) {
    const end = at + KEY_ID_CHARS;
    if (!isKeyIdByte(cell[at - 1]) && !isKeyIdByte(cell[end]) && isAccessKeyId(cell.subarray(at, end))) return true;
  }
  return false;
}
