import type { ChainStep } from "../audit/chain-verifier.js";
import { lostRange, type Reopening, reopeningIn, sizeOfNote } from "../audit/epoch.js";
import { type Checkpoint, openCheckpoint, parseCheckpoint } from "../audit/tlog/checkpoint.js";
import { parseNote } from "../audit/tlog/note.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import { newVerifierKey, type VerifierKey } from "../audit/tlog/verifier-key.js";
import type { ReportBuilder } from "./report.js";

/** What is known of the epochs before the one that an export ends in. */
export interface EpochKnowledge {
  /** The key that signed for the log under this name, if keys are known at all. */
  keyOf(origin: string): VerifierKey | undefined;
  /** The newest checkpoint of this name that was found on the tree so far. */
  newestOf(origin: string): Pick<Checkpoint, "size" | "root"> | undefined;
}

/**
 * Checks what the log says where it was reopened: that the old epoch's last checkpoint lies on the entries that were restored, that the key of
 * the log has signed the checkpoint behind which something is lost, and that the lost entries are the ones that follow from both [AL-17].
 */
export class EpochCheck {
  readonly #reopenings: { readonly seq: number; readonly origin: string; readonly reopening: Reopening }[] = [];

  constructor(
    private readonly known: EpochKnowledge,
    private readonly report: ReportBuilder,
  ) {}

  /** Takes an entry of the export. */
  add({ seq, entry }: ChainStep): void {
    if (entry?.action !== "log.reopened") return;
    const reopening = reopeningIn(entry);
    if (reopening !== null) this.#reopenings.push({ seq, origin: entry.log, reopening });
  }

  /** Only now: the checkpoint of an epoch may stand in the same tile as the entry that ends it. */
  finish(): void {
    const told = this.#reopenings.map(({ seq, origin, reopening }) => {
      this.#checkSigned(seq, reopening);
      this.#checkGuard(seq, reopening);
      return describe(seq, origin, reopening);
    });
    this.report.note("epochs", "ok", told.length === 0 ? "the log was never reopened" : told.join(". "));
  }

  #checkSigned(seq: number, { previous, signed }: Reopening): void {
    if (signed === null) return;
    const { origin, size, root } = checkpointOf(signed);
    if (size > seq) {
      this.report.tampered("epochs", `entry ${String(seq)} reopens the log behind a checkpoint that covers more than there is`, seq);
      return;
    }
    const found = this.known.newestOf(origin);
    if (found?.size === size && found.root.equals(root)) return;
    if (found === undefined || found.size < size) {
      this.report.incomplete("epochs", `the last checkpoint of ${previous} is not in the export`);
    } else
      this.report.tampered("epochs", `entry ${String(seq)} names another last checkpoint of ${previous} than the one that was signed`, seq);
  }

  #checkGuard(seq: number, { previous, signed, guard, lost }: Reopening): void {
    const wanted = lostRange(seq, sizeOfNote(signed), guard === null ? null : sizeOfNote(guard));
    if (wanted.from !== lost.from || wanted.to !== lost.to)
      this.report.tampered("epochs", `entry ${String(seq)} names other lost entries than follow from its checkpoints`, seq);
    if (guard === null) return;
    const key = this.known.keyOf(previous);
    if (key === undefined) {
      this.report.incomplete("epochs", `the key of ${previous} is not known`);
      return;
    }
    const { origin } = checkpointOf(guard);
    try {
      // A restored log may be older than the epoch that the guard held; one key has signed them all.
      openCheckpoint(Buffer.from(guard, "utf8"), { logs: [newVerifierKey(origin, "ed25519", key.publicKey)], witnesses: [] });
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      this.report.tampered("epochs", `entry ${String(seq)}: the checkpoint behind which entries are lost: ${error.message}`, seq);
    }
  }
}

function describe(seq: number, origin: string, { previous, lost, signed }: Reopening): string {
  const gone =
    lost.to === null
      ? `what followed entry ${String(lost.from - 1)} is lost`
      : `entries ${String(lost.from)} to ${String(lost.to - 1)} are lost`;
  const size = sizeOfNote(signed);
  const unsigned = size < seq ? `; entries ${String(size)} to ${String(seq - 1)} were restored, but never signed under that name` : "";
  return `entry ${String(seq)} begins ${origin}: of ${previous} ${gone}${unsigned}`;
}

/** `reopeningIn` has read both notes already. */
function checkpointOf(note: string): Checkpoint {
  return parseCheckpoint(parseNote(Buffer.from(note, "utf8")).text);
}
