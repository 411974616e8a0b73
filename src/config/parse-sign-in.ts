import { Secret } from "../kernel/secret.js";
import type { Config, OidcConfig } from "./config.js";
import type { EnvironmentReader } from "./environment.js";
import { VARIABLES } from "./reference.js";

/** How people sign in, and for how long. */
export function readSignIn(reader: EnvironmentReader): Pick<Config, "oidc" | "isPasswordOffered" | "sessions"> {
  const oidc = readProvider(reader);
  const isPasswordOffered = reader.yesNo("ROOTKEEP_PASSWORD_SIGN_IN") ?? true;
  if (!isPasswordOffered && oidc === null) reader.refuse("ROOTKEEP_PASSWORD_SIGN_IN", "is no, and there is no other way to sign in");
  const sessions = {
    idleSeconds: reader.number("ROOTKEEP_SESSION_IDLE_MINUTES") * 60,
    absoluteSeconds: reader.number("ROOTKEEP_SESSION_MAX_MINUTES") * 60,
  };
  if (sessions.idleSeconds > sessions.absoluteSeconds)
    reader.refuse("ROOTKEEP_SESSION_IDLE_MINUTES", "is longer than ROOTKEEP_SESSION_MAX_MINUTES");
  return { oidc, isPasswordOffered, sessions };
}

function readProvider(reader: EnvironmentReader): OidcConfig | null {
  const [issuer, clientId] = [reader.text("ROOTKEEP_OIDC_ISSUER"), reader.text("ROOTKEEP_OIDC_CLIENT_ID")];
  const secret = reader.text("ROOTKEEP_OIDC_CLIENT_SECRET");
  if ((issuer === undefined) !== (clientId === undefined))
    reader.refuse("ROOTKEEP_OIDC_CLIENT_ID", "is set together with ROOTKEEP_OIDC_ISSUER, or neither is");
  if (issuer === undefined || clientId === undefined) {
    if (secret !== undefined) reader.refuse("ROOTKEEP_OIDC_CLIENT_SECRET", "is set without ROOTKEEP_OIDC_ISSUER");
    return null;
  }
  const redirect = reader.text("ROOTKEEP_OIDC_REDIRECT") ?? VARIABLES.ROOTKEEP_OIDC_REDIRECT.fallback;
  for (const [name, address] of [
    ["ROOTKEEP_OIDC_ISSUER", issuer],
    ["ROOTKEEP_OIDC_REDIRECT", redirect],
  ] as const)
    if (!URL.canParse(address)) reader.refuse(name, "names no host or port");
  return {
    issuer,
    clientId,
    clientSecret: secret === undefined ? null : Secret.of(secret),
    redirect,
    scopes: reader.text("ROOTKEEP_OIDC_SCOPES") ?? VARIABLES.ROOTKEEP_OIDC_SCOPES.fallback,
  };
}
