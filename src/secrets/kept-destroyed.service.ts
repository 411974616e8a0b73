import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { DataSource } from "typeorm";
import type { AuditLog } from "../audit/audit-log.service.js";
import { walkStream } from "../audit/stream-entries.service.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import type { CopiesToForget } from "./copies-to-forget.port.js";

const PERIOD_MS = 5 * 60_000;

/** What somebody must look at. */
export interface DestructionAlarms {
  /** What was destroyed had come back, and is gone again: a table was put back. */
  destroyedAgain(accountId: string, rows: number): void;
  failed(error: unknown): void;
}

/**
 * Keeps destroyed what the log says is destroyed (design §4): tables that were put back by themselves bring wraps back, which are removed again
 * before anybody is answered, and every few minutes. Copies outside the database are forgotten here, after the destruction was committed.
 */
export class KeptDestroyed implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #forgotten = new Set<string>();
  readonly #timer = new SteadyTimer(
    PERIOD_MS,
    () => this.look(),
    (error) => {
      this.alarms.failed(error);
    },
  );

  constructor(
    private readonly dataSource: DataSource,
    private readonly log: Pick<AuditLog, "idsOf" | "streams">,
    private readonly copies: CopiesToForget,
    private readonly alarms: DestructionAlarms,
  ) {}

  /** Openings of these accounts are refused by the log itself, so a look that fails does not keep the service from starting. */
  async onApplicationBootstrap(): Promise<void> {
    await this.look().catch((error: unknown) => {
      this.alarms.failed(error);
    });
    this.#timer.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#timer.stop();
  }

  /** Destroys again what has come back, and forgets copies. @returns how many rows had come back. */
  async look(): Promise<number> {
    const destroyed = [...this.log.idsOf("destruction")];
    let total = 0;
    for (const accountId of await this.#comeBack(destroyed)) {
      const rows = await this.#destroy(accountId);
      this.alarms.destroyedAgain(accountId, rows);
      total += rows;
    }
    // One whose copies cannot be removed now keeps no other's.
    for (const accountId of destroyed)
      await this.forget(accountId).catch((error: unknown) => {
        this.alarms.failed(error);
      });
    return total;
  }

  /** Makes sure that no copy of the account's is left. @throws as the second store does. */
  async forget(accountId: string): Promise<void> {
    if (this.#forgotten.has(accountId)) return;
    await this.copies.forget(accountId);
    this.#forgotten.add(accountId);
  }

  /** Of `accountIds`, those that a row gives a key, an escrow wrap or a sealed value again. */
  async #comeBack(accountIds: readonly string[]): Promise<readonly string[]> {
    if (accountIds.length === 0) return [];
    const rows: { id: string }[] = await this.dataSource.query(
      `SELECT DISTINCT k.account_id AS id FROM keys.data_key k WHERE k.account_id = ANY($1)
         AND (k.wrapped IS NOT NULL OR EXISTS (SELECT 1 FROM keys.escrow_wrap w WHERE w.data_key_id = k.id))
       UNION SELECT s.account_id FROM secrets.secret s JOIN secrets.secret_version v ON v.secret_id = s.id
         JOIN secrets.sealed_value b ON b.version_id = v.id WHERE s.account_id = ANY($1)`,
      [accountIds],
    );
    return rows.map(({ id }) => id);
  }

  async #destroy(accountId: string): Promise<number> {
    const { entries } = await walkStream(this.dataSource.manager, this.log.streams, accountId);
    let total = 0;
    for (const { entry } of entries) {
      if (entry.action !== "account.destroyed" || entry.outcome !== "committed") continue;
      const rows: { n: string }[] = await this.dataSource.query("SELECT secrets.destroy($1) AS n", [entry.seq]);
      total += Number(rows[0]?.n ?? 0);
    }
    return total;
  }
}
