import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { inspect } from "node:util";
import { isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import type { WrapContext } from "../../../src/keys/wrap-context.js";
import { KmsDouble } from "../../support/kms-double.js";

// real: adapter, AWS SDK, HTTP. double: AWS KMS.

const CONTEXT: WrapContext = {
  app: "rootkeep",
  deployment: "test",
  accountId: "acc_00000000000000000000000001",
  awsAccountId: "111122223333",
  dataKeyId: "dk_00000000000000000000000001",
  domain: "password",
};

describe("AWS KMS in trouble", async () => {
  const double = await KmsDouble.start();
  after(() => double.stop());
  const rootKey = double.rootKey();
  const { wrapped } = await rootKey.generateDataKey(CONTEXT);

  beforeEach(() => {
    Object.assign(double, {
      keyState: "Enabled",
      throttledCalls: 0,
      isDenied: false,
      isDead: false,
      latencyMs: 0,
      clockSkewMs: 0,
      answersForAnother: false,
    });
  });

  const failure = async (): Promise<RootkeepError> => {
    const error: unknown = await rootKey.unwrap(wrapped, CONTEXT).then(
      () => assert.fail("it was unwrapped"),
      (caught: unknown) => caught,
    );
    assert.ok(error instanceof RootkeepError);
    return error;
  };

  for (const [keyState, reason] of [
    ["Disabled", "kms_key_state"],
    ["PendingDeletion", "kms_key_state"],
  ] as const) {
    it(`a key that is ${keyState} opens nothing and says so`, async () => {
      double.keyState = keyState;
      const error = await failure();
      assert.deepEqual([error.code, error.reason], ["KEY_DISABLED", reason]);
      assert.deepEqual((await rootKey.check()).reason, reason);
    });
  }

  it("a denied call is our trouble, not the caller's, and carries the request id for CloudTrail", async () => {
    double.isDenied = true;
    const error = await failure();
    assert.deepEqual([error.code, error.reason], ["KEY_UNAVAILABLE", "kms_denied"]);
    assert.match(String(error.facts["rootKeyRequestId"]), /^[0-9a-f-]{36}$/);
  });

  it("a throttled call is tried again", async () => {
    double.throttledCalls = 1;
    assert.equal(
      (await rootKey.unwrap(wrapped, CONTEXT)).plaintext.expose((key) => key.length),
      32,
    );
  });

  it("throttling that does not end is given up after four attempts", async () => {
    double.throttledCalls = 50;
    const error = await failure();
    assert.deepEqual([error.code, error.reason], ["KEY_UNAVAILABLE", "kms_throttled"]);
    assert.equal(double.throttledCalls, 46);
  });

  it("a service that cuts every connection is unreachable", async () => {
    double.isDead = true;
    const error = await failure();
    assert.deepEqual([error.code, error.reason], ["KEY_UNAVAILABLE", "kms_unreachable"]);
  });

  it("a key that does not exist is unavailable", async () => {
    const other = createRootKey("aws-kms:arn:aws:kms:eu-central-1:999900001111:key/00000000-0000-0000-0000-000000000000", {
      awsEndpoint: double.endpoint,
      awsCredentials: { accessKeyId: "testing", secretAccessKey: "testing" },
    });
    await assert.rejects(other.unwrap(wrapped, CONTEXT), (error) => isRootkeepError(error, "KEY_UNAVAILABLE"));
  });

  it("no error holds AWS's message, the wrapped key or credentials (L8)", async () => {
    const changed = Buffer.from(wrapped);
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
    const error: unknown = await rootKey.unwrap(changed, CONTEXT).catch((caught: unknown) => caught);
    assert.ok(isRootkeepError(error, "SEAL_BROKEN"));
    const text = inspect(error, { depth: 10, showHidden: true });
    for (const leak of ["leaky message", changed.toString("base64"), "testing", "credentials"]) assert.equal(text.includes(leak), false);
    assert.equal(error.cause, undefined);
  });

  it("an answer for another key than ours is refused", async () => {
    double.answersForAnother = true;
    await assert.rejects(rootKey.unwrap(wrapped, CONTEXT), (error) => isRootkeepError(error, "SEAL_BROKEN"));
    await assert.rejects(rootKey.generateDataKey(CONTEXT), (error) => isRootkeepError(error, "SEAL_BROKEN"));
  });

  it("a service that answers too late is unreachable, and is not waited for", async () => {
    double.latencyMs = 60_000;
    const error = await failure();
    assert.deepEqual([error.code, error.reason], ["KEY_UNAVAILABLE", "kms_unreachable"]);
  });

  it("the reply's Date is passed on", async () => {
    double.clockSkewMs = -3_600_000;
    const { replyTime } = await rootKey.unwrap(wrapped, CONTEXT);
    assert.ok(replyTime !== null && replyTime.getTime() < Date.now() - 3_000_000);
  });

  it("every Decrypt names the key and the whole context", async () => {
    double.bodies.length = 0;
    await rootKey.unwrap(wrapped, CONTEXT);
    const body = JSON.parse(double.bodies[0] ?? "{}") as Record<string, unknown>;
    assert.equal(body["KeyId"], rootKey.uri.slice("aws-kms:".length));
    assert.deepEqual(body["EncryptionContext"], CONTEXT);
  });

  it("data keys never travel in the clear: plain HTTP is for loopback", () => {
    for (const awsEndpoint of ["http://kms.example.com", "ftp://127.0.0.1", "nonsense", "http://127.0.0.1.example.com"]) {
      assert.throws(
        () => createRootKey(rootKey.uri, { awsEndpoint }),
        (error) => isRootkeepError(error, "MALFORMED"),
      );
    }
  });
});
