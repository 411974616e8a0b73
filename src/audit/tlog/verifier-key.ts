import { createPublicKey, hash, verify } from "node:crypto";
import { isPlainText, parseBase64 } from "./text-fields.js";
import { TlogError } from "./tlog-error.js";

/** Types of C2SP signatures that this build checks: plain Ed25519 for logs, timestamped Ed25519 for witnesses. */
export const SIGNATURE_TYPE = { ed25519: 0x01, cosignature: 0x04 } as const;

/** Bytes of an Ed25519 public key. */
const ED25519_KEY_BYTES = 32;
/** Bytes of an Ed25519 signature. */
export const ED25519_SIGNATURE_BYTES = 64;

/** A public key by which notes are checked (C2SP signed-note). Name and id together say which key a signature is of. */
export interface VerifierKey {
  readonly name: string;
  /** Unsigned, 32 bits: a label, no fingerprint to trust. */
  readonly keyId: number;
  /** One byte; one that {@link SIGNATURE_TYPE} does not hold is carried, but checks nothing. */
  readonly type: number;
  readonly publicKey: Buffer;
}

/** True for a key's name: not empty, without Unicode spaces, plus signs and control characters. */
export function isKeyName(text: string): boolean {
  return text !== "" && isPlainText(text) && !/[\p{White_Space}+]/u.test(text);
}

/** First four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)` as an unsigned number. */
export function keyIdOf(name: string, type: number, publicKey: Uint8Array): number {
  return hash("sha256", Buffer.concat([Buffer.from(`${name}\n`, "utf8"), Buffer.of(type), publicKey]), "buffer").readUInt32BE();
}

/**
 * The verifier key of a public key of 32 bytes.
 * @throws Error when name or length are wrong.
 */
export function newVerifierKey(name: string, type: "ed25519" | "cosignature", publicKey: Uint8Array): VerifierKey {
  if (!isKeyName(name)) throw new Error("a key's name is empty or holds spaces, plus signs or control characters");
  if (publicKey.length !== ED25519_KEY_BYTES) throw new Error("an Ed25519 public key is 32 bytes");
  const number = SIGNATURE_TYPE[type];
  return { name, keyId: keyIdOf(name, number, publicKey), type: number, publicKey: Buffer.from(publicKey) };
}

/**
 * The key that a vkey line is, `name+hex8(id)+base64(type ‖ public key)`. The id of an unknown type is taken as it stands: ECDSA's, for
 * one, is made in another way.
 * @throws TlogError when it is malformed, or id or length do not fit a type that is known.
 */
export function parseVerifierKey(text: string): VerifierKey {
  // The base64 may hold plus signs of its own.
  const match = /^([^+]*)\+([^+]*)\+(.*)$/su.exec(text);
  const [, name = "", id = "", encoded = ""] = match ?? [];
  if (!isKeyName(name)) throw new TlogError("a verifier key has no name");
  if (!/^[0-9a-f]{8}$/.test(id)) throw new TlogError("a verifier key has no id");
  const bytes = parseBase64(encoded, "a verifier key");
  const [type] = bytes;
  if (type === undefined) throw new TlogError("a verifier key is empty");
  const key: VerifierKey = { name, keyId: Number.parseInt(id, 16), type, publicKey: bytes.subarray(1) };
  if (isKnownType(type)) {
    if (key.publicKey.length !== ED25519_KEY_BYTES) throw new TlogError("an Ed25519 public key is not 32 bytes");
    if (key.keyId !== keyIdOf(name, type, key.publicKey)) throw new TlogError("a verifier key has the id of another");
  }
  return key;
}

/** The line that {@link parseVerifierKey} reads. */
export function formatVerifierKey({ name, keyId, type, publicKey }: VerifierKey): string {
  return `${name}+${keyId.toString(16).padStart(8, "0")}+${Buffer.concat([Buffer.of(type), publicKey]).toString("base64")}`;
}

/** True for a type whose signatures this build checks. */
export function isKnownType(type: number): boolean {
  return type === SIGNATURE_TYPE.ed25519 || type === SIGNATURE_TYPE.cosignature;
}

/** Whether `signature` is the Ed25519 signature (RFC 8032, pure) of the key over `message`. */
export function isSignedBy({ publicKey }: VerifierKey, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey.toString("base64url") }, format: "jwk" });
  return signature.length === ED25519_SIGNATURE_BYTES && verify(null, message, key, signature);
}
