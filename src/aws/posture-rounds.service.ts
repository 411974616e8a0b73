import { setTimeout as pause } from "node:timers/promises";
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { DataSource } from "typeorm";
import type { AuditLog } from "../audit/audit-log.service.js";
import type { Leadership } from "../audit/leadership.service.js";
import { retrySeconds } from "../kernel/retry.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import { FIRST_SPREAD_SECONDS } from "./account-finder.service.js";
import { type DueAccount, type DueCounts, PostureDue } from "./posture-due.repository.js";
import { failureEntry, failureOf, type TakePosture } from "./take-posture.service.js";

const PERIOD_MS = 5_000;
/** Accounts that are asked at the same moment. */
const AT_ONCE = 4;
/** Between the beginnings of two visits: 4 a second, or 345,600 a day. */
const GAP_MS = 250;
/** Longer than a visit: what a crash leaves claimed is taken up again after this. */
const LEASE_SECONDS = 180;
/** Progress is told after so many visits, and at the end. */
const TOLD_EVERY = 100;

/** How far a round is. */
export interface RoundProgress {
  readonly taken: number;
  readonly failed: number;
  /** Accounts that wait. */
  readonly due: number;
}

export interface PostureRoundsOptions {
  readonly dataSource: DataSource;
  readonly taker: Pick<TakePosture, "take">;
  readonly audit: Pick<AuditLog, "record">;
  readonly trust: { readonly isApproved: boolean };
  /** Of the lock `posture_turn`: one replica asks at a time. */
  readonly leadership: Pick<Leadership, "take" | "release" | "isHeld">;
  readonly everySeconds: number;
  readonly counted: (counts: DueCounts) => void;
  readonly progress: (progress: RoundProgress) => void;
  readonly changed: (accountId: DueAccount["accountId"]) => void;
  readonly visitFailed: (accountId: DueAccount["accountId"], reason: string) => void;
  readonly failed: (error: unknown) => void;
  /** For tests. */
  readonly gapMs?: number;
}

/**
 * Visits accounts when they are due, while people are served: one replica at a time, a few accounts at once, slowly. When each is due stands in
 * the database, so a restart loses no turn; whatever failed comes again, later each time, and no account waits for another's failure.
 */
export class PostureRounds implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer: SteadyTimer;
  readonly #abort = new AbortController();

  constructor(private readonly options: PostureRoundsOptions) {
    this.#timer = new SteadyTimer(PERIOD_MS, () => this.round(), options.failed);
  }

  onApplicationBootstrap(): void {
    this.#timer.startNow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#abort.abort();
    await this.#timer.stop();
  }

  /** One round: whoever is due, unless another replica is at it. */
  async round(): Promise<RoundProgress> {
    const { dataSource, everySeconds, leadership, trust, counted } = this.options;
    await PostureDue.ensureAll(dataSource, Math.min(FIRST_SPREAD_SECONDS, everySeconds));
    const counts = await PostureDue.counts(dataSource, staleSeconds(everySeconds));
    counted(counts);
    const none: RoundProgress = { taken: 0, failed: 0, due: counts.due };
    // The lock costs a connection: it is asked for only where there is something to do.
    if (counts.due === 0 || !trust.isApproved) return none;
    try {
      return (await leadership.take()) ? await this.#visitAll(counts.due) : none;
    } finally {
      await leadership.release();
    }
  }

  async #visitAll(due: number): Promise<RoundProgress> {
    const { progress, gapMs = GAP_MS } = this.options;
    const tally = { taken: 0, failed: 0 };
    let nextStart = performance.now();
    const shown = (): RoundProgress => ({ ...tally, due: Math.max(0, due - tally.taken - tally.failed) });
    const worker = async (): Promise<void> => {
      for (;;) {
        const start = Math.max(nextStart, performance.now());
        nextStart = start + gapMs;
        await this.#pause(start - performance.now());
        const account = this.#mayGoOn() ? await PostureDue.claim(this.options.dataSource, LEASE_SECONDS) : null;
        if (account === null) return;
        tally[(await this.#visit(account)) ? "taken" : "failed"] += 1;
        if ((tally.taken + tally.failed) % TOLD_EVERY === 0) progress(shown());
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const last = shown();
    if (last.taken + last.failed > 0) progress(last);
    return last;
  }

  #mayGoOn(): boolean {
    const { leadership, trust } = this.options;
    return !this.#abort.signal.aborted && leadership.isHeld && trust.isApproved;
  }

  /** @returns whether a snapshot was taken. */
  async #visit({ accountId, attempts, reason: reasonBefore }: DueAccount): Promise<boolean> {
    const { dataSource, taker, audit, changed, visitFailed, everySeconds } = this.options;
    try {
      const taken = await taker.take(accountId, this.#abort.signal);
      // Accounts that came together drift apart.
      await PostureDue.taken(dataSource, accountId, everySeconds * (0.95 + Math.random() * 0.1));
      if (taken !== null && taken.changes.length > 0) changed(accountId);
      return true;
    } catch (error) {
      // Broken off by our own stopping: the lease runs out, and whoever comes next takes it up.
      if (this.#abort.signal.aborted) return false;
      const reason = failureOf(error);
      await PostureDue.failed(dataSource, accountId, reason, Math.min(retrySeconds(attempts) * 6, everySeconds));
      visitFailed(accountId, reason);
      // Once for each reason: an account that cannot be asked for weeks does not fill the log.
      if (reason !== reasonBefore) await audit.record(failureEntry(accountId, reason));
      return false;
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return;
    await pause(milliseconds, undefined, { signal: this.#abort.signal }).catch(() => undefined);
  }
}

/** Evidence that is older than two intervals is stale: one that failed once is not. */
export function staleSeconds(everySeconds: number): number {
  return 2 * everySeconds;
}
