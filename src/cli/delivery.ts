import { calculateJwkThumbprint, compactDecrypt, exportJWK, generateKeyPair } from "jose";
import { Secret } from "../kernel/secret.js";
import { Answer } from "./answer.js";
import type { ApiClient, Released, RequestFields } from "./api-client.js";
import { LocalError } from "./failure.js";

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

/**
 * Makes a call that opens a value, and has the value delivered to a key that exists for this one call, in this process alone
 * (docs/spec/delivery.md): nothing between here and the service sees plaintext.
 * @returns the value, and the answer's other members with `deliveredTo`, the key's thumbprint, as the intent's entry has it.
 * @throws RefusedError, LocalError
 */
export async function releaseEnclosed(client: ApiClient, path: string, fields: RequestFields): Promise<Released> {
  const { publicKey, privateKey } = await generateKeyPair("ECDH-ES", { crv: "P-256" });
  const jwk = await exportJWK(publicKey);
  const thumbprint = await calculateJwkThumbprint(jwk);
  const released = await client.release(path, { ...fields, deliverTo: jwk }, "jwe");
  const secret = await openEnclosed(
    released.secret.expose((jwe) => jwe),
    privateKey,
    thumbprint,
  );
  return { ...released, secret, answer: new Answer({ ...released.answer.members, deliveredTo: thumbprint }) };
}

/**
 * The value in a JWE [DL-9]: of the one key, algorithm and form that a delivery has.
 * @param thumbprint of the key, which the header must name.
 * @throws LocalError for anything else. It does not say what is wrong with it, and holds nothing of it.
 */
export async function openEnclosed(jwe: string, privateKey: PrivateKey, thumbprint: string): Promise<Secret<string>> {
  const value = await decrypt(jwe, privateKey, thumbprint).catch(() => null);
  if (value === null) {
    throw new LocalError(
      "what came does not open with the key that was sent: somebody on the way changed the key or the answer. The value counts as seen",
    );
  }
  return Secret.of(value);
}

async function decrypt(jwe: string, privateKey: PrivateKey, thumbprint: string): Promise<string | null> {
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, privateKey, {
    keyManagementAlgorithms: ["ECDH-ES"],
    contentEncryptionAlgorithms: ["A256GCM"],
    maxDecompressedLength: 0,
  });
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plaintext);
    const { pad, value, ...rest } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const isDelivery = typeof pad === "string" && typeof value === "string" && Object.keys(rest).length === 0;
    return isDelivery && protectedHeader.kid === thumbprint ? value : null;
  } finally {
    plaintext.fill(0);
  }
}
