import { hash, randomUUID } from "node:crypto";

/**
 * A state of the file guard. A directory holds one file whose *name* is the state: `<generation>-<SHA-256 of the note>-<random>.head`.
 * The note stands beside it under the same name, with `.note`.
 */
export interface FileState {
  /** 0 before the first note; each advance adds one, so no state ever comes back. */
  readonly generation: number;
  /** 64 hex digits. */
  readonly noteHash: string;
  /** Its files' name without the ending; also the version. */
  readonly stem: string;
}

const STEM = /^(\d{20})-([0-9a-f]{64})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HEAD = ".head";
const NOTE = ".note";

/** A state that was never there before, for `bytes` as the note. */
export function newFileState(generation: number, bytes: Uint8Array): FileState {
  const noteHash = hash("sha256", bytes);
  return { generation, noteHash, stem: `${String(generation).padStart(20, "0")}-${noteHash}-${randomUUID()}` };
}

/** The file whose name is the state. */
export function headName(stem: string): string {
  return stem + HEAD;
}

/** The file that holds the state's note. */
export function noteName(stem: string): string {
  return stem + NOTE;
}

/** True where a state was ever kept among these files; others may lie there, such as a volume's `lost+found`. */
export function holdsStates(files: readonly string[]): boolean {
  return files.some((file) => [HEAD, NOTE].some((ending) => file.endsWith(ending) && parseStem(file.slice(0, -ending.length)) !== null));
}

/** The states whose name one of these files has; one, unless somebody wrote here by hand or a rename was under way. */
export function headsAmong(files: readonly string[]): readonly FileState[] {
  return files.flatMap((file) => (file.endsWith(HEAD) ? (parseStem(file.slice(0, -HEAD.length)) ?? []) : []));
}

/**
 * Notes that nobody needs any more once `current` is the state: older than the one before it, or of a writer that lost against it. Those of
 * later generations are left: another writer may just be about to name one.
 */
export function spentNotes(files: readonly string[], current: FileState, previous: FileState): readonly string[] {
  return files.filter((file) => {
    const state = file.endsWith(NOTE) ? parseStem(file.slice(0, -NOTE.length)) : null;
    return state !== null && state.generation <= current.generation && state.stem !== current.stem && state.stem !== previous.stem;
  });
}

function parseStem(stem: string): FileState | null {
  const [, digits = "", noteHash = ""] = STEM.exec(stem) ?? [];
  const generation = Number(digits);
  return noteHash === "" || !Number.isSafeInteger(generation) ? null : { generation, noteHash, stem };
}
