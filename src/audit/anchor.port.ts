/** A checkpoint that was signed, held by the guard and written to the log's own table. */
export interface PublishedCheckpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
  /** The signed note, without cosignatures. */
  readonly note: string;
  /**
   * Consistency proof between an older size and this one (RFC 9162 §2.1.4.1).
   * @throws RangeError unless 0 < oldSize ≤ size.
   */
  consistencyProof(oldSize: number): Promise<readonly Buffer[]>;
}

/**
 * Somebody else who keeps our checkpoints: a bucket that nobody can rewrite, a witness that cosigns. Anchors are what catches an operator
 * with database, guard and signing key in one hand.
 */
export interface Anchor {
  /** For metrics and log lines: letters, digits, `.`, `-`. */
  readonly name: string;
  /**
   * Hands over one checkpoint; again with the same is no change. Older checkpoints may have been skipped.
   * @returns cosignature lines, each with its final line feed, one of a key at most; empty where the anchor signs nothing.
   * @throws RootkeepError `UNAVAILABLE` when it could not be reached and should be tried again; `ROLLBACK_DETECTED` when it holds a larger or
   *   a different tree of this origin.
   */
  publish(checkpoint: PublishedCheckpoint): Promise<readonly string[]>;
}
