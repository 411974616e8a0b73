/** What the guard held when it was read. */
export interface GuardState {
  /** The newest signed checkpoint, a C2SP signed note. */
  readonly note: string;
  /** Opaque; names this state in {@link Guard.advance}. */
  readonly version: string;
}

/**
 * The one memory of the log that is not in its database: the newest signed checkpoint. Whoever puts back an older database does not put
 * back this. It only ever grows, by compare-and-swap, so that of two signers one learns that it is not alone (audit-log spec, "Guard").
 */
export interface Guard {
  readonly uri: string;
  /**
   * What it holds, or null when it has never held anything.
   * @throws RootkeepError `UNAVAILABLE` when it cannot be asked, or holds something that is no text of a note's size.
   */
  read(): Promise<GuardState | null>;
  /**
   * Replaces `from` (null: nothing) by `note`, durably, if `from` is still what it holds.
   * @returns false when it is not, and nothing was changed.
   * @throws RootkeepError `UNAVAILABLE` when it cannot be said whether the note was taken.
   */
  advance(from: GuardState | null, note: string): Promise<boolean>;
}
