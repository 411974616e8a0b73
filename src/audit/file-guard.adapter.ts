import { hash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { RootkeepError } from "../kernel/errors.js";
import type { Guard, GuardState } from "./guard.port.js";
import { type FileState, headName, headsAmong, newFileState, noteName, spentNotes } from "./guard-files.js";
import { decodeGuardNote, encodeGuardNote, GUARD_NOTE_BYTES_MAX } from "./guard-note.js";
import type { GuardUri } from "./guard-uri.js";

const OTHERS_MAY_WRITE = 0o022;
/** A directory that is read while a name in it changes may show both names or neither; it is read again so many times. */
const LOOKS_MAX = 20;
const LOOK_PAUSE_MS = 5;

/**
 * A guard in a directory of a local file system. The state is the name of one empty file, and to advance is to rename that file, which the
 * kernel lets exactly one of several writers do: the others no longer find the name. There is no lock that a killed process could leave
 * behind. The note is on disk before the name that points to it, and the note before it stays, so a kill or a power cut at any step leaves
 * the old state or the new one. Not for network file systems, where a rename that was answered late can seem to have failed.
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
      return await this.#replace(found.state, bytes);
    });
  }

  async #replace(previous: FileState, bytes: Buffer): Promise<boolean> {
    const next = newFileState(previous.generation + 1, bytes);
    await writeNew(join(this.#path, noteName(next.stem)), bytes);
    await syncDirectory(this.#path);
    try {
      await rename(join(this.#path, headName(previous.stem)), join(this.#path, headName(next.stem)));
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
      await rm(join(this.#path, noteName(next.stem)), { force: true });
      return false;
    }
    await syncDirectory(this.#path);
    // What is left behind does no harm, and the next advance removes it.
    await this.#tidy(next, previous).catch(() => undefined);
    return true;
  }

  async #tidy(current: FileState, previous: FileState): Promise<void> {
    for (const file of spentNotes(await readdir(this.#path), current, previous)) await rm(join(this.#path, file), { force: true });
  }

  /** The state and its note, which generation 0 does not have; null when the directory is not there or was never used. */
  async #find(): Promise<{ readonly state: FileState; readonly note: string | null } | null> {
    for (let look = 1; ; look++) {
      const files = await this.#list();
      if (files === null || files.length === 0) return null;
      const heads = headsAmong(files);
      const [state] = heads;
      if (state !== undefined && heads.length === 1) {
        if (state.generation === 0) return { state, note: null };
        const bytes = await readNote(join(this.#path, noteName(state.stem)));
        // Gone when two advances came between: that name is no longer the state.
        if (bytes !== null) return { state, note: checkedNote(state, bytes) };
      }
      if (look === LOOKS_MAX) throw unavailable(heads.length > 1 ? "guard_has_two_states" : "guard_is_incomplete");
      await pause(LOOK_PAUSE_MS);
    }
  }

  async #list(): Promise<readonly string[] | null> {
    try {
      const facts = await lstat(this.#path);
      if (!facts.isDirectory()) throw unavailable("guard_is_no_directory");
      if ((facts.mode & OTHERS_MAY_WRITE) !== 0) throw unavailable("guard_is_open_to_others");
      if (process.getuid !== undefined && facts.uid !== process.getuid()) throw unavailable("guard_has_another_owner");
      return await readdir(this.#path);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw error;
    }
  }

  /**
   * Makes the directory with generation 0 in it, in one step: a directory is renamed only onto a name that is free or an empty directory.
   * Made in two steps, the first name could be given twice.
   */
  async #create(): Promise<void> {
    if (((await this.#list())?.length ?? 0) > 0) return;
    const parent = dirname(this.#path);
    await mkdir(parent, { recursive: true, mode: 0o700 });
    const draft = `${this.#path}.${randomUUID()}`;
    await mkdir(draft, { mode: 0o700 });
    await writeNew(join(draft, headName(newFileState(0, Buffer.alloc(0)).stem)), Buffer.alloc(0));
    await syncDirectory(draft);
    try {
      await rename(draft, this.#path);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw error;
    }
    await syncDirectory(parent);
  }
}

async function writeNew(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The file's bytes, or null when it is not there. O_NONBLOCK: opening a FIFO that nobody writes would block for ever. */
async function readNote(path: string): Promise<Buffer | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      if (!facts.isFile() || facts.size > GUARD_NOTE_BYTES_MAX) throw unavailable("guard_is_malformed");
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function checkedNote(state: FileState, bytes: Buffer): string {
  if (hash("sha256", bytes) !== state.noteHash) throw unavailable("guard_is_malformed");
  return decodeGuardNote(bytes);
}

/** Without it a power cut could take a name away again, or bring one back. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Failures of the file system as ours; their messages name paths. */
async function told<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof RootkeepError) throw error;
    throw unavailable(`guard_file_system_${codeOf(error)}`);
  }
}

function unavailable(reason: string): RootkeepError {
  return new RootkeepError("UNAVAILABLE", { reason });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
