import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPublicKey, hash, type KeyObject, verify } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import type { LogSigner } from "../../../src/audit/log-signer.port.js";
import { parseNote, signatureLine, signNote, verifyNote } from "../../../src/audit/tlog/note.js";
import { newVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createLogKey } from "../../../src/keys/log-keys.service.js";
import { KmsDouble } from "../../support/kms-double.js";
import { startMoto } from "../../support/moto.js";
import { temporaryRootKey } from "../../support/root-key.js";

// real: the adapters, the AWS SDK, HTTP, the file system, openssl. double: AWS KMS.

interface Home {
  readonly first: LogSigner;
  readonly second: LogSigner;
  /** Another object over the key of `first`, as after a restart. */
  reopen(): LogSigner;
  /** Over a key that wraps secrets. */
  readonly wrapping: LogSigner;
  /** Takes the key of `first` out of use, and gives it back. Null where that cannot be done. */
  readonly outage: { readonly reason: string; begin(): Promise<void>; end(): Promise<void> } | null;
}

const MESSAGE = Buffer.from("vault.example.com/audit/test/1\n3\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
});

const double = await KmsDouble.start();
stops.push(() => double.stop());

async function fileHome(): Promise<Home> {
  const [home, other] = [await temporaryRootKey(), await temporaryRootKey()];
  stops.push(home.remove, other.remove);
  const path = join(home.directory, "log-key.json");
  const first = createLogKey(`file:${path}`, { create: true });
  await first.publicKey();
  await home.rootKey.generateDataKey({
    app: "rootkeep",
    deployment: "t",
    accountId: "-",
    awsAccountId: "-",
    dataKeyId: "k",
    domain: "mail",
  });
  return {
    first,
    second: createLogKey(`file:${join(other.directory, "log-key.json")}`, { create: true }),
    reopen: () => createLogKey(`file:${path}`),
    wrapping: createLogKey(home.rootKey.uri, { create: true }),
    outage: { reason: "keystore_missing", begin: () => rename(path, `${path}.away`), end: () => rename(`${path}.away`, path) },
  };
}

function doubleHome(): Promise<Home> {
  const first = double.logKey();
  const state = (keyState: string) => async () => {
    double.keyState = keyState;
  };
  return Promise.resolve({
    first,
    second: double.logKey(),
    reopen: () => double.logKeyOf(first.uri),
    wrapping: double.logKeyOf(double.rootKey().uri),
    outage: { reason: "kms_key_state", begin: state("Disabled"), end: state("Enabled") },
  });
}

/** moto as a home, or why it is none. */
async function motoHome(): Promise<Home | string> {
  const moto = await startMoto();
  if ("absent" in moto) return moto.absent;
  stops.push(() => moto.stop());
  const awsCredentials = { accessKeyId: "testing", secretAccessKey: "testing" };
  const client = new KMSClient({ endpoint: moto.endpoint, region: "eu-central-1", credentials: awsCredentials });
  const make = async (spec: "ECC_NIST_EDWARDS25519" | "SYMMETRIC_DEFAULT") => {
    const isForSigning = spec !== "SYMMETRIC_DEFAULT";
    const { KeyMetadata } = await client.send(
      new CreateKeyCommand({ KeySpec: spec, KeyUsage: isForSigning ? "SIGN_VERIFY" : "ENCRYPT_DECRYPT" }),
    );
    return () => createLogKey(`aws-kms:${KeyMetadata?.Arn ?? ""}`, { awsEndpoint: moto.endpoint, awsCredentials });
  };
  const reopen = await make("ECC_NIST_EDWARDS25519").catch(() => null);
  if (reopen === null) return "this emulator makes no Ed25519 keys";
  const [second, wrapping] = [await make("ECC_NIST_EDWARDS25519"), await make("SYMMETRIC_DEFAULT")];
  return { first: reopen(), second: second(), reopen, wrapping: wrapping(), outage: null };
}

const verifyingKey = (raw: Buffer): KeyObject =>
  createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") }, format: "jwk" });

/** What `openssl` says of a signature: its exit status. */
async function opensslStatus(raw: Buffer, message: Buffer, signature: Buffer): Promise<number | null> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-openssl-"));
  try {
    const path = (name: string) => join(directory, name);
    await writeFile(path("key.pem"), verifyingKey(raw).export({ format: "pem", type: "spki" }));
    await writeFile(path("message"), message);
    await writeFile(path("signature"), signature);
    const files = ["-inkey", path("key.pem"), "-in", path("message"), "-sigfile", path("signature")];
    return spawnSync("openssl", ["pkeyutl", "-verify", "-pubin", "-rawin", ...files]).status;
  } finally {
    await rm(directory, { recursive: true });
  }
}

const noOpenssl = spawnSync("openssl", ["version"]).status === 0 ? false : "openssl is not installed";
const changed = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
  return copy;
};

