import type { Client } from "pg";
import type { LogHead } from "../database/log.port.js";
import { type ErrorCode, isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { AuditRepository } from "./audit.repository.js";
import { CheckpointRepository, type CheckpointRow } from "./checkpoint.repository.js";
import type { Guard, GuardState } from "./guard.port.js";
import type { LogSigner } from "./log-signer.port.js";
import { ownCheckpoint, signCheckpoint } from "./signed-checkpoint.js";
import { type ComputedRoot, SignedTree } from "./signed-tree.service.js";
import type { VerifierKey } from "./tlog/verifier-key.js";

/** Whoever appended may say so here; the signer then does not wait for its next look. */
export const LOG_GROWN_CHANNEL = "rootkeep_log_grown";
/** Says that a new checkpoint is in the table. */
export const CHECKPOINT_CHANNEL = "rootkeep_checkpoint";

// Held by the session of the one signer that signs. Any constant will do, as long as it is no other lock's.
export const LEADER_LOCK = "8241996041571201002";
const LOOK_EVERY_MS = 500;

/** What happens to the signer, for log lines and metrics. */
export interface SignerEvents {
  leading(): void;
  signed(size: number): void;
  /** It signs nothing any more until somebody has looked. */
  halted(code: ErrorCode, seq: number | undefined, reason: string): void;
  /** It could not sign just now, and tries again. */
  failed(code: ErrorCode, reason: string): void;
}

export interface CheckpointSignerOptions {
  /** Opens a connection as the signer's role. */
  readonly connect: () => Promise<Client>;
  readonly origin: string;
  readonly key: LogSigner;
  readonly verifierKey: VerifierKey;
  readonly guard: Guard;
  readonly events: SignerEvents;
  /** Told of every new checkpoint; must not throw. */
  readonly onPublished?: (checkpoint: CheckpointRow) => void;
}

/**
 * Signs the log: one of all signers, elected by a lock of the database, follows the head and signs it whenever it has grown. In this order:
 *
 * 1. the root is computed twice and proven to continue the last one ({@link SignedTree});
 * 2. the guard, which is outside the database, must hold exactly the checkpoint that this one continues;
 * 3. the note is signed;
 * 4. the guard takes it by compare-and-swap;
 * 5. only then is it written to the table, and told to others.
 *
 * Killed between 4 and 5, the next signer finds the guard ahead of the table, computes that root again and writes the guard's own note. A
 * head that is shorter than the guard's, or leads to another root, is never signed: whoever signs two histories has no log any more.
 */
export class CheckpointSigner {
  #client: Client | undefined;
  #isLeader = false;
  #tree: SignedTree | undefined;
  #guarded: GuardState | null = null;
  #halted: RootkeepError | undefined;
  #isStopping = false;
  #wake: (() => void) | undefined;
  #isNudged = false;
  #running: Promise<void> | undefined;

  constructor(private readonly options: CheckpointSignerOptions) {}

  /** Begins to follow the log. Call once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Signs what has been appended so far, if it can, and ends. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake?.();
    await this.#running;
    if (this.#halted === undefined && this.#isLeader) await this.#turn().catch(() => undefined);
    await this.#client?.end().catch(() => undefined);
  }

  /** Why nothing is signed any more, if that is so. */
  get halted(): RootkeepError | undefined {
    return this.#halted;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping && this.#halted === undefined) {
      try {
        await this.#turn();
      } catch (error) {
        this.#tree = undefined;
        this.#report(error);
      }
      await this.#pause();
    }
  }

  async #turn(): Promise<void> {
    const client = await this.#connected();
    if (!(await this.#lead(client))) return;
    const head = await AuditRepository.readHead(client);
    // Nothing has been appended yet: the service begins the log.
    if (head.size === 0) return;
    if (head.origin !== this.options.origin) throw new RootkeepError("UNAVAILABLE", { reason: "the log has another origin" });
    this.#tree ??= await this.#resume(client, head.size);
    await this.#follow(client, this.#tree, head);
  }

  async #follow(client: Client, tree: SignedTree, head: LogHead): Promise<void> {
    const { guard } = this.options;
    if (head.size < tree.size || (head.size === tree.size && !head.lastLeaf.equals(tree.lastLeaf)))
      throw rolledBack(tree.size, "the head is not the one that was signed");
    if (head.size === tree.size) return;
    const computed = await tree.extend(head);
    if (!tree.lastLeaf.equals(head.lastLeaf)) throw new RootkeepError("CHAIN_BROKEN", { facts: { seq: head.size } });
    const note = await signCheckpoint(computed, this.options.verifierKey, this.options.key);
    if (!(await guard.advance(this.#guarded, note))) {
      // Somebody else has signed: what this process knows is out of date.
      this.#tree = undefined;
      this.options.events.failed("UNAVAILABLE", "guard moved");
      return;
    }
    await this.#publish(client, computed, note);
    this.#guarded = await guard.read();
    // Overtaken in between: the next checkpoint must not be built on this process's tree.
    if (this.#guarded?.note !== note) this.#tree = undefined;
  }

  async #publish(client: Client, { size, root, frontier, tiles }: ComputedRoot, note: string): Promise<void> {
    const row: CheckpointRow = { size, root, note, frontier };
    await CheckpointRepository.insert(client, this.options.origin, row, tiles);
    await client.query("SELECT pg_catalog.pg_notify($1, $2)", [CHECKPOINT_CHANNEL, String(size)]);
    this.options.events.signed(size);
    this.options.onPublished?.(row);
  }

  /**
   * The tree of the checkpoint that the guard holds. The table may be one behind; more than the guard it cannot have.
   * @throws RootkeepError `ROLLBACK_DETECTED`
   */
  async #resume(client: Client, headSize: number): Promise<SignedTree> {
    const { origin, guard, verifierKey } = this.options;
    this.#guarded = await guard.read();
    const last = await CheckpointRepository.newest(client, origin);
    if (this.#guarded === null) {
      // An empty guard is a first run only while the log holds nothing but its genesis.
      if (last !== undefined || headSize > 1) throw rolledBack(headSize, "the guard is empty");
      return await SignedTree.at(client, origin, undefined);
    }
    const guarded = ownCheckpoint(this.#guarded.note, origin, verifierKey);
    if (guarded.size > headSize) throw rolledBack(headSize, "the log is shorter than the guard's checkpoint");
    if (last !== undefined) {
      const written = ownCheckpoint(last.note, origin, verifierKey);
      if (written.size > guarded.size) throw rolledBack(guarded.size, "the guard is older than what was signed");
      if (written.size !== last.size || !written.root.equals(last.root)) throw rolledBack(last.size, "a checkpoint row is not its note's");
    }
    const tree = await SignedTree.at(client, origin, last);
    if (tree.size < guarded.size) {
      const computed = await tree.extend(guarded);
      if (!computed.root.equals(guarded.root)) throw rolledBack(guarded.size, "the log leads to another root");
      await this.#publish(client, computed, this.#guarded.note);
    } else if (!tree.root.equals(guarded.root)) throw rolledBack(guarded.size, "the log leads to another root");
    return tree;
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await this.options.connect();
    client.on("error", () => undefined);
    client.on("end", () => {
      if (this.#client === client) this.#client = undefined;
      this.#isLeader = false;
      this.#tree = undefined;
    });
    client.on("notification", () => {
      this.#isNudged = true;
      this.#wake?.();
    });
    this.#client = client;
    await client.query(`LISTEN ${LOG_GROWN_CHANNEL}`);
    return client;
  }

  async #lead(client: Client): Promise<boolean> {
    if (this.#isLeader) return true;
    const { rows } = await client.query<{ taken: boolean }>("SELECT pg_catalog.pg_try_advisory_lock($1::bigint) AS taken", [LEADER_LOCK]);
    this.#isLeader = rows[0]?.taken === true;
    if (this.#isLeader) this.options.events.leading();
    return this.#isLeader;
  }

  #report(error: unknown): void {
    const { events } = this.options;
    if (isRootkeepError(error, "ROLLBACK_DETECTED") || isRootkeepError(error, "CHAIN_BROKEN")) {
      this.#halted = error;
      const { seq } = error.facts;
      events.halted(error.code, typeof seq === "number" ? seq : undefined, error.reason ?? error.code);
      return;
    }
    events.failed(isRootkeepError(error) ? error.code : "UNAVAILABLE", isRootkeepError(error) ? (error.reason ?? error.code) : "database");
    // A connection in an unknown state is given up; the lock goes with it.
    const client = this.#client;
    this.#client = undefined;
    this.#isLeader = false;
    void client?.end().catch(() => undefined);
  }

  async #pause(): Promise<void> {
    if (this.#isStopping || this.#halted !== undefined) return;
    if (!this.#isNudged) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_EVERY_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#isNudged = false;
  }
}

function rolledBack(seq: number, reason: string): RootkeepError {
  return new RootkeepError("ROLLBACK_DETECTED", { facts: { seq }, reason });
}
