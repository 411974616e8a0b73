import { type CredentialRule, decodeSeed } from "../accounts/imported-credential.js";

/** Rules that an otpauth URI breaks besides those of the seed in it; constants, never a byte of it (law L8). */
export const SEED_TEXT_RULES = {
  type: "must be a base32 seed, or an otpauth URI of type totp",
  secret: "must name its secret exactly once",
  parameters: "must have what AWS's devices have: SHA1, 6 digits, 30 seconds",
} as const;

/** A rule that the text broke. */
export type SeedTextRule = CredentialRule | (typeof SEED_TEXT_RULES)[keyof typeof SEED_TEXT_RULES];

const SCHEME = Buffer.from("otpauth:", "ascii");
const TOTP = Buffer.from("otpauth://totp/", "ascii");
const SECRET = Buffer.from("secret=", "ascii");
/** What else of an otpauth URI decides about its codes; AWS's devices have these and no others (domain facts §2.4). */
const FIXED: Readonly<Record<string, string>> = { "algorithm=": "SHA1", "digits=": "6", "period=": "30" };
const [QUESTION, AMPERSAND, LINE_FEED, RETURN] = [0x3f, 0x26, 0x0a, 0x0d];

/**
 * The seed that `text` spells, as raw bytes, or the rule that it breaks: base32 as an authenticator page shows it, or the otpauth URI behind a
 * QR code. It works on bytes and makes no string of the seed, which could not be erased. A root access key is refused. Both buffers are the
 * caller's to wipe.
 */
export function parseSeedText(text: Buffer): Buffer | SeedTextRule {
  const line = withoutLineEnd(text);
  if (!startsWith(line, SCHEME)) return decodeSeed(line);
  if (!startsWith(line, TOTP)) return SEED_TEXT_RULES.type;
  const from = line.indexOf(QUESTION);
  const parameters = from === -1 ? [] : splitAt(line.subarray(from + 1), AMPERSAND);
  const [secret, ...more] = parameters.filter((parameter) => startsWith(parameter, SECRET));
  if (secret === undefined || more.length > 0) return SEED_TEXT_RULES.secret;
  for (const [name, value] of Object.entries(FIXED)) {
    const given = parameters.filter((parameter) => startsWith(parameter, Buffer.from(name, "ascii")));
    const expected = Buffer.from(`${name}${value}`, "ascii");
    if (given.some((parameter) => !parameter.equals(expected))) return SEED_TEXT_RULES.parameters;
  }
  return decodeSeed(secret.subarray(SECRET.length));
}

/** True if `value` is a rule that was broken, and no seed. */
export function isBroken(value: Buffer | SeedTextRule): value is SeedTextRule {
  return typeof value === "string";
}

function startsWith(bytes: Buffer, prefix: Buffer): boolean {
  return bytes.subarray(0, prefix.length).equals(prefix);
}

function withoutLineEnd(text: Buffer): Buffer {
  let end = text.length;
  while (end > 0 && (text[end - 1] === LINE_FEED || text[end - 1] === RETURN)) end--;
  return text.subarray(0, end);
}

function splitAt(bytes: Buffer, separator: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0; from <= bytes.length; ) {
    const at = bytes.indexOf(separator, from);
    const end = at === -1 ? bytes.length : at;
    parts.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return parts;
}
