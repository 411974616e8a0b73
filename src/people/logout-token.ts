/** A logout token of the provider, verified but for its having been used before. */
export interface LogoutToken {
  readonly subject: string | null;
  readonly sid: string | null;
  readonly jti: string;
}

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const TYPES = ["logout+jwt", "application/logout+jwt", "jwt"];

/**
 * The claims that make a verified JWT a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4), or null. An ID token is none: it has a
 * nonce or no such event, so one that somebody got hold of ends nobody's session.
 */
export function readLogoutClaims(type: string | undefined, claims: Readonly<Record<string, unknown>>): LogoutToken | null {
  const { sub, sid, jti } = claims;
  if (!isOfKind(type, claims) || typeof jti !== "string" || jti === "") return null;
  if (!isTextOrAbsent(sub) || !isTextOrAbsent(sid) || (sub === undefined && sid === undefined)) return null;
  return { subject: sub ?? null, sid: sid ?? null, jti };
}

function isOfKind(type: string | undefined, { events, nonce }: Readonly<Record<string, unknown>>): boolean {
  if (type !== undefined && !TYPES.includes(type.toLowerCase())) return false;
  const event = isObject(events) ? events[EVENT] : undefined;
  return isObject(event) && nonce === undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === "string" && value !== "" && value.length <= 255);
}
