import { randomBytes } from "node:crypto";

/** Where root addresses are made: `<before><random part><after>@<domain>`, all in lower case (`ROOTKEEP_ROOT_MAIL_DOMAIN`). */
export interface RootMailForm {
  readonly before: string;
  readonly after: string;
  readonly domain: string;
}

/**
 * Characters of the random part: 100 bits, so that nobody guesses an address that was not told (law L6), and in five bits each, so that it fits: AWS
 * takes 64 characters in all.
 */
const RANDOM_CHARS = 20;
/** Base32 of RFC 4648 in lower case: an address is compared without regard to case, and spelled out on the telephone. */
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** A new address of this form. */
export function newRootAddress({ before, after, domain }: RootMailForm): string {
  // 256 is a multiple of 32, so every letter is as likely as any other.
  const random = Array.from(randomBytes(RANDOM_CHARS), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join("");
  return `${before}${random}${after}@${domain}`;
}

/** The spelling under which an address is known: two that differ in case reach one mailbox. Root addresses are ASCII. */
export function addressKey(address: string): string {
  return address.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
