import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { after, beforeEach, describe, it } from "node:test";
import { inspect } from "node:util";
import { CreateKeyCommand, type KeySpec, type KeyUsageType, KMSClient } from "@aws-sdk/client-kms";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createLogKey } from "../../../src/keys/log-keys.service.js";
import { KmsDouble } from "../../support/kms-double.js";
import { startMoto } from "../../support/moto.js";

// real: adapter, AWS SDK, HTTP. double: AWS KMS (our own; moto for keys of other kinds).

const MESSAGE = Buffer.from("a message\n");
const ABSENT = "arn:aws:kms:eu-central-1:999900001111:key/00000000-0000-0000-0000-000000000000";
const unavailable = (reason: string) => (error: unknown) => isRootkeepError(error, "KEY_UNAVAILABLE") && error.reason === reason;

describe("the log's key in AWS KMS", async () => {
  const double = await KmsDouble.start();
  after(() => double.stop());
  const key = double.logKey();
  await key.publicKey();

  beforeEach(() => {
    const alterReply: KmsDouble["alterReply"] = (_, reply) => reply;
    Object.assign(double, { keyState: "Enabled", throttledCalls: 0, isDenied: false, isDead: false, answersForAnother: false, alterReply });
    double.bodies.length = 0;
    double.calls.length = 0;
  });

  it("is asked for pure Ed25519 over the message itself, by its ARN [LK-6]", async () => {
    await key.sign(MESSAGE);
    assert.deepEqual(double.calls, ["Sign"]);
    assert.deepEqual(JSON.parse(double.bodies[0] ?? "{}"), {
      KeyId: key.uri.slice("aws-kms:".length),
      Message: MESSAGE.toString("base64"),
      MessageType: "RAW",
      SigningAlgorithm: "ED25519_SHA_512",
    });
  });

  it("is asked for its public key once; that one stays [LK-6]", async () => {
    const again = double.logKeyOf(key.uri);
    for (let count = 0; count < 3; count++) assert.deepEqual(await again.publicKey(), await key.publicKey());
    await again.sign(MESSAGE);
    assert.deepEqual(double.calls, ["GetPublicKey", "Sign"]);
  });

  it("of another kind is refused, whatever it can do [LK-5]", async () => {
    for (const wrong of [double.logKey("ECC_NIST_P256"), double.logKeyOf(double.rootKey().uri)]) {
      await assert.rejects(wrong.publicKey(), unavailable("kms_key_of_another_kind"));
      await assert.rejects(wrong.sign(MESSAGE), unavailable("kms_key_of_another_kind"));
    }
    assert.equal(double.calls.includes("Sign"), false);
  });

  for (const [member, value] of [
    ["KeySpec", "ECC_NIST_P256"],
    ["KeySpec", undefined],
    ["KeyUsage", "KEY_AGREEMENT"],
    ["KeyUsage", undefined],
  ] as const) {
    it(`is refused when its ${member} is ${String(value)} [LK-5]`, async () => {
      double.alterReply = (_, reply) => ({ ...reply, [member]: value });
      await assert.rejects(double.logKeyOf(key.uri).publicKey(), unavailable("kms_key_of_another_kind"));
    });
  }

  it("has a public key in one form alone [LK-5]", async () => {
    const spki = (type: "x25519" | "ed448") => {
      const pair = type === "x25519" ? generateKeyPairSync("x25519") : generateKeyPairSync("ed448");
      return pair.publicKey.export({ format: "der", type: "spki" });
    };
    const good = generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" });
    for (const bytes of [
      Buffer.alloc(0),
      good.subarray(12),
      good.subarray(0, 43),
      Buffer.concat([good, Buffer.of(0)]),
      spki("x25519"),
      spki("ed448"),
    ]) {
      double.alterReply = (_, reply) => ({ ...reply, PublicKey: bytes.toString("base64") });
      await assert.rejects(double.logKeyOf(key.uri).publicKey(), unavailable("kms_public_key_is_malformed"));
    }
  });

  it("is not another key that answers in its place [LK-5]", async () => {
    double.answersForAnother = true;
    await assert.rejects(double.logKeyOf(key.uri).publicKey(), unavailable("kms_incorrect_key"));
    await assert.rejects(key.sign(MESSAGE), unavailable("kms_incorrect_key"));
  });

  it("lets no signature out that does not verify [LK-6]", async () => {
    const other = generateKeyPairSync("ed25519").privateKey;
    const good = await key.sign(MESSAGE);
    const flipped = Buffer.from(good);
    flipped.writeUInt8(flipped.readUInt8(10) ^ 4, 10);
    for (const bytes of [sign(null, MESSAGE, other), flipped, good.subarray(0, 63), Buffer.concat([good, Buffer.of(0)]), Buffer.alloc(0)]) {
      double.alterReply = (_, reply) => ({ ...reply, Signature: bytes.toString("base64") });
      await assert.rejects(key.sign(MESSAGE), unavailable("kms_wrong_signature"));
    }
    double.alterReply = (_, { Signature: _left, ...reply }) => reply;
    await assert.rejects(key.sign(MESSAGE), unavailable("kms_wrong_signature"));
  });

  it("whose material was changed under its ARN signs nothing more for this process [LK-6]", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    double.alterReply = (operation, reply) =>
      operation === "Sign"
        ? { ...reply, Signature: sign(null, MESSAGE, privateKey).toString("base64") }
        : { ...reply, PublicKey: publicKey.export({ format: "der", type: "spki" }).toString("base64") };
    await assert.rejects(key.sign(MESSAGE), unavailable("kms_wrong_signature"));
  });

  const troubles: readonly (readonly [name: string, reason: string, begin: () => void])[] = [
    ["is Disabled", "kms_key_state", () => (double.keyState = "Disabled")],
    ["is PendingDeletion", "kms_key_state", () => (double.keyState = "PendingDeletion")],
    ["is denied to us", "kms_denied", () => (double.isDenied = true)],
    ["stands behind a dead line", "kms_unreachable", () => (double.isDead = true)],
  ];
  for (const [name, reason, begin] of troubles) {
    it(`that ${name} is unavailable, whether its public key is known or not [LK-7]`, async () => {
      const unknown = double.logKeyOf(key.uri);
      begin();
      await assert.rejects(key.sign(MESSAGE), unavailable(reason));
      await assert.rejects(unknown.publicKey(), unavailable(reason));
    });
  }

  it("that does not exist is unavailable [LK-7]", async () => {
    await assert.rejects(double.logKeyOf(`aws-kms:${ABSENT}`).publicKey(), unavailable("kms_key_not_found"));
  });

  it("a refusal names the call for CloudTrail, and holds nothing of AWS's message or of the credentials [LK-7]", async () => {
    double.isDenied = true;
    const error: unknown = await key.sign(MESSAGE).catch((caught: unknown) => caught);
    assert.ok(isRootkeepError(error, "KEY_UNAVAILABLE"));
    assert.match(String(error.facts["rootKeyRequestId"]), /^[0-9a-f-]{36}$/);
    const text = inspect(error, { depth: 10, showHidden: true });
    for (const leak of ["leaky message", "testing", MESSAGE.toString("base64")]) assert.equal(text.includes(leak), false);
    assert.equal(error.cause, undefined);
  });
});

