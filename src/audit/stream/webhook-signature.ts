import { createHmac, hash } from "node:crypto";
import type { Secret } from "../../kernel/secret.js";

/**
 * The headers that Standard Webhooks 1.0 asks for (github.com/standard-webhooks/standard-webhooks): HMAC-SHA-256 over `id.timestamp.body`,
 * by the bytes that the secret is in base64.
 * @param secret `whsec_` and base64.
 * @param id the same for every attempt to deliver the same batch.
 * @param seconds since 1970, of this attempt.
 */
export function webhookHeaders(secret: Secret<string>, id: string, seconds: number, body: Uint8Array): Readonly<Record<string, string>> {
  const key = secret.expose((text) => Buffer.from(text.slice("whsec_".length), "base64"));
  const signature = createHmac("sha256", key)
    .update(`${id}.${String(seconds)}.`)
    .update(body)
    .digest("base64");
  key.fill(0);
  return { "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": `v1,${signature}` };
}

/** The id of a batch, by its content: a batch that is sent again has the id that it had before. */
export function webhookId(body: Uint8Array): string {
  return `batch_${hash("sha256", body).slice(0, 32)}`;
}
