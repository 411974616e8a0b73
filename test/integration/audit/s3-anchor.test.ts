import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, describe, it } from "node:test";
import { CreateBucketCommand, DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { PublishedCheckpoint } from "../../../src/audit/anchor.port.js";
import { parseBucketAnchor } from "../../../src/audit/anchor-uri.js";
import { type AnchoredNote, S3Anchor } from "../../../src/audit/s3-anchor.adapter.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { checkpointOf } from "../../support/checkpoints.js";
import { startMoto } from "../../support/moto.js";
import { S3Double } from "../../support/s3-double.js";
import { noteSigner } from "../../support/tlog-keys.js";
import { sampleLeaves } from "../../support/tlog-tree.js";

// real: the adapter, the AWS SDK, HTTP. double: AWS S3 (moto for Object Lock, and our own for what moto does not show).

const DAY_MS = 86_400_000;
const log = noteSigner("log.example.com/audit/1", "ed25519", Buffer.alloc(32, 1));
const nextKey = noteSigner("log.example.com/audit/1", "ed25519", Buffer.alloc(32, 2));
const directory = `checkpoints/${hash("sha256", log.key.name)}/`;
const keyOf = (size: number): string => `${directory}${String(size).padStart(20, "0")}.note`;
const leaves = sampleLeaves(40);
const sized = (size: number): Promise<PublishedCheckpoint> => checkpointOf(leaves.slice(0, size), log);
/** Another tree of the same size, signed with the same key. */
const forked = (size: number): Promise<PublishedCheckpoint> => checkpointOf([...sampleLeaves(size - 1), Buffer.alloc(32, 9)], log);

const stops: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
});

// Before the first suite: hooks of the file run as soon as no suite is left, also while one is still waited for.
const moto = await startMoto();
if ("stop" in moto) stops.push(() => moto.stop());

const unavailableFor = (reason: string) => (error: unknown) => isRootkeepError(error, "UNAVAILABLE") && error.reason === reason;
const contradictedFor = (reason: string) => (error: unknown) => isRootkeepError(error, "ROLLBACK_DETECTED") && error.reason === reason;

async function newDouble(): Promise<{ readonly double: S3Double; readonly open: (prefix?: string) => S3Anchor }> {
  const double = await S3Double.start();
  stops.push(() => double.stop());
  return {
    double,
    open: (prefix = "") => new S3Anchor(parseBucketAnchor(`s3://anchors${prefix}?region=eu-central-1&days=365`), double.options),
  };
}

async function listed(anchor: S3Anchor, after?: number): Promise<AnchoredNote[]> {
  const notes: AnchoredNote[] = [];
  for await (const note of anchor.listAnchored(log.key.name, after)) notes.push(note);
  return notes;
}

const lockedFor = (days: number) => ({ mode: "COMPLIANCE", until: new Date(Date.now() + days * DAY_MS) });

