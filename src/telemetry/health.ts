import type { ErrorCode } from "../kernel/errors.js";
import { isRootkeepError } from "../kernel/errors.js";

/** What readiness looks at (design §9). */
export const HEALTH_CHECKS = ["database", "root_keys", "log", "guard", "clock", "config"] as const;
export type HealthCheckName = (typeof HEALTH_CHECKS)[number];

/** What somebody should look at while the service goes on working; none of it takes a replica out of service. */
export const ALERTS = [
  "no-notice-channel",
  "notices-dead",
  "ticket-updates-dead",
  "ticket-updates-late",
  "glass-review-overdue",
  "allowlist-due",
  "allowlist-lapsed",
  "custodians-kept",
  "accounts-uncovered",
  "no-escrow",
  "keys-unescrowed",
  "no-second-store",
  "second-store-away",
  "versions-uncopied",
  "posture-insecure",
  "posture-stale",
] as const;
export type AlertName = (typeof ALERTS)[number];

/** The answer of one check; a failing one carries a code of the closed table and nothing else. */
export type HealthResult = { readonly status: "ok" } | { readonly status: "failing"; readonly code: ErrorCode };

/** Resolves when all is well, throws a `RootkeepError` when not. */
export type HealthCheck = () => Promise<void>;

/** All answers at once. */
export interface HealthReport {
  readonly isReady: boolean;
  readonly checks: Readonly<Partial<Record<HealthCheckName, HealthResult>>>;
}

const CHECK_TIMEOUT_MS = 2_000;
/** So long an answer is given again. */
const FRESH_MS = 1_000;

/**
 * Modules register a check each; the edge asks for all of them. Anybody may ask, as often as they like: the checks run once for all who ask
 * at the same moment, their answer holds for a second, and one that hangs is not begun again before it has ended.
 */
export class HealthRegistry {
  readonly #checks = new Map<HealthCheckName, HealthCheck>();
  readonly #alerts = new Map<AlertName, () => boolean>();
  readonly #running = new Map<HealthCheckName, Promise<HealthResult>>();
  #newest: { readonly report: Promise<HealthReport>; readonly until: number } | undefined;

  /** @param freshMs how long an answer is given again. */
  constructor(
    private readonly timeoutMs: number = CHECK_TIMEOUT_MS,
    private readonly freshMs: number = FRESH_MS,
  ) {}

  /** @throws Error when `name` is registered already: two answers to one question are a bug. */
  register(name: HealthCheckName, check: HealthCheck): void {
    if (this.#checks.has(name)) throw new Error(`health check ${name} is registered twice`);
    this.#checks.set(name, check);
  }

  /** Registers what tells whether an alert stands, from memory: it is asked by whoever passes by. */
  watch(name: AlertName, isRaised: () => boolean): void {
    this.#alerts.set(name, isRaised);
  }

  /** The alerts that stand now, in the order of the list. */
  alerts(): AlertName[] {
    return ALERTS.filter((name) => this.#alerts.get(name)?.() === true);
  }

  /** Runs all checks side by side. Never throws; a check that hangs fails with `DEADLINE`, so a probe is always answered. */
  async report(): Promise<HealthReport> {
    if (this.#newest === undefined || performance.now() >= this.#newest.until) {
      // Until it is there everybody waits for this one.
      const report = this.#report().finally(() => {
        this.#newest = { report, until: performance.now() + this.freshMs };
      });
      this.#newest = { report, until: Number.POSITIVE_INFINITY };
    }
    return await this.#newest.report;
  }

  async #report(): Promise<HealthReport> {
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await inTime(this.#ask(name, check), this.timeoutMs)] as const),
    );
    const isReady = results.every(([, result]) => result.status === "ok");
    return { isReady, checks: Object.fromEntries(results) };
  }

  #ask(name: HealthCheckName, check: HealthCheck): Promise<HealthResult> {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const asked = ask(check).finally(() => this.#running.delete(name));
    this.#running.set(name, asked);
    return asked;
  }
}

async function inTime(answer: Promise<HealthResult>, timeoutMs: number): Promise<HealthResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<HealthResult>((resolve) => {
    timer = setTimeout(() => {
      resolve({ status: "failing", code: "DEADLINE" });
    }, timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function ask(check: HealthCheck): Promise<HealthResult> {
  try {
    await check();
    return { status: "ok" };
  } catch (error) {
    // Only the code leaves: the probe's answer is public, and messages of drivers name hosts and roles.
    return { status: "failing", code: isRootkeepError(error) ? error.code : "INTERNAL" };
  }
}
