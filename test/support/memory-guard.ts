import type { Guard, GuardState } from "../../src/audit/guard.port.js";

/** A guard in memory, for tests of who asks it. It passes the guards' contract test. */
export class MemoryGuard implements Guard {
  readonly uri = "memory:";
  state: GuardState | null = null;
  #count = 0;

  read(): Promise<GuardState | null> {
    return Promise.resolve(this.state);
  }

  advance(from: GuardState | null, note: string): Promise<boolean> {
    if (from?.version !== this.state?.version) return Promise.resolve(false);
    this.#count += 1;
    this.state = { note, version: String(this.#count) };
    return Promise.resolve(true);
  }
}
