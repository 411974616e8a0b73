import { hash, verify } from "@node-rs/argon2";
import type { FieldError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";

/** The library's `Algorithm.Argon2id`, an ambient const enum that isolated modules cannot read. */
const ARGON2ID = 2;

/** argon2id, 64 MiB, 3 passes, one lane: above OWASP's and RFC 9106's second recommendation for memory-constrained servers. */
const PARAMETERS = { algorithm: ARGON2ID, memoryCost: 64 * 1024, timeCost: 3, parallelism: 1 } as const;

let decoy: Promise<string> | undefined;

/** PHC string of an employee's password. */
export async function hashPassword(password: string): Promise<string> {
  return await hash(password, PARAMETERS);
}

/**
 * True if `password` is the one of `phc`. Without a hash (nobody by that name) it does the same work and says no, so that the time taken
 * does not tell who exists.
 */
export async function checkPassword(phc: string | undefined, password: string): Promise<boolean> {
  decoy ??= hashPassword("nobody has this password");
  const isRight = await verify(phc ?? (await decoy), password);
  return isRight && phc !== undefined;
}

/** The rules that a new password of an employee breaks (NIST SP 800-63B-4: length, no composition rules). */
export function checkNewPassword(password: string, own: readonly string[]): FieldError[] {
  const broken = (rule: string): FieldError[] => [{ field: "password", rule }];
  if (password.length < LIMITS.passwordCharsMin) return broken("has at least 12 characters");
  if (password.length > LIMITS.passwordCharsMax) return broken("has at most 256 characters");
  if (!password.isWellFormed()) return broken("is well-formed Unicode");
  if (new Set(password).size < 5) return broken("is more than a repetition");
  const lower = password.toLowerCase();
  if (own.some((word) => word.length > 3 && lower === word.toLowerCase())) return broken("is not your name or e-mail");
  return [];
}
