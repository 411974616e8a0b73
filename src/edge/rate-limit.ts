import { networkOf } from "../people/network.js";

/** How fast one address may ask, over time and at once. */
export interface BucketSettings {
  readonly burst: number;
  readonly perSecond: number;
  /** Addresses remembered at most; beyond it the one that has been quiet for longest is forgotten. */
  readonly addressesMax: number;
}

interface Bucket {
  tokens: number;
  /** Milliseconds of a clock that never goes back. */
  at: number;
}

/** Token buckets by remote address, in memory: they bound what outsiders can make this process do, they decide nothing else. */
export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    private readonly settings: BucketSettings,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token for `address`. @returns 0, or the seconds until there will be one. */
  take(address: string): number {
    const { burst, perSecond, addressesMax } = this.settings;
    const key = networkOf(address);
    const at = this.now();
    const before = this.#buckets.get(key) ?? { tokens: burst, at };
    const tokens = Math.min(burst, before.tokens + ((at - before.at) / 1000) * perSecond);
    // Taken out and put in again: a map keeps the order of insertion, so the first one is the one that has been quiet for longest.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at });
    if (this.#buckets.size > addressesMax) this.#buckets.delete(this.#buckets.keys().next().value ?? key);
    return tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond));
  }
}
