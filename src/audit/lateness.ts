interface Late {
  readonly at: number;
  readonly sinceMs: number;
  tellAfterMs: number;
}

/** For how long somebody has not moved, told when it is too long, and again after twice the time. */
export class Lateness {
  readonly #late = new Map<string, Late>();

  /** @param lateMs what is too long, in milliseconds. */
  constructor(private readonly lateMs: number) {}

  /**
   * Notes where `name` stands.
   * @param at null when it is where it should be.
   * @returns seconds, when it is time to tell; else null.
   */
  note(name: string, at: number | null): number | null {
    if (at === null) {
      this.#late.delete(name);
      return null;
    }
    const now = performance.now();
    const known = this.#late.get(name);
    if (known?.at !== at) {
      this.#late.set(name, { at, sinceMs: now, tellAfterMs: this.lateMs });
      return null;
    }
    if (now - known.sinceMs < known.tellAfterMs) return null;
    known.tellAfterMs *= 2;
    return Math.round((now - known.sinceMs) / 1_000);
  }
}
