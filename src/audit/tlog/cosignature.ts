import { TlogError } from "./tlog-error.js";
import { ED25519_SIGNATURE_BYTES, isSignedBy, type VerifierKey } from "./verifier-key.js";

/** Bytes of the time before the signature. */
const TIME_BYTES = 8;

/** What a witness's signature in a note holds (C2SP tlog-cosignature, type 0x04). */
export interface Cosignature {
  /** When the witness signed, seconds since 1970. */
  readonly time: number;
  /** 64 bytes. */
  readonly signature: Buffer;
}

/**
 * What a witness signs: that, at `time` (seconds since 1970), the checkpoint is the largest of its log that it has seen.
 * @param text text of the checkpoint with its last line feed.
 */
export function cosignedMessage(time: number, text: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`, "utf8");
}

/**
 * Time and signature as they stand in a note, behind the key's id.
 * @throws RangeError when time is no count of seconds.
 */
export function formatCosignature({ time, signature }: Cosignature): Buffer {
  if (!Number.isSafeInteger(time) || time < 0) throw new RangeError("a time is a count of seconds");
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeBigUInt64BE(BigInt(time));
  return Buffer.concat([bytes, signature]);
}

/**
 * Time and signature out of a note's signature, without the key's id.
 * @throws TlogError when it has not 72 bytes, as a plain signature has not, or its time is beyond 2^53 − 1.
 */
export function parseCosignature(bytes: Buffer): Cosignature {
  if (bytes.length !== TIME_BYTES + ED25519_SIGNATURE_BYTES) throw new TlogError("a cosignature has not 72 bytes");
  const time = Number(bytes.readBigUInt64BE());
  if (!Number.isSafeInteger(time)) throw new TlogError("a cosignature's time is out of range");
  return { time, signature: bytes.subarray(TIME_BYTES) };
}

/**
 * Checks a witness's signature over a checkpoint.
 * @returns its time, seconds since 1970: the witness's claim, which is the caller's to judge.
 * @throws TlogError when it is malformed or not the key's over this text.
 */
export function verifyCosignature(key: VerifierKey, text: string, bytes: Buffer): number {
  const { time, signature } = parseCosignature(bytes);
  if (!isSignedBy(key, cosignedMessage(time, text), signature)) throw new TlogError("a cosignature of a known key does not verify");
  return time;
}
