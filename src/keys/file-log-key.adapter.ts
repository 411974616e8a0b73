import { sign } from "node:crypto";
import type { LogSigner } from "../audit/log-signer.port.js";
import { generatePrivateKey, rawPublicKey, readPrivateKey, requireSignable } from "./ed25519.js";
import { type Keystore, KeystoreFile, type KeystoreForm } from "./keystore-file.adapter.js";
import type { RootKeyUri } from "./root-key-uri.js";

const FORM: KeystoreForm = { format: "rootkeep-log-key/1", generate: generatePrivateKey, read: readPrivateKey };

/**
 * The log's key in a local file (docs/spec/log-key.md), for trying out: whoever reads the file can sign another history. A file that is
 * missing is made only where `create` says so: a log that has a checkpoint and gets a new key is another log to everyone who follows it.
 */
export class FileLogKey implements LogSigner {
  readonly uri: string;
  readonly #file: KeystoreFile;
  readonly #mode: "create" | "existing";

  constructor(location: Extract<RootKeyUri, { scheme: "file" }>, options: { readonly create: boolean }) {
    this.uri = location.uri;
    this.#file = new KeystoreFile(location.path, FORM);
    this.#mode = options.create ? "create" : "existing";
  }

  async publicKey(): Promise<Buffer> {
    return rawPublicKey((await this.#load()).key);
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    requireSignable(message);
    return sign(null, message, (await this.#load()).key);
  }

  async #load(): Promise<Keystore> {
    return this.#file.load(this.#mode);
  }
}
