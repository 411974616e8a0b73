import { createHash } from "node:crypto";
import type { JsonObject } from "../audit/canonical-json.js";
import { encodeFields } from "../kernel/encoding.js";
import type { Secret } from "../kernel/secret.js";
import { type DataKeyRow, KEY_BYTES, NO_ACCOUNT } from "./domain.js";
import { encryptTo } from "./escrow-age.js";

/** Label of what is wrapped for the escrow quorum (docs/spec/escrow.md). */
export const ESCROW_WRAP_FORMAT = "rootkeep-escrow-wrap/1";

const ESCROW_MARK_FORMAT = "rootkeep-escrow-mark/1";

/** Facts of a data key that its escrow wrap is bound to. */
export type EscrowedKey = Pick<DataKeyRow, "id" | "accountId" | "awsAccountId" | "domain" | "use">;

/**
 * `key`, which is `dataKey` unwrapped, for the escrow quorum [ES-6] [ES-7]. age has no associated data, so what the key is bound to stands
 * with it in the plaintext. Nothing in this program opens it again. The key stays the caller's to wipe.
 */
export async function wrapForEscrow(recipient: string, deployment: string, dataKey: EscrowedKey, key: Secret<Buffer>): Promise<Buffer> {
  const plaintext = key.expose((bytes) => {
    if (bytes.length !== KEY_BYTES) throw new Error("data key has the wrong length");
    const { id, accountId, awsAccountId, domain, use } = dataKey;
    return encodeFields([ESCROW_WRAP_FORMAT, deployment, accountId ?? NO_ACCOUNT, awsAccountId ?? NO_ACCOUNT, id, domain, use, bytes]);
  });
  try {
    return await encryptTo(recipient, plaintext);
  } finally {
    plaintext.fill(0);
  }
}

/** A data key as it is wrapped for the escrow quorum, for a row of its own. */
export interface EscrowWrap {
  readonly dataKeyId: string;
  readonly recipient: string;
  readonly wrapped: Buffer;
  /** HMAC by the records key over {@link escrowMarkBytes}: what the table holds may be anybody's. */
  readonly mac: Buffer;
}

/**
 * What a wrap's mark covers: whose key, for whom, and its bytes [ES-10]. The label is none of a deciding row's, whose HMACs are made with the
 * same key.
 */
export function escrowMarkBytes({ dataKeyId, recipient, wrapped }: Omit<EscrowWrap, "mac">): Buffer {
  return encodeFields([ESCROW_MARK_FORMAT, dataKeyId, recipient, createHash("sha256").update(wrapped).digest()]);
}

/** What an entry says of wraps: of which keys, to whom, and the hash of each, by which one in a dump is known for ours [ES-8]. */
export function escrowDetails(wraps: readonly EscrowWrap[]): {
  readonly escrow?: JsonObject;
} {
  const [first] = wraps;
  if (first === undefined) return {};
  const hashes = wraps.map(({ dataKeyId, wrapped }) => ({
    dataKey: dataKeyId,
    sha256: createHash("sha256").update(wrapped).digest("hex"),
  }));
  return { escrow: { recipient: first.recipient, wraps: hashes } };
}
