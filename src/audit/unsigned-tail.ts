import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { EntryAction } from "./actions.js";

/** What is refused because entries wait for a signature: nothing; openings; openings, and acts that give something. */
export type UnsignedStage = "none" | "openings" | "decisions";

/**
 * Acts that change deciding rows and go on however long nobody signs (decision 0016): they take away, or end what has run out, or let in
 * the person who is to take something away. That a restore could undo them is no reason not to do them. Everything else waits.
 */
const TAKES_AWAY: ReadonlySet<string> = new Set<EntryAction>([
  "session.create",
  "session.revoke",
  "session.end",
  "session.logout",
  "session.ended",
  "session.expired",
  "log.voided",
  "person.suspend",
  "allowlist.revoke",
  "allowlist.lapsed",
  "authenticator.locked",
  "request.deny",
  "request.withdraw",
  "request.expired",
  "request.closed",
  "grant.revoke",
  "grant.revoked",
  "grant.return",
  "grant.expired",
  "service.sealed",
  "secret.burnt",
  "key.disabled",
]);

/**
 * How long the log has been ahead of the checkpoint that the guard holds. What stands behind that checkpoint a restored backup can undo
 * unseen, and no value is sent for it; so an opening that would only burn a password is not begun, and what gives somebody something waits.
 * A busy log is always a little ahead: what counts is the age of the first entry that is not covered.
 */
export class UnsignedTail {
  #known = 0;
  #guarded = 0;
  #since: number | undefined;

  /** @param now milliseconds of a clock that only runs forwards. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** True where this process knows of no entry that the guard's checkpoint, as it was seen last, does not cover. */
  covers(known: number): boolean {
    return known <= this.#guarded;
  }

  /** Entries that wait. */
  get entries(): number {
    return Math.max(0, this.#known - this.#guarded);
  }

  /** Seconds for which some of them have waited. */
  get seconds(): number {
    return Math.floor(this.#waitingMs() / 1000);
  }

  get stage(): UnsignedStage {
    const waiting = this.#waitingMs();
    if (waiting <= LIMITS.unsignedOpeningMs) return "none";
    return waiting <= LIMITS.unsignedDecisionMs ? "openings" : "decisions";
  }

  /**
   * @param guarded entries that the guard's checkpoint covers.
   * @param ageMs age of the first entry behind them, by the database's clock: a process that has just started has seen nothing wait.
   */
  note(known: number, guarded: number, ageMs: number): void {
    const since = this.now() - Math.max(0, ageMs);
    // While the guard stands still the waiting only grows, whatever a clock that is put back makes of the entry's age.
    this.#since = guarded > this.#guarded ? since : Math.min(since, this.#since ?? since);
    this.#known = known;
    this.#guarded = guarded;
    if (known <= guarded) this.#since = undefined;
  }

  /** Guard or log could not be asked: not seen is not signed, and the waiting goes on. */
  noteUnseen(known: number): void {
    this.#known = known;
    if (known > this.#guarded) this.#since ??= this.now();
  }

  /** @throws RootkeepError `AUDIT_UNAVAILABLE` while nobody signs: nothing is to be opened. */
  assertMayOpen(): void {
    if (this.stage !== "none") throw new RootkeepError("AUDIT_UNAVAILABLE", { reason: "nobody signs the log" });
  }

  /** @throws RootkeepError `AUDIT_UNAVAILABLE` when one of these acts has to wait until somebody signs. */
  assertMayAppend(acts: readonly { readonly action: string; readonly rows?: readonly string[] }[]): void {
    const waits = acts.some(({ action, rows = [] }) => rows.length > 0 && !TAKES_AWAY.has(action));
    if (waits && this.stage === "decisions") throw new RootkeepError("AUDIT_UNAVAILABLE", { reason: "nobody signs the log" });
  }

  #waitingMs(): number {
    return this.#since === undefined ? 0 : this.now() - this.#since;
  }
}