describe("an S3 anchor", () => {
  it("puts each checkpoint under its log and size, locked for as long as configured", async () => {
    const { double, open } = await newDouble();
    const checkpoint = await sized(7);
    assert.deepEqual(await open("/some/prefix").publish(checkpoint), []);
    assert.equal(double.bytesOf(`some/prefix/${keyOf(7)}`)?.toString("utf8"), checkpoint.note);
    const { headers } = double.requests.find(({ method }) => method === "PUT")!;
    assert.equal(headers["if-none-match"], "*");
    assert.equal(headers["x-amz-object-lock-mode"], "COMPLIANCE");
    const until = new Date(headers["x-amz-object-lock-retain-until-date"] as string).getTime();
    assert.ok(Math.abs(until - (Date.now() + 365 * DAY_MS)) < DAY_MS / 24);
  });

  it("takes the same checkpoint again as done, after a restart and after a lost answer", async () => {
    const { double, open } = await newDouble();
    const anchor = open();
    await anchor.publish(await sized(7));
    await anchor.publish(await sized(7));
    await open().publish(await sized(7));
    double.lostAnswers = 1;
    await anchor.publish(await sized(9));
    assert.deepEqual(
      (await listed(anchor)).map(({ size }) => size),
      [7, 9],
    );
  });

  it("takes the same tree signed with a further key as done", async () => {
    const { open } = await newDouble();
    const anchor = open();
    await anchor.publish(await sized(7));
    await anchor.publish(await checkpointOf(leaves.slice(0, 7), log, nextKey));
    assert.equal((await listed(anchor)).length, 1);
  });

  it("finds out another tree of the same size", async () => {
    const { open } = await newDouble();
    const anchor = open();
    await anchor.publish(await sized(7));
    await assert.rejects(anchor.publish(await forked(7)), contradictedFor("anchor_holds_another_tree"));
  });

  it("finds out at the first checkpoint after a start that a larger tree was published, also when that was deleted", async () => {
    const { double, open } = await newDouble();
    await open().publish(await sized(30));
    double.delete(keyOf(30));
    await assert.rejects(open().publish(await sized(20)), contradictedFor("anchor_holds_a_larger_tree"));
    assert.equal(double.bytesOf(keyOf(20)), null);
    await open().publish(await sized(31));
  });

  it("refuses a bucket without Object Lock, before it writes there", async () => {
    const { double, open } = await newDouble();
    double.hasObjectLock = false;
    const anchor = open();
    await assert.rejects(anchor.publish(await sized(7)), unavailableFor("s3_bucket_has_no_object_lock"));
    assert.equal(double.bytesOf(keyOf(7)), null);
    double.hasObjectLock = true;
    await anchor.publish(await sized(7));
  });

  it("does not rely on a copy that can still be deleted", async () => {
    const { double, open } = await newDouble();
    const checkpoint = await sized(7);
    for (const lock of [null, { ...lockedFor(30), mode: "GOVERNANCE" }, lockedFor(-1)]) {
      double.put(keyOf(7), Buffer.from(checkpoint.note), lock);
      await assert.rejects(open().publish(checkpoint), unavailableFor("anchor_holds_it_unlocked"));
    }
    double.put(keyOf(7), Buffer.from(checkpoint.note), lockedFor(30));
    await open().publish(checkpoint);
  });

  it("does not take what is no checkpoint of this log and size for a proof of anything", async () => {
    const { double, open } = await newDouble();
    for (const bytes of [Buffer.from("garbage"), Buffer.from((await sized(8)).note)]) {
      double.put(keyOf(7), bytes, lockedFor(30));
      await assert.rejects(open().publish(await sized(7)), unavailableFor("anchor_holds_something_else"));
    }
  });

  it("lists every version of every size, so that a fork shows", async () => {
    const { double, open } = await newDouble();
    const anchor = open();
    for (const size of [3, 5, 8]) await anchor.publish(await sized(size));
    const fork = await forked(5);
    double.delete(keyOf(5));
    double.put(keyOf(5), Buffer.from(fork.note));
    double.put(`${directory.replace(/.$/, "")}-other/x`, Buffer.from("of another log"));
    const notes = await listed(anchor);
    assert.deepEqual(
      notes.map(({ size, lockedUntil }) => [size, lockedUntil !== null]),
      [
        [3, true],
        [5, false],
        [5, true],
        [8, true],
      ],
    );
    assert.deepEqual(
      notes.slice(1, 3).map(({ bytes }) => bytes.toString("utf8")),
      [fork.note, (await sized(5)).note],
    );
    assert.deepEqual(
      (await listed(anchor, 3)).map(({ size }) => size),
      [5, 5, 8],
    );
  });

  it("does not list past what is no note", async () => {
    const { double, open } = await newDouble();
    double.put(`${directory}readme`, Buffer.from("hello"));
    await assert.rejects(listed(open()), unavailableFor("anchor_holds_something_else"));
  });
});

describe("an S3 anchor over moto", { skip: "absent" in moto ? moto.absent : false }, () => {
  const options = { endpoint: "absent" in moto ? "" : moto.endpoint, credentials: { accessKeyId: "testing", secretAccessKey: "testing" } };
  const client = new S3Client({ ...options, region: "eu-central-1", forcePathStyle: true });
  const make = async (bucket: string, isLocked: boolean): Promise<S3Anchor> => {
    const where = { LocationConstraint: "eu-central-1" } as const;
    await client.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: where, ObjectLockEnabledForBucket: isLocked }));
    return new S3Anchor(parseBucketAnchor(`s3://${bucket}?region=eu-central-1&days=1`), options);
  };

  it("puts what then can no longer be deleted, and still lists it behind a delete marker and another version", async () => {
    const Bucket = "anchors-locked";
    const anchor = await make(Bucket, true);
    const checkpoint = await sized(7);
    await anchor.publish(checkpoint);
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    const { Key, VersionId } = Versions[0]!;
    await assert.rejects(client.send(new DeleteObjectCommand({ Bucket, Key, VersionId })), { name: "AccessDenied" });
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
    await client.send(new PutObjectCommand({ Bucket, Key, Body: (await forked(7)).note }));
    const notes = await listed(anchor);
    assert.equal(notes.length, 2);
    const ours = notes.find(({ versionId }) => versionId === VersionId);
    assert.equal(ours?.bytes.toString("utf8"), checkpoint.note);
    assert.ok(ours.lockedUntil !== null && ours.lockedUntil.getTime() > Date.now());
    await assert.rejects(anchor.publish(checkpoint), contradictedFor("anchor_holds_another_tree"));
  });

  it("takes the same checkpoint again as done, and finds out a larger tree", async () => {
    const anchor = await make("anchors-again", true);
    await anchor.publish(await sized(7));
    await anchor.publish(await sized(7));
    // moto leaves out the first key behind a marker that is no key itself, which AWS does not.
    await anchor.publish(await sized(8));
    const restarted = new S3Anchor(parseBucketAnchor("s3://anchors-again?region=eu-central-1&days=1"), options);
    await assert.rejects(restarted.publish(await sized(6)), contradictedFor("anchor_holds_a_larger_tree"));
  });

  it("refuses a bucket without Object Lock", async () => {
    const anchor = await make("anchors-plain", false);
    await assert.rejects(anchor.publish(await sized(7)), unavailableFor("s3_bucket_has_no_object_lock"));
  });
});
