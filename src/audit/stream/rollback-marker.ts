import { canonicalJson } from "../canonical-json.js";

/** A line between entries: the log in the database is not the one that was sent so far. */
export interface RollbackMarker {
  /** In the form of an entry's time; this service's clock. */
  readonly time: string;
  /** Origin of the log as it is now. */
  readonly log: string;
  /** What had been sent: the log's origin, how many entries, and the hash of the last, hex. */
  readonly delivered: { readonly log: string; readonly size: number; readonly head: string };
  /** What the database has now: how many entries, and the hash of the last, hex. */
  readonly found: { readonly size: number; readonly head: string };
  /** Entries are sent again from this one on: the newest place of which it is known that both have it in common. */
  readonly resumed: number;
}

/** `marker` as a plain line, without a line break. No entry looks like it: it has no `seq`. */
export function plainMarker({ time, log, delivered, found, resumed }: RollbackMarker): string {
  return canonicalJson({ marker: "stream.rolled_back", time, log, delivered: { ...delivered }, found: { ...found }, resumed });
}
