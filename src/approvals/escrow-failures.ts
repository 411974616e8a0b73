import { isRootkeepError } from "../kernel/errors.js";
import type { DataKeyRow, Domain } from "../keys/domain.js";

/** A key that did not unwrap is not asked for again before: each time costs a call of the root key, and an entry. */
const WAIT_MS = 3_600_000;
/** So many keys of a domain after each other, each with a root key that does not answer: then it is the root key. */
const AWAY_AFTER = 3;

/** Errors by which a root key says that it serves nobody now... */
const AWAY_CODES = ["KEY_UNAVAILABLE", "KEY_DISABLED", "CLOCK_SKEW"] as const;
/** ...but for these, which are of the one row: no root key was asked. */
const OWN_REASONS: readonly (string | undefined)[] = ["root_key_not_configured", "data_key_destroyed"];

/**
 * Which data keys the escrow run leaves alone for now. One that cannot be unwrapped keeps no other out of escrow: it waits, and the next ones
 * get their turn, also where their root key is away for longer. In memory: after a restart each is asked for once.
 */
export class EscrowFailures {
  readonly #until = new Map<string, number>();
  readonly #inARow = new Map<Domain, number>();

  /** @param elapsedMs milliseconds of a clock that only goes forward. */
  constructor(private readonly elapsedMs: () => number) {}

  /** Every domain has another chance; what waits, waits. */
  startRun(): void {
    this.#inARow.clear();
    for (const [id, until] of this.#until) if (until <= this.elapsedMs()) this.#until.delete(id);
  }

  mayAsk({ id, domain }: Pick<DataKeyRow, "id" | "domain">): boolean {
    return !this.#until.has(id) && (this.#inARow.get(domain) ?? 0) < AWAY_AFTER;
  }

  /** True once an hour: what is so each minute is told of then. */
  isNews(what: string): boolean {
    if (this.#until.has(what)) return false;
    this.note(what);
    return true;
  }

  note(id: string): void {
    this.#until.set(id, this.elapsedMs() + WAIT_MS);
  }

  answered(domain: Domain): void {
    this.#inARow.delete(domain);
  }

  judge(domain: Domain, error: unknown): void {
    const isAway =
      AWAY_CODES.some((code) => isRootkeepError(error, code)) && !OWN_REASONS.includes(isRootkeepError(error) ? error.reason : undefined);
    if (isAway) this.#inARow.set(domain, (this.#inARow.get(domain) ?? 0) + 1);
    else if (isRootkeepError(error, "SEAL_BROKEN")) this.answered(domain);
  }
}
