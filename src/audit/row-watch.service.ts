import { setImmediate } from "node:timers/promises";
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import { type DataSource, type EntityTarget, MoreThan } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { AuditLog } from "./audit-log.service.js";
import type { Transactions } from "./transactions.service.js";

const PERIOD_MS = 5 * 60_000;
/** A look may take this part of the time: the deployment's people come first. */
const PAUSE_LOOKS = 20;
const PAGE = 500;
/** Rows told of in one look: a table full of edits is one bad day, not ten thousand entries. The rest is told of in the next looks. */
const TOLD_AT_ONCE = 10;
/** Doubtful rows of one table that are kept in mind, besides those that are missing: who fills a table with rows of their own fills no memory. */
const DOUBTFUL_MAX = 1_000;

type Row = DecidingRow & { readonly id: string };

/**
 * Reads every deciding row again and again. What decides is checked at use; a row that was deleted, or edited so that no search finds it, is not
 * used, and the refusal that follows looks like any other. Here it is missed, whoever asks for it or not. It decides nothing.
 */
export class RowWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #isEnding = false;
  /** Rows that were told of and are still as they were then. */
  #told: ReadonlySet<string> = new Set();
  /** Which table comes first: each look begins with the next, so that rows which somebody puts into one table do not hide another's for ever. */
  #turn = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly log: Pick<AuditLog, "newestSeq" | "rowCount" | "idsOf">,
    private readonly failed: (error: unknown) => void,
  ) {}

  onApplicationBootstrap(): void {
    const run = async (): Promise<void> => {
      const started = performance.now();
      await this.look().catch(this.failed);
      if (this.#isEnding) return;
      const pause = Math.max(PERIOD_MS, (performance.now() - started) * PAUSE_LOOKS);
      this.#timer = setTimeout(() => {
        this.#running = run();
      }, pause);
      this.#timer.unref();
    };
    this.#running = run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Looks at every row once. @returns how many were refused that had not been told of. */
  async look(): Promise<number> {
    const [before, told] = [this.#told, new Set<string>()];
    let count = 0;
    for (const { entity, tableName } of this.#tables()) {
      for (const [id, doubt] of await this.#doubtful(entity, tableName)) {
        if (this.#isEnding) return count;
        const fact = `${tableName}/${id} ${doubt}`;
        if (before.has(fact)) told.add(fact);
        else if (count < TOLD_AT_ONCE && (await this.#isRefused(entity, id))) {
          told.add(fact);
          count += 1;
        }
      }
    }
    this.#told = told;
    return count;
  }

  #tables(): { readonly entity: EntityTarget<Row>; readonly tableName: string }[] {
    const tables = this.dataSource.entityMetadatas.flatMap(({ target, tableName }) =>
      target instanceof Function && target.prototype instanceof DecidingRow ? [{ entity: target, tableName }] : [],
    );
    const first = this.#turn++ % Math.max(1, tables.length);
    return [...tables.slice(first), ...tables.slice(0, first)];
  }

  /**
   * Rows that look as if they did not count, each with what it looks like: changes that come meanwhile are among them. Those that are missing come
   * first: nobody can make more of them than there were.
   */
  async #doubtful(entity: EntityTarget<Row>, table: string): Promise<ReadonlyMap<string, string>> {
    const doubtful = new Map<string, string>();
    const seen = new Set<string>();
    const walked = new Set<string>();
    for (let after = ""; !this.#isEnding; ) {
      const page = await this.transactions.peek((tx) => tx.survey(entity, { id: MoreThan(after) }, PAGE));
      // However the database compares ids, a table ends: one that shows a row twice is left, and what it did not show is missing.
      if (page.some(({ id }) => walked.has(id))) {
        this.failed(new RootkeepError("ROW_REFUSED", { facts: { row: table }, reason: "a table shows a row twice" }));
        break;
      }
      for (const { id, seq, isGenuine } of page) {
        walked.add(id);
        const newest = this.log.newestSeq(`${table}/${id}`);
        if (newest !== undefined) seen.add(id);
        const isDoubtful = !isGenuine || String(newest) !== seq;
        if (isDoubtful && doubtful.size < DOUBTFUL_MAX) doubtful.set(id, `${seq} ${String(isGenuine)}`);
      }
      after = page.at(-1)?.id ?? after;
      if (page.length < PAGE) break;
      // People are answered between two pages.
      await setImmediate();
    }
    const missing = seen.size < this.log.rowCount(table) ? [...this.log.idsOf(table)].filter((id) => !seen.has(id)) : [];
    return new Map([...missing.map((id) => [id, "missing"] as const), ...doubtful]);
  }

  /** Reads the row as a decision would: what is wrong with it is written down and told of there. */
  async #isRefused(entity: EntityTarget<Row>, id: string): Promise<boolean> {
    try {
      await this.transactions.peek((tx) => tx.read(entity, id));
      return false;
    } catch (error) {
      if (isRootkeepError(error, "ROW_REFUSED")) return true;
      throw error;
    }
  }
}
