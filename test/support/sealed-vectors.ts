import { createHash, hkdfSync } from "node:crypto";
import { encodeFields } from "../../src/kernel/encoding.js";
import { Secret } from "../../src/kernel/secret.js";
import { encryptAead } from "../../src/keys/aead.js";
import type { SealedKind } from "../../src/keys/domain.js";
import { FILE_ROOT_KEY_FORMAT } from "../../src/keys/file-root-key.adapter.js";
import { pad } from "../../src/keys/padding.js";
import { associatedBytes, type SealedFacts, sealValue } from "../../src/keys/sealed-value.js";
import { contextBytes, type WrapContext } from "../../src/keys/wrap-context.js";

/** One case of test/conformance/vectors/sealed-value.json. Bytes in lower-case hex; `plaintext` is null where a reader must refuse. */
export interface Vector {
  readonly name: string;
  readonly deployment: string;
  readonly data_key: {
    readonly id: string;
    readonly account_id: string;
    readonly aws_account_id: string;
    readonly domain: string;
    readonly plaintext: string;
    readonly wrapped: string;
  };
  readonly value: {
    readonly account_id: string;
    readonly aws_account_id: string;
    readonly secret_id: string;
    readonly kind: SealedKind;
    readonly version: number;
    readonly version_id: string;
    readonly data_key_id: string;
    readonly person_id: string;
    readonly salt: string;
    readonly nonce: string;
    readonly sealed: string;
  };
  readonly plaintext: string | null;
}

export interface Vectors {
  readonly format: "rootkeep-vectors/sealed-value/1";
  readonly rootKey: { readonly format: string; readonly id: string; readonly key: string };
  readonly cases: readonly Vector[];
}

/** Invented bytes that anybody can make again: SHA-256 of the label, cut to size. */
const bytesOf = (label: string, size = 32) => createHash("sha256").update(`rootkeep vector: ${label}`).digest().subarray(0, size);

const ROOT_KEY = { format: FILE_ROOT_KEY_FORMAT, id: "vector-root-key", key: bytesOf("root key").toString("base64") };
const id = (prefix: string, number: number) => `${prefix}_${String(number).padStart(26, "0")}`;

export function factsOfVector({ value }: Vector): SealedFacts {
  return {
    accountId: value.account_id,
    awsAccountId: value.aws_account_id,
    secretId: value.secret_id,
    kind: value.kind,
    version: value.version,
    versionId: value.version_id,
    dataKeyId: value.data_key_id,
    personId: value.person_id,
  };
}

export function rowOfVector(vector: Vector): { wrapped: Buffer; context: WrapContext } {
  const { id: dataKeyId, account_id: accountId, aws_account_id: awsAccountId, domain, wrapped } = vector.data_key;
  const context: WrapContext = { app: "rootkeep", deployment: vector.deployment, accountId, awsAccountId, dataKeyId, domain };
  return { wrapped: Buffer.from(wrapped, "hex"), context };
}

/** Seals a vector's plaintext with its salt and nonce. */
export function sealVector(vector: Vector): Buffer {
  const random = (size: number) => Buffer.from(size === 32 ? vector.value.salt : vector.value.nonce, "hex");
  const key = Secret.of(Buffer.from(vector.data_key.plaintext, "hex"));
  return sealValue(key, vector.deployment, factsOfVector(vector), Secret.of(Buffer.from(vector.plaintext ?? "", "hex")), random);
}

/** The vectors, made anew; the file is the checked-in result. */
export function buildVectors(): Vectors {
  const positive = [
    make("a password", "root-password", "password", Buffer.from("K7#mTq2wZ(9vX!hJ4_nRb8@yLc3^dGf6")),
    make("an empty value", "note", "password", Buffer.alloc(0)),
    make("a note of exactly one block less the mark", "note", "password", Buffer.alloc(255, "n")),
    make("a note of exactly one block", "note", "password", Buffer.alloc(256, "n")),
    make("an MFA seed that ends in the mark and zeros", "mfa-seed", "mfa", Buffer.concat([bytesOf("seed", 18), Buffer.of(0x80, 0)])),
    make("recovery codes", "mfa-recovery", "mfa", Buffer.from("1111-2222\n3333-4444")),
    make("a mailed code", "mail-code", "mail", Buffer.from("492718")),
    make("a mail body", "mail-body", "mail", Buffer.from("Verification code: 492718\r\n".repeat(50))),
    make("an employee's authenticator", "authenticator-totp", "people", bytesOf("authenticator", 20), { person_id: id("per", 1) }),
  ];
  return { format: "rootkeep-vectors/sealed-value/1", rootKey: ROOT_KEY, cases: [...positive, ...negatives(positive)] };
}

function make(name: string, kind: SealedKind, domain: string, plaintext: Buffer, changes: Partial<Vector["value"]> = {}): Vector {
  const isOfPeople = domain === "people";
  const owner = { account_id: isOfPeople ? "-" : id("acc", 1), aws_account_id: isOfPeople ? "-" : "111122223333" };
  const key = bytesOf(`data key ${domain}`);
  const data_key = { id: id("dk", domain.length), ...owner, domain, plaintext: key.toString("hex"), wrapped: "" };
  const value = {
    ...owner,
    secret_id: id("sec", 1),
    kind,
    version: 3,
    version_id: id("ver", 3),
    data_key_id: data_key.id,
    person_id: "",
    salt: bytesOf(`salt ${name}`).toString("hex"),
    nonce: bytesOf(`nonce ${name}`, 12).toString("hex"),
    sealed: "",
    ...changes,
  };
  const draft: Vector = { name, deployment: "vectors", data_key, value, plaintext: plaintext.toString("hex") };
  const wrapped = wrapDataKey(rowOfVector(draft).context, key, bytesOf(`wrap nonce ${domain}`, 12));
  const sealed = sealVector(draft).toString("hex");
  return { ...draft, data_key: { ...data_key, wrapped }, value: { ...value, sealed } };
}

