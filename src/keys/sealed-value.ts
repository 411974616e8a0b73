import { hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { encodeFields } from "../kernel/encoding.js";
import { RootkeepError } from "../kernel/errors.js";
import { Secret } from "../kernel/secret.js";
import { decryptAead, encryptAead, NONCE_BYTES, TAG_BYTES } from "./aead.js";
import { KEY_BYTES, type SealedKind } from "./domain.js";
import { pad, unpad } from "./padding.js";

/** Name of the format in associated data and key derivation (docs/spec/sealed-value.md). */
export const SEALED_FORMAT = "rk1";

const FORMAT_BYTE = 0x01;
const SALT_BYTES = 32;
const COMMITMENT_BYTES = 32;
const HEADER_BYTES = 1 + SALT_BYTES + COMMITMENT_BYTES + NONCE_BYTES;

/**
 * What a sealed value is bound to. It is built from the row that is being opened, never from the stored bytes: whoever moves bytes from
 * one row to another gets a refusal. All text; none may be left out.
 */
export interface SealedFacts {
  /** Our account id, or `-` for what belongs to the whole deployment. */
  readonly accountId: string;
  /** AWS's 12 digits, or `-`. */
  readonly awsAccountId: string;
  /** The secret, or for a person's second factor the authenticator. */
  readonly secretId: string;
  readonly kind: SealedKind;
  /** Counts from 1. */
  readonly version: number;
  /** Id of the version's row; an opening's audit entry is about this id, so the bytes answer to no other. */
  readonly versionId: string;
  readonly dataKeyId: string;
  /** The person for whom it was sealed, or the empty string. */
  readonly personId: string;
}

/** Where salt and nonce come from. Anything but the system's CSPRNG is for test vectors alone. */
export type RandomSource = (size: number) => Buffer;

/** [SV-6] Associated data: injective, so no two different sets of facts give the same bytes. */
export function associatedBytes(deployment: string, facts: SealedFacts): Buffer {
  if (!Number.isSafeInteger(facts.version) || facts.version < 1) throw new Error("version must be a positive integer");
  return encodeFields([
    SEALED_FORMAT,
    deployment,
    facts.accountId,
    facts.awsAccountId,
    facts.secretId,
    facts.kind,
    String(facts.version),
    facts.versionId,
    facts.dataKeyId,
    facts.personId,
  ]);
}

/**
 * Seals `plaintext` under `dataKey`: 0x01 ‖ salt ‖ commitment ‖ nonce ‖ ciphertext ‖ tag ([SV-2]). Both inputs stay the caller's.
 * @throws Error when the plaintext is longer than its kind allows.
 */
export function sealValue(
  dataKey: Secret<Buffer>,
  deployment: string,
  facts: SealedFacts,
  plaintext: Secret<Buffer>,
  random: RandomSource = randomBytes,
): Buffer {
  const associated = associatedBytes(deployment, facts);
  const salt = random(SALT_BYTES);
  const nonce = random(NONCE_BYTES);
  const padded = plaintext.expose((value) => pad(facts.kind, value));
  const keys = deriveKeys(dataKey, salt, facts.dataKeyId);
  try {
    const ciphertext = encryptAead(keys.encryption, nonce, associated, padded);
    return Buffer.concat([Buffer.of(FORMAT_BYTE), salt, keys.commitment, nonce, ciphertext]);
  } finally {
    padded.fill(0);
    keys.wipe();
  }
}

/**
 * Opens what {@link sealValue} made. The result is the caller's to wipe.
 * @throws RootkeepError `SEAL_BROKEN`, the same for every cause: another key, another row, a changed byte, a wrong length. A difference
 *   would tell an attacker which part of a forgery was right.
 */
export function openValue(dataKey: Secret<Buffer>, deployment: string, facts: SealedFacts, sealed: Buffer): Secret<Buffer> {
  const plaintext = tryOpen(dataKey, deployment, facts, sealed);
  if (plaintext === null) throw new RootkeepError("SEAL_BROKEN");
  return Secret.of(plaintext);
}

function tryOpen(dataKey: Secret<Buffer>, deployment: string, facts: SealedFacts, sealed: Buffer): Buffer | null {
  if (sealed.length <= HEADER_BYTES + TAG_BYTES || sealed[0] !== FORMAT_BYTE) return null;
  const salt = sealed.subarray(1, 1 + SALT_BYTES);
  const commitment = sealed.subarray(1 + SALT_BYTES, HEADER_BYTES - NONCE_BYTES);
  const nonce = sealed.subarray(HEADER_BYTES - NONCE_BYTES, HEADER_BYTES);
  const keys = deriveKeys(dataKey, salt, facts.dataKeyId);
  try {
    // [SV-8] GCM does not commit to its key: a ciphertext can be made that opens under two keys. The commitment fixes the key, so it is
    // compared before the cipher sees a byte, and in constant time so that it cannot be guessed byte by byte.
    if (!timingSafeEqual(commitment, keys.commitment)) return null;
    const padded = decryptAead(keys.encryption, nonce, associatedBytes(deployment, facts), sealed.subarray(HEADER_BYTES));
    if (padded === null) return null;
    const plaintext = unpad(facts.kind, padded);
    padded.fill(0);
    return plaintext;
  } finally {
    keys.wipe();
  }
}

/** [SV-4] One HKDF-SHA-512 block gives both halves; the salt is fresh per version, so no encryption key is ever used twice. */
function deriveKeys(dataKey: Secret<Buffer>, salt: Buffer, dataKeyId: string) {
  const label = encodeFields([SEALED_FORMAT, "keys", dataKeyId]);
  const block = dataKey.expose((key) => {
    if (key.length !== KEY_BYTES) throw new Error("data key has the wrong length");
    return Buffer.from(hkdfSync("sha512", key, salt, label, KEY_BYTES + COMMITMENT_BYTES));
  });
  return {
    encryption: block.subarray(0, KEY_BYTES),
    commitment: block.subarray(KEY_BYTES),
    wipe: () => {
      block.fill(0);
    },
  };
}
