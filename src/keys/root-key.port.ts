import type { Secret } from "../kernel/secret.js";
import type { WrapContext } from "./wrap-context.js";

/** A new data key: plaintext for the caller to use and wipe, and the same key wrapped for the table. */
export interface GeneratedDataKey {
  readonly plaintext: Secret<Buffer>;
  readonly wrapped: Buffer;
  readonly requestId: string | null;
}

export interface UnwrappedDataKey {
  readonly plaintext: Secret<Buffer>;
  /** The root key's own name for this call, under which its own log (CloudTrail) counts our openings. Null where there is none. */
  readonly requestId: string | null;
  /** When the root key says it answered, to the second. Null where it has no clock of its own. */
  readonly replyTime: Date | null;
}

export interface WrappedDataKey {
  readonly wrapped: Buffer;
  readonly requestId: string | null;
}

/** The reason by which a root key's home says that there is no such key: it was deleted. */
export const ROOT_KEY_GONE = "kms_key_not_found";

/** Whether a root key can be used now. `reason` is one of a few constants, for operators. */
export interface RootKeyHealth {
  readonly isUsable: boolean;
  readonly reason: string | null;
  /** The AWS account that hosts the key; onboarding refuses it ("refuse the circle"). Null for keys that no account hosts. */
  readonly hostAccountId: string | null;
}

/**
 * A root key: it wraps data keys and never leaves its home. Adapters: AWS KMS, a local keystore; PKCS#11 is planned. All pass the one
 * contract test, and so does the double of the tests.
 *
 * Every method throws RootkeepError: `KEY_UNAVAILABLE` when it cannot be reached or refuses us, `KEY_DISABLED` when it is switched off,
 * `SEAL_BROKEN` when it refuses the wrapped bytes with this context.
 */
export interface RootKey {
  /** As configured. It is recorded with each data key that this root key wraps. */
  readonly uri: string;
  /** A new 32-byte data key. */
  generateDataKey(context: WrapContext): Promise<GeneratedDataKey>;
  /** Wraps a 32-byte key that exists. Only for moving a data key between root keys of different homes. */
  wrap(plaintext: Secret<Buffer>, context: WrapContext): Promise<WrappedDataKey>;
  unwrap(wrapped: Buffer, context: WrapContext): Promise<UnwrappedDataKey>;
  /** Wraps the same data key under `to` and `toContext`; where one service holds both keys the plaintext does not leave it. */
  rewrap(wrapped: Buffer, fromContext: WrapContext, to: RootKey, toContext: WrapContext): Promise<WrappedDataKey>;
  /** Never throws: being unusable is an answer. */
  check(): Promise<RootKeyHealth>;
}
