import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { SignBytes } from "../../src/audit/tlog/note.js";
import { newVerifierKey, type VerifierKey } from "../../src/audit/tlog/verifier-key.js";

/** A key that signs notes, with the private key that only tests hold in memory. */
export interface NoteSigner {
  readonly key: VerifierKey;
  readonly sign: SignBytes;
}

// What stands before the seed and the public key of Ed25519 in PKCS #8 and SPKI (RFC 8410).
const PKCS8_START = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_START_BYTES = 12;

/** The signer of a seed of 32 bytes. */
export function noteSigner(name: string, type: "ed25519" | "cosignature", seed: Uint8Array): NoteSigner {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_START, seed]), format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return { key: newVerifierKey(name, type, spki.subarray(SPKI_START_BYTES)), sign: (message) => sign(null, message, privateKey) };
}
