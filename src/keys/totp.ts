import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createGuardrails, generateSync, ScureBase32Plugin } from "otplib";

/** Seed sizes in bytes that AWS and its customers use (domain facts §2.4: 16 to 128 base32 characters). */
export const SEED_BYTES = { min: 10, max: 80 } as const;
/** AWS's time step in seconds. */
export const AWS_PERIOD_SECONDS = 30;

const DIGITS = 6;
const CODE = /^[0-9]{6}$/;
const GUARDRAILS = createGuardrails({ MIN_SECRET_BYTES: SEED_BYTES.min, MAX_SECRET_BYTES: SEED_BYTES.max });
const BASE32 = new ScureBase32Plugin();

/** The HMAC runs in OpenSSL: the library's own, in JavaScript, would leave padded copies of the seed in the heap. */
const NODE_CRYPTO = {
  name: "node",
  hmac: (algorithm: string, key: Uint8Array, message: Uint8Array) => createHmac(algorithm, key).update(message).digest(),
  randomBytes: (length: number) => randomBytes(length),
  constantTimeEqual: (a: string | Uint8Array, b: string | Uint8Array) => {
    const [left, right] = [Buffer.from(a), Buffer.from(b)];
    return left.length === right.length && timingSafeEqual(left, right);
  },
};

/** The time step that `unixSeconds` lies in (RFC 6238 §4.2, T0 = 0). */
export function stepOf(unixSeconds: number, periodSeconds: number = AWS_PERIOD_SECONDS): number {
  if (!Number.isFinite(unixSeconds) || unixSeconds < 0 || !Number.isSafeInteger(periodSeconds) || periodSeconds < 1) {
    throw new Error("time or period is out of range");
  }
  return Math.floor(unixSeconds / periodSeconds);
}

/**
 * The six-digit code of `seed` at `unixSeconds` (RFC 6238, SHA-1).
 * @throws Error when the seed has fewer than 10 or more than 80 bytes.
 */
export function totpAt(seed: Buffer, unixSeconds: number, periodSeconds: number = AWS_PERIOD_SECONDS): string {
  return codeOfStep(seed, stepOf(unixSeconds, periodSeconds));
}

/**
 * The time step whose code is `code`, within `window` steps around `unixSeconds`, or null. A step that is not greater than `afterStep`
 * is refused: a code is accepted once. All codes of the window are compared in full, so the time taken tells nothing.
 */
export function verifyTotp(
  seed: Buffer,
  code: string,
  unixSeconds: number,
  periodSeconds: number = AWS_PERIOD_SECONDS,
  window = 1,
  afterStep: number | null = null,
): number | null {
  const now = stepOf(unixSeconds, periodSeconds);
  // A malformed code runs the same comparisons against a code that is never right.
  const isWellFormed = CODE.test(code);
  const given = Buffer.from(isWellFormed ? code : "------");
  let accepted: number | null = null;
  for (let step = Math.max(0, now - window); step <= now + window; step++) {
    const isEqual = timingSafeEqual(given, Buffer.from(codeOfStep(seed, step)));
    // The earliest step that is still allowed wins, so a code that happens to be right twice does not burn the later one.
    if (isEqual && isWellFormed && accepted === null && (afterStep === null || step > afterStep)) accepted = step;
  }
  return accepted;
}

/**
 * Seed bytes of base32 text as people paste it: blanks are dropped, case and padding do not matter. Null for anything else, and for a
 * seed of fewer than 10 or more than 80 bytes. Works on bytes, as a string could not be wiped; the result is the caller's to wipe.
 */
export function seedFromBase32(text: Buffer): Buffer | null {
  const seed = Buffer.alloc(Math.floor((text.length * 5) / 8));
  let [size, bits, pending, isEnded] = [0, 0, 0, false];
  for (const byte of text) {
    if (byte === 0x20 || byte === 0x09 || byte === 0x2d) continue;
    const value = base32Value(byte);
    if (byte === 0x3d) isEnded = true;
    else if (value === null || isEnded) return wiped(seed);
    else {
      pending = ((pending << 5) | value) & 0xfff;
      bits += 5;
      if (bits >= 8) {
        bits -= 8;
        seed.writeUInt8((pending >> bits) & 0xff, size++);
      }
    }
  }
  if (!isWholeSeed(size, bits, pending)) return wiped(seed);
  const exact = Buffer.alloc(size);
  seed.copy(exact, 0, 0, size);
  seed.fill(0);
  return exact;
}

/** Upper-case base32 of `seed` without padding, as authenticator apps take it. A string cannot be wiped: for enrolment only. */
export function base32OfSeed(seed: Buffer): string {
  return BASE32.encode(seed, { padding: false });
}

function codeOfStep(seed: Buffer, step: number): string {
  return generateSync({
    secret: seed,
    epoch: step,
    period: 1,
    digits: DIGITS,
    algorithm: "sha1",
    crypto: NODE_CRYPTO,
    guardrails: GUARDRAILS,
  });
}

/** Left-over bits must be zero and fewer than five, else another text would give the same seed. */
function isWholeSeed(size: number, bits: number, pending: number): boolean {
  return bits < 5 && (pending & ((1 << bits) - 1)) === 0 && size >= SEED_BYTES.min && size <= SEED_BYTES.max;
}

function base32Value(byte: number): number | null {
  const upper = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
  if (upper >= 0x41 && upper <= 0x5a) return upper - 0x41;
  return upper >= 0x32 && upper <= 0x37 ? upper - 0x32 + 26 : null;
}

function wiped(seed: Buffer): null {
  seed.fill(0);
  return null;
}
