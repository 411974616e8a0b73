import { addAbortSignal, type Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import { RootkeepError } from "../kernel/errors.js";
import { isPrivateUrl } from "./private-url.js";
import { S3Failure, s3Unavailable } from "./s3-errors.js";
import type { S3Location } from "./s3-location.js";

export interface S3Options {
  /** Endpoint other than the Region's own. Plain HTTP is taken on loopback only. */
  readonly endpoint?: string;
  /** For emulators. Left out, the profile's or the SDK's default chain is used. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** An object as it was read. */
export interface S3Object {
  readonly bytes: Buffer;
  readonly etag: string;
  /** Time until which nobody can delete it, not even the bucket's owner; null when it is not locked in compliance mode. */
  readonly lockedUntil: Date | null;
}

/** One version of one object. */
export interface S3Version {
  readonly key: string;
  readonly versionId: string;
}

/** What must hold for a write: the object is not there, or is the one of this ETag. */
export type S3Condition = { readonly IfNoneMatch: "*" } | { readonly IfMatch: string };

/** `unknown`: the answer of some attempt got lost, so the object must be read to learn what happened. */
export type S3Outcome = "taken" | "refused" | "unknown";

const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 2_000;
/** For one operation with all its attempts. */
const DEADLINE_MS = 6_000;
const ATTEMPTS_MAX = 3;
const PAUSE_MS = 100;
/** No object of ours is larger. */
const OBJECT_BYTES_MAX = 64 * 1024;

type Sdk = typeof import("@aws-sdk/client-s3");
type Sending = { readonly sdk: Sdk; readonly client: S3Client; readonly bucket: Bucket; readonly abortSignal: AbortSignal };
type Bucket = { readonly Bucket: string; readonly ExpectedBucketOwner?: string };

/** The few operations on one bucket that guard, anchors and the second store need, with conditions, a deadline and few attempts. */
export class S3Bucket {
  readonly #location: S3Location;
  readonly #options: S3Options;
  #client: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  /** @throws RootkeepError `MALFORMED` for an endpoint that would carry credentials over the network in the clear. */
  constructor(location: S3Location, options: S3Options = {}) {
    if (options.endpoint !== undefined && !isPrivateUrl(options.endpoint))
      throw new RootkeepError("MALFORMED", { fields: [{ field: "awsS3Endpoint", rule: "is https, or http on loopback" }] });
    this.#location = location;
    this.#options = options;
  }

  /**
   * The object, or one version of it; null when it is not there.
   * @throws RootkeepError `UNAVAILABLE` when it cannot be read, or has more than 64 KiB.
   */
  async get(key: string, versionId?: string): Promise<S3Object | null> {
    const version = versionId === undefined ? {} : { VersionId: versionId };
    try {
      return await this.#send(async ({ sdk, client, bucket, abortSignal }) => {
        const reply = await client.send(new sdk.GetObjectCommand({ ...bucket, Key: key, ...version }), { abortSignal });
        const { ETag: etag, ObjectLockMode: mode, ObjectLockRetainUntilDate: until } = reply;
        const bytes = await readBody(reply.Body as Readable | undefined, abortSignal);
        if (etag === undefined) throw s3Unavailable("s3_answer_is_malformed");
        return { bytes, etag, lockedUntil: mode === "COMPLIANCE" ? (until ?? null) : null };
      });
    } catch (error) {
      if (error instanceof S3Failure && error.isMissing) return null;
      throw unavailable(error);
    }
  }

  /**
   * Writes the object if `condition` holds. Attempts repeat the same condition, so at most one of them writes.
   * @param lockedUntil time until which nobody may delete this version (Object Lock, compliance mode).
   * @throws RootkeepError `UNAVAILABLE` when nothing was written, for another reason than the condition.
   */
  async put(key: string, bytes: Buffer, condition: S3Condition, lockedUntil?: Date): Promise<S3Outcome> {
    const lock = lockedUntil === undefined ? {} : { ObjectLockMode: "COMPLIANCE" as const, ObjectLockRetainUntilDate: lockedUntil };
    const doubt = { isOpen: false };
    try {
      await this.#send(
        ({ sdk, client, bucket, abortSignal }) =>
          client.send(
            new sdk.PutObjectCommand({ ...bucket, Key: key, Body: bytes, ContentType: "text/plain; charset=utf-8", ...condition, ...lock }),
            {
              abortSignal,
            },
          ),
        ({ isRefusal }) => {
          doubt.isOpen ||= !isRefusal;
        },
      );
      return "taken";
    } catch (error) {
      // A refused condition says nothing when an attempt before it may have written what now stands in its way.
      if (doubt.isOpen) return "unknown";
      if (error instanceof S3Failure && error.isCondition) return "refused";
      throw unavailable(error);
    }
  }

  /**
   * Versions whose keys begin with `prefix`, also those behind a newer version or a delete marker, in the order of their keys.
   * @param after keys up to this one are left out.
   * @throws RootkeepError `UNAVAILABLE`
   */
  async *versions(prefix: string, after?: string): AsyncGenerator<S3Version> {
    let marker: { KeyMarker?: string; VersionIdMarker?: string } = after === undefined ? {} : { KeyMarker: after };
    for (;;) {
      const page = await this.#ask(({ sdk, client, bucket, abortSignal }) =>
        client.send(new sdk.ListObjectVersionsCommand({ ...bucket, Prefix: prefix, ...marker }), { abortSignal }),
      );
      for (const { Key: key, VersionId: versionId } of page.Versions ?? []) {
        // AWS leaves the marker's own key out; its documentation, and others, begin with it.
        if (key !== undefined && versionId !== undefined && (after === undefined || key > after)) yield { key, versionId };
      }
      if (page.IsTruncated !== true) return;
      if (page.NextKeyMarker === undefined) throw s3Unavailable("s3_answer_is_malformed");
      marker = {
        KeyMarker: page.NextKeyMarker,
        ...(page.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
      };
    }
  }

  /** Keys that begin with `prefix`, in the order of their bytes; what was deleted is left out. @throws RootkeepError `UNAVAILABLE` */
  async *keys(prefix: string): AsyncGenerator<string> {
    let token: string | undefined;
    do {
      const place = token === undefined ? {} : { ContinuationToken: token };
      const page = await this.#ask(({ sdk, client, bucket, abortSignal }) =>
        client.send(new sdk.ListObjectsV2Command({ ...bucket, Prefix: prefix, ...place }), { abortSignal }),
      );
      for (const { Key: key } of page.Contents ?? []) if (key !== undefined) yield key;
      if (page.IsTruncated === true && page.NextContinuationToken === undefined) throw s3Unavailable("s3_answer_is_malformed");
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Deletes one version for good; no marker is left. @throws RootkeepError `UNAVAILABLE`, also where the version is locked. */
  async deleteVersion({ key, versionId }: S3Version): Promise<void> {
    await this.#ask(({ sdk, client, bucket, abortSignal }) =>
      client.send(new sdk.DeleteObjectCommand({ ...bucket, Key: key, VersionId: versionId }), { abortSignal }),
    );
  }

  /** Whether the bucket keeps versions. @throws RootkeepError `UNAVAILABLE` */
  async keepsVersions(): Promise<boolean> {
    const reply = await this.#ask(({ sdk, client, bucket, abortSignal }) =>
      client.send(new sdk.GetBucketVersioningCommand(bucket), { abortSignal }),
    );
    return reply.Status === "Enabled";
  }

  /** Whether objects of the bucket can be locked. @throws RootkeepError `UNAVAILABLE`, with `s3_bucket_has_no_object_lock` where it was never set up. */
  async hasObjectLock(): Promise<boolean> {
    return (await this.#ask(lockConfiguration))?.ObjectLockEnabled === "Enabled";
  }

  /** Whether what is written without a lock of its own is locked all the same. @throws RootkeepError `UNAVAILABLE` */
  async locksByDefault(): Promise<boolean> {
    try {
      return (await this.#send(lockConfiguration))?.Rule?.DefaultRetention !== undefined;
    } catch (error) {
      if (error instanceof S3Failure && error.reason === "s3_bucket_has_no_object_lock") return false;
      throw unavailable(error);
    }
  }

  async #ask<Reply>(call: (sending: Sending) => Promise<Reply>): Promise<Reply> {
    try {
      return await this.#send(call);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** Every call goes through here. @throws S3Failure, or RootkeepError as `call` threw it. */
  async #send<Reply>(call: (sending: Sending) => Promise<Reply>, onFailure?: (failure: S3Failure) => void): Promise<Reply> {
    const abortSignal = AbortSignal.timeout(DEADLINE_MS);
    const { bucket, owner } = this.#location;
    const target: Bucket = { Bucket: bucket, ...(owner === null ? {} : { ExpectedBucketOwner: owner }) };
    for (let attempt = 1; ; attempt++) {
      try {
        const { sdk, client } = await this.#connect();
        return await call({ sdk, client, bucket: target, abortSignal });
      } catch (error) {
        if (error instanceof RootkeepError) throw error;
        const failure = new S3Failure(error);
        onFailure?.(failure);
        if (!failure.isTransient || attempt === ATTEMPTS_MAX || abortSignal.aborted) throw failure;
      }
      await pause(PAUSE_MS * 2 ** attempt * Math.random());
    }
  }

  /** The SDK is large and a deployment with files on its own disk never needs it: it is loaded at the first call. */
  async #connect(): Promise<{ sdk: Sdk; client: S3Client }> {
    const { region, profile } = this.#location;
    const { endpoint, credentials } = this.#options;
    this.#client ??= import("@aws-sdk/client-s3").then((sdk) => ({
      sdk,
      client: new sdk.S3Client({
        region,
        // The SDK would repeat a write whose answer got lost, and its refusal would then hide that the first one was taken.
        maxAttempts: 1,
        requestHandler: {
          connectionTimeout: CONNECTION_TIMEOUT_MS,
          requestTimeout: REQUEST_TIMEOUT_MS,
          // Without this the SDK only prints a warning when the time is over, and goes on waiting.
          throwOnRequestTimeout: true,
        },
        // Always named: left out, AWS_ENDPOINT_URL_S3 or a profile could move guard and anchors to a server of somebody else's, past the
        // trusted configuration that two custodians approved.
        endpoint: endpoint ?? s3Endpoint(region),
        useFipsEndpoint: false,
        useDualstackEndpoint: false,
        followRegionRedirects: false,
        // The Region's own endpoint has a host for each bucket; one that was named is taken as it is.
        forcePathStyle: endpoint !== undefined,
        ...(profile === null ? {} : { profile }),
        ...(credentials === undefined ? {} : { credentials }),
      }),
    }));
    return this.#client;
  }
}

async function lockConfiguration({ sdk, client, bucket, abortSignal }: Sending) {
  const reply = await client.send(new sdk.GetObjectLockConfigurationCommand(bucket), { abortSignal });
  return reply.ObjectLockConfiguration;
}

/** The SDK's abort signal ends with the headers; the body is bounded here, in time and in size. */
async function readBody(body: Readable | undefined, abortSignal: AbortSignal): Promise<Buffer> {
  if (body === undefined) throw s3Unavailable("s3_answer_is_malformed");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of addAbortSignal(abortSignal, body) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > OBJECT_BYTES_MAX) throw s3Unavailable("s3_object_is_too_large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unavailable(error: unknown): unknown {
  return error instanceof S3Failure ? s3Unavailable(error.reason) : error;
}

/** AWS's own endpoint of S3 in `region` (AWS General Reference, "Amazon S3 endpoints"). */
export function s3Endpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
