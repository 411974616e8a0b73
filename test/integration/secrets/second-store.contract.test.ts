import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { S3Options } from "../../../src/audit/s3-bucket.adapter.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createSecondStore } from "../../../src/secrets/create-second-store.service.js";
import type { SecondStore } from "../../../src/secrets/second-store.port.js";
import { startMoto } from "../../support/moto.js";
import { S3Double } from "../../support/s3-double.js";

// real: the adapters, the AWS SDK, HTTP, the file system. double: AWS S3 (moto, and our own for what moto does not show).

/** Where second stores stand; each of `place` is a fresh one. */
interface Home {
  place(): Promise<{
    /** Another object for the same store, as another process would have. */
    open(): SecondStore;
    /** Writes over what is there, as whoever may write there can. */
    spoil(name: string, bytes: Buffer): Promise<void>;
  }>;
  unreachable(): SecondStore;
}

const BYTES_MAX = 65_536;
const BUCKET = "copies";
const stops: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
});

async function directoryHome(): Promise<Home> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-store-"));
  stops.push(() => rm(directory, { recursive: true, force: true }));
  return {
    place: async () => {
      const path = await mkdtemp(join(directory, "store-"));
      return { open: () => createSecondStore(`file:${path}`), spoil: (name, bytes) => writeFile(join(path, name), bytes) };
    },
    unreachable: () => createSecondStore(`file:${join(directory, "not there")}`),
  };
}

const CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "testing" };

async function motoHome(endpoint: string): Promise<Home> {
  const client = new S3Client({ endpoint, region: "eu-central-1", credentials: CREDENTIALS, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }));
  return s3Home({ endpoint, credentials: CREDENTIALS }, async (key, bytes) => {
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: bytes }));
  });
}

async function doubleHome(): Promise<Home> {
  const double = await S3Double.start();
  stops.push(() => double.stop());
  return s3Home(double.options, async (key, bytes) => {
    double.put(key, bytes);
  });
}

function s3Home(options: S3Options, put: (key: string, bytes: Buffer) => Promise<void>): Home {
  let count = 0;
  return {
    place: async () => {
      const prefix = `some/place-${String(++count)}`;
      const open = () => createSecondStore(`s3://${BUCKET}/${prefix}?region=eu-central-1`, null, options);
      return { open, spoil: (name, bytes) => put(`${prefix}/${name}`, bytes) };
    },
    unreachable: () => createSecondStore(`s3://${BUCKET}?region=eu-central-1`, null, { ...options, endpoint: "http://127.0.0.1:1" }),
  };
}

const isUnavailable = (error: unknown): boolean => isRootkeepError(error, "UNAVAILABLE") && error.reason !== undefined;
const isConflict = (error: unknown): boolean => isRootkeepError(error, "STATE_CONFLICT");

async function all(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}

