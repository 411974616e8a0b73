// Time-based codes (RFC 6238, SHA-1, six digits) by node:crypto alone: what an authenticator app does, written without the code under test.
import { createHmac } from "node:crypto";

/** What an `otpauth://totp/` URI says. */
export interface TotpKey {
  readonly seed: Buffer;
  readonly periodSeconds: number;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The key of an `otpauth://totp/` URI. @throws Error when it is another kind of URI. */
export function parseOtpauth(uri: string): TotpKey {
  const url = new URL(uri);
  const seed = url.searchParams.get("secret");
  if (url.protocol !== "otpauth:" || url.host !== "totp" || seed === null) throw new Error("no otpauth URI of a time-based key");
  return { seed: fromBase32(seed), periodSeconds: Number(url.searchParams.get("period") ?? "30") };
}

/** Bytes of base32 text without blanks; padding may be there. */
export function fromBase32(text: string): Buffer {
  const bits = Array.from(text.replace(/=+$/, ""), (character) => {
    const value = ALPHABET.indexOf(character);
    if (value === -1) throw new Error("no base32");
    return value.toString(2).padStart(5, "0");
  });
  const bytes = bits.join("").match(/[01]{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

/** The time step that `milliseconds` since 1970 lie in. */
export function stepAt(periodSeconds: number, milliseconds: number): number {
  return Math.floor(milliseconds / 1000 / periodSeconds);
}

/** The code of a time step. */
export function codeOfStep(seed: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", seed).update(counter).digest();
  const offset = digest.readUInt8(digest.length - 1) & 0x0f;
  const number = digest.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, "0");
}
