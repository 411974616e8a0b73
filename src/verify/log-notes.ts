import { type KeyLine, keysFor } from "../audit/key-lines.js";
import { type Checkpoint, openCheckpoint, parseCheckpoint } from "../audit/tlog/checkpoint.js";
import { parseNote } from "../audit/tlog/note.js";
import { isQuorum, type Policy } from "../audit/tlog/policy.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import type { VerifierKey } from "../audit/tlog/verifier-key.js";

/** A checkpoint that a key of the log has signed. */
export interface OpenedNote {
  readonly checkpoint: Checkpoint;
  /** Whether the witnesses that the reader's policy asks for have cosigned it; true where it asks for none. */
  readonly isCosigned: boolean;
}

/** Opens signed notes with the keys that count, each up to the size that it may sign. */
export class LogNotes {
  constructor(
    private readonly keys: readonly KeyLine[],
    private readonly policy: Policy | undefined,
  ) {}

  /** Whether the reader asks for witnesses at all. */
  get hasQuorum(): boolean {
    return this.policy !== undefined && this.policy.quorum !== null;
  }

  /** The key that signs, or signed, under this name; undefined when none is known. */
  keyOf(origin: string): VerifierKey | undefined {
    return this.keys.find(({ key }) => key.name === origin)?.key;
  }

  /** @throws TlogError when it is malformed, no key of the log has signed it, or a signature of a known key does not verify. */
  open(note: Uint8Array): OpenedNote {
    const { origin, size } = parseCheckpoint(parseNote(note).text);
    const ended = this.keys.find(({ key, lastSize }) => key.name === origin && lastSize !== null && size > lastSize);
    if (ended !== undefined && keysFor(this.keys, size).every(({ name }) => name !== origin))
      throw new TlogError(
        `covers ${String(size)} entries, and its key signs no more than ${String(ended.lastSize)}: what is behind them was lost`,
      );
    const witnesses = this.policy?.witnesses ?? [];
    const opened = openCheckpoint(note, { logs: keysFor(this.keys, size), witnesses: witnesses.map(({ key }) => key) });
    const signers = new Set(opened.cosignatures.map(({ key }) => key));
    const names = new Set(witnesses.flatMap(({ name, key }) => (signers.has(key) ? name : [])));
    return { checkpoint: opened.checkpoint, isCosigned: this.policy === undefined || isQuorum(this.policy, names) };
  }
}

/** The origin that a note claims, signed or not; null for what is no checkpoint. */
export function originOf(note: Uint8Array): string | null {
  try {
    return parseCheckpoint(parseNote(note).text).origin;
  } catch (error) {
    if (error instanceof TlogError) return null;
    throw error;
  }
}
