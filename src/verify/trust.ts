import { isHash, isObject, isOrigin } from "../audit/entry-form.js";

/** What a verifier knows from elsewhere than the export (design §7). Every member but the origin is optional. */
export interface Trust {
  readonly origin: string;
  /** Leaf hash (hex) of entry 0. */
  readonly genesis?: string;
  /** Heads that were seen before: in a receipt, another copy, a checkpoint. `leaf` is the hash of entry `size − 1`. */
  readonly head?: readonly TrustedHead[];
  /** Fingerprints of the founding custodians' keys, as they were told outside. */
  readonly foundingFingerprints?: readonly string[];
}

export interface TrustedHead {
  readonly size: number;
  readonly leaf: string;
}

/** Bytes beyond which a trust file is not read. */
export const TRUST_BYTES_MAX = 1_048_576;

/** True if the file holds more than the log's name, which anybody can write. */
export function knowsMore(trust: Trust): boolean {
  return trust.genesis !== undefined || (trust.head ?? []).length > 0 || trust.foundingFingerprints !== undefined;
}

const MEMBERS = new Set(["origin", "genesis", "head", "foundingFingerprints"]);

/**
 * A trust file, JSON in any layout: people write it by hand. An unknown member is refused, because a misspelt one would silently trust less.
 * @throws Error naming the rule that is broken.
 */
export function parseTrust(text: string): Trust {
  const value = parseJson(text);
  if (!isObject(value)) throw new Error("is not a JSON object");
  if (Object.keys(value).some((key) => !MEMBERS.has(key))) throw new Error("has a member that this version does not know");
  const { origin, genesis, head, foundingFingerprints } = value;
  if (!isOrigin(origin)) throw new Error("has no origin");
  if (genesis !== undefined && !isHash(genesis)) throw new Error("genesis is not a hash");
  return {
    origin,
    ...(genesis === undefined ? {} : { genesis }),
    ...(head === undefined ? {} : { head: heads(head) }),
    ...(foundingFingerprints === undefined ? {} : { foundingFingerprints: texts(foundingFingerprints) }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("is not JSON");
  }
}

function heads(value: unknown): readonly TrustedHead[] {
  if (!Array.isArray(value)) throw new Error("head is not a list");
  return (value as readonly unknown[]).map((item) => {
    if (!isObject(item) || Object.keys(item).sort().join() !== "leaf,size") throw new Error("a head is not {size, leaf}");
    const { size, leaf } = item;
    if (!Number.isSafeInteger(size) || (size as number) < 1 || !isHash(leaf)) throw new Error("a head is not {size, leaf}");
    return { size: size as number, leaf };
  });
}

function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((item) => typeof item === "string" && item !== "")) {
    throw new Error("foundingFingerprints is not a list of texts");
  }
  return value as readonly string[];
}
