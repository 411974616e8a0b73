import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { CreateBucketCommand, PutBucketVersioningCommand, PutObjectLockConfigurationCommand, S3Client } from "@aws-sdk/client-s3";
import { ConfigError } from "../../../src/config/config.js";
import { parseConfig } from "../../../src/config/parse-config.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createSecondStore, openSecondStore } from "../../../src/secrets/create-second-store.service.js";
import { startMoto } from "../../support/moto.js";
import { S3Double } from "../../support/s3-double.js";

// real: the adapter, the AWS SDK, HTTP. double: AWS S3 (moto, and our own for lost answers).
const NAME = "copies/a/b.json";
const BYTES = Buffer.from("a copy");
const URI = "s3://copies?region=eu-central-1";
const REGION = "eu-central-1";
const CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "testing" };

const double = await S3Double.start();
const moto = await startMoto();
after(async () => {
  await double.stop();
  if ("stop" in moto) await moto.stop();
});

const storeOf = () => createSecondStore(URI, null, double.options);
const refusedFor = (reason: string) => (error: unknown) => isRootkeepError(error, "UNAVAILABLE") && error.reason === reason;

describe("a second store in a bucket", () => {
  beforeEach(async () => {
    await storeOf().remove(NAME);
    double.requests.length = 0;
  });

  it("is not fooled by lost answers: it says that a copy is there when it has read it", async () => {
    for (const lost of [1, 2, 3]) {
      double.lostAnswers = lost;
      await storeOf().put(NAME, BYTES);
      assert.deepEqual(double.bytesOf(NAME), BYTES);
      await storeOf().remove(NAME);
    }
    double.lostRequests = 2;
    await storeOf().put(NAME, BYTES);
    const conditions = double.requests.filter(({ method }) => method === "PUT").map(({ headers }) => headers["if-none-match"]);
    assert.ok(conditions.length > 3 && conditions.every((condition) => condition === "*"));
  });

  for (const refusal of ["AccessDenied", "ConditionalRequestConflict"] as const)
    it(`does not say that a copy is there when S3 has refused it (${refusal})`, async () => {
      const store = storeOf();
      assert.equal(await store.unfit(), null);
      double.refusals.push(refusal);
      await assert.rejects(store.put(NAME, BYTES), (error) => isRootkeepError(error, "UNAVAILABLE"));
      assert.equal(double.bytesOf(NAME), null);
    });

  it("puts nothing into a bucket that would lock it, nor where that cannot be told [SC-7]", async () => {
    double.locksByDefault = true;
    try {
      assert.match((await storeOf().unfit()) ?? "", /default retention of Object Lock/);
      await assert.rejects(storeOf().put(NAME, BYTES), refusedFor("second_store_is_unfit"));
    } finally {
      double.locksByDefault = false;
    }
    double.refusals.push("AccessDenied");
    await assert.rejects(storeOf().put(NAME, BYTES), refusedFor("s3_denied"));
    assert.equal(double.bytesOf(NAME), null);
  });

  it("removes every version, also behind a deletion, and says so when one is locked [SC-7]", async () => {
    await storeOf().put(NAME, BYTES);
    double.put(NAME, Buffer.from("a later version"));
    double.delete(NAME);
    const traces = [];
    for await (const name of storeOf().traces("copies/")) traces.push(name);
    assert.deepEqual(traces, [NAME]);
    for await (const name of storeOf().list("copies/")) assert.fail(name);
    await storeOf().remove(NAME);
    for await (const name of storeOf().traces("copies/")) assert.fail(name);
    double.put("copies/a/locked.json", BYTES, { mode: "COMPLIANCE", until: new Date(Date.now() + 86_400_000) });
    await assert.rejects(storeOf().remove("copies/a/locked.json"), refusedFor("s3_denied"));
  });
});

describe("a second store in a bucket of moto", { skip: "absent" in moto ? moto.absent : false }, () => {
  const endpoint = "absent" in moto ? "" : moto.endpoint;
  const client = () => new S3Client({ endpoint, region: REGION, credentials: CREDENTIALS, forcePathStyle: true });
  const create = async (Bucket: string, ObjectLockEnabledForBucket: boolean): Promise<void> => {
    const command = { Bucket, ObjectLockEnabledForBucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } } as const;
    await client().send(new CreateBucketCommand(command));
  };

  it("refuses the start for a bucket with a default retention, and says why; Object Lock without one does not [SC-7]", async () => {
    process.env["AWS_ACCESS_KEY_ID"] = "testing";
    process.env["AWS_SECRET_ACCESS_KEY"] = "testing";
    const config = (bucket: string) =>
      parseConfig({ ROOTKEEP_SECOND_STORE: `s3://${bucket}?region=${REGION}`, ROOTKEEP_AWS_S3_ENDPOINT: endpoint }, { cwd: "/" });
    await create("lockable", true);
    assert.notEqual(await openSecondStore(config("lockable")), null);
    await create("locking", true);
    const Rule = { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } } as const;
    const ObjectLockConfiguration = { ObjectLockEnabled: "Enabled", Rule } as const;
    await client().send(new PutObjectLockConfigurationCommand({ Bucket: "locking", ObjectLockConfiguration }));
    await assert.rejects(openSecondStore(config("locking")), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(
        error.message,
        /ROOTKEEP_SECOND_STORE is a bucket with a default retention of Object Lock: what is copied there could not be removed/,
      );
      return true;
    });
  });

  it("removes every version of a versioned bucket [SC-7]", async () => {
    await create("versioned", false);
    await client().send(new PutBucketVersioningCommand({ Bucket: "versioned", VersioningConfiguration: { Status: "Enabled" } }));
    const store = createSecondStore(`s3://versioned/deep?region=${REGION}`, null, { endpoint, credentials: CREDENTIALS });
    await store.put(NAME, BYTES);
    await store.remove(NAME);
    await store.put(NAME, BYTES);
    assert.deepEqual(await store.get(NAME), BYTES);
    await store.remove(NAME);
    for await (const name of store.traces("")) assert.fail(name);
  });
});
