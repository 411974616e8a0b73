import type { Client } from "pg";
import type { LogHead } from "../database/log.port.js";
import { type ErrorCode, isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { AuditRepository } from "./audit.repository.js";
import { CheckpointRepository, type CheckpointRow } from "./checkpoint.repository.js";
import { confirmStandby } from "./durable-commit.service.js";
import type { Guard, GuardState } from "./guard.port.js";
import { Lateness } from "./lateness.js";
import { Leadership } from "./leadership.service.js";
import type { LogSigner } from "./log-signer.port.js";
import { ownCheckpoint, signCheckpoint } from "./signed-checkpoint.js";
import { type ComputedRoot, SignedTree } from "./signed-tree.service.js";
import type { VerifierKey } from "./tlog/verifier-key.js";

/** Whoever appended may say so here; the signer then does not wait for its next look. */
export const LOG_GROWN_CHANNEL = "rootkeep_log_grown";
/** Says that a new checkpoint is in the table. */
export const CHECKPOINT_CHANNEL = "rootkeep_checkpoint";

const LOOK_EVERY_MS = 500;
/** So long nothing is signed of what is there before one that stands by says so; again after twice the time. */
const WAITING_TOLD_MS = 10_000;

/** What happens to the signer, for log lines and metrics. */
export interface SignerEvents {
  leading(): void;
  /** It stands by, and whoever leads has signed nothing of what is there for so many seconds. */
  waiting(seconds: number): void;
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
 * Signs the log: one of all signers, elected by {@link Leadership}, follows the head and signs it whenever it has grown. In this order:
 *
 * 1. the root is computed twice and proven to continue the last one ({@link SignedTree});
 * 2. what is to be signed is on the synchronous standby, where there is one;
 * 3. the guard, which is outside the database, must hold exactly the checkpoint that this one continues;
 * 4. the note is signed;
 * 5. the guard takes it by compare-and-swap;
 * 6. only then is it written to the table, and told to others.
 *
 * Killed between 5 and 6, the next signer finds the guard ahead of the table, computes that root again and writes the guard's own note. A
 * head that is shorter than the guard's, or leads to another root, is never signed: whoever signs two histories has no log any more.
 */
export class CheckpointSigner {
  /** Held by the one that signs. */
  readonly #leadership: Leadership;
  #client: Client | undefined;
  #tree: SignedTree | undefined;
  #guarded: GuardState | null = null;
  #halted: RootkeepError | undefined;
  #isStopping = false;
  #wake: (() => void) | undefined;
  #isNudged = false;
  #running: Promise<void> | undefined;

  readonly #lateness = new Lateness(WAITING_TOLD_MS);

  constructor(private readonly options: CheckpointSignerOptions) {
    // What this one is waiting for may never come, if the network is what has failed.
    this.#leadership = new Leadership({
      connect: options.connect,
      turn: "signer_turn",
      onLost: () => {
        this.#giveUp();
      },
    });
  }

  /** Begins to follow the log. Call once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Signs what has been appended so far, if it can, and ends. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake?.();
    await this.#running;
    if (this.#halted === undefined && this.#leadership.isHeld) await this.#turn().catch(() => undefined);
    await this.#leadership.release();
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
    if (!(await this.#lead())) {
      await this.#standBy(client);
      return;
    }
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
    await confirmStandby(client, this.options.connect);
    if (await this.#isOvertaken()) return;
    const note = await signCheckpoint(computed, this.options.verifierKey, this.options.key);
    if (!(await guard.advance(this.#guarded, note))) {
      this.#yield();
      return;
    }
    await this.#publish(client, computed, note);
    this.#guarded = await guard.read();
    // Overtaken in between: the next checkpoint must not be built on this process's tree.
    if (this.#guarded?.note !== note) this.#tree = undefined;
  }

  /** Asked before the key is: a signature over a second history is proof against the log, wherever it turns up. */
  async #isOvertaken(): Promise<boolean> {
    const guarded = await this.options.guard.read();
    if (this.#leadership.isHeld && guarded?.version === this.#guarded?.version) return false;
    this.#yield();
    return true;
  }

  /** Somebody else has signed: what this process knows is out of date. */
  #yield(): void {
    this.#tree = undefined;
    this.options.events.failed("UNAVAILABLE", "guard moved");
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

  async #lead(): Promise<boolean> {
    if (this.#leadership.isHeld) return true;
    if (!(await this.#leadership.take())) return false;
    // Another may have signed meanwhile.
    this.#tree = undefined;
    this.#lateness.note("leader", null);
    this.options.events.leading();
    return true;
  }

  /** Somebody else leads. If nothing is signed all the same, that one may be hung, or cut off from guard and key. */
  async #standBy(client: Client): Promise<void> {
    const { size: headSize } = await AuditRepository.readHead(client);
    const size = (await CheckpointRepository.newest(client, this.options.origin))?.size ?? 0;
    const seconds = this.#lateness.note("leader", size < headSize ? size : null);
    if (seconds !== null) this.options.events.waiting(seconds);
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
    this.#giveUp();
    // Another signer may be able to do what this one cannot.
    void this.#leadership.release();
  }

  /** A connection in an unknown state is given up, and what was known through it. */
  #giveUp(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#tree = undefined;
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
