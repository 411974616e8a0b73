/** What the window reads of an entry. */
export interface WindowedEntry {
  readonly seq: number;
  readonly time: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor?: { readonly type: string; readonly id?: string };
}

/** Openings in a window. */
export interface OpeningCount {
  readonly all: number;
  readonly byPerson: number;
  /** Place of the newest one; -1 where there is none. */
  readonly newestSeq: number;
}

interface Opening {
  readonly seq: number;
  readonly ms: number;
  readonly person: string;
}

const OPENINGS: ReadonlySet<string> = new Set(["secret.reveal", "secret.code"]);
/** No window is longer, so nothing older is kept. */
export const OPENING_WINDOW_MINUTES_MAX = 24 * 60;

/**
 * The openings of the last day, by the intents in the log: from entry bytes in their order, so every replica counts the same, a restart
 * forgets none, and no row that somebody edits makes them fewer. What failed or was cut off counts too: it may have been seen.
 */
export class OpeningWindow {
  #openings: Opening[] = [];

  take({ seq, time, action, outcome, actor }: WindowedEntry): void {
    if (outcome !== "intent" || !OPENINGS.has(action)) return;
    const ms = Date.parse(time);
    const [oldest] = this.#openings;
    const until = ms - OPENING_WINDOW_MINUTES_MAX * 60_000;
    if (oldest !== undefined && oldest.ms < until) this.#openings = this.#openings.filter((opening) => opening.ms >= until);
    this.#openings.push({ seq, ms, person: actor?.id ?? "" });
  }

  /** Openings at `sinceMs` (milliseconds since 1970) or later. */
  countSince(sinceMs: number, person: string): OpeningCount {
    const counted = this.#openings.filter(({ ms }) => ms >= sinceMs);
    const byPerson = counted.filter((opening) => opening.person === person).length;
    return { all: counted.length, byPerson, newestSeq: counted.at(-1)?.seq ?? -1 };
  }
}
