import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import { isRootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import type { ExpectedCopy, SealedCopies } from "./sealed-copies.service.js";

const PERIOD_MS = 60_000;
/** Everything is compared so often: names of the store against what the rows say now. In between only what is new is looked at. */
const WHOLE_LOOK_MS = 3_600_000;
/** A version that could not be copied for a reason of its own is left alone for so long. */
const WAIT_MS = 3_600_000;
/** A row's time is taken before its transaction commits. */
const LATE_MS = 300_000;
const PAGE = 500;
/** Copies that are under way at once. */
const AT_ONCE = 4;

/** How far it is. */
export interface CopiesLook {
  /** Copied by this run so far. */
  readonly copied: number;
  /** Versions whose copy is not there. */
  readonly missing: number;
}

export interface CopiesBackfillOptions {
  readonly copies: Pick<SealedCopies, "keep" | "names" | "expected" | "assertReached" | "isConfigured" | "isAway">;
  readonly trust: Pick<TrustedConfiguration, "isApproved">;
  /** The clock of the database. */
  readonly now: () => Promise<Date>;
  readonly looked: (look: CopiesLook) => void;
  readonly failed: (error: unknown) => void;
  /** Milliseconds of a clock that only goes forward; for tests. */
  readonly elapsedMs?: () => number;
}

/**
 * Copies to the second store what is not there yet: what imports make, what is older than the store, and all of it anew for a new store or
 * escrow recipient. While people are served; broken off, the next run goes on with what is missing. A candidate does not wait for it: whoever
 * stages one calls {@link SealedCopies.keep}. Several replicas may run: the same copy twice is one copy.
 */
export class CopiesBackfill implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer: SteadyTimer;
  readonly #elapsedMs: () => number;
  readonly #missing = new Set<Id<"version">>();
  /** New at the last whole look or since, and copied. */
  readonly #copied = new Set<Id<"version">>();
  readonly #waiting = new Map<Id<"version">, number>();
  #wholeAt: number | null = null;
  #lookedAt: Date | null = null;
  #isEnding = false;

  constructor(private readonly options: CopiesBackfillOptions) {
    const { elapsedMs = () => performance.now() } = options;
    this.#elapsedMs = elapsedMs;
    this.#timer = new SteadyTimer(PERIOD_MS, () => this.run(), options.failed);
  }

  onApplicationBootstrap(): void {
    if (this.options.copies.isConfigured) this.#timer.startNow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isEnding = true;
    await this.#timer.stop();
  }

  /**
   * Copies what is missing. A version that cannot be copied keeps no other waiting.
   * @throws RootkeepError `COPY_UNAVAILABLE` while the store is away, and Error when the database cannot be asked; what was done until then stands.
   */
  async run(): Promise<CopiesLook> {
    const { copies, looked } = this.options;
    let copied = 0;
    if (this.#mayCopy()) {
      await this.#look();
      looked({ copied, missing: this.#missing.size });
      const due = [...this.#missing].filter((id) => this.#mayTry(id));
      for (let at = 0; at < due.length && this.#mayCopy(); at += AT_ONCE) {
        const done = await Promise.all(due.slice(at, at + AT_ONCE).map((id) => this.#keep(id)));
        copied += done.filter(Boolean).length;
        // The others would fail alike, each after its deadline.
        if (copies.isAway) break;
      }
    }
    const look = { copied, missing: this.#missing.size };
    looked(look);
    return look;
  }

  /** Everything at first and hourly, else what is new. */
  async #look(): Promise<void> {
    const { copies, now } = this.options;
    const started = await now();
    const isWhole = this.#wholeAt === null || this.#elapsedMs() - this.#wholeAt >= WHOLE_LOOK_MS;
    if (!isWhole && this.#lookedAt !== null) {
      await copies.assertReached();
      const since = new Date(this.#lookedAt.getTime() - LATE_MS);
      for await (const { id } of this.#expected(since)) if (!this.#copied.has(id)) this.#missing.add(id);
    } else {
      const names = await copies.names();
      const missing = new Set<Id<"version">>();
      this.#copied.clear();
      for await (const { id, createdAt, name } of this.#expected(null)) {
        if (name === null || !names.has(name)) missing.add(id);
        else if (createdAt.getTime() > started.getTime() - LATE_MS) this.#copied.add(id);
      }
      this.#missing.clear();
      for (const id of missing) this.#missing.add(id);
      this.#wholeAt = this.#elapsedMs();
    }
    this.#lookedAt = started;
  }

  async *#expected(since: Date | null): AsyncGenerator<ExpectedCopy> {
    for (let after = ""; ; ) {
      const page = await this.options.copies.expected(after, PAGE, since);
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE || this.#isEnding) return;
      after = last.id;
    }
  }

  /** Asked anew each time: the configuration in force may have become another's meanwhile. */
  #mayCopy(): boolean {
    const { copies, trust } = this.options;
    return copies.isConfigured && trust.isApproved && !this.#isEnding;
  }

  #mayTry(id: Id<"version">): boolean {
    const until = this.#waiting.get(id);
    if (until !== undefined && until > this.#elapsedMs()) return false;
    this.#waiting.delete(id);
    return true;
  }

  async #keep(id: Id<"version">): Promise<boolean> {
    const { copies, failed } = this.options;
    try {
      await copies.keep(id);
      this.#missing.delete(id);
      this.#copied.add(id);
      return true;
    } catch (error) {
      failed(error);
      // Destroyed since it was listed: there is nothing to copy any more.
      if (isRootkeepError(error, "STATE_CONFLICT")) this.#missing.delete(id);
      else if (!copies.isAway && !isRootkeepError(error, "CONFIG_UNAPPROVED")) this.#waiting.set(id, this.#elapsedMs() + WAIT_MS);
      return false;
    }
  }
}