const moto = await startMoto();
describe("keys of other kinds in moto", { skip: "absent" in moto ? moto.absent : false }, () => {
  if ("absent" in moto) return;
  after(() => moto.stop());
  const awsCredentials = { accessKeyId: "testing", secretAccessKey: "testing" };
  const client = new KMSClient({ endpoint: moto.endpoint, region: "eu-central-1", credentials: awsCredentials });
  const opened = (arn: string) => createLogKey(`aws-kms:${arn}`, { awsEndpoint: moto.endpoint, awsCredentials });

  // Where AWS refuses, moto gives even a symmetric key an RSA public key; its answer names no `KeySpec`, and no ARN. So only the code is one.
  const kinds: readonly (readonly [KeySpec, KeyUsageType])[] = [
    ["SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"],
    ["ECC_NIST_P256", "SIGN_VERIFY"],
    ["RSA_2048", "SIGN_VERIFY"],
    ["HMAC_256", "GENERATE_VERIFY_MAC"],
  ];
  for (const [KeySpec, KeyUsage] of kinds) {
    it(`${KeySpec} is refused [LK-5]`, async () => {
      const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec, KeyUsage }));
      await assert.rejects(opened(KeyMetadata?.Arn ?? "").sign(MESSAGE), (error) => isRootkeepError(error, "KEY_UNAVAILABLE"));
    });
  }

  it("a key that does not exist is unavailable [LK-7]", async () => {
    await assert.rejects(opened(ABSENT).publicKey(), unavailable("kms_key_not_found"));
  });
});
