import { Injectable } from "@nestjs/common";
import { DataSource } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { Operation } from "../kernel/operations.js";
import { IdempotencyRecord } from "./idempotency.entity.js";

/** One key of one caller for one operation. */
export interface IdempotencyScope {
  readonly caller: string;
  readonly operation: Operation;
  readonly key: string;
}

/** What a finished call leaves behind. */
export interface FinishedCall {
  readonly status: number;
  readonly resourceId: string | null;
  readonly seq: number | null;
}

/** The records of calls with an idempotency key, shared by all replicas. */
@Injectable()
export class IdempotencyRecords {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Reserves the key before the work begins; the table's primary key lets one of two concurrent calls have it. A record of more than a
   * day ago counts as none.
   * @returns null when the key is now ours, else the record that stands there.
   * @throws RootkeepError `STATE_CONFLICT` when the record went away in between, `UNAVAILABLE`.
   */
  async reserve(scope: IdempotencyScope, bodyMac: Buffer): Promise<IdempotencyRecord | null> {
    const { caller, operation, key } = scope;
    const reserved = await this.#asking<unknown[]>(() =>
      this.dataSource.query(
        `INSERT INTO edge.idempotency AS r (caller, operation, key, body_mac, state, created_at)
         VALUES ($1, $2, $3, $4, 'RUNNING', clock_timestamp())
         ON CONFLICT (caller, operation, key) DO UPDATE
           SET body_mac = excluded.body_mac, state = 'RUNNING', status = NULL, resource_id = NULL, seq = NULL,
               created_at = clock_timestamp()
           WHERE r.created_at < clock_timestamp() - make_interval(secs => $5)
         RETURNING key`,
        [caller, operation, key, bodyMac, LIMITS.idempotencySeconds],
      ),
    );
    if (reserved.length > 0) return null;
    const record = await this.#asking(() => this.dataSource.getRepository(IdempotencyRecord).findOneBy({ caller, operation, key }));
    if (record === null) throw new RootkeepError("STATE_CONFLICT");
    return record;
  }

  /** The call went well. */
  async finish(scope: IdempotencyScope, { status, resourceId, seq }: FinishedCall): Promise<void> {
    const values = { state: "DONE", status, resourceId, seq: seq === null ? null : String(seq) } as const;
    await this.dataSource.getRepository(IdempotencyRecord).update({ ...scope }, values);
  }

  /** The call failed, and it is open whether it took effect: it is not run again. */
  async doubt(scope: IdempotencyScope): Promise<void> {
    await this.dataSource.getRepository(IdempotencyRecord).update({ ...scope }, { state: "DOUBT" });
  }

  /** The call failed and did nothing: the key may be used again. */
  async release(scope: IdempotencyScope): Promise<void> {
    await this.dataSource.getRepository(IdempotencyRecord).delete({ ...scope });
  }

  /** Deletes what has expired. @returns how many. */
  async sweep(): Promise<number> {
    const [, count] = await this.dataSource.query<[unknown, number]>(
      "DELETE FROM edge.idempotency WHERE created_at < clock_timestamp() - make_interval(secs => $1)",
      [LIMITS.idempotencySeconds],
    );
    return count;
  }

  async #asking<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (cause) {
      // Nothing was begun: without its reservation a call that wants to happen once does not happen.
      throw new RootkeepError("UNAVAILABLE", { reason: "idempotency record", cause });
    }
  }
}
