import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from "node:crypto";
import { encodeFields, utf8 } from "../kernel/encoding.js";
import type { Secret } from "../kernel/secret.js";
import { KEY_BYTES } from "./domain.js";

const FORMAT = "rootkeep-records/1";

/**
 * The key that authenticates deciding rows (design §6). The database never sees it, so whoever edits a row cannot make its HMAC. Three
 * keys are derived from one data key, one per purpose: a tag of one kind is never a tag of another. They are KeyObjects: outside the
 * JavaScript heap, unprintable.
 */
export class RecordsKey {
  readonly #rows: KeyObject;
  readonly #tokens: KeyObject;
  readonly #bodies: KeyObject;

  private constructor(dataKey: Buffer) {
    this.#rows = derive(dataKey, "rows");
    this.#tokens = derive(dataKey, "tokens");
    this.#bodies = derive(dataKey, "bodies");
    Object.freeze(this);
  }

  /** Derives the keys; `dataKey` (32 bytes) stays the caller's to wipe. */
  static derive(dataKey: Secret<Buffer>): RecordsKey {
    return dataKey.expose((key) => {
      if (key.length !== KEY_BYTES) throw new Error("data key has the wrong length");
      return new RecordsKey(key);
    });
  }

  /** HMAC-SHA-256 of a row's injective encoding: 32 bytes. */
  mac(bytes: Buffer): Buffer {
    return createHmac("sha256", this.#rows).update(bytes).digest();
  }

  /** True if `mac` is the one of `bytes`; compared in constant time. */
  verify(bytes: Buffer, mac: Buffer): boolean {
    const expected = this.mac(bytes);
    return mac.length === expected.length && timingSafeEqual(mac, expected);
  }

  /** What is stored of a session token, invitation code or service token: 32 bytes. A reader of the table can neither use nor test it. */
  tokenHash(token: string): Buffer {
    return createHmac("sha256", this.#tokens).update(utf8(token)).digest();
  }

  /** What is stored of a request's body beside an idempotency key (design §9): 32 bytes. */
  bodyHash(body: Buffer): Buffer {
    return createHmac("sha256", this.#bodies).update(body).digest();
  }
}

function derive(dataKey: Buffer, purpose: string): KeyObject {
  const bytes = Buffer.from(hkdfSync("sha512", dataKey, Buffer.alloc(0), encodeFields([FORMAT, purpose]), KEY_BYTES));
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
