import type { Client } from "pg";
import { isRootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import type { WitnessAnchorUri } from "./anchor-uri.js";
import { CheckpointRepository, type CosignedRow } from "./checkpoint.repository.js";
import { Lateness } from "./lateness.js";
import { ownCheckpoint } from "./signed-checkpoint.js";
import { verifyCosignature } from "./tlog/cosignature.js";
import { parseNote, parseSignatureLines } from "./tlog/note.js";
import { TlogError } from "./tlog/tlog-error.js";
import type { VerifierKey } from "./tlog/verifier-key.js";

export interface WitnessWatchOptions {
  /** Opens a connection of the service's role. */
  readonly connect: () => Promise<Client>;
  readonly origin: string;
  readonly verifierKey: VerifierKey;
  /** Those of this service's configuration, which custodians have approved. */
  readonly witnesses: readonly WitnessAnchorUri[];
  /** For so many seconds the witness has cosigned nothing of what is signed. */
  readonly onMissing: (witness: string, seconds: number) => void;
  readonly everyMs?: number;
  readonly lateMs?: number;
}

/**
 * Looks whether the witnesses that custodians approved do cosign. The signer is another program with a configuration of its own: one that
 * asks fewer, or none, looks well from within. A line counts when it verifies under the witness's key over a checkpoint that is ours.
 */
export class WitnessWatch {
  readonly #lateness: Lateness;
  readonly #timer: SteadyTimer;

  constructor(private readonly options: WitnessWatchOptions) {
    this.#lateness = new Lateness(options.lateMs ?? LIMITS.anchorLateMs);
    this.#timer = new SteadyTimer(
      options.everyMs ?? LIMITS.witnessLookMs,
      () => this.look(),
      // What the database does not answer now it is asked again, and says elsewhere.
      () => undefined,
    );
  }

  /** Begins to look. Call once. */
  start(): void {
    if (this.options.witnesses.length > 0) this.#timer.start();
  }

  async stop(): Promise<void> {
    await this.#timer.stop();
  }

  /** One look. @throws Error when the database cannot be asked. */
  async look(): Promise<void> {
    const { connect, origin, witnesses, onMissing } = this.options;
    const client = await connect();
    client.on("error", () => undefined);
    try {
      const newest = (await CheckpointRepository.newest(client, origin))?.size ?? 0;
      for (const { name, key } of witnesses) {
        const size = this.#sizeOf(key, await CheckpointRepository.newestCosigned(client, origin, key));
        const seconds = this.#lateness.note(name, size < newest ? size : null);
        if (seconds !== null) onMissing(name, seconds);
      }
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Size of the checkpoint that the witness has cosigned; 0 for a row that does not show it. */
  #sizeOf(key: VerifierKey, row: CosignedRow | undefined): number {
    if (row === undefined) return 0;
    const { origin, verifierKey } = this.options;
    try {
      const { size } = ownCheckpoint(row.note, origin, verifierKey);
      const { text } = parseNote(Buffer.from(row.note, "utf8"));
      for (const { signature } of parseSignatureLines(row.line)) verifyCosignature(key, text, signature);
      return size;
    } catch (error) {
      if (error instanceof TlogError || isRootkeepError(error, "ROLLBACK_DETECTED")) return 0;
      throw error;
    }
  }
}
