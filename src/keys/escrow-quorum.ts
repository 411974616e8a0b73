import { randomBytes, timingSafeEqual } from "node:crypto";
import { combine, split } from "shamir-secret-sharing";
import { Secret } from "../kernel/secret.js";
import { KEY_BYTES } from "./domain.js";
import { decryptWith, type EscrowIdentity, encryptTo, identityOf, recipientOf } from "./escrow-age.js";
import { type EscrowShare, SHARES_MAX, shareError } from "./escrow-share.js";

/** Fewest holders, and fewest of them who must come together: with one there is no quorum. */
const SHARES_MIN = 2;

/** A new escrow identity, which exists only as its shares. */
export interface NewEscrow {
  readonly recipient: string;
  readonly shares: readonly EscrowShare[];
}

/**
 * Makes an identity and splits it [ES-1] [ES-2]: any `threshold` of the shares give it back, fewer say nothing of it. The identity is
 * wiped before this returns; the shares are the caller's to wipe.
 * @throws RootkeepError `MALFORMED` unless 2 <= threshold <= shares <= 255.
 */
export async function createEscrow(shares: number, threshold: number): Promise<NewEscrow> {
  if (shares < SHARES_MIN || shares > SHARES_MAX) throw shareError({ field: "shares", rule: "is 2 to 255" });
  if (threshold < SHARES_MIN || threshold > shares) throw shareError({ field: "threshold", rule: "is at least 2 and at most shares" });
  const scalar = Secret.of(randomBytes(KEY_BYTES));
  try {
    const recipient = await recipientOf(await identityOf(scalar));
    const set = randomBytes(8).toString("hex");
    const parts = await scalar.expose(async (bytes) => {
      // The library takes nothing but a plain Uint8Array: this is a view of the same bytes.
      return await split(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), shares, threshold);
    });
    return { recipient, shares: parts.map((bytes, at) => ({ recipient, set, index: at + 1, shares, threshold, bytes })) };
  } finally {
    scalar.wipe();
  }
}

/**
 * The identity that `shares` combine to [ES-5]; the shares stay the caller's to wipe. Each share that is given is used, and one that is
 * wrong in any byte gives another identity, which its recipient tells.
 * @throws RootkeepError `MALFORMED` naming what is wrong: too few, of two sets, one twice, not those of their recipient.
 */
export async function combineShares(shares: readonly EscrowShare[]): Promise<EscrowIdentity> {
  assertOneSet(shares);
  const bytes = await combine(shares.map((share) => share.bytes));
  const scalar = Secret.of(Buffer.from(bytes.buffer));
  try {
    const identity = await identityOf(scalar);
    if ((await recipientOf(identity)) !== shares[0]?.recipient)
      throw shareError({ field: "shares", rule: "do not combine to the identity of their recipient: one of them was changed" });
    return identity;
  } finally {
    scalar.wipe();
  }
}

function assertOneSet(shares: readonly EscrowShare[]): void {
  const [first] = shares;
  if (first === undefined) throw shareError({ field: "shares", rule: "are missing" });
  const isOfSet = (share: EscrowShare): boolean =>
    share.set === first.set && share.recipient === first.recipient && share.threshold === first.threshold && share.shares === first.shares;
  if (!shares.every(isOfSet)) throw shareError({ field: "shares", rule: "are of two sets, which never combine" });
  const twice = shares.find((share, at) => shares.findIndex(({ index }) => index === share.index) !== at);
  if (twice !== undefined) throw shareError({ field: "shares", rule: `hold share ${twice.index} twice` });
  const points = new Set(shares.map(({ bytes }) => bytes.at(-1)));
  if (points.size !== shares.length) throw shareError({ field: "shares", rule: "hold one point twice: one of them was changed" });
  if (shares.length < first.threshold) {
    const rule = `are ${shares.length}; this set needs ${first.threshold} of its ${first.shares}`;
    throw shareError({ field: "shares", rule });
  }
}

/** True if `identity` opens what is encrypted to `recipient`: a fresh challenge, so that an old answer proves nothing. */
export async function provesQuorum(identity: EscrowIdentity, recipient: string): Promise<boolean> {
  const challenge = randomBytes(KEY_BYTES);
  const answer = await decryptWith(identity, await encryptTo(recipient, challenge));
  return answer?.length === challenge.length && timingSafeEqual(answer, challenge);
}
