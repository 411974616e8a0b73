import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** The kinds of signing keys that the double makes: the one that we take, and others that people make by mistake. */
export type SigningKeySpec = "ECC_NIST_EDWARDS25519" | "ECC_NIST_P256";

type Body = Readonly<Record<string, unknown>>;

const MESSAGE_BYTES_MAX = 4_096;

/** An asymmetric key of the double of AWS KMS, with the rules of the API reference for `GetPublicKey` and `Sign`. */
export class KmsSigningKey {
  readonly kind: { readonly KeySpec: SigningKeySpec; readonly KeyUsage: "SIGN_VERIFY" };
  readonly #pair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

  constructor(spec: SigningKeySpec) {
    this.kind = { KeySpec: spec, KeyUsage: "SIGN_VERIFY" };
    this.#pair = spec === "ECC_NIST_P256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  }

  /** The reply without `KeyId`, or the name of AWS's error. */
  answer(operation: string, body: Body): Record<string, unknown> | string {
    const algorithms = this.kind.KeySpec === "ECC_NIST_P256" ? ["ECDSA_SHA_256"] : ["ED25519_SHA_512", "ED25519_PH_SHA_512"];
    switch (operation) {
      case "GetPublicKey":
        return {
          ...this.kind,
          CustomerMasterKeySpec: this.kind.KeySpec,
          PublicKey: this.#pair.publicKey.export({ format: "der", type: "spki" }).toString("base64"),
          SigningAlgorithms: algorithms,
        };
      case "Sign":
        return this.#sign(body, algorithms);
      // Whatever else is asked of it is for symmetric keys.
      default:
        return "InvalidKeyUsageException";
    }
  }

  #sign(body: Body, algorithms: readonly string[]): Record<string, unknown> | string {
    const { SigningAlgorithm: algorithm, MessageType: messageType = "RAW" } = body;
    if (typeof algorithm !== "string" || !algorithms.includes(algorithm)) return "InvalidKeyUsageException";
    const message = Buffer.from(String(body["Message"]), "base64");
    // A digest, and with it the prehashed algorithm, is nothing that we ever ask for; the double refuses what AWS would take there.
    if (messageType !== "RAW" || algorithm === "ED25519_PH_SHA_512" || message.length > MESSAGE_BYTES_MAX) return "ValidationException";
    const signature = sign(algorithm === "ECDSA_SHA_256" ? "sha256" : null, message, this.#pair.privateKey);
    return { Signature: signature.toString("base64"), SigningAlgorithm: algorithm };
  }
}
