import { S3Bucket, type S3Options, type S3Version } from "../audit/s3-bucket.adapter.js";
import { s3Unavailable } from "../audit/s3-errors.js";
import type { S3Location } from "../audit/s3-location.js";
import { RootkeepError } from "../kernel/errors.js";
import { assertStorable, type SecondStore } from "./second-store.port.js";

/**
 * A second store in a bucket, best in another AWS account and Region than the database. Objects are written once each (`If-None-Match`) and
 * read back; S3 has them durably when it answers. The bucket must not lock what it is given: it could not be removed. It needs `s3:GetObject`,
 * `s3:PutObject`, `s3:ListBucket`, `s3:ListBucketVersions`, `s3:GetBucketObjectLockConfiguration`, and for destruction `s3:DeleteObject`
 * and `s3:DeleteObjectVersion`.
 */
export class S3Store implements SecondStore {
  readonly #bucket: S3Bucket;
  readonly #prefix: string;
  #isFit = false;

  /**
   * @param prefix put before every name, with a slash at its end; or empty.
   * @throws RootkeepError `MALFORMED` for an endpoint that is neither https nor on loopback.
   */
  constructor(
    readonly uri: string,
    location: S3Location,
    prefix: string,
    options: S3Options = {},
  ) {
    this.#bucket = new S3Bucket(location, options);
    this.#prefix = prefix;
  }

  async unfit(): Promise<string | null> {
    if (this.#isFit) return null;
    if (await this.#bucket.locksByDefault()) {
      return "is a bucket with a default retention of Object Lock: what is copied there could not be removed when an account is destroyed";
    }
    this.#isFit = true;
    return null;
  }

  async put(name: string, bytes: Buffer): Promise<void> {
    assertStorable(name, bytes);
    if ((await this.unfit()) !== null) throw s3Unavailable("second_store_is_unfit");
    const outcome = await this.#bucket.put(this.#prefix + name, bytes, { IfNoneMatch: "*" });
    const kept = await this.get(name);
    if (kept === null) throw s3Unavailable(outcome === "taken" ? "second_store_lost_it" : "second_store_write_in_doubt");
    if (!kept.equals(bytes)) throw new RootkeepError("STATE_CONFLICT", { reason: "second_store_holds_something_else" });
  }

  async get(name: string): Promise<Buffer | null> {
    return (await this.#bucket.get(this.#prefix + name))?.bytes ?? null;
  }

  async *list(prefix: string): AsyncGenerator<string> {
    for await (const key of this.#bucket.keys(this.#prefix + prefix)) yield key.slice(this.#prefix.length);
  }

  async *traces(prefix: string): AsyncGenerator<string> {
    let last = "";
    for await (const { key } of this.#bucket.versions(this.#prefix + prefix)) {
      if (key !== last) yield key.slice(this.#prefix.length);
      last = key;
    }
  }

  async remove(name: string): Promise<void> {
    const own = this.#prefix + name;
    // All pages first: one that is gone must not make the marker of the next point into nothing.
    for (const version of await this.#versionsOf(own)) await this.#bucket.deleteVersion(version);
    if ((await this.#versionsOf(own)).length > 0) throw s3Unavailable("second_store_keeps_it");
  }

  async #versionsOf(key: string): Promise<S3Version[]> {
    const versions: S3Version[] = [];
    for await (const version of this.#bucket.versions(key)) if (version.key === key) versions.push(version);
    return versions;
  }
}
