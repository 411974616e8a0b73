import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, verify } from "node:crypto";

/** Bytes of a message that every home of the log's key signs: AWS KMS takes no longer ones whole (its API reference, `Sign`). */
export const LOG_MESSAGE_BYTES_MAX = 4_096;

const SEED_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;

// What stands before the 32 bytes in the one DER form that a private key (RFC 8410 §7, without attributes) and a public key (§4) have.
// Compared as bytes: OpenSSL also takes other forms, and a key would then have files of two readings.
const PKCS8_START = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_START = Buffer.from("302a300506032b6570032100", "hex");

/** A new private key as PKCS #8, DER, 48 bytes. The caller wipes them. */
export function generatePrivateKey(): Buffer {
  return generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" });
}

/** The private key of PKCS #8 in DER, or null when the bytes are no Ed25519 key or not in the form of {@link generatePrivateKey}. */
export function readPrivateKey(pkcs8: Buffer): KeyObject | null {
  const isOurForm = pkcs8.length === PKCS8_START.length + SEED_BYTES && pkcs8.subarray(0, PKCS8_START.length).equals(PKCS8_START);
  return isOurForm ? createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }) : null;
}

/** The public key of a SubjectPublicKeyInfo in DER, or null when the bytes are no Ed25519 key. */
export function readPublicKey(spki: Buffer): KeyObject | null {
  const isOurForm = spki.length === SPKI_START.length + PUBLIC_KEY_BYTES && spki.subarray(0, SPKI_START.length).equals(SPKI_START);
  return isOurForm ? createPublicKey({ key: spki, format: "der", type: "spki" }) : null;
}

/** The raw public key, 32 bytes (RFC 8032 §5.1.5), of a public or private Ed25519 key. */
export function rawPublicKey(key: KeyObject): Buffer {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.export({ format: "der", type: "spki" }).subarray(SPKI_START.length);
}

/** Whether `signature` is the Ed25519 signature (pure, RFC 8032 §5.1.7) of `publicKey` over `message`. */
export function isSignature(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, message, publicKey, signature);
}

/** @throws Error when `message` is longer than what every home of the key signs: a checkpoint is a few hundred bytes. */
export function requireSignable(message: Uint8Array): void {
  if (message.length > LOG_MESSAGE_BYTES_MAX) throw new Error("a message for the log's key is longer than 4,096 bytes");
}
