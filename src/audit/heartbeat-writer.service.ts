import type { Client } from "pg";
import { sqlState } from "../database/sql-error.js";
import { type ErrorCode, isRootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { AuditLog } from "./audit-log.service.js";
import type { JsonObject } from "./canonical-json.js";
import { draftEntry, SYSTEM_ACTOR } from "./draft.js";
import { heartbeatDetails, heartbeatId, heartbeatIdBeside, type ServerIdentity } from "./heartbeat.js";
import type { AuditReceipt } from "./receipt.js";
import { headsRoot } from "./stream-heads.js";

/** It is looked this often whether a heartbeat is due: so often in the interval that a late look does not make it longer. */
const LOOKS = 60;
/** The first look comes when the service has started, and does not make the start longer. */
const FIRST_LOOK_MS = 1_000;
/** After a failure the next attempt comes later than the next look: each failure is told, and is not to be told every few seconds. */
const RETRY_LOOKS = 6;

export interface HeartbeatWriterOptions {
  /** Opens a connection of the service's role. */
  readonly connect: () => Promise<Client>;
  readonly origin: string;
  /** A heartbeat could not be written, or not under its own id; told once for each attempt. */
  readonly onFailed: (code: ErrorCode, reason: string) => void;
  /** Milliseconds between two heartbeats at most; {@link LIMITS.heartbeatMs} unless told. */
  readonly intervalMs?: number;
}

/**
 * Appends `log.heartbeat`: how long the log can be silent without somebody noticing, and the root over the heads of all accounts' own chains,
 * so that each account's owner can be shown to have all of their entries (docs/spec/account-export.md).
 *
 * Heads and `asOf` are exact without a lock. They come from this process's index, which takes entries whole and in the order of the log:
 * what it says in one turn of the event loop holds for exactly the number of entries that it has then, whatever is appended meanwhile by
 * whomever. The root over 100,000 heads takes time, and nobody is to wait for it under the audit lock; so it is computed first, and the entry
 * goes through the append queue like all that change no deciding row. Its place is then at or behind `asOf`, never before.
 */
export class HeartbeatWriter {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(
    private readonly log: AuditLog,
    private readonly options: HeartbeatWriterOptions,
  ) {}

  /** Begins to look whether a heartbeat is due. Call once. */
  start(): void {
    this.#lookIn(FIRST_LOOK_MS);
  }

  /** Looks no more; a heartbeat that is under way is given up, or appended if it has come so far. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /**
   * Writes a heartbeat if one is due: not before the log holds more than its genesis, because founding asks for exactly that; not while the
   * newest one, whoever wrote it, is young; and not into a log that was put back.
   * @returns its receipt, or null if none was written.
   * @throws RootkeepError `AUDIT_UNAVAILABLE`, `CHAIN_BROKEN`, `ROLLBACK_DETECTED`, `CLOCK_SKEW`
   */
  async beat(): Promise<AuditReceipt | null> {
    if (this.log.isRolledBack || this.#isYoung()) return null;
    const client = await this.options.connect();
    client.on("error", () => undefined);
    try {
      await this.log.catchUp(client, await this.log.readHead(client));
      if (this.log.knownSize() <= 1 || this.#isYoung()) return null;
      const server = await serverIdentity(client);
      const before = this.#newestId;
      const receipt = await this.#append(server, heartbeatId(this.options.origin, before));
      if (receipt !== null) return receipt;
      // Another replica follows the same heartbeat in the same moment, and then theirs counts; or an entry that is none has taken the id.
      await this.log.catchUp(client, await this.log.readHead(client));
      if (this.#newestId !== before) return null;
      this.options.onFailed("ALREADY_EXISTS", "another entry has the id");
      const beside = this.log.lastLeaf().toString("hex");
      return await this.#append(server, heartbeatIdBeside(this.options.origin, before, beside), { beside });
    } catch (error) {
      if (error instanceof Stopped) return null;
      throw error;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async #append(server: ServerIdentity | null, id: string, more: JsonObject = {}): Promise<AuditReceipt | null> {
    const { asOf, tips } = this.log.streams.tips();
    const streamsRoot = await headsRoot(tips, () => this.#giveWay());
    const draft = draftEntry({
      id,
      action: "log.heartbeat",
      outcome: "committed",
      actor: SYSTEM_ACTOR,
      details: { ...heartbeatDetails({ asOf, streams: tips.length, streamsRoot }, server), ...more },
    });
    return await this.log.recordOnce(draft);
  }

  /** By the time that the entry itself has, so that all replicas agree; clocks far apart stop every append anyway. */
  #isYoung(): boolean {
    const newest = this.log.streams.newestHeartbeat;
    return newest !== undefined && Date.now() - Date.parse(newest.time) < this.#intervalMs - 2 * this.#lookMs;
  }

  get #newestId(): string | null {
    return this.log.streams.newestHeartbeat?.id ?? null;
  }

  get #intervalMs(): number {
    return this.options.intervalMs ?? LIMITS.heartbeatMs;
  }

  get #lookMs(): number {
    return this.#intervalMs / LOOKS;
  }

  #lookIn(milliseconds: number): void {
    if (this.#isStopping) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#look();
    }, milliseconds);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    try {
      await this.beat();
      this.#lookIn(this.#lookMs);
    } catch (error) {
      const code = isRootkeepError(error) ? error.code : "AUDIT_UNAVAILABLE";
      this.options.onFailed(code, isRootkeepError(error) ? (error.reason ?? error.code) : (sqlState(error) ?? "connection"));
      // Neither heals by waiting: somebody has to look, and starts anew.
      if (code !== "CHAIN_BROKEN" && code !== "ROLLBACK_DETECTED") this.#lookIn(RETRY_LOOKS * this.#lookMs);
    }
  }

  async #giveWay(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#isStopping) throw new Stopped();
  }
}

/** The service stops while a root is being computed. */
class Stopped extends Error {}

/** Null where the role may not ask: everybody may unless an administrator took it away, and a heartbeat is worth more than this hint. */
async function serverIdentity(client: Client): Promise<ServerIdentity | null> {
  try {
    const { rows } = await client.query<{ id: string; timeline: number }>(
      `SELECT s.system_identifier::text AS id, c.timeline_id AS timeline
       FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_control_checkpoint() AS c`,
    );
    const [row] = rows;
    return row === undefined ? null : { systemIdentifier: row.id, timeline: row.timeline };
  } catch (error) {
    if (sqlState(error) === "42501") return null;
    throw error;
  }
}
