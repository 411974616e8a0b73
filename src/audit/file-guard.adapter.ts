import { hash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { RootkeepError } from "../kernel/errors.js";
import { directoryFault, fileErrorCode, readPlain, syncDirectory, writeNew } from "./durable-file.adapter.js";
import type { Guard, GuardState } from "./guard.port.js";
import { type FileState, headName, headsAmong, holdsStates, newFileState, noteName, spentNotes } from "./guard-files.js";
import { decodeGuardNote, encodeGuardNote, GUARD_NOTE_BYTES_MAX } from "./guard-note.js";
import type { GuardUri } from "./guard-uri.js";

/** A directory that is read while a name in it changes may show both names or neither; it is read again so many times. */
const LOOKS_MAX = 20;
const LOOK_PAUSE_MS = 5;
/** The configured directory may be the root of a volume: it cannot be put there by a rename, and other things may lie in it. */
const STATE_DIRECTORY = "state";

/** A directory that holds states, and its files. */
interface Home {
  readonly path: string;
  readonly files: readonly string[];
}

interface Found {
  readonly home: string;
  readonly state: FileState;
  /** Null in generation 0, which has none. */
  readonly note: string | null;
}

/**
 * A guard in a directory of a local file system. The state is the name of one empty file, and to advance is to rename that file, which the
 * kernel lets exactly one of several writers do: the others no longer find the name. There is no lock that a killed process could leave
 * behind. The note is on disk before the name that points to it, and the note before it stays, so a kill or a power cut at any step leaves
 * the old state or the new one. Not for network file systems, where a rename that was answered late can seem to have failed.
 *
 * The files lie in `state` below the configured directory; where an older build began, in that itself.
 */
export class FileGuard implements Guard {
  readonly uri: string;
  readonly #path: string;

  constructor(location: Extract<GuardUri, { scheme: "file" }>) {
    this.uri = location.uri;
    this.#path = location.path;
  }

  async read(): Promise<GuardState | null> {
    return await told(async () => {
      const found = await this.#find();
      if (found === null) return null;
      return found.note === null ? null : { note: found.note, version: found.state.stem };
    });
  }

  async advance(from: GuardState | null, note: string): Promise<boolean> {
    const bytes = encodeGuardNote(note);
    return await told(async () => {
      if (from === null) await this.#create();
      const found = await this.#find();
      if (found === null || (found.note === null ? null : found.state.stem) !== (from?.version ?? null)) return false;
      return await this.#replace(found, bytes);
    });
  }

  async #replace({ home, state: previous }: Found, bytes: Buffer): Promise<boolean> {
    const next = newFileState(previous.generation + 1, bytes);
    await writeNew(join(home, noteName(next.stem)), bytes);
    await syncDirectory(home);
    try {
      await rename(join(home, headName(previous.stem)), join(home, headName(next.stem)));
    } catch (error) {
      if (fileErrorCode(error) !== "ENOENT") throw error;
      await rm(join(home, noteName(next.stem)), { force: true });
      return false;
    }
    await syncDirectory(home);
    // What is left behind does no harm, and the next advance removes it.
    await tidy(home, next, previous).catch(() => undefined);
    return true;
  }

  /** The state and its note; null when the directory is not there or was never used. */
  async #find(): Promise<Found | null> {
    for (let look = 1; ; look++) {
      const home = await this.#home();
      if (home === null) return null;
      const heads = headsAmong(home.files);
      const [state] = heads;
      if (state !== undefined && heads.length === 1) {
        if (state.generation === 0) return { home: home.path, state, note: null };
        const bytes = await readNote(join(home.path, noteName(state.stem)));
        // Gone when two advances came between: that name is no longer the state.
        if (bytes !== null) return { home: home.path, state, note: checkedNote(state, bytes) };
      }
      if (look === LOOKS_MAX) throw unavailable(heads.length > 1 ? "guard_has_two_states" : "guard_is_incomplete");
      await pause(LOOK_PAUSE_MS);
    }
  }

  /** Where states are kept; null when none ever was. While a state changes its name its note is there, so the place is not mistaken. */
  async #home(): Promise<Home | null> {
    const outer = await listed(this.#path);
    if (outer === null) return null;
    if (holdsStates(outer)) return { path: this.#path, files: outer };
    const path = join(this.#path, STATE_DIRECTORY);
    const files = await listed(path);
    return files === null || files.length === 0 ? null : { path, files };
  }

  /**
   * Makes the directory of states with generation 0 in it, in one step: a directory is renamed only onto a name that is free or an empty
   * directory. Made in two steps, the first name could be given twice.
   */
  async #create(): Promise<void> {
    if ((await this.#home()) !== null) return;
    const made = await mkdir(this.#path, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncDirectory(dirname(this.#path));
    const draft = join(this.#path, `${STATE_DIRECTORY}.${randomUUID()}`);
    await mkdir(draft, { mode: 0o700 });
    await writeNew(join(draft, headName(newFileState(0, Buffer.alloc(0)).stem)), Buffer.alloc(0));
    await syncDirectory(draft);
    try {
      await rename(draft, join(this.#path, STATE_DIRECTORY));
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      if (fileErrorCode(error) !== "ENOTEMPTY" && fileErrorCode(error) !== "EEXIST") throw error;
    }
    await syncDirectory(this.#path);
  }
}

/** The names in a directory that is ours alone; null when it is not there. */
async function listed(path: string): Promise<readonly string[] | null> {
  try {
    const fault = await directoryFault(path);
    if (fault !== null) throw unavailable(`guard_${fault}`);
    return await readdir(path);
  } catch (error) {
    if (fileErrorCode(error) === "ENOENT") return null;
    throw error;
  }
}

async function tidy(home: string, current: FileState, previous: FileState): Promise<void> {
  for (const file of spentNotes(await readdir(home), current, previous)) await rm(join(home, file), { force: true });
}

/** The file's bytes, or null when it is not there. */
async function readNote(path: string): Promise<Buffer | null> {
  const bytes = await readPlain(path, GUARD_NOTE_BYTES_MAX);
  if (bytes === "unfit") throw unavailable("guard_is_malformed");
  return bytes;
}

function checkedNote(state: FileState, bytes: Buffer): string {
  if (hash("sha256", bytes) !== state.noteHash) throw unavailable("guard_is_malformed");
  return decodeGuardNote(bytes);
}

/** Failures of the file system as ours; their messages name paths. */
async function told<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof RootkeepError) throw error;
    throw unavailable(`guard_file_system_${fileErrorCode(error)}`);
  }
}

function unavailable(reason: string): RootkeepError {
  return new RootkeepError("UNAVAILABLE", { reason });
}
