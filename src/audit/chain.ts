import { hash } from "node:crypto";

/** The `prev` of an entry that has none before it: 32 zero bytes [AE-4]. */
export const ZERO_HASH: Buffer = Buffer.alloc(32);

// RFC 6962 §2.1 puts 0x00 before a leaf and 0x01 before a node, so that no node's bytes can be passed off as an entry. The scratch buffer
// saves an allocation for each of millions of entries; it is only used within one synchronous call. Its first byte stays zero.
const scratch = Buffer.alloc(1 + 65_535);

/**
 * SHA-256(0x00 ‖ bytes), 32 bytes: at once the hash that the next entry carries as `prev` and the leaf of the RFC 6962 tree [AE-3].
 */
export function leafHash(bytes: Uint8Array): Buffer {
  return hash("sha256", leafInput(bytes), "buffer");
}

/** {@link leafHash} as 64 lower-case hex digits. */
export function leafHashHex(bytes: Uint8Array): string {
  return hash("sha256", leafInput(bytes), "hex");
}

function leafInput(bytes: Uint8Array): Buffer {
  if (bytes.length >= scratch.length) return Buffer.concat([ZERO_HASH.subarray(0, 1), bytes]);
  scratch.set(bytes, 1);
  return scratch.subarray(0, 1 + bytes.length);
}