function contract(kind: string, skip: string | false, start: () => Promise<Home>): void {
  describe(`second store: ${kind}`, { skip }, () => {
    const home = skip === false ? start() : undefined;
    const place = async () => await ((await home) as Home).place();

    it("holds nothing at first, and nothing forbids to put something there", async () => {
      const { open } = await place();
      assert.equal(await open().unfit(), null);
      assert.equal(await open().get("copies/a/b.json"), null);
      assert.deepEqual(await all(open().list("")), []);
      assert.deepEqual(await all(open().traces("")), []);
    });

    it("keeps what was put, byte for byte, for every other reader", async () => {
      const { open } = await place();
      const bytes = Buffer.from([0, 255, 10, 13, 128]);
      await open().put("copies/a/b.json", bytes);
      assert.deepEqual(await open().get("copies/a/b.json"), bytes);
      assert.equal(await open().get("copies/a/b"), null);
    });

    it("takes the same bytes again, one after the other and at once", async () => {
      const { open } = await place();
      const bytes = Buffer.from("the same");
      await open().put("a", bytes);
      await open().put("a", bytes);
      await Promise.all(["b", "b", "b", "b", "c/d", "c/d", "c/d"].map((name) => open().put(name, bytes)));
      assert.deepEqual(await all(open().traces("")), ["a", "b", "c/d"]);
    });

    it("refuses other bytes under a name, and keeps what is there", async () => {
      const { open, spoil } = await place();
      await open().put("a", Buffer.from("first"));
      await assert.rejects(open().put("a", Buffer.from("second")), isConflict);
      assert.equal((await open().get("a"))?.toString(), "first");
      await spoil("a", Buffer.from("somebody else's"));
      await assert.rejects(open().put("a", Buffer.from("first")), isConflict);
    });

    it("lets one of several at once through under one name, and tells the others", async () => {
      const { open } = await place();
      const answers = await Promise.allSettled(["1", "2", "3", "4"].map((text) => open().put("a/b", Buffer.from(text))));
      assert.equal(answers.filter(({ status }) => status === "fulfilled").length, 1);
      const kept = (await open().get("a/b"))?.toString();
      assert.equal(answers[Number(kept) - 1]?.status, "fulfilled");
    });

    it("lists what begins with a prefix, in the order of the names, over many pages", async () => {
      const { open } = await place();
      const names = ["b/1", "a/2/x", "a/1/y", "a/1/x", "a/10/x", "ab/1", "c", "a/3"];
      for (const name of names) await open().put(name, Buffer.from(name));
      assert.deepEqual(await all(open().list("")), names.toSorted());
      assert.deepEqual(await all(open().list("a/")), ["a/1/x", "a/1/y", "a/10/x", "a/2/x", "a/3"]);
      assert.deepEqual(await all(open().list("a/1/")), ["a/1/x", "a/1/y"]);
      assert.deepEqual(await all(open().list("a/1")), ["a/1/x", "a/1/y", "a/10/x"]);
      assert.deepEqual(await all(open().list("d")), []);
    });

    it("removes for good, leaves no trace, and takes the name again", async () => {
      const { open, spoil } = await place();
      for (const name of ["a/1", "a/2", "a/10"]) await open().put(name, Buffer.from(name));
      await spoil("a/1", Buffer.from("another version"));
      await open().remove("a/1");
      await open().remove("a/1");
      await open().remove("b/never there");
      assert.equal(await open().get("a/1"), null);
      assert.deepEqual(await all(open().list("a")), ["a/10", "a/2"]);
      assert.deepEqual(await all(open().traces("a")), ["a/10", "a/2"]);
      await open().put("a/1", Buffer.from("anew"));
      assert.equal((await open().get("a/1"))?.toString(), "anew");
    });

    it("takes no name that could lead out of it or be mistaken, nothing empty, and nothing beyond 64 KiB", async () => {
      const { open } = await place();
      for (const name of ["", "../a", "a/../b", "/a", "a/", "a//b", ".a", "a/.b", "A", "a b", "a\0", "é", "a".repeat(600)])
        await assert.rejects(open().put(name, Buffer.from("x")), /no name/, name);
      await assert.rejects(open().put("a", Buffer.alloc(0)), /no size/);
      await assert.rejects(open().put("a", Buffer.alloc(BYTES_MAX + 1)), /no size/);
      await open().put("a", Buffer.alloc(BYTES_MAX, "x"));
      assert.equal((await open().get("a"))?.length, BYTES_MAX);
    });

    it("says that it cannot be reached, never that it holds nothing", async () => {
      const store = ((await home) as Home).unreachable();
      await assert.rejects(store.put("a", Buffer.from("x")), isUnavailable);
      await assert.rejects(store.get("a"), isUnavailable);
      await assert.rejects(all(store.list("")), isUnavailable);
      await assert.rejects(all(store.traces("")), isUnavailable);
      await assert.rejects(store.remove("a"), isUnavailable);
      await assert.rejects(store.unfit(), isUnavailable);
    });
  });
}

const moto = await startMoto();
if ("stop" in moto) stops.push(() => moto.stop());

contract("file:", false, directoryHome);
contract("s3: over moto", "absent" in moto ? moto.absent : false, () => motoHome("absent" in moto ? "" : moto.endpoint));
contract("s3: over the double", false, doubleHome);
