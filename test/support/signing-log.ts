// A log over a real PostgreSQL with all that signs and guards it, and hands to tamper with it.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { Client } from "pg";
import { MIGRATIONS } from "../../migrations/index.js";
import { type AuditAlarms, AuditLog } from "../../src/audit/audit-log.service.js";
import { CheckpointSigner, type SignerEvents } from "../../src/audit/checkpoint-signer.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import type { Guard } from "../../src/audit/guard.port.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { LogGuard, type UnsignedEvents } from "../../src/audit/log-guard.service.js";
import type { LogSigner } from "../../src/audit/log-signer.port.js";
import type { AuditReceipt } from "../../src/audit/receipt.js";
import { type Checkpoint, openCheckpoint } from "../../src/audit/tlog/checkpoint.js";
import { newVerifierKey, type VerifierKey } from "../../src/audit/tlog/verifier-key.js";
import type { UnsignedTail } from "../../src/audit/unsigned-tail.js";
import type { PgConnection } from "../../src/database/connection.js";
import { MemoryGuard } from "./memory-guard.js";
import { createTestDatabase, type TestDatabase, withClient } from "./postgres.js";

export const SIGNED_ORIGIN = "rootkeep.test/audit/signed/1";
const WAIT_MS = 15_000;
const GUARDED = ["entry", "tile", "checkpoint"];

/** A key of the test's own, behind the log signer's port. */
export class TestLogKey implements LogSigner {
  readonly uri = "memory:";
  readonly #pair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } = generateKeyPairSync("ed25519");

  get raw(): Buffer {
    return Buffer.from(this.#pair.publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  }
  publicKey(): Promise<Buffer> {
    return Promise.resolve(this.raw);
  }
  sign(message: Uint8Array): Promise<Buffer> {
    return Promise.resolve(sign(null, message, this.#pair.privateKey));
  }
}

export class SigningLog {
  readonly said: string[] = [];
  readonly #closing: (() => Promise<void>)[] = [];
  readonly #signers: CheckpointSigner[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly log: AuditLog,
    readonly key: TestLogKey,
    readonly guard: MemoryGuard,
    readonly alarms: readonly string[],
    private readonly isOwner: boolean,
    readonly origin: string,
  ) {}

  /** @param options.origin of the epoch that this process is started for. */
  static async open(options: { replicaOf?: SigningLog; origin?: string; unsigned?: UnsignedTail } = {}): Promise<SigningLog> {
    const { replicaOf: first, origin = SIGNED_ORIGIN } = options;
    const database = first?.database ?? (await createTestDatabase({ migrations: MIGRATIONS }));
    const alarms: string[] = [];
    const told: AuditAlarms = {
      chainBroken: (seq) => void alarms.push(`chain-broken ${String(seq)}`),
      rolledBack: (seq) => void alarms.push(`rolled-back ${String(seq)}`),
      clockRefused: (what) => void alarms.push(`clock ${what}`),
      rowRefused: () => undefined,
      appendFailed: () => undefined,
    };
    const log = new AuditLog(() => connectLog(database.connections.rootkeep_service), told, options.unsigned);
    await log.open(origin, "test");
    const made = new SigningLog(
      database,
      log,
      first?.key ?? new TestLogKey(),
      first?.guard ?? new MemoryGuard(),
      alarms,
      first === undefined,
      origin,
    );
    made.#closing.push(() => log.close());
    return made;
  }

  get verifierKey(): VerifierKey {
    return newVerifierKey(this.origin, "ed25519", this.key.raw);
  }

  /** A signer that runs until the test ends; `guard` unless told is the log's own. */
  signer(options: { guard?: Guard; key?: LogSigner; connection?: PgConnection } = {}): CheckpointSigner {
    const events: SignerEvents = {
      leading: () => void this.said.push("leading"),
      waiting: (seconds) => void this.said.push(`waiting ${String(seconds)}`),
      signed: (size) => void this.said.push(`signed ${String(size)}`),
      halted: (code, seq, reason) => void this.said.push(`halted ${code} ${String(seq)} ${reason}`),
      failed: (code, reason) => void this.said.push(`failed ${code} ${reason}`),
    };
    const signer = new CheckpointSigner({
      connect: () => connectLog(options.connection ?? this.database.connections.rootkeep_signer),
      origin: this.origin,
      key: options.key ?? this.key,
      verifierKey: this.verifierKey,
      guard: options.guard ?? this.guard,
      events,
    });
    this.#signers.push(signer);
    signer.start();
    return signer;
  }

  async stopSigners(): Promise<void> {
    for (const signer of this.#signers.splice(0)) await signer.stop();
  }

  logGuard(guard: Guard = this.guard): LogGuard {
    const connect = (): Promise<Client> => connectLog(this.database.connections.rootkeep_service);
    const events: UnsignedEvents = {
      openingsStopped: (entries) => void this.said.push(`openings stopped at ${String(entries)}`),
      decisionsStopped: (entries) => void this.said.push(`decisions stopped at ${String(entries)}`),
      signedAgain: () => void this.said.push("signed again"),
    };
    const logGuard = new LogGuard(this.log, { connect, origin: this.origin, verifierKey: this.verifierKey, guard, events });
    this.#closing.unshift(() => logGuard.stop());
    return logGuard;
  }

  async append(count = 1): Promise<AuditReceipt> {
    const draft = () => draftEntry({ action: "service.started", outcome: "committed", actor: SYSTEM_ACTOR });
    const receipts = await Promise.all(Array.from({ length: count }, () => this.log.record(draft())));
    return receipts.reduce((last, next) => (next.facts.seq > last.facts.seq ? next : last));
  }

  /** What the guard holds, checked. */
  guarded(): Checkpoint {
    const note = Buffer.from(this.guard.state?.note ?? "", "utf8");
    return openCheckpoint(note, { logs: [this.verifierKey], witnesses: [] }).checkpoint;
  }

  /** Waits until the guard holds a checkpoint of `size`. */
  async signedTo(size: number): Promise<void> {
    await this.until(() => this.said.includes(`signed ${String(size)}`), `checkpoint of ${String(size)}`);
  }

  async until(isSo: () => boolean | Promise<boolean>, what: string, waitMs = WAIT_MS): Promise<void> {
    const deadline = performance.now() + waitMs;
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}: ${this.said.join("; ")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** As the superuser, past every trigger. */
  async tamper(sql: string, values: unknown[] = []): Promise<void> {
    await withClient(this.database.superuser, async (client) => {
      for (const table of GUARDED) await client.query(`ALTER TABLE audit.${table} DISABLE TRIGGER no_mutation`);
      await client.query(sql, values);
      for (const table of GUARDED) await client.query(`ALTER TABLE audit.${table} ENABLE ALWAYS TRIGGER no_mutation`);
    });
  }

  /** Puts the log back to `size` entries, head and all, as a restored backup would. */
  async putBack(size: number): Promise<void> {
    await this.tamper(`DELETE FROM audit.entry WHERE seq >= ${String(size)}`);
    await this.tamper(`DELETE FROM audit.checkpoint WHERE size > ${String(size)}`);
    await this.tamper(
      `UPDATE audit.head SET size = ${String(size)}, last_leaf = (SELECT leaf_hash FROM audit.entry WHERE seq = ${String(size - 1)})`,
    );
  }

  async close(): Promise<void> {
    await this.stopSigners();
    for (const close of this.#closing.splice(0)) await close();
    if (this.isOwner) await this.database.drop();
  }
}