function contract(name: string, home: Home | string): void {
  if (typeof home === "string") {
    describe(`log key: ${name}`, { skip: home }, () => {});
    return;
  }
  const { first, second, reopen, wrapping, outage } = home;
  describe(`log key: ${name}`, () => {
    it("has one public key of 32 bytes, the same after a restart, and another key has another", async () => {
      const publicKey = await first.publicKey();
      assert.equal(publicKey.length, 32);
      for (const again of [first, reopen()]) assert.deepEqual(await again.publicKey(), publicKey);
      assert.notDeepEqual(await second.publicKey(), publicKey);
    });

    it("gives out a public key that the caller may write over", async () => {
      const publicKey = await first.publicKey();
      const given = await first.publicKey();
      given.fill(0);
      assert.deepEqual(await first.publicKey(), publicKey);
    });

    it("signs the message itself with pure Ed25519, 64 bytes [LK-1]", async () => {
      const key = verifyingKey(await first.publicKey());
      const signature = await first.sign(MESSAGE);
      assert.equal(signature.length, 64);
      assert.equal(verify(null, MESSAGE, key, signature), true);
      assert.equal(verify(null, hash("sha512", MESSAGE, "buffer"), key, signature), false);
      // Ed25519 has no random part, so a restart may change nothing.
      assert.deepEqual(await reopen().sign(MESSAGE), signature);
    });

    it("signs for this message, and under this key alone", async () => {
      const signature = await first.sign(MESSAGE);
      const key = verifyingKey(await first.publicKey());
      assert.equal(verify(null, changed(MESSAGE), key, signature), false);
      assert.equal(verify(null, MESSAGE, key, changed(signature)), false);
      assert.equal(verify(null, MESSAGE, verifyingKey(await second.publicKey()), signature), false);
    });

    it("signs so that openssl agrees", { skip: noOpenssl }, async () => {
      const [publicKey, signature] = [await first.publicKey(), await first.sign(MESSAGE)];
      assert.equal(await opensslStatus(publicKey, MESSAGE, signature), 0);
      assert.equal(await opensslStatus(publicKey, changed(MESSAGE), signature), 1);
    });

    it("signs notes that verify under its verifier key", async () => {
      const key = newVerifierKey("vault.example.com/audit/test/1", "ed25519", await first.publicKey());
      const text = MESSAGE.toString("utf8");
      const line = signatureLine(await signNote(text, key, (message) => first.sign(message)));
      assert.deepEqual(verifyNote(parseNote(Buffer.from(`${text}\n${line}`)), [key]), [{ key, time: null }]);
    });

    it("signs 4,096 bytes and not one more [LK-1]", async () => {
      assert.equal((await first.sign(Buffer.alloc(4_096, "a"))).length, 64);
      await assert.rejects(first.sign(Buffer.alloc(4_097, "a")), { name: "Error", message: /longer than 4,096 bytes/ });
    });

    it("is never a key that wraps secrets [LK-1]", async () => {
      await assert.rejects(wrapping.publicKey(), (error) => isRootkeepError(error, "KEY_UNAVAILABLE"));
      await assert.rejects(wrapping.sign(MESSAGE), (error) => isRootkeepError(error, "KEY_UNAVAILABLE"));
    });

    it("cannot be used while it is away, is not replaced, and is used again when it is back [LK-7]", async (test) => {
      if (outage === null) {
        test.skip("this emulator cannot disable a key");
        return;
      }
      const publicKey = await first.publicKey();
      const away = reopen();
      const unavailable = (error: unknown) => isRootkeepError(error, "KEY_UNAVAILABLE") && error.reason === outage.reason;
      await outage.begin();
      try {
        await assert.rejects(away.publicKey(), unavailable);
        await assert.rejects(away.sign(MESSAGE), unavailable);
      } finally {
        await outage.end();
      }
      assert.deepEqual(await away.publicKey(), publicKey);
      assert.equal(verify(null, MESSAGE, verifyingKey(publicKey), await away.sign(MESSAGE)), true);
    });
  });
}

// All first: the runner takes the file for over when a suite has ended and none is registered.
const [inFile, inMoto, inDouble] = [await fileHome(), await motoHome(), await doubleHome()];
contract("file:", inFile);
contract("aws-kms: over moto", inMoto);
contract("aws-kms: over the double", inDouble);

describe("the URI of a log's key", () => {
  const ARN = "arn:aws:kms:eu-central-1:999900001111:key/1234abcd-12ab-34cd-56ef-1234567890ab";

  it("is refused under the log key's own name, unquoted", () => {
    for (const uri of ["", "file:", "http://marker.example.com", `aws-kms:${ARN}x`, "aws-kms:alias/marker", "pkcs11:pin-value=marker"]) {
      assert.throws(
        () => createLogKey(uri),
        (error) => {
          assert.ok(isRootkeepError(error, "MALFORMED"));
          assert.deepEqual(
            error.fields.map(({ field }) => field),
            ["logKey"],
          );
          return !JSON.stringify(error.fields).includes("marker");
        },
      );
    }
  });

  it("may name PKCS#11, which is planned", () => {
    assert.throws(
      () => createLogKey("pkcs11:token=t;object=log"),
      (error) => isRootkeepError(error, "KEY_UNAVAILABLE") && error.reason === "pkcs11_is_planned",
    );
  });

  it("takes no endpoint that is plain HTTP and not on loopback", () => {
    assert.throws(
      () => createLogKey(`aws-kms:${ARN}`, { awsEndpoint: "http://kms.example.com" }),
      (error) => isRootkeepError(error, "MALFORMED"),
    );
  });
});
