import assert from "node:assert/strict";
import dns from "node:dns";
import { after, beforeEach, describe, it } from "node:test";
import { createGuard } from "../../../src/audit/create-guard.service.js";
import { s3Endpoint } from "../../../src/audit/s3-bucket.adapter.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { S3Double } from "../../support/s3-double.js";

// real: the adapter, the AWS SDK, HTTP. double: AWS S3.

const KEY = "guard.note";
const double = await S3Double.start();
after(() => double.stop());
beforeEach(() => {
  double.delete(KEY);
  double.requests.length = 0;
});

const guardOf = (more = "") => createGuard(`s3://guards/${KEY}?region=eu-central-1${more}`, double.options);
const refusedFor = (reason: string) => (error: unknown) => isRootkeepError(error, "UNAVAILABLE") && error.reason === reason;
const writes = (): number => double.requests.filter(({ method }) => method === "PUT").length;

describe("an S3 guard whose answers get lost", () => {
  it("learns that its note was taken, and does not take its own note for another writer's", async () => {
    const guard = guardOf();
    double.lostAnswers = 1;
    assert.equal(await guard.advance(null, "first"), true);
    double.lostAnswers = 1;
    assert.equal(await guard.advance(await guard.read(), "second"), true);
    assert.equal((await guard.read())?.note, "second");
    assert.equal(writes(), 4);
  });

  it("takes it to be taken when every answer got lost but the note is there", async () => {
    double.lostAnswers = 3;
    assert.equal(await guardOf().advance(null, "first"), true);
  });

  it("says that it does not know, when another note is there by then", async () => {
    const guard = guardOf();
    await guard.advance(null, "first");
    const first = await guard.read();
    double.lostRequests = 1;
    const advancing = guard.advance(first, "second");
    while (double.lostRequests > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    double.put(KEY, Buffer.from("somebody else's"));
    await assert.rejects(advancing, refusedFor("guard_write_in_doubt"));
  });

  it("asks again when nothing arrived, with the same condition", async () => {
    double.lostRequests = 2;
    assert.equal(await guardOf().advance(null, "first"), true);
    const conditions = double.requests.filter(({ method }) => method === "PUT").map(({ headers }) => headers["if-none-match"]);
    assert.deepEqual(conditions, ["*", "*", "*"]);
  });

  it("gives up on a silent server", async () => {
    double.isSilent = true;
    try {
      await assert.rejects(guardOf().read(), refusedFor("s3_unreachable"));
    } finally {
      double.isSilent = false;
    }
  });
});

describe("an S3 guard that is refused", () => {
  it("takes 409 and 412 for a state that has changed, and writes once", async () => {
    for (const refusal of ["ConditionalRequestConflict", "PreconditionFailed"] as const) {
      double.requests.length = 0;
      double.refusals.push(refusal);
      assert.equal(await guardOf().advance(null, "first"), false);
      assert.equal(writes(), 1);
    }
  });

  it("tries again when S3 is busy or broken, and gives up after three attempts", async () => {
    double.refusals.push("SlowDown", "InternalError");
    assert.equal(await guardOf().read(), null);
    double.refusals.push("SlowDown", "SlowDown", "SlowDown");
    await assert.rejects(guardOf().advance(null, "first"), refusedFor("s3_throttled"));
    assert.equal(double.bytesOf(KEY), null);
  });

  it("does not try again what S3 denies, and says nothing of the answer's message", async () => {
    double.refusals.push("AccessDenied");
    await assert.rejects(guardOf().advance(null, "first"), (error: unknown) => {
      assert.ok(isRootkeepError(error, "UNAVAILABLE"));
      assert.equal(error.reason, "s3_denied");
      assert.equal(error.cause, undefined);
      return true;
    });
    assert.equal(double.requests.length, 1);
  });
});

describe("an S3 guard's object", () => {
  it("is not read to its end when it is larger than any note", async () => {
    double.put(KEY, Buffer.alloc(8_000_000, "n"));
    await assert.rejects(guardOf().read(), refusedFor("s3_object_is_too_large"));
  });
});

describe("an S3 guard in a bucket that keeps versions", () => {
  it("tells a note that was deleted from one that never was", async () => {
    const key = "versioned.note";
    const guard = createGuard(`s3://guards/${key}?region=eu-central-1&versioned`, double.options);
    assert.equal(await guard.read(), null);
    await guard.advance(null, "first");
    double.delete(key);
    await assert.rejects(guard.read(), refusedFor("guard_was_deleted"));
    double.put("versioned.note-2", Buffer.from("another object"));
    assert.equal(await createGuard("s3://guards/versioned.not?region=eu-central-1&versioned", double.options).read(), null);
  });

  it("is refused where the bucket keeps none", async () => {
    double.keepsVersions = false;
    try {
      await assert.rejects(guardOf("&versioned").advance(null, "first"), refusedFor("guard_bucket_keeps_no_versions"));
      assert.equal(writes(), 0);
    } finally {
      double.keepsVersions = true;
    }
  });
});

describe("where an S3 guard goes", () => {
  it("names the bucket's owner in every request, when it was told one", async () => {
    const guard = guardOf("&owner=111122223333");
    await guard.advance(await guard.read(), "first");
    assert.deepEqual(
      double.requests.map(({ headers }) => headers["x-amz-expected-bucket-owner"]),
      ["111122223333", "111122223333"],
    );
  });

  it("is not moved by the environment", async (test) => {
    const other = await S3Double.start();
    const looked: string[] = [];
    // No name leads anywhere, so nothing of this leaves the host.
    test.mock.method(dns, "lookup", (name: string, _options: unknown, done: (error: Error) => void) => {
      looked.push(name);
      done(new Error("no such host"));
    });
    const before = process.env["AWS_ENDPOINT_URL_S3"];
    process.env["AWS_ENDPOINT_URL_S3"] = other.options.endpoint;
    try {
      const { credentials } = double.options;
      await assert.rejects(createGuard("s3://guards/note?region=eu-central-1", { credentials }).read(), refusedFor("s3_unreachable"));
      assert.deepEqual([...new Set(looked)], ["guards.s3.eu-central-1.amazonaws.com"]);
      assert.equal(await guardOf().read(), null);
      assert.equal(other.requests.length, 0);
    } finally {
      if (before === undefined) delete process.env["AWS_ENDPOINT_URL_S3"];
      else process.env["AWS_ENDPOINT_URL_S3"] = before;
      await other.stop();
    }
  });

  it("is AWS's own endpoint of the Region", () => {
    assert.equal(s3Endpoint("eu-central-1"), "https://s3.eu-central-1.amazonaws.com");
    assert.equal(s3Endpoint("cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn");
  });

  it("is never a host beyond loopback in the clear", () => {
    const open = (endpoint: string) => () => createGuard("s3://guards/note?region=eu-central-1", { endpoint });
    for (const endpoint of ["http://s3.example.com", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "nonsense"])
      assert.throws(open(endpoint), (error: unknown) => isRootkeepError(error, "MALFORMED"));
    open("https://s3.example.com")();
    open("http://[::1]:9000")();
  });
});
