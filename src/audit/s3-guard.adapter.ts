import type { Guard, GuardState } from "./guard.port.js";
import { decodeGuardNote, encodeGuardNote } from "./guard-note.js";
import type { GuardUri } from "./guard-uri.js";
import { S3Bucket, type S3Options } from "./s3-bucket.adapter.js";
import { s3Unavailable } from "./s3-errors.js";

/**
 * A guard that several hosts share: one object in S3, replaced by conditional writes (`If-Match` with the ETag that was read, `If-None-Match`
 * for the first). It needs `s3:GetObject`, `s3:PutObject` and `s3:ListBucket`, without which a missing object looks like a denied one; with
 * `versioned` also `s3:GetBucketVersioning` and `s3:ListBucketVersions`. The service reads only and needs no `s3:PutObject`.
 */
export class S3Guard implements Guard {
  readonly uri: string;
  readonly #bucket: S3Bucket;
  readonly #key: string;
  readonly #isVersioned: boolean;
  #isChecked = false;

  /** @throws RootkeepError `MALFORMED` for an endpoint that is neither https nor on loopback. */
  constructor(location: Extract<GuardUri, { scheme: "s3" }>, options: S3Options = {}) {
    this.uri = location.uri;
    this.#bucket = new S3Bucket(location.location, options);
    this.#key = location.key;
    this.#isVersioned = location.isVersioned;
  }

  async read(): Promise<GuardState | null> {
    await this.#checkBucket();
    const object = await this.#bucket.get(this.#key);
    if (object !== null) return { note: decodeGuardNote(object.bytes), version: object.etag };
    if (this.#isVersioned && (await this.#wasDeleted())) throw s3Unavailable("guard_was_deleted");
    return null;
  }

  async advance(from: GuardState | null, note: string): Promise<boolean> {
    const bytes = encodeGuardNote(note);
    await this.#checkBucket();
    const outcome = await this.#bucket.put(this.#key, bytes, from === null ? { IfNoneMatch: "*" } : { IfMatch: from.version });
    if (outcome !== "unknown") return outcome === "taken";
    // An attempt without an answer may still be under way. Only our own note there says for certain that it arrived; anything else could be
    // the state before it, or what another writer has built upon it.
    const object = await this.#bucket.get(this.#key);
    if (object?.bytes.equals(bytes) === true) return true;
    throw s3Unavailable("guard_write_in_doubt");
  }

  async #checkBucket(): Promise<void> {
    if (!this.#isVersioned || this.#isChecked) return;
    if (!(await this.#bucket.keepsVersions())) throw s3Unavailable("guard_bucket_keeps_no_versions");
    this.#isChecked = true;
  }

  async #wasDeleted(): Promise<boolean> {
    for await (const { key } of this.#bucket.versions(this.#key)) return key === this.#key;
    return false;
  }
}
