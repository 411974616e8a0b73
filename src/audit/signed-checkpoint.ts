import { RootkeepError } from "../kernel/errors.js";
import type { LogSigner } from "./log-signer.port.js";
import { type Checkpoint, formatCheckpoint, openCheckpoint } from "./tlog/checkpoint.js";
import { formatNote, signNote } from "./tlog/note.js";
import { TlogError } from "./tlog/tlog-error.js";
import type { VerifierKey } from "./tlog/verifier-key.js";

/**
 * The checkpoint of a note that the log's key must have signed, of this origin.
 * @throws RootkeepError `ROLLBACK_DETECTED` for anything else: what stands where our checkpoint should stand is not ours.
 */
export function ownCheckpoint(note: string, origin: string, key: VerifierKey): Checkpoint {
  try {
    const { checkpoint } = openCheckpoint(Buffer.from(note, "utf8"), { logs: [key], witnesses: [] });
    if (checkpoint.origin === origin) return checkpoint;
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
  }
  throw new RootkeepError("ROLLBACK_DETECTED", { reason: "the guard holds no checkpoint of this log" });
}

/** The signed note of the log `verifierKey` names, over a root that was computed and proven before. @throws as {@link LogSigner.sign}. */
export async function signCheckpoint(
  { size, root }: Pick<Checkpoint, "size" | "root">,
  verifierKey: VerifierKey,
  key: Pick<LogSigner, "sign">,
): Promise<string> {
  const text = formatCheckpoint({ origin: verifierKey.name, size, root, extensions: [] });
  const signature = await signNote(text, verifierKey, (message) => key.sign(message));
  return formatNote({ text, signatures: [signature] }).toString("utf8");
}
