import { createSecretKey, type KeyObject, randomBytes, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { RootkeepError } from "../kernel/errors.js";
import { Secret } from "../kernel/secret.js";
import { decryptAead, encryptAead, NONCE_BYTES, TAG_BYTES } from "./aead.js";
import { KEY_BYTES } from "./domain.js";
import type { GeneratedDataKey, RootKey, RootKeyHealth, UnwrappedDataKey, WrappedDataKey } from "./root-key.port.js";
import type { RootKeyUri } from "./root-key-uri.js";
import { contextBytes, type WrapContext } from "./wrap-context.js";

/** Format label of the keystore file and of what it wraps (docs/spec/root-key-wrap.md). */
export const FILE_ROOT_KEY_FORMAT = "rootkeep-file-root-key/1";

const WRAP_BYTE = 0x01;
const WRAPPED_BYTES = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES;
const KEYSTORE_BYTES_MAX = 4_096;
const OTHERS_BITS = 0o077;

interface Keystore {
  readonly id: string;
  readonly key: KeyObject;
}

/**
 * A root key in a local file, for trying out: whoever reads the file opens everything, so production refuses it. The file is created at
 * the first wrap and only then: a lost file must show as an error when something is to be unwrapped, not as a new key.
 */
export class FileRootKey implements RootKey {
  readonly uri: string;
  readonly #path: string;
  #keystore: Promise<Keystore> | undefined;

  constructor(location: Extract<RootKeyUri, { scheme: "file" }>) {
    this.uri = location.uri;
    this.#path = location.path;
  }

  async generateDataKey(context: WrapContext): Promise<GeneratedDataKey> {
    const keystore = await this.#load("create");
    const plaintext = Secret.of(randomBytes(KEY_BYTES));
    return { plaintext, wrapped: wrapUnder(keystore, plaintext, context), requestId: null };
  }

  async wrap(plaintext: Secret<Buffer>, context: WrapContext): Promise<WrappedDataKey> {
    return { wrapped: wrapUnder(await this.#load("create"), plaintext, context), requestId: null };
  }

  async unwrap(wrapped: Buffer, context: WrapContext): Promise<UnwrappedDataKey> {
    const keystore = await this.#load("existing");
    if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== WRAP_BYTE) throw new RootkeepError("SEAL_BROKEN", { reason: "wrap_refused" });
    const nonce = wrapped.subarray(1, 1 + NONCE_BYTES);
    const associated = contextBytes(FILE_ROOT_KEY_FORMAT, keystore.id, context);
    const plaintext = decryptAead(keystore.key, nonce, associated, wrapped.subarray(1 + NONCE_BYTES));
    if (plaintext === null) throw new RootkeepError("SEAL_BROKEN", { reason: "wrap_refused" });
    return { plaintext: Secret.of(plaintext), requestId: null, replyTime: null };
  }

  async rewrap(wrapped: Buffer, fromContext: WrapContext, to: RootKey, toContext: WrapContext): Promise<WrappedDataKey> {
    const { plaintext } = await this.unwrap(wrapped, fromContext);
    try {
      return await to.wrap(plaintext, toContext);
    } finally {
      plaintext.wipe();
    }
  }

  async check(): Promise<RootKeyHealth> {
    try {
      await this.#load("existing");
      return { isUsable: true, reason: null, hostAccountId: null };
    } catch (error) {
      const reason = error instanceof RootkeepError ? (error.reason ?? null) : "keystore_unreadable";
      return { isUsable: false, reason, hostAccountId: null };
    }
  }

  /** The key is kept as a KeyObject: outside the JavaScript heap and unprintable. A failure is not kept, so a repaired file is noticed. */
  async #load(mode: "create" | "existing"): Promise<Keystore> {
    if (this.#keystore === undefined) {
      const loading = mode === "create" ? loadOrCreate(this.#path) : load(this.#path);
      this.#keystore = loading;
      loading.catch(() => {
        if (this.#keystore === loading) this.#keystore = undefined;
      });
    }
    return this.#keystore;
  }
}

function wrapUnder(keystore: Keystore, plaintext: Secret<Buffer>, context: WrapContext): Buffer {
  // [RW-4] A random nonce is safe for 2^32 wraps under one key; a deployment wraps a few per account.
  const nonce = randomBytes(NONCE_BYTES);
  const associated = contextBytes(FILE_ROOT_KEY_FORMAT, keystore.id, context);
  return plaintext.expose((key) => {
    if (key.length !== KEY_BYTES) throw new Error("data key has the wrong length");
    return Buffer.concat([Buffer.of(WRAP_BYTE), nonce, encryptAead(keystore.key, nonce, associated, key)]);
  });
}

async function loadOrCreate(path: string): Promise<Keystore> {
  try {
    return await load(path);
  } catch (error) {
    if (!(error instanceof RootkeepError) || error.reason !== "keystore_missing") throw error;
  }
  await create(path);
  return load(path);
}

async function load(path: string): Promise<Keystore> {
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
      return parseKeystore(bytes);
    } finally {
      bytes.fill(0);
    }
  } finally {
    await file.close();
  }
}

/** @throws RootkeepError without the parser's message, which quotes the text it could not read. */
function parseKeystore(bytes: Buffer): Keystore {
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
  if (!isKeystore(parsed) || parsed.format !== FILE_ROOT_KEY_FORMAT || parsed.id === "") throw unreadable("keystore_is_malformed");
  const key = Buffer.from(parsed.key, "base64");
  try {
    if (key.length !== KEY_BYTES || key.toString("base64") !== parsed.key) throw unreadable("keystore_is_malformed");
    return { id: parsed.id, key: createSecretKey(key) };
  } finally {
    key.fill(0);
  }
}

/**
 * Creates the keystore whole or not at all: written and synced under another name, then linked. `link` fails when the name exists, so of
 * two programs that start together exactly one key wins and the loser reads it.
 */
async function create(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  const key = randomBytes(KEY_BYTES);
  const text = Buffer.from(`${JSON.stringify({ format: FILE_ROOT_KEY_FORMAT, id: randomUUID(), key: key.toString("base64") })}\n`);
  key.fill(0);
  try {
    const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
      text.fill(0);
    }
    await link(draft, path).catch((error: unknown) => {
      if (codeOf(error) !== "EEXIST") throw error;
    });
    await unlink(draft);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw unreadable(`keystore_cannot_be_created_${codeOf(error)}`);
  }
}

/** Without it a power cut could take the name away after the first data key was wrapped and committed. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function unreadable(reason: string): RootkeepError {
  return new RootkeepError("KEY_UNAVAILABLE", { reason });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
