import { RootkeepError } from "../kernel/errors.js";
import { decodeText } from "./tlog/text-fields.js";
import { TlogError } from "./tlog/tlog-error.js";

/** Bytes of the largest note that a guard keeps: a checkpoint's is about 300, with room for a hundred cosignatures. */
export const GUARD_NOTE_BYTES_MAX = 64 * 1024;

/**
 * The bytes under which a guard keeps `note`.
 * @throws Error when they could not be read back: it is empty, too large, or no plain text.
 */
export function encodeGuardNote(note: string): Buffer {
  const bytes = Buffer.from(note, "utf8");
  if (note === "" || !note.isWellFormed()) throw new Error("a guard's note is empty or no text");
  decodeText(bytes, GUARD_NOTE_BYTES_MAX, "a guard's note");
  return bytes;
}

/**
 * The note that a guard kept. Whose it is, is the caller's to check: nothing here has looked at its signature.
 * @throws RootkeepError `UNAVAILABLE` when it is empty, too large, or no plain text.
 */
export function decodeGuardNote(bytes: Uint8Array): string {
  try {
    const note = decodeText(bytes, GUARD_NOTE_BYTES_MAX, "a guard's note");
    if (note !== "") return note;
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
  }
  throw new RootkeepError("UNAVAILABLE", { reason: "guard_is_malformed" });
}
