import { webcrypto } from "node:crypto";
import { Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import type { Secret } from "../kernel/secret.js";
import { KEY_BYTES } from "./domain.js";

declare global {
  // Types of the browser that the library's declarations name; Node has the one as a value and the other not at all.
  type CryptoKey = webcrypto.CryptoKey;
  type AuthenticationExtensionsPRFValues = Readonly<Record<"first" | "second", unknown>>;
}

/** The escrow identity in use: a key of Web Cryptography, outside the JavaScript heap and not to be exported. */
export type EscrowIdentity = webcrypto.CryptoKey;

/** PKCS #8 of an X25519 key, up to its 32 bytes (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");

/**
 * The identity whose scalar is `scalar` (32 bytes), which stays the caller's to wipe. Not by way of age's text form `AGE-SECRET-KEY-1…`: a
 * JavaScript string cannot be erased.
 */
export async function identityOf(scalar: Secret<Buffer>): Promise<EscrowIdentity> {
  const pkcs8 = scalar.expose((bytes) => {
    if (bytes.length !== KEY_BYTES) throw new Error("an escrow identity has the wrong length");
    return Buffer.concat([PKCS8_HEAD, bytes]);
  });
  try {
    return await webcrypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
  } finally {
    pkcs8.fill(0);
  }
}

/** The recipient of `identity`: `age1…`. */
export async function recipientOf(identity: EscrowIdentity): Promise<string> {
  return await identityToRecipient(identity);
}

/** True if `text` is an X25519 recipient of age, checksum and all. Other kinds of recipients are none here. */
export function isRecipient(text: string): boolean {
  if (!/^age1[02-9ac-hj-np-z]{58}$/.test(text)) return false;
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    // The library's message quotes the text.
    return false;
  }
}

/**
 * `plaintext` as an age file to `recipient` and nobody else: age opens for any one of several (design §4). The plaintext stays the caller's
 * to wipe; the library's own copy of a block is out of our reach (docs/threat-model.md).
 * @throws Error for a recipient that {@link isRecipient} refuses.
 */
export async function encryptTo(recipient: string, plaintext: Uint8Array): Promise<Buffer> {
  if (!isRecipient(recipient)) throw new Error("no escrow recipient");
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(plaintext));
}

/** What {@link encryptTo} made of a challenge, for `identity`; null when it is not for it, or damaged. */
export async function decryptWith(identity: EscrowIdentity, file: Uint8Array): Promise<Buffer | null> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    return Buffer.from(await decrypter.decrypt(file));
  } catch {
    return null;
  }
}
