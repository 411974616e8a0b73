/** Bytes of the largest object that a second store takes. */
export const STORED_BYTES_MAX = 64 * 1024;

/** A name in the second store: segments of lower-case letters, digits, `_`, `-` and `.` between slashes, none of which begins with a dot. */
export const STORED_NAME = /^(?!.{513})[a-z0-9_-][a-z0-9._-]*(?:\/[a-z0-9_-][a-z0-9._-]*)*$/;

/**
 * A place outside the database for bytes that are worth nothing without a root key. It is never write-once: what was put there can be
 * removed for good, as destruction must. It keeps no secret and no order, and nobody believes what it holds: whoever reads checks.
 */
export interface SecondStore {
  /** As configured. */
  readonly uri: string;
  /**
   * Why nothing may be put there, ever, as a rule that completes "the second store …"; null when nothing forbids it. {@link put} asks by
   * itself.
   * @throws RootkeepError `UNAVAILABLE` when it cannot be said.
   */
  unfit(): Promise<string | null>;
  /**
   * Puts `bytes` under `name`: when it resolves they are durable, and were read back. The same bytes once more are no error.
   * @throws RootkeepError `STATE_CONFLICT` when other bytes lie there, which stay, `UNAVAILABLE` when it cannot be said that they are kept,
   *   and Error for a name or a size that is none of a store's.
   */
  put(name: string, bytes: Buffer): Promise<void>;
  /** @returns null when nothing lies there. @throws RootkeepError `UNAVAILABLE` */
  get(name: string): Promise<Buffer | null>;
  /** Names that begin with `prefix`, in the order of their bytes, page by page. @throws RootkeepError `UNAVAILABLE` */
  list(prefix: string): AsyncIterable<string>;
  /** As {@link list}, and names of which anything else is left, such as an earlier version behind a deletion. @throws RootkeepError `UNAVAILABLE` */
  traces(prefix: string): AsyncIterable<string>;
  /** Removes what lies there, with every earlier version, for good. Nothing there is no error. @throws RootkeepError `UNAVAILABLE` */
  remove(name: string): Promise<void>;
}

/** @throws Error for what no second store takes: a mistake of ours. */
export function assertStorable(name: string, bytes: Buffer): void {
  if (!STORED_NAME.test(name)) throw new Error("no name of a second store");
  if (bytes.length === 0 || bytes.length > STORED_BYTES_MAX) throw new Error("no size of a second store's object");
}
