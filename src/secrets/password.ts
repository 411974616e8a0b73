import { randomInt } from "node:crypto";
import { Secret } from "../kernel/secret.js";

/** Lengths in characters: what AWS accepts for a root password, and what we generate (domain facts §2.1). */
export const AWS_PASSWORD_CHARS = { min: 8, max: 128 } as const;
export const GENERATED_PASSWORD_CHARS = { min: 32, standard: 48, max: 128 } as const;

/** AWS's four classes, without look-alikes (0 O o 1 l I |) and without < and >, which break copying through markup. */
const CLASSES = ["ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789", "!@#$%^&*()[]{}_+-="] as const;
const ALPHABET = CLASSES.join("");

const AWS_CLASSES = [/[A-Z]/, /[a-z]/, /[0-9]/, /[!@#$%^&*()<>[\]{}|_+\-=]/] as const;
const AWS_CLASSES_MIN = 3;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/**
 * A new root password of `chars` characters (32 to 128, 48 unless told), with at least one of each class. Every such password is equally
 * likely: characters come from `randomInt`, which has no modulo bias, and a draw that misses a class is thrown away whole. Repairing it
 * instead would make some places predictable. The bytes are the caller's to wipe.
 */
export function generateAwsPassword(chars: number = GENERATED_PASSWORD_CHARS.standard): Secret<Buffer> {
  if (!Number.isInteger(chars) || chars < GENERATED_PASSWORD_CHARS.min || chars > GENERATED_PASSWORD_CHARS.max) {
    throw new Error("password length is out of range");
  }
  // Memory of its own: a pooled buffer would share its slab with other people's bytes.
  const password = Buffer.alloc(chars);
  do {
    for (let index = 0; index < chars; index++) password.writeUInt8(ALPHABET.charCodeAt(randomInt(ALPHABET.length)), index);
  } while (!CLASSES.every((characters) => password.some((byte) => characters.includes(String.fromCharCode(byte)))));
  return Secret.of(password);
}

/**
 * True if AWS takes `password` for a root user: 8 to 128 characters, three of the four classes, and not the account's name or e-mail
 * (`names`, compared without case). Characters outside AWS's list are allowed beside them, as long as they are printable ASCII.
 */
export function isAcceptableAwsPassword(password: string, names: readonly string[] = []): boolean {
  if (password.length < AWS_PASSWORD_CHARS.min || password.length > AWS_PASSWORD_CHARS.max) return false;
  if (!PRINTABLE_ASCII.test(password)) return false;
  if (names.some((name) => name.toLowerCase() === password.toLowerCase())) return false;
  return AWS_CLASSES.filter((characters) => characters.test(password)).length >= AWS_CLASSES_MIN;
}