function wrapDataKey(context: WrapContext, key: Buffer, nonce: Buffer): string {
  const associated = contextBytes(FILE_ROOT_KEY_FORMAT, ROOT_KEY.id, context);
  return Buffer.concat([Buffer.of(1), nonce, encryptAead(Buffer.from(ROOT_KEY.key, "base64"), nonce, associated, key)]).toString("hex");
}

function negatives(positive: readonly Vector[]): Vector[] {
  const [password, , , , seed, , , , authenticator] = positive;
  if (password === undefined || seed === undefined || authenticator === undefined) throw new Error("vectors are missing");
  const refused = (name: string, from: Vector, value: Partial<Vector["value"]>, dataKey: Partial<Vector["data_key"]> = {}): Vector => ({
    ...from,
    name,
    value: { ...from.value, ...value },
    data_key: { ...from.data_key, ...dataKey },
    plaintext: null,
  });
  const flip = (hex: string, at: number) => {
    const bytes = Buffer.from(hex, "hex");
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    return bytes.toString("hex");
  };
  const { sealed } = password.value;
  return [
    refused("another format byte", password, { sealed: flip(sealed, 0) }),
    refused("a flipped bit in the salt", password, { sealed: flip(sealed, 1) }),
    refused("a flipped bit in the commitment", password, { sealed: flip(sealed, 33) }),
    refused("a flipped bit in the nonce", password, { sealed: flip(sealed, 65) }),
    refused("a flipped bit in the ciphertext", password, { sealed: flip(sealed, 77) }),
    refused("a flipped bit in the tag", password, { sealed: flip(sealed, sealed.length / 2 - 1) }),
    refused("a missing last byte", password, { sealed: sealed.slice(0, -2) }),
    refused("a byte too many", password, { sealed: `${sealed}00` }),
    refused("a header alone", password, { sealed: sealed.slice(0, 154) }),
    refused("another account", password, { account_id: id("acc", 2) }),
    refused("another AWS account", password, { aws_account_id: "444455556666" }),
    refused("a byte moved from one field to the next", password, { account_id: `${id("acc", 1)}1`, aws_account_id: "11122223333" }),
    refused("another secret", password, { secret_id: id("sec", 2) }),
    refused("another kind", password, { kind: "note" }),
    refused("another version", password, { version: 4 }),
    refused("another version's row", password, { version_id: id("ver", 4) }),
    refused("another data key id", password, { data_key_id: id("dk", 9) }),
    refused("another person", authenticator, { person_id: id("per", 2) }),
    refused("no person", authenticator, { person_id: "" }),
    { ...refused("another deployment", password, {}), deployment: "vectorz" },
    refused("another domain's data key", password, { data_key_id: seed.data_key.id }, seed.data_key),
    refused("a wrap of another domain", password, {}, { domain: "mfa" }),
    refused("a wrap of another account", password, {}, { account_id: id("acc", 2) }),
    refused("a flipped bit in the wrap", password, {}, { wrapped: flip(password.data_key.wrapped, 30) }),
    refused("padding longer than needed", password, {
      sealed: sealBadly(password, Buffer.concat([pad("note", Buffer.of(1)), Buffer.alloc(256)])),
    }),
    refused("padding without its mark", password, { sealed: sealBadly(password, Buffer.alloc(256)) }),
  ];
}

/** Seals bytes that no writer of ours would: correct but for the padding. The keys are read off a value sealed with the same salt. */
function sealBadly(vector: Vector, padded: Buffer): string {
  const good = Buffer.from(vector.value.sealed, "hex");
  const key = sealingKeyOf(vector);
  const associated = associatedOf(vector);
  return Buffer.concat([good.subarray(0, 77), encryptAead(key, good.subarray(65, 77), associated, padded)]).toString("hex");
}

function sealingKeyOf(vector: Vector): Buffer {
  const label = encodeFields(["rk1", "keys", vector.value.data_key_id]);
  return Buffer.from(hkdfSync("sha512", Buffer.from(vector.data_key.plaintext, "hex"), Buffer.from(vector.value.salt, "hex"), label, 32));
}

function associatedOf(vector: Vector): Buffer {
  return associatedBytes(vector.deployment, factsOfVector(vector));
}

/** The file's vectors. @throws Error for a member that this code does not know: a vector must not be half understood. */
export function parseVectors(text: string): Vectors {
  const parsed = JSON.parse(text) as Vectors;
  const sample = buildVectors();
  sameMembers(sample, parsed);
  sameMembers(sample.rootKey, parsed.rootKey);
  const [known] = sample.cases;
  for (const vector of parsed.cases) {
    sameMembers(known, vector);
    sameMembers(known?.data_key, vector.data_key);
    sameMembers(known?.value, vector.value);
  }
  return parsed;
}

function sameMembers(known: object | undefined, given: object): void {
  const names = (value: object | undefined) =>
    Object.keys(value ?? {})
      .sort()
      .join();
  if (names(known) !== names(given)) throw new Error(`vector has members ${names(given)}, known are ${names(known)}`);
}
