import { hash } from "node:crypto";
import { RootkeepError } from "../kernel/errors.js";
import type { Anchor, PublishedCheckpoint } from "./anchor.port.js";
import type { BucketAnchorUri } from "./anchor-uri.js";
import { S3Bucket, type S3Object, type S3Options } from "./s3-bucket.adapter.js";
import { s3Unavailable } from "./s3-errors.js";
import { type Checkpoint, parseCheckpoint } from "./tlog/checkpoint.js";
import { parseNote } from "./tlog/note.js";
import { TlogError } from "./tlog/tlog-error.js";

const DAY_MS = 86_400_000;

/** A note that a bucket holds for one size of a log; whoever may write there may have put it there, so its signatures are to be checked. */
export interface AnchoredNote {
  readonly size: number;
  readonly versionId: string;
  readonly bytes: Buffer;
  /** Time until which nobody can delete it; null when it is not locked. */
  readonly lockedUntil: Date | null;
}

/**
 * A bucket with Object Lock, best in another AWS account: a checkpoint that was put there can be neither changed nor deleted by anybody
 * before its time is over. Its keys are `[prefix/]checkpoints/<SHA-256 of the origin>/<size>.note`. It needs `s3:PutObject`,
 * `s3:PutObjectRetention`, `s3:GetObject`, `s3:GetObjectRetention`, `s3:ListBucket`, `s3:ListBucketVersions` and
 * `s3:GetBucketObjectLockConfiguration`; a verifier also `s3:GetObjectVersion`.
 */
export class S3Anchor implements Anchor {
  readonly name: string;
  readonly #bucket: S3Bucket;
  readonly #prefix: string;
  readonly #retentionMs: number;
  /** Origins that were looked up before this process first published for them. */
  readonly #known = new Set<string>();

  /** @throws RootkeepError `MALFORMED` for an endpoint that is neither https nor on loopback. */
  constructor(location: BucketAnchorUri, options: S3Options = {}) {
    this.name = location.name;
    this.#bucket = new S3Bucket(location.location, options);
    this.#prefix = location.prefix;
    this.#retentionMs = location.retentionDays * DAY_MS;
  }

  async publish({ origin, size, root, note }: PublishedCheckpoint): Promise<readonly string[]> {
    const bytes = Buffer.from(note, "utf8");
    const key = this.#keyOf(origin, size);
    if (!this.#known.has(origin)) await this.#checkFirst(origin, size);
    const outcome = await this.#bucket.put(key, bytes, { IfNoneMatch: "*" }, new Date(Date.now() + this.#retentionMs));
    if (outcome === "taken") return [];
    const held = await this.#bucket.get(key);
    if (held === null) throw s3Unavailable("anchor_write_in_doubt");
    requireSame(held, bytes, { origin, size, root });
    return [];
  }

  /**
   * Every version of every note of a log in the order of their sizes, also those behind a newer version or a delete marker: two of one size
   * with different roots, both signed, prove a fork.
   * @param after sizes up to this one are left out.
   * @throws RootkeepError `UNAVAILABLE`, also when the bucket holds something else among them.
   */
  async *listAnchored(origin: string, after?: number): AsyncGenerator<AnchoredNote> {
    const directory = this.#directoryOf(origin);
    const marker = after === undefined ? undefined : this.#keyOf(origin, after);
    for await (const { key, versionId } of this.#bucket.versions(directory, marker)) {
      const size = sizeOf(key.slice(directory.length));
      const object = await this.#bucket.get(key, versionId);
      if (size === null || object === null) throw s3Unavailable("anchor_holds_something_else");
      yield { size, versionId, bytes: object.bytes, lockedUntil: object.lockedUntil };
    }
  }

  /** A database and a guard that were both put back show here: the bucket still holds the sizes that were published before. */
  async #checkFirst(origin: string, size: number): Promise<void> {
    if (!(await this.#bucket.hasObjectLock())) throw s3Unavailable("s3_bucket_has_no_object_lock");
    const directory = this.#directoryOf(origin);
    for await (const { key } of this.#bucket.versions(directory, this.#keyOf(origin, size))) {
      const larger = sizeOf(key.slice(directory.length));
      if (larger !== null) throw new RootkeepError("ROLLBACK_DETECTED", { reason: "anchor_holds_a_larger_tree", facts: { size: larger } });
    }
    this.#known.add(origin);
  }

  #directoryOf(origin: string): string {
    return `${this.#prefix}checkpoints/${hash("sha256", origin)}/`;
  }

  #keyOf(origin: string, size: number): string {
    return `${this.#directoryOf(origin)}${String(size).padStart(20, "0")}.note`;
  }
}

function sizeOf(file: string): number | null {
  const size = Number(/^(\d{20})\.note$/.exec(file)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(size) ? size : null;
}

function requireSame(held: S3Object, bytes: Buffer, ours: Pick<Checkpoint, "origin" | "size" | "root">): void {
  if (!held.bytes.equals(bytes)) requireSameTree(held.bytes, ours);
  // Put there before us without a lock, it could be deleted again.
  if (held.lockedUntil === null || held.lockedUntil.getTime() < Date.now()) throw s3Unavailable("anchor_holds_it_unlocked");
}

/** The same tree may have been signed again, as with a further key while keys are changed. */
function requireSameTree(bytes: Buffer, ours: Pick<Checkpoint, "origin" | "size" | "root">): void {
  const theirs = checkpointIn(bytes);
  if (theirs?.origin !== ours.origin || theirs.size !== ours.size) throw s3Unavailable("anchor_holds_something_else");
  if (!theirs.root.equals(ours.root))
    throw new RootkeepError("ROLLBACK_DETECTED", { reason: "anchor_holds_another_tree", facts: { size: ours.size } });
}

function checkpointIn(bytes: Buffer): Checkpoint | null {
  try {
    return parseCheckpoint(parseNote(bytes).text);
  } catch (error) {
    if (error instanceof TlogError) return null;
    throw error;
  }
}
