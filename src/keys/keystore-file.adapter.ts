import { type KeyObject, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { RootkeepError } from "../kernel/errors.js";

const KEYSTORE_BYTES_MAX = 4_096;
const OTHERS_BITS = 0o077;

/** A key in a file, and the id that the file gives it. */
export interface Keystore {
  readonly id: string;
  /** Outside the JavaScript heap and unprintable. */
  readonly key: KeyObject;
}

/** What a keystore file holds: one kind of key under one label, so that the file of one kind is never taken for another's. */
export interface KeystoreForm {
  readonly format: string;
  /** The bytes of a new key. They are wiped once they are written. */
  generate(): Buffer;
  /** The key that `bytes` are, or null when they are none. They are wiped afterwards. */
  read(bytes: Buffer): KeyObject | null;
}

/**
 * One key in one JSON file with the members `format`, `id` and `key` (docs/spec/root-key-wrap.md, docs/spec/log-key.md). Root keys and the
 * log's key are kept in such files; whoever reads one has the key.
 */
export class KeystoreFile {
  readonly #path: string;
  readonly #form: KeystoreForm;
  #keystore: Promise<Keystore> | undefined;

  constructor(path: string, form: KeystoreForm) {
    this.#path = path;
    this.#form = form;
  }

  /**
   * The key of the file; `create` makes one where there is no file. A key that was read is kept.
   * @throws RootkeepError `KEY_UNAVAILABLE`; the reason says what is wrong with the file, never what it holds.
   */
  async load(mode: "create" | "existing"): Promise<Keystore> {
    try {
      return await this.#read();
    } catch (error) {
      const isMissing = error instanceof RootkeepError && error.reason === "keystore_missing";
      if (mode === "existing" || !isMissing) throw error;
    }
    await createKeystore(this.#path, this.#form);
    return this.#read();
  }

  /** A failure is not kept, so a repaired file is noticed. */
  async #read(): Promise<Keystore> {
    if (this.#keystore === undefined) {
      const reading = readKeystore(this.#path, this.#form);
      this.#keystore = reading;
      reading.catch(() => {
        if (this.#keystore === reading) this.#keystore = undefined;
      });
    }
    return this.#keystore;
  }
}

async function readKeystore(path: string, form: KeystoreForm): Promise<Keystore> {
  let file: FileHandle;
  try {
    // O_NOFOLLOW: a symbolic link could point at a key that an attacker chose, in a place that they write. O_NONBLOCK: opening a FIFO
    // that nobody writes would block for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(
      codeOf(error) === "ENOENT" ? "keystore_missing" : codeOf(error) === "ELOOP" ? "keystore_is_a_link" : "keystore_unreadable",
    );
  }
  try {
    // The open file is examined, not the path again: between two look-ups the path could change.
    const facts = await file.stat();
    if (!facts.isFile()) throw unreadable("keystore_is_no_file");
    if ((facts.mode & OTHERS_BITS) !== 0) throw unreadable("keystore_is_open_to_others");
    if (process.getuid !== undefined && facts.uid !== process.getuid()) throw unreadable("keystore_has_another_owner");
    if (facts.size > KEYSTORE_BYTES_MAX) throw unreadable("keystore_is_malformed");
    const bytes = await file.readFile();
    try {
      return parseKeystore(bytes, form);
    } finally {
      bytes.fill(0);
    }
  } finally {
    await file.close();
  }
}

/** @throws RootkeepError without the parser's message, which quotes the text it could not read. */
function parseKeystore(bytes: Buffer, form: KeystoreForm): Keystore {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw unreadable("keystore_is_malformed");
  }
  const isKeystore = (value: unknown): value is { format: string; id: string; key: string } =>
    typeof value === "object" &&
    value !== null &&
    Object.keys(value).sort().join() === "format,id,key" &&
    Object.values(value).every((member) => typeof member === "string");
  if (!isKeystore(parsed) || parsed.format !== form.format || parsed.id === "") throw unreadable("keystore_is_malformed");
  const keyBytes = Buffer.from(parsed.key, "base64");
  try {
    const key = keyBytes.toString("base64") === parsed.key ? form.read(keyBytes) : null;
    if (key === null) throw unreadable("keystore_is_malformed");
    return { id: parsed.id, key };
  } finally {
    keyBytes.fill(0);
  }
}

/**
 * Creates the keystore whole or not at all: written and synced under another name, then linked. `link` fails when the name exists, so of
 * two programs that start together exactly one key wins and the loser reads it.
 */
async function createKeystore(path: string, form: KeystoreForm): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      await writeDraft(draft, form);
      await link(draft, path).catch((error: unknown) => {
        if (codeOf(error) !== "EEXIST") throw error;
      });
    } finally {
      await rm(draft, { force: true });
    }
    await syncDirectories(dirname(path), made);
  } catch (error) {
    throw unreadable(`keystore_cannot_be_created_${codeOf(error)}`);
  }
}

async function writeDraft(draft: string, form: KeystoreForm): Promise<void> {
  const key = form.generate();
  const text = Buffer.from(`${JSON.stringify({ format: form.format, id: randomUUID(), key: key.toString("base64") })}\n`);
  key.fill(0);
  try {
    const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    text.fill(0);
  }
}

/**
 * Without it a power cut could take the name away after the key was used: after the first data key was wrapped, after the first checkpoint
 * was signed. A directory that was made for the file has a name to lose as well.
 * @param made the topmost directory that was made.
 */
async function syncDirectories(path: string, made: string | undefined): Promise<void> {
  const last = made === undefined ? resolve(path) : dirname(resolve(made));
  for (let at = resolve(path); ; at = dirname(at)) {
    const directory = await open(at, constants.O_RDONLY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    if (at === last || at === dirname(at)) return;
  }
}

function unreadable(reason: string): RootkeepError {
  return new RootkeepError("KEY_UNAVAILABLE", { reason });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
