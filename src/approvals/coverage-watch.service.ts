import { setImmediate } from "node:timers/promises";
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { AccountKind, AccountTags, Partition } from "../accounts/account.js";
import type { AccountRegistry } from "../accounts/account-registry.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import { SYSTEM_CLOCK } from "../kernel/clock.js";
import type { Id } from "../kernel/ids.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import { judgeAllowlist } from "../people/judged-allowlist.service.js";
import { givesRights } from "../people/lapse.js";
import { parseScope } from "../people/scope.js";
import { AccountCoverage, approvalsNeeded, type CoverageResult, type LiveEntry } from "./account-coverage.js";
import { currentBook } from "./policies.service.js";
import type { Catalogue } from "./purpose.js";

const PERIOD_MS = 5 * 60_000;
/** An answer may be as old as so many looks take: somebody may ask again and again, and must not keep the service busy with it. */
const LOOKS_OLD_MAX = 10;
const FRESH_MS_MIN = 1_000;
const PAGE = 1_000;

/** A look at all accounts. */
export interface CoverageLook extends CoverageResult {
  readonly at: Date;
}

/**
 * Looks whether each account has people enough who may ask and approve, every five minutes and when somebody wants to know. It decides nothing:
 * who may approve is looked at again with each approval.
 */
export class CoverageWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer: SteadyTimer;
  #last: CoverageLook | undefined;
  #freshUntil = 0;
  #looking: Promise<CoverageLook> | undefined;
  #isEnding = false;

  constructor(
    private readonly transactions: Transactions,
    private readonly accounts: Pick<AccountRegistry, "list">,
    private readonly catalogue: Catalogue,
    private readonly changed: (look: CoverageLook, isNews: boolean) => void,
    failed: (error: unknown) => void,
  ) {
    this.#timer = new SteadyTimer(PERIOD_MS, () => this.look(), failed);
  }

  onApplicationBootstrap(): void {
    this.#timer.startNow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isEnding = true;
    await this.#timer.stop();
    await this.#looking?.catch(() => undefined);
  }

  /** The newest look, taken anew unless it is fresh: at most a tenth of the time is spent looking. */
  async current(): Promise<CoverageLook> {
    return this.#last !== undefined && performance.now() < this.#freshUntil ? this.#last : await this.look();
  }

  /** Looks at every account. Two who ask at once share one look. */
  async look(): Promise<CoverageLook> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return await this.#looking;
  }

  async #lookOnce(): Promise<CoverageLook> {
    const started = performance.now();
    const coverage = await this.#begin();
    for (let after = ""; ; ) {
      const page = await this.accounts.list(after, PAGE);
      for (const { id, customer, tags, partition, kind } of page) {
        coverage.add({
          id: id as Id<"account">,
          customer,
          tags: JSON.parse(tags) as AccountTags,
          partition: partition as Partition,
          kind: kind as AccountKind,
        });
      }
      after = page.at(-1)?.id ?? after;
      if (page.length < PAGE || this.#isEnding) break;
      // People are answered between two pages.
      await setImmediate();
    }
    const look = { ...coverage.result(), at: SYSTEM_CLOCK.now() };
    const isNews = shapeOf(look) !== shapeOf(this.#last);
    if (!this.#isEnding) this.changed(look, isNews);
    this.#last = look;
    this.#freshUntil = performance.now() + Math.max(FRESH_MS_MIN, (performance.now() - started) * LOOKS_OLD_MAX);
    return look;
  }

  async #begin(): Promise<AccountCoverage> {
    const { entries, policies } = await this.transactions.peek(async (tx) => ({
      entries: (await judgeAllowlist(tx)).entries,
      policies: (await currentBook(tx)).policies,
    }));
    const live = entries.flatMap(({ entry: { personId, role, scope }, person, standing }): LiveEntry[] => {
      if (!givesRights(standing) || person.state !== "ACTIVE" || (role !== "requester" && role !== "approver")) return [];
      return [{ personId, role, scope: parseScope(scope) }];
    });
    return new AccountCoverage(live, approvalsNeeded(this.catalogue, policies));
  }
}

/** What a look says but for its examples, of which nobody must hear again. */
function shapeOf(look: CoverageResult | undefined): string {
  return JSON.stringify(look?.groups.map(({ examples: _examples, ...group }) => group) ?? []);
}
