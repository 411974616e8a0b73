import { createSecretKey, randomBytes } from "node:crypto";
import { RootkeepError } from "../kernel/errors.js";
import { Secret } from "../kernel/secret.js";
import { decryptAead, encryptAead, NONCE_BYTES, TAG_BYTES } from "./aead.js";
import { KEY_BYTES } from "./domain.js";
import { type Keystore, KeystoreFile, type KeystoreForm } from "./keystore-file.adapter.js";
import type { GeneratedDataKey, RootKey, RootKeyHealth, UnwrappedDataKey, WrappedDataKey } from "./root-key.port.js";
import type { RootKeyUri } from "./root-key-uri.js";
import { contextBytes, type WrapContext } from "./wrap-context.js";

/** Format label of the keystore file and of what it wraps (docs/spec/root-key-wrap.md). */
export const FILE_ROOT_KEY_FORMAT = "rootkeep-file-root-key/1";

const WRAP_BYTE = 0x01;
const WRAPPED_BYTES = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

const FORM: KeystoreForm = {
  format: FILE_ROOT_KEY_FORMAT,
  generate: () => randomBytes(KEY_BYTES),
  read: (bytes) => (bytes.length === KEY_BYTES ? createSecretKey(bytes) : null),
};

/**
 * A root key in a local file, for trying out: whoever reads the file opens everything, so production refuses it. The file is created at
 * the first wrap and only then: a lost file must show as an error when something is to be unwrapped, not as a new key.
 */
export class FileRootKey implements RootKey {
  readonly uri: string;
  readonly #file: KeystoreFile;

  constructor(location: Extract<RootKeyUri, { scheme: "file" }>) {
    this.uri = location.uri;
    this.#file = new KeystoreFile(location.path, FORM);
  }

  async generateDataKey(context: WrapContext): Promise<GeneratedDataKey> {
    const keystore = await this.#file.load("create");
    const plaintext = Secret.of(randomBytes(KEY_BYTES));
    return { plaintext, wrapped: wrapUnder(keystore, plaintext, context), requestId: null };
  }

  async wrap(plaintext: Secret<Buffer>, context: WrapContext): Promise<WrappedDataKey> {
    return { wrapped: wrapUnder(await this.#file.load("create"), plaintext, context), requestId: null };
  }

  async unwrap(wrapped: Buffer, context: WrapContext): Promise<UnwrappedDataKey> {
    const keystore = await this.#file.load("existing");
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
      await this.#file.load("existing");
      return { isUsable: true, reason: null, hostAccountId: null };
    } catch (error) {
      const reason = error instanceof RootkeepError ? (error.reason ?? null) : "keystore_unreadable";
      return { isUsable: false, reason, hostAccountId: null };
    }
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
