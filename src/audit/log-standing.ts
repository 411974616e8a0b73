import type { LogHead } from "../database/log.port.js";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";

/** What this process knows of the log by itself. */
export interface KnownLog {
  readonly size: number;
  readonly lastLeaf: Buffer;
  /** Origin of the epoch that the last entry belongs to; undefined before the first. */
  readonly origin: string | undefined;
}

/** What someone must look at at once. */
export interface StandingAlarms {
  chainBroken(seq: number): void;
  /** The log in the database is shorter than, or another than, what this process or the guard has seen. */
  rolledBack(seq: number): void;
  /** The database's clock cannot be believed: it disagrees with the service's, or the log is ahead of it. */
  clockRefused(reason: "database" | "log-ahead"): void;
}

/** Whether the log may be used. What was found wrong once stays wrong until somebody has looked and started anew. */
export class LogStanding {
  #brokenAt: number | undefined;
  #rolledBackAt: number | undefined;
  #isAheadOfClock = false;

  constructor(private readonly alarms: StandingAlarms) {}

  /** True while the newest entry is dated later than the clock: a clock was wrong once, and times of the log say little until it is past. */
  get isAheadOfClock(): boolean {
    return this.#isAheadOfClock;
  }

  get isRolledBack(): boolean {
    return this.#rolledBackAt !== undefined;
  }

  /** The chain does not hold at `seq`. @returns the error to throw. */
  break(seq: number): RootkeepError {
    if (this.#brokenAt === undefined) this.alarms.chainBroken(seq);
    this.#brokenAt ??= seq;
    return new RootkeepError("CHAIN_BROKEN", { facts: { seq: this.#brokenAt } });
  }

  /** The log was put back: from entry `seq` on it is gone or another. @returns the error to throw. */
  rollBack(seq: number): RootkeepError {
    if (this.#rolledBackAt === undefined) this.alarms.rolledBack(seq);
    this.#rolledBackAt ??= seq;
    return new RootkeepError("ROLLBACK_DETECTED", { facts: { seq: this.#rolledBackAt } });
  }

  /** A log that was put back can still be read, one whose chain is broken not. @throws RootkeepError `CHAIN_BROKEN` */
  assertReadable(): void {
    if (this.#brokenAt !== undefined) throw this.break(this.#brokenAt);
  }

  /** @throws RootkeepError `CHAIN_BROKEN`, `ROLLBACK_DETECTED` */
  assertWhole(): void {
    this.assertReadable();
    if (this.#rolledBackAt !== undefined) throw this.rollBack(this.#rolledBackAt);
  }

  /**
   * Compares a head that was read under the lock with what this process has read and appended itself, and its clock with ours.
   * @throws RootkeepError `CHAIN_BROKEN`, `ROLLBACK_DETECTED`, `CLOCK_SKEW`
   */
  inspect(head: LogHead, known: KnownLog): void {
    this.assertWhole();
    if (head.size < known.size) throw this.rollBack(head.size);
    if (head.size === known.size && !head.lastLeaf.equals(known.lastLeaf)) throw this.break(head.size);
    // Reopened behind this process's back: it knows nothing of what that made void.
    if (known.origin !== undefined && head.origin !== known.origin) throw this.break(head.size);
    this.#inspectClock(head);
  }

  /** An entry with a wrong time stays for ever, and drags the next ones along: where the clocks are far apart nothing is appended. */
  #inspectClock({ now, lastTime }: LogHead): void {
    const databaseMs = Date.parse(now);
    if (Math.abs(databaseMs - Date.now()) > LIMITS.appendSkewMsMax) {
      this.alarms.clockRefused("database");
      throw new RootkeepError("CLOCK_SKEW", { reason: "database clock" });
    }
    const isAhead = lastTime !== "" && Date.parse(lastTime) - databaseMs > LIMITS.clockSkewMsMax;
    if (isAhead && !this.#isAheadOfClock) this.alarms.clockRefused("log-ahead");
    this.#isAheadOfClock = isAhead;
  }
}
