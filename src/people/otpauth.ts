import type { Secret } from "../kernel/secret.js";
import { base32OfSeed } from "../keys/totp.js";

/**
 * The `otpauth://` URI that an authenticator app takes (Google's key URI format). It is the seed in clear: it goes to the person once, in
 * the answer to the call that enrols them.
 */
export function otpauthUri(seed: Secret<Buffer>, email: string, deployment: string, periodSeconds: number): string {
  const label = `${encodeURIComponent(`Rootkeep ${deployment}`)}:${encodeURIComponent(email)}`;
  const query = new URLSearchParams({
    secret: seed.expose(base32OfSeed),
    issuer: `Rootkeep ${deployment}`,
    algorithm: "SHA1",
    digits: "6",
    period: String(periodSeconds),
  });
  return `otpauth://totp/${label}?${query.toString()}`;
}
