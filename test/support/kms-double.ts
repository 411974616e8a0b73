import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { LogSigner } from "../../src/audit/log-signer.port.js";
import { encodeFields } from "../../src/kernel/encoding.js";
import { decryptAead, encryptAead } from "../../src/keys/aead.js";
import { createLogKey } from "../../src/keys/log-keys.service.js";
import type { RootKey } from "../../src/keys/root-key.port.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import { KmsSigningKey, type SigningKeySpec } from "./kms-signing-key.js";

const CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "testing" };

/** A request of the protocol "JSON 1.1". Bytes are base64 text; contexts are objects. */
type Body = Readonly<Record<string, string | Record<string, string> | undefined>>;

/**
 * A double of AWS KMS over real HTTP, for the states in which moto is laxer than AWS: disabled and dying keys, wrong key ids, shifted
 * contexts, throttling, latency, death, a wrong clock; and for Ed25519 keys, which moto does not know. The real adapters and the real SDK
 * talk to it. It passes the same contract tests as the adapters. Set its fields to break it; nothing else of it is state.
 */
export class KmsDouble {
  /** `Enabled`, `Disabled` or `PendingDeletion`, as DescribeKey says it; for every key. */
  keyState = "Enabled";
  /** Answers so many calls with ThrottlingException first. */
  throttledCalls = 0;
  isDenied = false;
  /** Cuts every connection without an answer. */
  isDead = false;
  latencyMs = 0;
  /** Names another key in its answers than the one that was asked. */
  answersForAnother = false;
  /** Changes what a signing key answers. */
  alterReply: (operation: string, reply: Record<string, unknown>) => Record<string, unknown> = (_, reply) => reply;
  /** What the `Date` header is off by. */
  clockSkewMs = 0;
  /** Operations answered, in order, without the refused ones. */
  readonly calls: string[] = [];
  /** Everything that was received, for searches. */
  readonly bodies: string[] = [];
  readonly #keys = new Map<string, Buffer>();
  readonly #signingKeys = new Map<string, KmsSigningKey>();
  readonly #server = createServer((request, response) => {
    void this.#serve(request, response);
  });

  static async start(): Promise<KmsDouble> {
    const double = new KmsDouble();
    await new Promise<void>((resolve) => double.#server.listen(0, "127.0.0.1", resolve));
    return double;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A root key of the double; each call makes a new one. */
  rootKey(): RootKey {
    const arn = newArn();
    this.#keys.set(arn, randomBytes(32));
    return createRootKey(`aws-kms:${arn}`, { awsEndpoint: this.endpoint, awsCredentials: CREDENTIALS });
  }

  /** Deletes a key of {@link rootKey}, as after its waiting period: from then on there is none of that name. */
  delete(rootKey: RootKey): void {
    this.#keys.delete(rootKey.uri.slice("aws-kms:".length));
  }

  /** A log's key of the double; each call makes a new one. Of any other kind than Ed25519 it should be refused. */
  logKey(spec: SigningKeySpec = "ECC_NIST_EDWARDS25519"): LogSigner {
    const arn = newArn();
    this.#signingKeys.set(arn, new KmsSigningKey(spec));
    return this.logKeyOf(`aws-kms:${arn}`);
  }

  /** The adapter of a log's key over the key of any URI. */
  logKeyOf(uri: string): LogSigner {
    return createLogKey(uri, { awsEndpoint: this.endpoint, awsCredentials: CREDENTIALS });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.isDead) {
      request.socket.destroy();
      return;
    }
    // Not waited for by a test that is over: hence unref.
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, this.latencyMs).unref());
    const body = Buffer.concat(chunks).toString("utf8");
    this.bodies.push(body);
    const operation = String(request.headers["x-amz-target"]).replace("TrentService.", "");
    const reply = this.#answer(operation, JSON.parse(body) as Body);
    response.setHeader("date", new Date(Date.now() + this.clockSkewMs).toUTCString());
    response.setHeader("content-type", "application/x-amz-json-1.1");
    response.setHeader("x-amzn-requestid", randomUUID());
    response.statusCode = "__type" in reply ? 400 : 200;
    response.end(JSON.stringify(reply));
  }

  #answer(operation: string, body: Body): Record<string, unknown> {
    // AWS's messages are of no use to us and must not get out; this one would be found if they did.
    const refuse = (type: string) => ({ __type: type, message: `leaky message about ${textOf(body["CiphertextBlob"])}` });
    if (this.throttledCalls > 0) {
      this.throttledCalls--;
      return refuse("ThrottlingException");
    }
    if (this.isDenied) return refuse("AccessDeniedException");
    const arn = textOf(body["KeyId"] ?? body["SourceKeyId"]);
    const signingKey = this.#signingKeys.get(arn);
    if (signingKey === undefined && !this.#keys.has(arn)) return refuse("NotFoundException");
    const kind = signingKey?.kind ?? { KeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "ENCRYPT_DECRYPT" };
    if (operation === "DescribeKey") return { KeyMetadata: { Arn: arn, KeyState: this.keyState, ...kind } };
    if (this.keyState === "Disabled") return refuse("DisabledException");
    if (this.keyState !== "Enabled") return refuse("KMSInvalidStateException");
    this.calls.push(operation);
    const named = this.answersForAnother ? arn.replace("999900001111", "666600001111") : arn;
    if (signingKey !== undefined) {
      const reply = signingKey.answer(operation, body);
      return typeof reply === "string" ? refuse(reply) : this.alterReply(operation, { KeyId: named, ...reply });
    }
    switch (operation) {
      case "GenerateDataKey": {
        const plaintext = randomBytes(32);
        return {
          KeyId: named,
          Plaintext: plaintext.toString("base64"),
          CiphertextBlob: this.#wrap(arn, plaintext, body["EncryptionContext"]),
        };
      }
      case "Encrypt":
        return { KeyId: arn, CiphertextBlob: this.#wrap(arn, Buffer.from(textOf(body["Plaintext"]), "base64"), body["EncryptionContext"]) };
      case "Decrypt": {
        const plaintext = this.#unwrap(arn, textOf(body["CiphertextBlob"]), body["EncryptionContext"]);
        return typeof plaintext === "string" ? refuse(plaintext) : { KeyId: named, Plaintext: plaintext.toString("base64") };
      }
      case "ReEncrypt": {
        const plaintext = this.#unwrap(arn, textOf(body["CiphertextBlob"]), body["SourceEncryptionContext"]);
        const target = textOf(body["DestinationKeyId"]);
        if (typeof plaintext === "string") return refuse(plaintext);
        return { KeyId: target, CiphertextBlob: this.#wrap(target, plaintext, body["DestinationEncryptionContext"]) };
      }
      // A symmetric key has no public one; signing with it is a use that it is not for (AWS KMS API reference).
      case "GetPublicKey":
        return refuse("UnsupportedOperationException");
      case "Sign":
        return refuse("InvalidKeyUsageException");
      default:
        return refuse("UnknownOperationException");
    }
  }

  #wrap(arn: string, plaintext: Buffer, context: unknown): string {
    const nonce = randomBytes(12);
    const name = Buffer.from(arn);
    const sealed = encryptAead(this.#keys.get(arn) ?? Buffer.alloc(32), nonce, contextOf(context), plaintext);
    return Buffer.concat([Buffer.of(name.length), name, nonce, sealed]).toString("base64");
  }

  #unwrap(arn: string, blob: string, context: unknown): Buffer | string {
    const bytes = Buffer.from(blob, "base64");
    const end = 1 + (bytes[0] ?? 0);
    const named = bytes.subarray(1, end).toString("utf8");
    if (!this.#keys.has(named)) return "InvalidCiphertextException";
    if (named !== arn) return "IncorrectKeyException";
    const key = this.#keys.get(arn) ?? Buffer.alloc(32);
    return decryptAead(key, bytes.subarray(end, end + 12), contextOf(context), bytes.subarray(end + 12)) ?? "InvalidCiphertextException";
  }
}

function newArn(): string {
  return `arn:aws:kms:eu-central-1:999900001111:key/${randomUUID()}`;
}

/** Exact and in any order, as AWS compares contexts. */
function contextOf(context: unknown): Buffer {
  return encodeFields(
    Object.entries((context ?? {}) as Record<string, string>)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flat(),
  );
}

function textOf(member: Body[string]): string {
  return typeof member === "string" ? member : "";
}
