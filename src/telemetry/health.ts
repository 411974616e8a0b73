import type { ErrorCode } from "../kernel/errors.js";
import { isRootkeepError } from "../kernel/errors.js";

/** What readiness looks at (design §9). */
export const HEALTH_CHECKS = ["database", "root_keys", "log", "guard", "clock", "config"] as const;
export type HealthCheckName = (typeof HEALTH_CHECKS)[number];

/** What somebody should look at while the service goes on working; none of it takes a replica out of service. */
export const ALERTS = ["no-notice-channel", "notices-dead", "glass-review-overdue"] as const;
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

/** Modules register a check each; the edge asks for all of them. */
export class HealthRegistry {
  readonly #checks = new Map<HealthCheckName, HealthCheck>();
  readonly #alerts = new Map<AlertName, () => boolean>();

  constructor(private readonly timeoutMs: number = CHECK_TIMEOUT_MS) {}

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
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await answerOf(check, this.timeoutMs)] as const),
    );
    const isReady = results.every(([, result]) => result.status === "ok");
    return { isReady, checks: Object.fromEntries(results) };
  }
}

async function answerOf(check: HealthCheck, timeoutMs: number): Promise<HealthResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<HealthResult>((resolve) => {
    timer = setTimeout(() => {
      resolve({ status: "failing", code: "DEADLINE" });
    }, timeoutMs);
  });
  try {
    return await Promise.race([ask(check), late]);
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
