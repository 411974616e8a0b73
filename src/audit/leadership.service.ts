import type { Client } from "pg";
import { sqlState } from "../database/sql-error.js";

/** Tables without columns or rows, there to be locked (migrations `locks-that-need-a-right`, `mark-escrow-wraps`, `create-posture`). */
const TABLES = {
  signer_turn: "audit.signer_turn",
  stream_file_turn: "audit.stream_file_turn",
  stream_syslog_turn: "audit.stream_syslog_turn",
  stream_webhook_turn: "audit.stream_webhook_turn",
  escrow_turn: "keys.escrow_turn",
  posture_turn: "aws.posture_turn",
} as const;

export type Turn = keyof typeof TABLES;

/** The server gives a leader up whose session has said nothing for so long, also when its host is gone without a word. */
const SILENT_MS = 15_000;
/** The leader itself thinks that it is none any more before the server does. */
const UNANSWERED_MS = 10_000;
const SPEAK_EVERY_MS = 1_000;

export interface LeadershipOptions {
  /** Opens a connection of its own, whose role may lock the turn's table. */
  readonly connect: () => Promise<Client>;
  readonly turn: Turn;
  /** Somebody else may lead from now on. */
  readonly onLost?: () => void;
}

/**
 * Elects one of several processes: it holds a table's lock, in a transaction that does nothing else, on a connection of its own. An advisory
 * lock could be taken by anybody who may connect, the auditor's role too; a table's lock needs a right on the table. And an open transaction
 * ends when nothing is heard of its session, so a host that dies without a word does not keep the lock for the hours that TCP takes.
 */
export class Leadership {
  #client: Client | undefined;
  #speaking: NodeJS.Timeout | undefined;
  #answeredAt = 0;
  #isHeld = false;

  constructor(private readonly options: LeadershipOptions) {}

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Takes the lock unless another process has it; does not wait. @throws Error of the driver's when the database cannot be asked. */
  async take(): Promise<boolean> {
    if (this.#isHeld) return true;
    const client = await this.#connected();
    try {
      await client.query("BEGIN");
      await client.query(`SET LOCAL idle_in_transaction_session_timeout = '${String(SILENT_MS)}ms'`);
      // Conflicts with itself and with nothing that a reader, a backup or a role that only inserts can take.
      await client.query(`LOCK TABLE ${TABLES[this.options.turn]} IN SHARE UPDATE EXCLUSIVE MODE NOWAIT`);
    } catch (error) {
      if (sqlState(error) === LOCK_NOT_AVAILABLE) {
        await client.query("ROLLBACK");
        return false;
      }
      this.#lose(client);
      throw error;
    }
    if (this.#client !== client) return false;
    this.#isHeld = true;
    this.#answeredAt = performance.now();
    this.#speaking = setInterval(() => {
      this.#speak(client);
    }, SPEAK_EVERY_MS);
    return true;
  }

  /** Gives the lock back, and the connection with it. */
  async release(): Promise<void> {
    const client = this.#client;
    this.#forget();
    await client?.end().catch(() => undefined);
  }

  #speak(client: Client): void {
    if (performance.now() - this.#answeredAt > UNANSWERED_MS) {
      this.#lose(client);
      return;
    }
    client.query("SELECT 1").then(
      () => (this.#answeredAt = performance.now()),
      () => {
        this.#lose(client);
      },
    );
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await this.options.connect();
    client.on("error", () => undefined);
    client.on("end", () => {
      this.#lose(client);
    });
    this.#client = client;
    return client;
  }

  #lose(client: Client): void {
    if (this.#client !== client) return;
    const wasHeld = this.#isHeld;
    this.#forget();
    void client.end().catch(() => undefined);
    if (wasHeld) this.options.onLost?.();
  }

  #forget(): void {
    clearInterval(this.#speaking);
    this.#client = undefined;
    this.#isHeld = false;
  }
}

const LOCK_NOT_AVAILABLE = "55P03";
